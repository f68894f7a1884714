"""Corrections of answers: which of them hold, which contradict each other, which say nothing one can learn.

Belongs here: the columns of `tickets/feedback`, the standing of every correction, the disputes among them.
Does not belong here: reading the log (serving/prediction_log/corrections.py), what becomes of the tickets
(fed_tickets.py).

The rule, of one target of one ticket (the same ticket id, or without one the same text):
- Of one answer the latest correction holds; the earlier ones are history.
- Of several answers the latest correction holds too, and those that say otherwise are overruled and reported.
- Where the latest ones came within the same second and differ, nobody can say which is meant: none is learnt from.
- What people correct holds against the desk's own label (fed_tickets.py): the desk's may be an answer of ours.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ticket_assets.profile import ColumnSettings, Profile, TargetSettings
from ticket_assets.storage import digest
from ticket_assets.tickets.curation import UNDECIDED_SPLIT
from ticket_assets.tickets.kept_texts import cleaned_texts
from ticket_assets.tickets.ledger import Ledger
from ticket_assets.tickets.taxonomy import Taxonomy

STANDS, SUPERSEDED, REPEATED = "stands", "superseded", "repeated"
OVERRULED, UNDECIDED, UNUSABLE = "overruled", "undecided", "unusable"
STANDINGS = {
    STANDS: "holds today, and is learnt from",
    SUPERSEDED: "followed by another correction of the same answer",
    REPEATED: "a later correction of another answer to the same ticket says the same",
    OVERRULED: "a later correction of another answer to the same ticket says otherwise",
    UNDECIDED: "another one, of the same second, says otherwise: none is learnt from",
    UNUSABLE: "cannot be learnt from; the reason is told",
}
UNKNOWN_TARGET, UNKNOWN_LABEL = "unknown_target", "unknown_label"
FAULTS = {
    UNKNOWN_TARGET: "the profile has no such target any more",
    UNKNOWN_LABEL: "the settings' values of the target do not name the label, nor does its taxonomy",
    UNDECIDED_SPLIT: "the label was split, and the taxonomy has no rule for a correction",
}
TEXTS = (
    *("correction_id", "prediction_id", "ticket_id", "target", "label", "given", "predicted", "key", "reviewer"),
    *("bundle", "model_version", "transport", "subject", "body", "context", "text", "text_hash"),
    *("standing", "reason"),
)
INSTANTS = ("at", "predicted_at")
_SAID = ColumnSettings(subject="subject", body="body")


def feedback_table(
    told: Iterable[Mapping[str, Any]],
    profile: Profile,
    taxonomies: Mapping[str, Taxonomy],
    ledger: Ledger,
    kept: Path,
) -> pd.DataFrame:
    """The table `tickets/feedback`: every correction and its standing, in the order they came.

    Args:
        told: fields of `Correction`, the corrections of one answer and target in the order in which they hold.
        profile: settings.
        taxonomies: target to how its labels changed.
        ledger: of erased tickets, whose corrections are left out.
        kept: folder of cleaned texts of earlier runs.

    Returns:
        Texts and instants named above. `label` is what the label is called today, `given` what it was when it was
        given, `predicted` what had been answered; `text` is the cleaned text; `reason` says why one is unusable.
    """
    rows = [dict(one) for one in told]
    frame = pd.DataFrame(rows, columns=[name for name in (*TEXTS, *INSTANTS) if name not in _MADE])
    frame = frame.rename(columns={"label": "given"})
    frame["context"] = [json.dumps(dict(one), sort_keys=True) for one in frame["context"]]
    frame["text"] = cleaned_texts(frame, _SAID, profile.cleaning.mask, kept).texts if len(frame) else []
    frame["text_hash"] = [digest([one]) for one in frame["text"]]
    erased = [ledger.names(row_name(row)) for row in frame.to_dict("records")]
    frame = frame.drop(index=frame.index[np.array(erased, dtype=bool)]).reset_index(drop=True)
    labels, faults = _labels_today(frame, profile.targets, taxonomies)
    frame["label"], frame["reason"] = pd.Series(labels, dtype="object"), pd.Series(faults, dtype="object")
    for name in INSTANTS:
        frame[name] = pd.to_datetime(frame[name], utc=True).astype("datetime64[us, UTC]")
    frame["standing"] = _standings(frame)
    frame.loc[frame["standing"] != UNUSABLE, "reason"] = None
    for name in TEXTS:
        frame[name] = frame[name].astype(object).where(frame[name].notna(), None)
    frame = frame[[*TEXTS, *INSTANTS]]
    return frame.sort_values(["at", "correction_id", "target"], kind="stable").reset_index(drop=True)


def row_name(row: Mapping[Any, Any]) -> str:
    """The ticket id of a correction's own row, where the desk has none: the one that was told, or one of its text."""
    return str(row["ticket_id"] or f"feedback-{row['text_hash']}")


