"""Which rows of a reading the snapshot is to append: those it does not hold, and those that take a ticket back.

Belongs here: comparing a reading with what is known, by row hashes and by tickets.
Does not belong here: numbering and hashing rows, writing them (snapshot.py).

A reading is the view `said` (rows with `_position`) and the table `hashed` (`_position`, `_content_hash`, `_row_hash`).
"""

import hashlib
from collections.abc import Iterable
from itertools import count, takewhile
from pathlib import Path

import duckdb
import pandas as pd

from ticket_assets.profile import ColumnSettings
from ticket_assets.tickets.identity import ticket_ids
from ticket_assets.tickets.sources.contract import FAULT, MENDED_FROM
from ticket_assets.tickets.statements import identifier, types_of, union


def choose_due(
    engine: duckdb.DuckDBPyConnection, known: tuple[Path, ...], columns: ColumnSettings, is_partial: bool
) -> None:
    """Make the table `due`: positions in the source of the rows to append."""
    if not known:
        engine.execute("CREATE TABLE due AS SELECT _position FROM hashed")
        return
    engine.execute(f"CREATE VIEW known AS SELECT * FROM {union(known)}")
    # What people mended the source never said: a reading is compared with readings alone.
    is_read = f"WHERE {MENDED_FROM} IS NULL" if MENDED_FROM in types_of(engine, "known") else ""
    engine.execute(f"CREATE VIEW known_read AS SELECT * FROM known {is_read}")
    engine.execute("CREATE TABLE due AS SELECT _position FROM hashed ANTI JOIN known USING (_row_hash)")
    # Where the source still says every row that is known, no ticket is back at an earlier state. Of a source that was
    # read from a cursor on nobody knows what it still says; a ticket that changed has a cursor of its own.
    if (
        not is_partial
        and engine.execute("SELECT 1 FROM known_read ANTI JOIN hashed USING (_row_hash) LIMIT 1").fetchone()
    ):
        engine.execute("INSERT INTO due SELECT unnest(?::BIGINT[])", [_returned(engine, columns)])


def _returned(engine: duckdb.DuckDBPyConnection, columns: ColumnSettings) -> list[int]:
    """Positions of the rows that bring their ticket back to an earlier state: the last one of each such ticket."""
    fresh = {row[0] for row in engine.execute("SELECT _position FROM due").fetchall()}
    said = _tickets(engine, "hashed", "_position", columns)
    before = _tickets(engine, "known_read", "_ingested_at, _position", columns)
    latest = said["ticket_id"].map(before.groupby("ticket_id")["_row_hash"].last())
    up_to_date = latest.isna() | (said["_row_hash"] == latest) | said["_position"].isin(fresh)
    doubtful = said[~up_to_date.groupby(said["ticket_id"]).transform("any")]
    known, back = set(before["_row_hash"]), []
    for _, rows in doubtful.groupby("ticket_id"):
        # The latest may be a copy of a row that now stands in the source less often: that is no other state.
        if latest[rows.index[0]] not in _copies(rows["_content_hash"].unique(), known):
            back.append(int(rows["_position"].iloc[-1]))
    return back


def _copies(contents: Iterable[str], known: set[str]) -> set[str]:
    """Row hashes of all known occurrences of these contents; known occurrences are numbered without a gap."""
    found: set[str] = set()
    for content in contents:
        numbered = (hashlib.md5(f"{content}{time}".encode()).hexdigest() for time in count(1))
        found.update(takewhile(known.__contains__, numbered))
    return found


def _tickets(engine: duckdb.DuckDBPyConnection, table: str, order: str, columns: ColumnSettings) -> pd.DataFrame:
    """Rows of a table in order, each with the id of its ticket, without what the source says of it."""
    rows = "said JOIN hashed USING (_position)" if table == "hashed" else table
    present = set(types_of(engine, f"(SELECT * FROM {rows})"))
    telling = {columns.id, columns.subject, columns.body} & present
    meta = {"_row_hash", "_position", "_content_hash"} & present
    chosen = ", ".join(map(identifier, sorted({name for name in telling if name} | meta)))
    # A row that cannot be read is no ticket's.
    readable = f"WHERE {FAULT} IS NULL" if FAULT in present else ""
    found = engine.sql(f"SELECT {chosen} FROM {rows} {readable} ORDER BY {order}").to_arrow_table()
    frame = found.to_pandas(integer_object_nulls=True)
    return frame[sorted(meta)].assign(ticket_id=ticket_ids(frame, columns))
