"""Erasing tickets from the log: from the database, and from what waits in the spool.

Belongs here: finding their predictions, deleting rows, blanking lines, looking for what is left.
Does not belong here: the plan of a whole erasure (serving/erasure.py), deleting by age (retention.py).

Lines are overwritten in their place: the process that owns a journal goes on appending to it meanwhile. With durability
"none", answers of the last seconds are in memory alone: erase again after that time, or while the service stands still.
"""

import json
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, select

from ticket_assets.serving.prediction_log.engine import StoreDownError, writing
from ticket_assets.serving.prediction_log.lines import Line, blank
from ticket_assets.serving.prediction_log.remains import remains
from ticket_assets.serving.prediction_log.retention import delete_predictions
from ticket_assets.serving.prediction_log.spool import Spool, read
from ticket_assets.serving.prediction_log.tables import corrections, feedback, predictions, rejected, shadow_answers

AT_ONCE = 500


@dataclass(frozen=True)
class ErasedLog:
    """What an erasure took: predictions and rejected records from the database, lines from journals."""

    predictions: int = 0
    rejected: int = 0
    lines: int = 0


def erase(
    engine: Engine, spool: Path, ticket_ids: Collection[str] = (), prediction_ids: Collection[str] = ()
) -> ErasedLog:
    """Erase all that was logged of tickets, or of single predictions, corrections included.

    May be done twice, and while services run: they write nothing to the database in the meantime.

    Args:
        engine: of the store.
        spool: its folder (`PredictionLogSettings.spool`), of this machine; others have to be erased from there.
        ticket_ids: as they were told with the answers; without one, an answer is found by its prediction id alone.
        prediction_ids: to erase beside them.

    Raises:
        StoreDownError: SQLite's file was in use; erase again.
        sqlalchemy.exc.SQLAlchemyError, sqlite3.Error: the store is down; erase again.
    """
    place = Spool(spool)
    with place.gate(alone=True):
        its = _predictions_of(engine, place, ticket_ids, prediction_ids)
        done = _from_database(engine, ticket_ids, its)
        dead = {*place.dead()}
        lines = sum(_blank(path, _lines(path, dead), ticket_ids, its) for path in place.segments())
        _rewrite(engine)
    return ErasedLog(done.predictions, done.rejected, lines)


def traces(
    engine: Engine, spool: Path, ticket_ids: Collection[str] = (), prediction_ids: Collection[str] = ()
) -> list[str]:
    """Where something of tickets or predictions still is, one sentence each; empty when all of it is gone.

    Looked at are the tables, the journals of this machine, also of workers that run, and SQLite's file with its free
    pages and its write-ahead log.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the store is down.
    """
    place = Spool(spool)
    its = _predictions_of(engine, place, ticket_ids, prediction_ids)
    # Journals before tables: a line that is written to the store meanwhile is found in one of them at least.
    dead = {*place.dead()}
    waiting = {path: sum(_is_of(line, ticket_ids, its) for line in _lines(path, dead)) for path in place.segments()}
    places = []
    with engine.connect() as connection:
        told = [
            (predictions, predictions.c.id),
            *((one, one.c.prediction_id) for one in (feedback, corrections, shadow_answers)),
        ]
        for table, column in told:
            if count := sum(
                len(connection.execute(select(column).where(column.in_(some))).all()) for some in _cut(its)
            ):
                places.append(f"table {table.name}: {count} rows")
        if count := len(_rejected(connection, ticket_ids, its)):
            places.append(f"table {rejected.name}: {count} rows")
    places += [f"journal {path.name}: {count} lines" for path, count in waiting.items() if count]
    return places + remains(engine, ticket_ids, its)


def _predictions_of(
    engine: Engine, spool: Spool, ticket_ids: Collection[str], prediction_ids: Collection[str]
) -> set[str]:
    """Ids of all predictions that are meant, written and waiting."""
    found = {*prediction_ids}
    for path in spool.segments():
        payloads = (line.payload or {} for line in read(path))
        found |= {one["id"] for one in payloads if one.get("ticket_id") in ticket_ids and one.get("id")}
    with engine.connect() as connection:
        for some in _cut(ticket_ids):
            found |= {*connection.execute(select(predictions.c.id).where(predictions.c.ticket_id.in_(some))).scalars()}
    return found


def _from_database(engine: Engine, ticket_ids: Collection[str], its: Collection[str]) -> ErasedLog:
    with writing(engine) as connection:
        gone = sum(delete_predictions(connection, some) for some in _cut(its))
        refused = _rejected(connection, ticket_ids, its)
        for some in _cut(refused):
            connection.execute(rejected.delete().where(rejected.c.id.in_(some)))
        return ErasedLog(gone, len(refused))


def _rejected(connection: Connection, ticket_ids: Collection[str], its: Collection[str]) -> list[str]:
    """Ids of rejected records that are meant; a line that cannot be read is, where it holds one of the ids."""
    rows = connection.execute(select(rejected.c.id, rejected.c.line).execution_options(yield_per=AT_ONCE))
    return [row.id for row in rows if _is_of(_line(row.line), ticket_ids, its)]


def _line(told: str) -> Line:
    raw = told.encode()
    try:
        payload = json.loads(raw.split(b" ", 2)[2])
    except (IndexError, ValueError):
        return Line(0, raw, None, "it is no line of a journal")
    return Line(0, raw, payload)


def _is_of(line: Line, ticket_ids: Collection[str], its: Collection[str]) -> bool:
    if isinstance(line.payload, dict):
        told: dict[str, Any] = line.payload
        return told.get("ticket_id") in ticket_ids or told.get("id") in its or told.get("prediction_id") in its
    return bool(line.fault) and any(
        json.dumps(one, ensure_ascii=False).encode() in line.raw for one in (*ticket_ids, *its)
    )


def _lines(path: Path, dead: Collection[str]) -> Iterator[Line]:
    """All lines of a segment; of a dead owner's also the one that it was about to write when it died."""
    return read(path, rest=path.name.split(".")[0] in dead)


def _blank(path: Path, found: Iterator[Line], ticket_ids: Collection[str], its: Collection[str]) -> int:
    meant = [line for line in found if _is_of(line, ticket_ids, its)]
    if meant:
        descriptor = os.open(path, os.O_WRONLY)
        try:
            for line in meant:
                os.pwrite(descriptor, blank(line), line.start)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    return len(meant)


def _rewrite(engine: Engine) -> None:
    """SQLite: what was deleted is in free pages and in the write-ahead log until both are written anew."""
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            raw = connection.connection.driver_connection  # a transaction, which SQLAlchemy would begin, allows neither
            assert raw is not None
            raw.execute("VACUUM")
            (busy, _, _) = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise StoreDownError(
                "the database was read all the while, its write-ahead log is not written anew: try again"
            )


def _cut(ids: Collection[str]) -> Iterator[list[str]]:
    """Few enough for one statement."""
    wanted = sorted(ids)
    for start in range(0, len(wanted), AT_ONCE):
        yield wanted[start : start + AT_ONCE]
