"""Generated tickets: a seeded sample to try the line on, in demos and tests without real data.

Belongs here: the sample as a frame like any source's, its noise-free truth, the best score that it allows.
Does not belong here: the specification (sample_spec.py), labels and dates (sample_plan.py), the wording
(sample_text.py).

The labels of a ticket show in its words, but not always: evidence of other classes is mixed in, and some
labels are wrong. Reworded copies of a ticket share both, so a split that tears families apart rewards memory.
`answer`, `resolved_at` and `satisfaction` are known at resolution; all else on arrival, labels aside.
"""

import random

import numpy as np
import pandas as pd

from ticket_assets.tickets.sample_plan import TARGETS, drift_start, plan
from ticket_assets.tickets.sample_slots import new_topic_queues, products
from ticket_assets.tickets.sample_spec import Drift, SampleError, SampleSpec
from ticket_assets.tickets.sample_text import Brief, Draft, Message

__all__ = ["Drift", "SampleError", "SampleSpec", "ceiling", "drift_start", "generate", "generate_with_truth"]

_MEDIAN_HOURS = {"low": 60.0, "normal": 26.0, "high": 5.0}
_COPY_REACH = 40
# A copy keeps its own moment and its own handling.
_OF_THE_ROW = {"created_at", "defect", "effort", "mood", "rated"}


def generate(spec: SampleSpec) -> pd.DataFrame:
    """The sample as a source delivers it, in order of arrival."""
    return generate_with_truth(spec)[0]


def generate_with_truth(spec: SampleSpec) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The sample, and row by row what is true of it.

    Returns:
        The tickets; and `ticket_id`, the true `queue`, `priority`, `type` and `language`, the `family` that
        the generator had in mind and whether the row belongs to the `drifted` traffic.
    """
    rows = plan(spec)
    _move_new_topics(rows)
    _copy_earlier(rows, spec)
    messages, asked_about = _write(rows, spec)
    tickets = pd.DataFrame(
        {
            "ticket_id": [f"sample-{number:06d}" for number in range(len(rows))],
            "subject": [each.subject for each in messages],
            "body": [each.body for each in messages],
            "language": rows["declared"],
            "created_at": rows["created_at"],
            "channel": rows["channel"],
            "product": asked_about,
            **{target: rows[target] for target in TARGETS},
        }
    )
    _resolve(tickets, rows, [each.answer for each in messages])
    _break_some(tickets, rows["defect"].to_numpy(), spec.defects)
    truth = pd.DataFrame(
        {
            "ticket_id": tickets["ticket_id"],
            **{target: rows[f"true_{target}"] for target in TARGETS},
            "language": rows["language"],
            "family": rows["family"],
            "drifted": rows["drifted"],
        }
    )
    return tickets, truth


def ceiling(spec: SampleSpec) -> dict[str, float]:
    """The accuracy per target of a model that always knows the truth: no honest model can expect more.

    It counts wrong labels only. Mixed evidence lowers what can be reached from words further.
    """
    tickets, truth = generate_with_truth(spec)
    labelled = {target: tickets[target].notna() for target in TARGETS}
    return {target: float((tickets[target] == truth[target])[labelled[target]].mean()) for target in TARGETS}


def _move_new_topics(rows: pd.DataFrame) -> None:
    """A new topic has its own queue; whatever the plan said, the ticket goes there."""
    for at in rows.index[rows["new_topic"]]:
        queues = new_topic_queues(rows.at[at, "language"])
        queue = queues[rows.at[at, "family"] % len(queues)]
        correct = rows.at[at, "queue"] == rows.at[at, "true_queue"]
        rows.at[at, "true_queue"] = queue
        if correct:
            rows.at[at, "queue"] = queue


def _copy_earlier(rows: pd.DataFrame, spec: SampleSpec) -> None:
    """Some tickets are sent twice, word for word; a fifth of them got another priority the second time."""
    defect = rows["defect"].to_numpy()
    third = spec.defects / 3
    copies = np.flatnonzero((defect < third) & (np.arange(len(rows)) > 0))
    back = 1 + (defect[copies] / max(third, 1e-12) * _COPY_REACH).astype(int)
    originals = np.maximum(copies - back, 0)
    columns = [name for name in rows.columns if name not in _OF_THE_ROW]
    for copy, original in zip(copies, originals, strict=True):
        rows.loc[copy, columns] = rows.loc[original, columns].to_numpy()
    disputed = copies[::5]
    rows.loc[disputed, "priority"] = rows.loc[disputed, "priority"].map(
        {"low": "normal", "normal": "high", "high": "normal"}
    )


def _write(rows: pd.DataFrame, spec: SampleSpec) -> tuple[list[Message], list[str | None]]:
    renaming = spec.drift.strength if spec.drift and spec.drift.kind == "vocabulary" else 0.0
    drafts: dict[int, Draft] = {}
    messages, asked_about = [], []
    columns = ["family", "member", "language", "true_queue", "true_type", "true_priority", "product_draw"]
    values = (rows[name].tolist() for name in [*columns, "new_topic", "drifted", "channel"])
    for family, member, language, queue, kind, priority, draw, new, drifted, channel in zip(*values, strict=True):
        if family not in drafts:
            named = products(queue if draw < 0.75 else None)
            product = named[int(draw * 1e6) % len(named)]
            brief = Brief(language, queue, kind, priority, product, new, renaming if drifted else 0.0)
            drafts[family] = Draft(brief, random.Random(f"{spec.seed}/{family}"))
        draft = drafts[family]
        rng = random.Random(f"{spec.seed}/{family}/{member}")
        messages.append(draft.write(rng, channel, first=member == 0))
        asked_about.append(draft.brief.product if draw < 0.85 else None)
    return messages, asked_about


def _resolve(tickets: pd.DataFrame, rows: pd.DataFrame, answers: list[str]) -> None:
    """Add what is known only at resolution; tickets that would close after the period are still open."""
    hours = rows["true_priority"].map(_MEDIAN_HOURS) * np.exp(0.7 * rows["effort"])
    resolved = tickets["created_at"] + pd.to_timedelta((hours * 3600).astype(int), unit="s").astype("timedelta64[us]")
    is_open = resolved > tickets["created_at"].max()
    satisfaction = np.clip(np.round(4.4 - np.log1p(hours) / 1.6 + 1.6 * rows["mood"]), 1, 5).astype("Int64")
    tickets["answer"] = pd.Series(answers, index=tickets.index, dtype=object).mask(is_open, None)
    tickets["resolved_at"] = resolved.mask(is_open)
    tickets["satisfaction"] = satisfaction.mask(is_open | ~rows["rated"])


def _break_some(tickets: pd.DataFrame, defect: "np.ndarray[tuple[int], np.dtype[np.float64]]", share: float) -> None:
    """Empty some texts and drop some labels: one of the three mostly, all of them at times."""
    third = share / 3
    empty = (defect >= third) & (defect < 2 * third)
    tickets.loc[empty, ["subject", "body"]] = ""
    unlabelled = np.flatnonzero((defect >= 2 * third) & (defect < share))
    for count, at in enumerate(unlabelled):
        dropped = list(TARGETS) if count % 5 == 0 else [list(TARGETS)[count % 3]]
        tickets.loc[at, dropped] = None
