"""Clean tickets with what people corrected: labels of tickets that the desk has, rows for those that it has not.

Belongs here: whose label a correction changes, the rows it adds, `source` and `weight`, where each correction went.
Does not belong here: which corrections hold (feedback.py), languages and families of the rows (clean_tickets.py).

A ticket is known by its id; without one that the desk knows, by its cleaned text. What people said holds against the
desk's own label, whichever is later: many a desk writes our answer down as its label. Each such case is told.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from ticket_assets.tickets.curation import EMPTY_TEXT
from ticket_assets.tickets.feedback import STANDS, row_name
from ticket_assets.tickets.schema import CONTEXT_PREFIX, LABEL_PREFIX, SOURCE, WEIGHT

DESK, CORRECTED, FEEDBACK = "desk", "corrected", "feedback"


@dataclass(frozen=True)
class Fed:
    """Tickets after feedback: `len(tickets) == tickets before + new`.

    Attributes:
        tickets: those of the desk in their order, then the new ones; `source` and `weight` only where anything was fed.
        relabelled: tickets of the desk that have another label of a target now.
        labelled: that had none.
        confirmed: that had the same.
        new: rows that the desk does not have.
        folded: corrected tickets without a row of their own: another new one has the same text and labels.
        quarantined: a line for each correction that holds and cannot be learnt from: prediction_id, target, reason.
        disputed: a line for each label of the desk that people contradict: ticket, target, desk, people.
    """

    tickets: pd.DataFrame
    relabelled: int = 0
    labelled: int = 0
    confirmed: int = 0
    new: int = 0
    folded: int = 0
    quarantined: tuple[dict[str, str], ...] = ()
    disputed: tuple[dict[str, str], ...] = field(default=())

    @property
    def counts(self) -> dict[str, int]:
        """For people, and for the sum of all rows."""
        names = ("relabelled", "labelled", "confirmed", "new", "folded")
        told = {name: int(getattr(self, name)) for name in names}
        return {**told, "quarantined": len(self.quarantined), "disputed_with_desk": len(self.disputed)}


def feed(
    clean: pd.DataFrame, feedback: pd.DataFrame, targets: Iterable[str], context: Sequence[str], weight: float
) -> Fed:
    """Put the corrections that hold into the clean tickets; without any, these are what they were.

    Args:
        clean: `Curation.clean`.
        feedback: `tickets/feedback`.
        targets: names.
        context: names of context columns.
        weight: of a ticket that people labelled, beside 1 of the desk's own.
    """
    standing = feedback[feedback["standing"] == STANDS]
    if standing.empty:
        return Fed(clean)
    labels = [LABEL_PREFIX + target for target in targets]
    changes, added = _parted(clean, standing)
    tickets, said = _corrected(clean, changes)
    new, quarantined = _new_rows(clean, added, labels, context)
    rows = new.drop_duplicates(["text", *labels], keep="first")
    tickets = pd.concat([tickets, rows], ignore_index=True) if len(rows) else tickets
    sources = pd.Series(DESK, index=tickets.index, dtype="object")
    sources[tickets["ticket_id"].isin({one["ticket"] for one in said})] = CORRECTED
    sources[len(clean) :] = FEEDBACK
    tickets[SOURCE] = sources
    tickets[WEIGHT] = sources.map(lambda one: 1.0 if one == DESK else weight).astype("float64")
    contradicted = tuple(one for one in said if one["desk"] and one["desk"] != one["people"])
    return Fed(
        tickets=tickets,
        relabelled=len({one["ticket"] for one in contradicted}),
        labelled=len({one["ticket"] for one in said if not one["desk"]}),
        confirmed=len({one["ticket"] for one in said if one["desk"] == one["people"]}),
        new=len(rows),
        folded=len(new) - len(rows),
        quarantined=quarantined,
        disputed=contradicted,
    )


def said_in_log(feedback: pd.DataFrame) -> dict[str, tuple[str, str, dict[str, str | None]]]:
    """Ticket id, as a row of `feed` has it, to subject, body and context of its latest answer with a correction."""
    standing = feedback[feedback["standing"] == STANDS].sort_values("at", kind="stable").to_dict("records")
    return {row_name(row): (row["subject"], row["body"], json.loads(row["context"])) for row in standing}


def _parted(
    clean: pd.DataFrame, standing: pd.DataFrame
) -> tuple[dict[tuple[int, str], str], dict[str, list[Mapping[str, Any]]]]:
    """Labels by place and target of tickets that the desk has, and the corrections of each ticket that it has not."""
    by_id = {ticket: place for place, ticket in enumerate(clean["ticket_id"])}
    by_text: dict[str, list[int]] = {}
    for place, hashed in enumerate(clean["text_hash"]):
        by_text.setdefault(hashed, []).append(place)
    changes: dict[tuple[int, str], str] = {}
    added: dict[str, list[Mapping[str, Any]]] = {}
    named = standing["ticket_id"].isin(by_id)
    # Those that name the ticket come last, and hold against those that only say the same text.
    for row in pd.concat([standing[~named], standing[named]]).to_dict("records"):
        known = [by_id[row["ticket_id"]]] if row["ticket_id"] in by_id else by_text.get(row["text_hash"], [])
        if known:
            changes |= {(place, row["target"]): row["label"] for place in known}
        else:
            added.setdefault(row_name(row), []).append(row)
    return changes, added


def _corrected(
    clean: pd.DataFrame, changes: Mapping[tuple[int, str], str]
) -> tuple[pd.DataFrame, tuple[dict[str, str], ...]]:
    """The desk's tickets with the labels of people, and who said what of each."""
    tickets, ids, said = clean.copy(), clean["ticket_id"].tolist(), []
    columns = {target: tickets[LABEL_PREFIX + target].tolist() for target in sorted({one for _, one in changes})}
    for (place, target), label in sorted(changes.items()):
        before = columns[target][place]
        desk = before if isinstance(before, str) else ""
        said.append({"ticket": ids[place], "target": target, "desk": desk, "people": label})
        columns[target][place] = label
    for target, values in columns.items():
        tickets[LABEL_PREFIX + target] = pd.Series(values, index=tickets.index, dtype="object")
    return tickets, tuple(said)


