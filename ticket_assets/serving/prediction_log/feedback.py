"""Corrections: which labels may be given, and which rows they become.

Belongs here: the check against a model's labels, history and the current correction, the errors a sender is told.
Does not belong here: taking them in (log.py), journals (journal.py), reading them for reports (queries.py).

The current correction of a target is the one with the largest moment (clock.py), and of two such the one written last.
A correction that says what the one before it or after it says adds nothing; so a replay leaves the history as it is.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select, text

from ticket_assets.serving.prediction_log.records import FeedbackRecord, PredictionRecord
from ticket_assets.serving.prediction_log.tables import corrections, feedback, prediction_targets, predictions

# Two workers compare with the current correction before they write; any number that is the log's own.
FEEDBACK_LOCK = 0x7469636B65740002
UNKNOWN = "no prediction has this id"
# Target to the labels of the model that answered; none at all where the answer does not tell them.
LabelSets = Mapping[str, Collection[str]]
# Labels that no model has yet and that corrections may give all the same: of a queue that was opened since.
NO_NEW_LABELS: LabelSets = {}


class WrongLabelsError(ValueError):
    """Labels that the model does not have.

    Attributes:
        faults: field of the correction to what is allowed there; never what was given, which may be a ticket's text in
            the wrong place.
    """

    def __init__(self, faults: Mapping[str, str]) -> None:
        self.faults = dict(faults)
        super().__init__(told(faults))


class UnknownPredictionError(LookupError):
    """No prediction has this id."""


class IdempotencyError(ValueError):
    """The same idempotency key was used for another correction of the same prediction."""


class NotTakenError(RuntimeError):
    """A correction cannot be kept now; it was not acknowledged and may be sent again."""


@dataclass(frozen=True)
class Given:
    """What a correction says, apart from when and by which key it came."""

    labels: Mapping[str, str]
    reviewer: str | None = None
    comment: str | None = None

    @classmethod
    def of(cls, its: FeedbackRecord | Row[Any]) -> "Given":
        """Of a record, or a row of the table `corrections`."""
        return cls({**its.labels}, its.reviewer, its.comment)

    def other(self, beside: "Given") -> str:
        """What another one says differently: targets, reviewer, comment; empty where nothing."""
        targets = {*self.labels, *beside.labels}
        found = sorted(one for one in targets if self.labels.get(one) != beside.labels.get(one))
        found += [name for name in ("reviewer", "comment") if getattr(self, name) != getattr(beside, name)]
        return ", ".join(found)


@dataclass(frozen=True)
class Taken:
    """What came of corrections: rows written, corrections that added nothing, places of those refused, with reasons."""

    written: int = 0
    duplicates: int = 0
    refused: tuple[tuple[int, str], ...] = ()


def label_sets_of(record: PredictionRecord) -> LabelSets:
    """The labels of the model that made a prediction."""
    return {target: tuple(its.probabilities) for target, its in record.answer.targets.items()}


def told(faults: Mapping[str, str]) -> str:
    """Faults of fields in one line."""
    return "; ".join(f"{field}: {what}" for field, what in faults.items())


def check_labels(
    labels: Mapping[str, str], label_sets: LabelSets, new_labels: LabelSets = NO_NEW_LABELS
) -> dict[str, str]:
    """What is wrong with corrected labels, by field; empty where nothing is.

    Args:
        labels: target to label, as given.
        label_sets: target to labels, of the model that made the prediction; a target without any takes all.
        new_labels: target to labels that are taken too.
    """
    if not labels:
        return {"labels": f"none is given; name one of {', '.join(sorted(label_sets))}"}
    faults = {}
    for target, label in labels.items():
        if target not in label_sets:
            faults[f"labels.{target}"] = f"the model has no such target, only {', '.join(sorted(label_sets))}"
        elif label_sets[target] and label not in (its := (*label_sets[target], *new_labels.get(target, ()))):
            faults[f"labels.{target}"] = f"this is none of its labels: {', '.join(its)}"
    return faults


def check_given(before: Given, now: Given) -> str | None:
    """Why a correction is not the one that its id was used for; None where it is."""
    other = before.other(now)
    return f"this feedback_id was used for a correction that says something else of {other}" if other else None


def label_sets_in(connection: Connection, prediction_ids: Collection[str]) -> dict[str, LabelSets]:
    """Those of the predictions that are written, by prediction id."""
    its, joined = prediction_targets.c, predictions.outerjoin(prediction_targets)
    asked = select(predictions.c.id, its.target, its.probabilities).select_from(joined)
    found: dict[str, dict[str, Collection[str]]] = {}
    for row in connection.execute(asked.where(predictions.c.id.in_(prediction_ids))):
        sets = found.setdefault(row.id, {})
        if row.target is not None:
            sets[row.target] = tuple(row.probabilities)
    return {**found}


def write_feedback(
    connection: Connection,
    records: Sequence[FeedbackRecord],
    waiting: Mapping[str, LabelSets],
    new_labels: LabelSets = NO_NEW_LABELS,
) -> Taken:
    """Write corrections in their order, in the caller's transaction.

    Args:
        connection: that writes.
        records: oldest first.
        waiting: label sets of those of their predictions that were still in a journal before the transaction began.
        new_labels: target to labels that are taken beside the model's.
    """
    if not records:
        return Taken()
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": FEEDBACK_LOCK})
    # What has left its journal since is written by now.
    known = {**waiting, **label_sets_in(connection, {one.prediction_id for one in records})}
    used = select(corrections).where(corrections.c.id.in_({one.id for one in records}))
    before = {row.id: Given.of(row) for row in connection.execute(used)}
    written = duplicates = 0
    refused = []
    for place, record in enumerate(records):
        if (reason := _refusal(record, known.get(record.prediction_id), before.get(record.id), new_labels)) is not None:
            refused.append((place, reason))
            continue
        added = record.id not in before and _take(connection, record)
        before[record.id] = Given.of(record)
        written += bool(added)
        duplicates += not added
    return Taken(written, duplicates, tuple(refused))


def _refusal(
    record: FeedbackRecord, label_sets: LabelSets | None, before: Given | None, new_labels: LabelSets
) -> str | None:
    """Why a correction that was taken unseen is not written."""
    if before is not None:
        return check_given(before, Given.of(record))
    if label_sets is None:
        return UNKNOWN
    return told(check_labels(record.labels, label_sets, new_labels)) or None


def _take(connection: Connection, record: FeedbackRecord) -> int:
    """Write a correction down, and a row for each target of which it says something new; return how many."""
    about = {name: getattr(record, name) for name in ("id", "prediction_id", "at", "reviewer", "comment")}
    connection.execute(corrections.insert().values(labels={**record.labels}, **about))
    return sum(_add(connection, record, target, label) for target, label in record.labels.items())


def _add(connection: Connection, record: FeedbackRecord, target: str, label: str) -> bool:
    """Add a row for one target, unless it is there or says nothing new."""
    its = (feedback.c.id == record.id) & (feedback.c.target == target)
    if connection.execute(select(feedback.c.seq).where(its)).first() is not None:
        return False
    beside = select(feedback.c.label).where(
        feedback.c.prediction_id == record.prediction_id, feedback.c.target == target
    )
    of_later, by_moment = feedback.c.moment > record.moment, (feedback.c.moment, feedback.c.seq)
    before = beside.where(~of_later).order_by(*(one.desc() for one in by_moment)).limit(1)
    # One that went through another worker may be here first.
    after = beside.where(of_later).order_by(*by_moment).limit(1)
    if label in (connection.execute(before).scalar(), connection.execute(after).scalar()):
        return False
    fields = {name: getattr(record, name) for name in ("id", "prediction_id", "at", "moment")}
    about = {name: getattr(record, name) for name in ("key", "reviewer", "comment")}
    connection.execute(feedback.insert().values(target=target, label=label, **fields, **about))
    return True
