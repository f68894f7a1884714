"""Corrections: which labels may be given, and which rows they become.

Belongs here: the check against a model's labels, history and the current correction, the errors a sender is told.
Does not belong here: taking them in (log.py), journals (journal.py), reading them for reports (queries.py).

The current correction of a target is the one with the largest moment (clock.py), and of two such the one written last.
A correction that says what the one before it or after it says adds nothing; so a replay leaves the history as it is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Select, select, text

from ticket_assets.serving.prediction_log.records import FeedbackRecord
from ticket_assets.serving.prediction_log.tables import feedback, predictions

# Two workers compare with the current correction before they write; any number that is the log's own.
FEEDBACK_LOCK = 0x7469636B65740002
UNKNOWN = "no prediction has this id"


class WrongLabelsError(ValueError):
    """Labels that the model does not have; the message names target, value and what is allowed."""


class UnknownPredictionError(LookupError):
    """No prediction has this id."""


class IdempotencyError(ValueError):
    """The same idempotency key was used for other labels of the same prediction."""


class NotTakenError(RuntimeError):
    """A correction cannot be kept now; it was not acknowledged and may be sent again."""


@dataclass(frozen=True)
class Taken:
    """What came of corrections: rows written, corrections that added nothing, those of no prediction."""

    written: int = 0
    duplicates: int = 0
    unknown: tuple[FeedbackRecord, ...] = ()


def check_labels(labels: Mapping[str, str], label_sets: Mapping[str, Sequence[str]]) -> list[str]:
    """What is wrong with corrected labels, one sentence each; empty where nothing is.

    Args:
        labels: target to label, as given.
        label_sets: target to labels, of the model that made the prediction.
    """
    if not labels:
        return [f"labels: none is given; name one of {', '.join(sorted(label_sets))}"]
    faults = []
    for target, label in labels.items():
        if target not in label_sets:
            faults.append(f"labels.{target}: the model has no such target, only {', '.join(sorted(label_sets))}")
        elif label not in label_sets[target]:
            faults.append(f"labels.{target}: {label!r} is none of its labels: {', '.join(label_sets[target])}")
    return faults


def write_feedback(connection: Connection, records: Sequence[FeedbackRecord], waits: Callable[[str], bool]) -> Taken:
    """Write corrections in their order, in the caller's transaction.

    Args:
        connection: that writes.
        records: oldest first.
        waits: whether a prediction is still in a journal.
    """
    if not records:
        return Taken()
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": FEEDBACK_LOCK})
    written = duplicates = 0
    unknown = []
    for record in records:
        if _is_known(connection, record.prediction_id, waits):
            added = sum(_add(connection, record, target, label) for target, label in record.labels.items())
            written += bool(added)
            duplicates += not added
        else:
            unknown.append(record)
    return Taken(written, duplicates, tuple(unknown))


def _is_known(connection: Connection, prediction_id: str, waits: Callable[[str], bool]) -> bool:
    asked = select(predictions.c.id).where(predictions.c.id == prediction_id)
    # Asked again, as it may have left the journal between the first look and the second.
    return _any(connection, asked) or waits(prediction_id) or _any(connection, asked)


def _any(connection: Connection, asked: Select[tuple[str]]) -> bool:
    return connection.execute(asked).first() is not None


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