def _new_rows(
    clean: pd.DataFrame,
    added: Mapping[str, Sequence[Mapping[str, Any]]],
    labels: Sequence[str],
    context: Sequence[str],
) -> tuple[pd.DataFrame, tuple[dict[str, str], ...]]:
    """A row per ticket that the desk has not, with the text of its latest answer; and what has no text."""
    rows: list[dict[str, Any]] = []
    quarantined: list[dict[str, str]] = []
    for name, its in added.items():
        last = its[-1]
        if not last["text"]:
            told = ({"prediction_id": one["prediction_id"], "target": one["target"]} for one in its)
            quarantined += [{**one, "reason": EMPTY_TEXT} for one in told]
            continue
        told_context = json.loads(last["context"])
        rows.append(
            {
                "ticket_id": name,
                "text": last["text"],
                "text_hash": last["text_hash"],
                "created_at": pd.NaT,  # nobody told when it was written
                "ingested_at": min(one["at"] for one in its),
                "disputed": False,
                **{CONTEXT_PREFIX + column: told_context.get(column) for column in context},
                **dict.fromkeys(labels),
                **{LABEL_PREFIX + one["target"]: one["label"] for one in its},
            }
        )
    frame = pd.DataFrame(rows, columns=list(clean.columns), dtype="object")
    for instant in ("created_at", "ingested_at"):
        frame[instant] = pd.to_datetime(frame[instant], utc=True).astype("datetime64[us, UTC]")
    return frame.astype({"disputed": bool}), tuple(quarantined)
