"""The bronze snapshot: append-only Parquet batches of source rows, as they came.

Belongs here: which rows are new, writing them once, the version of the whole, the latest row per id.
Does not belong here: judging or changing a row (curation.py).

A row is known by the hash of its content and its how-many-eth occurrence in the source: a re-run with nothing new
writes nothing, and a row that stands twice in a file is kept twice. A known row is written again where it brings its
ticket back to an earlier state: the source no longer says what the snapshot holds as the latest. A column without a
value is no content: one that a later file brings does not make the earlier rows new.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count, takewhile
from pathlib import Path

import duckdb
import pandas as pd

from ticket_assets.profile import ColumnSettings
from ticket_assets.storage import digest, replacing
from ticket_assets.tickets.identity import ticket_ids
from ticket_assets.tickets.sources import SourceError, scan

META_COLUMNS = ("_row_hash", "_position", "_ingested_at", "_batch")


@dataclass(frozen=True)
class Ingestion:
    """What one reading of the source brought."""

    source_rows: int
    new_rows: int
    total_rows: int
    batches: int
    version: str


def ingest(files: tuple[Path, ...], folder: Path, columns: ColumnSettings, now: datetime | None = None) -> Ingestion:
    """Append what the source says anew as one batch, so that the latest row of each ticket is one that it still says.

    Args:
        files: the source, all of one format.
        folder: of the snapshot; made when absent.
        columns: which of them tell whose ticket a row is.
        now: time of ingestion, UTC; the clock when None.

    Raises:
        SourceError: DuckDB cannot read the files, or they hold no row.
    """
    with duckdb.connect() as engine:
        try:
            engine.execute(_hashed(engine, files))
        except duckdb.Error as error:
            raise SourceError(f"cannot read {files[0]} (and {len(files) - 1} more): {error}") from error
        source_rows = _count(engine, "hashed")
        if source_rows == 0:
            raise SourceError(f"{files[0]} holds no row: give source.path a file with tickets")
        known = batches(folder)
        _choose(engine, known, columns)
        new_rows = _count(engine, "due")
        if new_rows:
            _write_batch(engine, folder, known, now or datetime.now(UTC))
    return Ingestion(source_rows, new_rows, count_rows(folder), len(batches(folder)), version(folder))


def batches(folder: Path) -> tuple[Path, ...]:
    """The batch files, sorted by name."""
    return tuple(sorted(folder.glob("batch-*.parquet")))


def version(folder: Path) -> str:
    """Data version of the snapshot: the hash of its batches' names, each the hash of its rows and of what was there."""
    return digest(batch.name for batch in batches(folder))


def count_rows(folder: Path) -> int:
    """Rows in all batches."""
    with duckdb.connect() as engine:
        return _count(engine, _union(batches(folder)))


def read_snapshot(folder: Path) -> pd.DataFrame:
    """All rows of all batches in order of ingestion; whole numbers stay whole where others are missing.

    Raises:
        SourceError: nothing was ingested yet.
    """
    known = batches(folder)
    if not known:
        raise SourceError(f"no tickets in {folder}: materialise tickets/raw")
    with duckdb.connect() as engine:
        rows = engine.sql(f"SELECT * FROM {_union(known)} ORDER BY _ingested_at, _position")
        return rows.to_arrow_table().to_pandas(integer_object_nulls=True)


def _hashed(engine: duckdb.DuckDBPyConnection, files: tuple[Path, ...]) -> str:
    names = sorted(row[0] for row in engine.execute(f"DESCRIBE SELECT * FROM {scan(files)}").fetchall())
    values = ", ".join(f"{_literal(json.dumps(name) + ':')} || to_json({_identifier(name)})" for name in names)
    content = f"md5(concat_ws(',', {values}))"
    return f"""
        CREATE TABLE hashed AS
        WITH numbered AS (
            SELECT source, row_number() OVER () AS _position, {content} AS _content_hash FROM {scan(files)} AS source
        )
        SELECT unnest(source), _position, _content_hash,
               md5(_content_hash || row_number() OVER (PARTITION BY _content_hash ORDER BY _position)) AS _row_hash
        FROM numbered
    """


def _choose(engine: duckdb.DuckDBPyConnection, known: tuple[Path, ...], columns: ColumnSettings) -> None:
    """Make the table `due`: positions in the source of the rows to append."""
    if not known:
        engine.execute("CREATE TABLE due AS SELECT _position FROM hashed")
        return
    engine.execute(f"CREATE VIEW known AS SELECT * FROM {_union(known)}")
    engine.execute("CREATE TABLE due AS SELECT _position FROM hashed ANTI JOIN known USING (_row_hash)")
    # Where the source still says every row that is known, no ticket is back at an earlier state.
    if engine.execute("SELECT 1 FROM known ANTI JOIN hashed USING (_row_hash) LIMIT 1").fetchone():
        engine.execute("INSERT INTO due SELECT unnest(?::BIGINT[])", [_returned(engine, columns)])


def _returned(engine: duckdb.DuckDBPyConnection, columns: ColumnSettings) -> list[int]:
    """Positions of the rows that bring their ticket back to an earlier state: the last one of each such ticket."""
    fresh = {row[0] for row in engine.execute("SELECT _position FROM due").fetchall()}
    said = _tickets(engine, "hashed", "_position", columns)
    before = _tickets(engine, "known", "_ingested_at, _position", columns)
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
    present = {row[0] for row in engine.execute(f"DESCRIBE {table}").fetchall()}
    telling = {columns.id, columns.subject, columns.body} & present
    meta = {"_row_hash", "_position", "_content_hash"} & present
    chosen = ", ".join(map(_identifier, sorted({name for name in telling if name} | meta)))
    rows = engine.sql(f"SELECT {chosen} FROM {table} ORDER BY {order}").to_arrow_table()
    frame = rows.to_pandas(integer_object_nulls=True)
    return frame[sorted(meta)].assign(ticket_id=ticket_ids(frame, columns))


def _write_batch(engine: duckdb.DuckDBPyConnection, folder: Path, known: tuple[Path, ...], now: datetime) -> None:
    engine.execute("CREATE TABLE batch AS SELECT * FROM hashed SEMI JOIN due USING (_position)")
    hashes = [row[0] for row in engine.execute("SELECT _row_hash FROM batch ORDER BY _row_hash").fetchall()]
    # Rows that came back may be exactly those of an earlier batch, which must not be replaced.
    name = f"batch-{digest([*(batch.name for batch in known), *hashes])}"
    # A clock that was set back must not put this batch before the ones it follows.
    after = "greatest(?::TIMESTAMPTZ, (SELECT max(_ingested_at) FROM known) + INTERVAL 1 MICROSECOND)"
    target = folder / f"{name}.parquet"
    with replacing(target) as temporary:
        engine.execute(
            f"COPY (SELECT * EXCLUDE (_content_hash), {after if known else '?::TIMESTAMPTZ'} AS _ingested_at, "
            f"'{name}' AS _batch FROM batch ORDER BY _position) "
            f"TO {_literal(str(temporary))} (FORMAT parquet, COMPRESSION zstd)",
            [now],
        )


def _union(files: tuple[Path, ...]) -> str:
    return f"read_parquet([{', '.join(_literal(str(file)) for file in files)}], union_by_name = true)"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _count(engine: duckdb.DuckDBPyConnection, table: str) -> int:
    row = engine.execute(f"SELECT count(*) FROM {table}").fetchone()
    assert row is not None
    return int(row[0])
