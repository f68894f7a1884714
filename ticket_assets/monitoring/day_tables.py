"""A table per day of the prediction log: who was answered what, and what was right.

Belongs here: writing a day, joining labels that came later, which days are to be written again, reading them in order.
Does not belong here: the log's own tables (serving/prediction_log/), which predictions make a window (window.py).

A day is written page by page and read batch by batch: a million predictions need no more memory than a thousand.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Engine, func, select

from ticket_assets.serving.prediction_log.queries import Reviewed, between
from ticket_assets.serving.prediction_log.tables import feedback, predictions
from ticket_assets.storage import digest, replacing

NOT_LIVE = "score"
"""Transport of answers to a file of tickets: nobody sent those just now."""
FEEDBACK, TICKETS = "feedback", "tickets"
TRAINED_ON = "trained_on"
"""Source of a label of the ticket database that is left out: who saw it in training has no merit in giving it."""
SETTLED = timedelta(seconds=10)
"""A prediction may wait so long in the journal of another worker; the log is read up to so long ago."""
PAGE = 2000
FOLDER = "predictions"  # as ProfileFolders.monitoring_copies has it: an erasure removes it
_STATE = b"ticket-assets.day.2"
_SHARES = pa.map_(pa.string(), pa.float32())


@dataclass(frozen=True)
class Labels:
    """What the ticket database says now.

    Attributes:
        of: target to ticket id to label.
        known: whether the models of a bundle (id) were trained on a ticket (id); of both it is the same at any time.
    """

    of: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    known: Callable[[str, str], bool] = lambda _bundle, _ticket: False

    def about(self, tickets: Iterable[str]) -> str:
        """Hash of what they say of some tickets: the same as long as none of these has another label."""
        named = sorted(set(tickets))
        said = ((target, one, its[one]) for target, its in sorted(self.of.items()) for one in named if one in its)
        return digest("\x01".join(one) for one in said)


@dataclass(frozen=True)
class DayState:
    """What a day's table was made from; the same again would make the same table.

    Attributes:
        read_until: ISO 8601, UTC, not included.
        predictions: rows of the log on that day, all transports.
        feedback: how many corrections of these there were, and the number of the latest.
        labels: hash of what the ticket database says of the tickets of that day.
        rows: of the table, live traffic alone.
        labelled: target to source of the label to rows; those of TRAINED_ON have none.
    """

    read_until: str
    predictions: int
    feedback: tuple[int, int]
    labels: str = ""
    rows: int = 0
    labelled: Mapping[str, Mapping[str, int]] | None = None

    def log_says_the_same_as(self, other: "DayState") -> bool:
        """Whether nothing was added to the log in between."""
        ours, theirs = ((one.predictions, tuple(one.feedback)) for one in (self, other))
        return ours == theirs


def day_file(folder: Path, day: date) -> Path:
    """Where a day's table lies under folders.monitoring."""
    return folder / FOLDER / f"{day.isoformat()}.parquet"


def written_days(folder: Path) -> list[date]:
    """Days that have a table, oldest first."""
    return sorted(date.fromisoformat(path.stem) for path in (folder / FOLDER).glob("[!.]*.parquet"))


def day_bounds(day: date) -> tuple[datetime, datetime]:
    """First instant of a day and of the next, UTC."""
    begins = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return begins, begins + timedelta(days=1)


def read_state(path: Path) -> DayState | None:
    """What a day's table was made from; None where there is none, or one of another layout."""
    if not path.exists():
        return None
    told = (pq.read_metadata(path).metadata or {}).get(_STATE)
    return DayState(**json.loads(told)) if told else None


def log_state(engine: Engine, day: date, now: datetime) -> DayState:
    """What a day's table would be made from now, labels of the ticket database apart."""
    begins, ends = day_bounds(day)
    until = min(ends, max(begins, now - SETTLED))
    on_it = (predictions.c.at >= begins, predictions.c.at < until)
    given = select(func.count(), func.coalesce(func.max(feedback.c.seq), 0)).select_from(
        feedback.join(predictions, predictions.c.id == feedback.c.prediction_id)
    )
    with engine.connect() as connection:
        rows = connection.execute(select(func.count()).select_from(predictions).where(*on_it)).scalar_one()
        corrected, latest = connection.execute(given.where(*on_it)).one()
    return DayState(until.isoformat(), rows, (corrected, latest))


