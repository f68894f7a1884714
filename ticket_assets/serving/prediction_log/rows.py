"""Lines of a journal as rows of the tables, in a transaction of the caller's.

Belongs here: reading lines, inserting what is not there yet, setting aside what no table takes, reading a prediction.
Does not belong here: transactions and errors (store.py), corrections (feedback.py).
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, Table, select
from sqlalchemy.dialects import postgresql, sqlite

from ticket_assets.serving.prediction_log.feedback import NO_NEW_LABELS, LabelSets, write_feedback
from ticket_assets.serving.prediction_log.lines import INSTEAD, Line
from ticket_assets.serving.prediction_log.records import (
    Answer,
    EventRecord,
    FeedbackRecord,
    PredictionRecord,
    Record,
    TargetAnswer,
    record_of,
)
from ticket_assets.serving.prediction_log.shadow_record import ShadowRecord
from ticket_assets.serving.prediction_log.tables import (
    events,
    prediction_targets,
    predictions,
    rejected,
    shadow_answers,
)

_OF_PREDICTIONS = [column.name for column in predictions.c if column.name not in ("id", "at", "moment")]
_LONGEST_REASON = 500
R = TypeVar("R", PredictionRecord, EventRecord)


@dataclass(frozen=True)
class Written:
    """What came of lines: records written, there already, refused."""

    written: int = 0
    duplicates: int = 0
    rejected: int = 0

    def __add__(self, other: "Written") -> "Written":
        return Written(self.written + other.written, self.duplicates + other.duplicates, self.rejected + other.rejected)


@dataclass(frozen=True)
class Refused:
    """A line that no table takes."""

    id: str
    kind: str
    reason: str
    line: Line


def as_record(row: Row[Any], targets: Iterable[Row[Any]]) -> PredictionRecord:
    """A prediction as it was logged, of its row and those of its targets."""
    names = ("label", "probability", "band", "served_band", "probabilities")
    answers = {one.target: TargetAnswer(**{name: getattr(one, name) for name in names}) for one in targets}
    answer = Answer(targets=answers, **{name: getattr(row, name) for name in _OF_PREDICTIONS})
    return PredictionRecord(row.id, row.at, row.moment, answer)


def read_records(batch: Sequence[Line]) -> tuple[list[tuple[Record, Line]], list[Refused]]:
    """The records of lines, and what of them is none; erased lines are neither."""
    records: list[tuple[Record, Line]] = []
    refused = []
    for line in batch:
        try:
            if line.fault:
                raise ValueError(line.fault)
            if line.payload is not None:  # else it was erased
                records.append((record_of(line.payload), line))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            told_id = (line.payload or {}).get("id") or hashlib.sha256(line.raw).hexdigest()
            kind = (line.payload or {}).get("kind")
            refused.append(Refused(str(told_id), str(kind or "line"), f"{type(error).__name__}: {error}", line))
    return records, refused


def write_records(
    connection: Connection,
    records: Sequence[tuple[Record, Line]],
    waiting: Mapping[str, LabelSets],
    new_labels: LabelSets = NO_NEW_LABELS,
) -> Written:
    """Insert records in their order; those that are there already are counted, no more.

    Args:
        connection: that writes.
        records: with the lines they were read from.
        waiting: label sets of predictions that are still in a journal (feedback.write_feedback).
        new_labels: likewise.
    """
    answered = [record for record, _ in records if isinstance(record, PredictionRecord)]
    corrected = [(record, line) for record, line in records if isinstance(record, FeedbackRecord)]
    happened = [record for record, _ in records if isinstance(record, EventRecord)]
    shadows = [record for record, _ in records if isinstance(record, ShadowRecord)]
    done = _write_predictions(connection, answered) + _write_events(connection, happened)
    done += _write_shadows(connection, shadows)
    taken = write_feedback(connection, [record for record, _ in corrected], waiting, new_labels)
    refused = [_set_aside(*corrected[place], reason) for place, reason in taken.refused]
    return done + Written(taken.written, taken.duplicates) + write_refused(connection, refused)


def _set_aside(record: FeedbackRecord, line: Line, reason: str) -> Refused:
    # Two corrections may have one id and say different things: both are kept.
    name = hashlib.sha256(line.raw).hexdigest()[:16]
    return Refused(f"{record.id}/{name}", record.KIND, reason, line)


def _write_predictions(connection: Connection, records: Sequence[PredictionRecord]) -> Written:
    new = _new(connection, predictions, records)
    rows = [
        {
            **{name: getattr(one.answer, name) for name in _OF_PREDICTIONS},
            **{"id": one.id, "at": one.at, "moment": one.moment, "context": {**one.answer.context}},
        }
        for one in new
    ]
    targets = [
        {"prediction_id": one.id, "target": target, **vars(its), "probabilities": {**its.probabilities}}
        for one in new
        for target, its in one.answer.targets.items()
    ]
    _insert(connection, predictions, rows)
    _insert(connection, prediction_targets, targets)
    return Written(len(new), len(records) - len(new))


def _write_events(connection: Connection, records: Sequence[EventRecord]) -> Written:
    new = _new(connection, events, records)
    _insert(connection, events, [vars(one) | {"detail": {**one.detail}} for one in new])
    return Written(len(new), len(records) - len(new))


def _write_shadows(connection: Connection, records: Sequence[ShadowRecord]) -> Written:
    """What is there already is counted with what hangs on an answer that was erased meanwhile: it adds nothing."""
    known = select(shadow_answers.c.prediction_id, shadow_answers.c.bundle).where(
        shadow_answers.c.prediction_id.in_({one.prediction_id for one in records})
    )
    there = {(row.prediction_id, row.bundle) for row in connection.execute(known)} if records else set()
    rows = _shadow_rows(connection, [one for one in records if (one.prediction_id, one.bundle) not in there])
    _insert(connection, shadow_answers, rows)
    written = len({(row["prediction_id"], row["bundle"]) for row in rows})
    return Written(written, len(records) - written)


def _shadow_rows(connection: Connection, records: Sequence[ShadowRecord]) -> list[dict[str, Any]]:
    """Rows of shadow answers whose prediction is written: that of another was erased, or lost, and so are they."""
    wanted = {one.prediction_id for one in records}
    if not wanted:
        return []
    there = {*connection.execute(select(predictions.c.id).where(predictions.c.id.in_(wanted))).scalars()}
    return [
        {
            **{"prediction_id": one.prediction_id, "at": one.at, "bundle": one.bundle},
            **{"model_version": one.model_version, "target": target, "label": label, "probability": share},
        }
        for one in records
        if one.prediction_id in there
        for target, (label, share) in one.targets.items()
    ]


def write_refused(connection: Connection, refused: Sequence[Refused]) -> Written:
    """Set lines aside with their reasons, as text."""
    now = datetime.now(UTC)
    rows = [
        {
            **{"id": one.id, "at": now, "kind": one.kind, "reason": one.reason[:_LONGEST_REASON]},
            "line": one.line.raw.decode("utf-8", "replace").rstrip("\n").replace("\x00", INSTEAD),
        }
        for one in refused
    ]
    _insert(connection, rejected, rows)
    return Written(rejected=len(rows))


def _new(connection: Connection, table: Table, records: Sequence[R]) -> list[R]:
    """Records of which the table has no row yet, each once."""
    wanted = {record.id: record for record in reversed(records)}
    there = connection.execute(select(table.c.id).where(table.c.id.in_(wanted))).scalars() if wanted else ()
    for known in there:
        del wanted[known]
    return list(reversed(wanted.values()))


def _insert(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows; those that another process wrote since they were looked for stay as they are."""
    if rows:
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        connection.execute(dialect.insert(table).on_conflict_do_nothing(), rows)