def standing_counts(table: pd.DataFrame) -> dict[str, int]:
    """How many corrections stand how, all standings named; their sum is the number of corrections."""
    counts = table["standing"].value_counts()
    return {name: int(counts.get(name, 0)) for name in STANDINGS}


def subjects(table: pd.DataFrame) -> pd.Series:
    """Which ticket each correction is about: its id, or without one its text; else the answer stands alone."""
    told = zip(table["ticket_id"], table["text"], table["text_hash"], table["prediction_id"], strict=True)
    named = [f"ticket {one}" if one else f"text {hashed}" if text else answer for one, text, hashed, answer in told]
    return pd.Series(named, index=table.index, dtype="object")


def disputes(table: pd.DataFrame) -> list[dict[str, str]]:
    """Tickets about which people contradict each other, the latest first: target, what each says, what holds.

    Nothing of the ticket's text is told. A person who corrects the own correction of an answer disputes nothing.
    """
    live = table[~table["standing"].isin([SUPERSEDED, UNUSABLE])]
    found = []
    for (_, target), rows in live.groupby([subjects(live), "target"], sort=False):
        if rows["label"].nunique() > 1:
            held = rows.loc[rows["standing"] == STANDS, "label"]
            said = [
                f"{row.label} ({row.reviewer or row.key or 'unknown'}, {row.at:%Y-%m-%d %H:%M})"
                for row in rows.itertuples()
            ]
            found.append(
                {
                    "ticket": rows["ticket_id"].iloc[0] or rows["prediction_id"].iloc[0],
                    "target": target,
                    "said": "; ".join(said),
                    "holds": held.iloc[0] if len(held) else "none: of the same second",
                    "latest": f"{rows['at'].max():%Y-%m-%d %H:%M}",
                }
            )
    return sorted(found, key=lambda one: one["latest"], reverse=True)


_MADE = ("given", "text", "text_hash", "standing", "reason")


def _labels_today(
    frame: pd.DataFrame, targets: Mapping[str, TargetSettings], taxonomies: Mapping[str, Taxonomy]
) -> tuple[list[str | None], list[str | None]]:
    labels: list[str | None] = []
    faults: list[str | None] = []
    for target, given, at in zip(frame["target"], frame["given"], frame["at"], strict=True):
        settings, taxonomy = targets.get(target), taxonomies.get(target, Taxonomy())
        label: str | None = None
        if settings is None:
            fault: str | None = UNKNOWN_TARGET
        elif settings.values and given not in {*settings.values.values(), *taxonomy.introduced}:
            fault = UNKNOWN_LABEL
        else:
            label = taxonomy.label_today(given, at.date(), {})
            fault = None if label else UNDECIDED_SPLIT
        labels.append(label)
        faults.append(fault)
    return labels, faults


def _standings(frame: pd.DataFrame) -> list[str]:
    standing = pd.Series(STANDS, index=frame.index, dtype="object")
    standing[frame["reason"].notna()] = UNUSABLE
    standing[frame.duplicated(["prediction_id", "target"], keep="last")] = SUPERSEDED
    live = frame[standing == STANDS]
    several = live.groupby([subjects(live), "target"], sort=False).filter(lambda rows: len(rows) > 1)
    for _, rows in several.groupby([subjects(several), "target"], sort=False):
        _compare(rows, standing)
    return standing.tolist()


def _compare(rows: pd.DataFrame, standing: pd.Series) -> None:
    """Corrections of several answers to one ticket: the latest holds, unless others of its second contradict it."""
    second = rows["at"].dt.floor("s")
    latest = rows[second == second.max()]
    if latest["label"].nunique() > 1:
        standing[rows.index] = OVERRULED
        standing[latest.index] = UNDECIDED
        return
    holds = latest.sort_values("at", kind="stable").iloc[-1]
    same = rows["label"] == holds["label"]
    standing[rows.index[same]] = REPEATED
    standing[rows.index[~same]] = OVERRULED
    standing[holds.name] = STANDS