def write_day(
    engine: Engine, folder: Path, day: date, now: datetime, targets: tuple[str, ...], labels: Labels
) -> DayState:
    """Write a day's table, unless it says already what log and labels say now.

    Args:
        engine: of the log.
        folder: folders.monitoring.
        day: UTC, by the time of the prediction.
        now: UTC.
        targets: of the profile.
        labels: of the ticket database.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the log is down.
    """
    path, before = day_file(folder, day), log_state(engine, day, now)
    known = read_state(path)
    if known is not None and known.log_says_the_same_as(before) and known.labels == labels.about(_tickets(path)):
        return known
    begins, _ = day_bounds(day)
    until = datetime.fromisoformat(before.read_until)
    schema = _schema(targets)
    rows, labelled = 0, {target: {FEEDBACK: 0, TICKETS: 0, TRAINED_ON: 0} for target in targets}
    tickets: set[str] = set()
    with replacing(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        for page in _pages(between(engine, begins, until, PAGE)):
            table = [_row(one, targets, labels) for one in page]
            for one in table:
                for target in targets:
                    if source := one[f"truth_source_{target}"]:
                        labelled[target][source] += 1
            writer.write_table(pa.Table.from_pylist(table, schema))
            rows += len(table)
            tickets |= {one["ticket_id"] for one in table if one["ticket_id"]}
        told = {"labels": labels.about(tickets), "rows": rows, "labelled": labelled}
        state = DayState(**{**vars(before), **told})
        writer.add_key_value_metadata({_STATE: json.dumps(vars(state)).encode()})
    return state


def due_days(engine: Engine, folder: Path, since: datetime, now: datetime, labels: Callable[[], Labels]) -> list[date]:
    """Days from `since` to today whose tables do not say what log and labels say now.

    A label that changed in the ticket database makes the days due that answered its ticket, and no others: by the table
    alone, which changes with each correction, all days would be written again each time. Days without a prediction are
    written once: that nothing came is known then.

    Args:
        engine: of the log.
        folder: folders.monitoring.
        since: from when on days are kept up to date.
        now: UTC.
        labels: reads those of the ticket database, once, where a day names tickets.
    """
    day, found, known_labels = since.astimezone(UTC).date(), [], cache(labels)
    while day <= now.astimezone(UTC).date():
        path = day_file(folder, day)
        known = read_state(path)
        if (
            known is None
            or not known.log_says_the_same_as(log_state(engine, day, now))
            or ((tickets := _tickets(path)) and known.labels != known_labels().about(tickets))
        ):
            found.append(day)
        day += timedelta(days=1)
    return found


def _tickets(path: Path) -> set[str]:
    """Tickets that a day's table names."""
    return {*pq.read_table(path, columns=["ticket_id"])["ticket_id"].drop_null().unique().to_pylist()}


def forget_days(folder: Path, before: datetime) -> int:
    """Remove the tables of days that the log itself keeps no longer; return how many."""
    old = [day for day in written_days(folder) if day_bounds(day)[1] <= before]
    for day in old:
        day_file(folder, day).unlink(missing_ok=True)
    return len(old)


def batches(folder: Path, since: datetime, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Rows of all days from that of `since` on, in their order, a batch in memory at a time."""
    for day in written_days(folder):
        if day >= since.astimezone(UTC).date():
            with pq.ParquetFile(day_file(folder, day)) as file:
                yield from file.iter_batches(PAGE, columns=columns)


def read_until(folder: Path) -> datetime | None:
    """Up to when the log was read last; None where it never was."""
    states = (read_state(day_file(folder, day)) for day in reversed(written_days(folder)))
    return next((datetime.fromisoformat(one.read_until) for one in states if one), None)


def _schema(targets: tuple[str, ...]) -> pa.Schema:
    fields: list[tuple[str, Any]] = [("id", pa.string()), ("at", pa.timestamp("us", "UTC"))]
    fields += [(name, pa.string()) for name in ("transport", "bundle", "model_version", "ticket_id", "language")]
    fields += [("subject", pa.string()), ("body", pa.string()), ("context", pa.map_(pa.string(), pa.string()))]
    for target in targets:
        fields += [(f"predicted_{target}", pa.string()), (f"confidence_{target}", pa.float32())]
        fields += [(f"band_{target}", pa.string()), (f"served_band_{target}", pa.string())]
        fields += [(f"probabilities_{target}", _SHARES)]
        fields += [(f"truth_{target}", pa.string()), (f"truth_source_{target}", pa.string())]
    return pa.schema(fields)


def _row(one: Reviewed, targets: tuple[str, ...], labels: Labels) -> dict[str, Any]:
    its, answer = one.prediction, one.prediction.answer
    names = ("transport", "bundle", "model_version", "ticket_id", "language", "subject", "body")
    row = {"id": its.id, "at": its.at, **{name: getattr(answer, name) for name in names}}
    row["context"] = list(answer.context.items())
    for target in targets:
        told = answer.targets.get(target)
        truth, source = _truth(one, target, labels)
        row |= {f"truth_{target}": truth, f"truth_source_{target}": source}
        row |= {f"probabilities_{target}": list(told.probabilities.items()) if told else None}
        row |= {f"predicted_{target}": told and told.label, f"confidence_{target}": told and told.probability}
        row |= {f"band_{target}": told and told.band, f"served_band_{target}": told and told.served_band}
    return row


def _truth(one: Reviewed, target: str, labels: Labels) -> tuple[str | None, str | None]:
    """The label that holds now and who says so: people who corrected it know more than the ticket database."""
    if target in one.corrected:
        return one.corrected[target], FEEDBACK
    answer = one.prediction.answer
    found = labels.of.get(target, {}).get(answer.ticket_id) if answer.ticket_id else None
    if not found or not answer.ticket_id:
        return None, None
    return (None, TRAINED_ON) if labels.known(answer.bundle, answer.ticket_id) else (found, TICKETS)


def _pages(answers: Iterator[Reviewed]) -> Iterator[list[Reviewed]]:
    page: list[Reviewed] = []
    for one in answers:
        if one.prediction.answer.transport != NOT_LIVE:
            page.append(one)
        if len(page) == PAGE:
            yield page
            page = []
    if page:
        yield page
