"""The bronze snapshot: append-only Parquet batches of source rows, as they came.

Belongs here: which rows are new, writing them once, the version of the whole, the latest row per id.
Does not belong here: judging or changing a row (curation.py).

A row is known by the hash of its content and its how-many-eth occurrence in the source: a re-run with nothing new
writes nothing, and a row that stands twice in a file is kept twice. A column without a value is no content: one that
a later file brings does not make the earlier rows new.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pandas as pd

from ticket_assets.storage import digest, replacing
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


def ingest(files: tuple[Path, ...], folder: Path, now: datetime | None = None) -> Ingestion:
    """Append the rows that the snapshot does not hold yet as one batch.

    Args:
        files: the source, all of one format.
        folder: of the snapshot; made when absent.
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
        if known:
            engine.execute(f"CREATE TABLE known AS SELECT _row_hash FROM {_union(known)}")
            engine.execute("CREATE TABLE fresh AS SELECT * FROM hashed ANTI JOIN known USING (_row_hash)")
        else:
            engine.execute("CREATE VIEW fresh AS SELECT * FROM hashed")
        new_rows = _count(engine, "fresh")
        if new_rows:
            _write_batch(engine, folder, now or datetime.now(UTC))
    return Ingestion(source_rows, new_rows, count_rows(folder), len(batches(folder)), version(folder))


def batches(folder: Path) -> tuple[Path, ...]:
    """The batch files, sorted by name."""
    return tuple(sorted(folder.glob("batch-*.parquet")))


def version(folder: Path) -> str:
    """Data version of the snapshot: the hash of its batches' names, each of which is the hash of its rows."""
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
            SELECT source, row_number() OVER () AS _position, {content} AS content FROM {scan(files)} AS source
        )
        SELECT unnest(source), _position,
               md5(content || row_number() OVER (PARTITION BY content ORDER BY _position)) AS _row_hash
        FROM numbered
    """


def _write_batch(engine: duckdb.DuckDBPyConnection, folder: Path, now: datetime) -> None:
    hashes = [row[0] for row in engine.execute("SELECT _row_hash FROM fresh ORDER BY _row_hash").fetchall()]
    name = f"batch-{digest(hashes)}"
    target = folder / f"{name}.parquet"
    with replacing(target) as temporary:
        engine.execute(
            f"COPY (SELECT *, ?::TIMESTAMPTZ AS _ingested_at, '{name}' AS _batch FROM fresh ORDER BY _position) "
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
