"""The bronze snapshot: append-only Parquet batches of source rows, as they came.

Belongs here: numbering and hashing rows, writing them once, the version of the whole, how far the source was read.
Does not belong here: reading the source (sources/), which rows are due (due_rows.py), judging a row (curation.py).

A row is known by the hash of its content and its how-many-eth occurrence in the source: a re-run with nothing new
writes nothing, and a row that stands twice in a file is kept twice. A known row is written again where it brings its
ticket back to an earlier state: the source no longer says what the snapshot holds as the latest. A column without a
value is no content: one that a later file brings does not make the earlier rows new. A row that cannot be read is a row
like any other, told by what stood there and why it is unreadable; file and line are where it was seen first.
"""

import json
import shutil
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pandas as pd

from ticket_assets.profile import ColumnSettings
from ticket_assets.storage import digest, replacing
from ticket_assets.tickets.batches import META_COLUMNS, ROW_GROUP, batches
from ticket_assets.tickets.carried_mendings import carry
from ticket_assets.tickets.due_rows import choose_due
from ticket_assets.tickets.ledger import Ledger, skip_erased
from ticket_assets.tickets.sources.contract import (
    FILE,
    LINE,
    UNREADABLE_COLUMNS,
    Cursor,
    Landed,
    Source,
    SourceError,
)
from ticket_assets.tickets.sources.landing import Landing, landing_folder
from ticket_assets.tickets.sources.nested import reaching
from ticket_assets.tickets.statements import count_of, files_list, identifier, literal, types_of, union


@dataclass(frozen=True)
class Ingestion:
    """What one reading of the source brought."""

    source_rows: int
    new_rows: int
    total_rows: int
    batches: int
    version: str
    unreadable: int = 0
    told: Mapping[str, str] = field(default_factory=dict)
    erased_rows_skipped: int = 0
    mendings_carried: int = 0


def ingest(
    source: Source,
    folder: Path,
    columns: ColumnSettings,
    wanted: Iterable[str] = (),
    now: datetime | None = None,
    unreadable_share: float = 0.5,
    ledger: Ledger | None = None,
) -> Ingestion:
    """Append what the source says anew as one batch, so that the latest row of each ticket is one that it still says.

    Args:
        source: where the rows come from.
        folder: of the snapshot; made when absent.
        columns: which of them tell whose ticket a row is.
        wanted: further columns that the settings use; dotted ones reach into nested columns.
        now: time of ingestion, UTC; the clock when None.
        unreadable_share: of the rows that may be unreadable.
        ledger: of erasures; rows that it names are skipped, whatever the source says.

    Raises:
        SourceError: the source cannot be read, holds no row, or has no column with the texts.
    """
    landing_place = landing_folder(folder)
    try:
        landing = Landing(landing_place, unreadable_share)
        source.read(landing, last_cursor(folder))
        landed = landing.close()
        # Whole rows stay on disk; what DuckDB must sort or join beyond its memory goes there too.
        with duckdb.connect(config={"temp_directory": str(landing_place)}) as engine:
            said = _Reading(source.name, landed, columns, tuple(wanted), ledger or Ledger())
            return _append(engine, said, folder, now or datetime.now(UTC))
    finally:
        shutil.rmtree(landing_place, ignore_errors=True)


@dataclass(frozen=True)
class _Reading:
    """One reading of a source: its name, what landed, and by what its rows are judged."""

    name: str
    landed: Landed
    columns: ColumnSettings
    wanted: tuple[str, ...]
    ledger: Ledger


def _append(engine: duckdb.DuckDBPyConnection, said: _Reading, folder: Path, now: datetime) -> Ingestion:
    known, name, landed, columns = batches(folder), said.name, said.landed, said.columns
    try:
        source_rows = _number(engine, landed, (*_texts_of(columns), *said.wanted), columns.body, name)
    except duckdb.Error as error:
        raise SourceError(f"cannot read {name}: {error}") from error
    if source_rows == 0 and not landed.is_partial:
        raise SourceError(f"{name} holds no row: give the source a place with tickets")
    new_rows = erased = carried = 0
    if source_rows:
        erased = skip_erased(engine, columns, said.ledger)
        choose_due(engine, known, columns, landed.is_partial)
        new_rows = count_of(engine, "due")
    if new_rows:
        carried = _write_batch(engine, folder, known, now, said)
    return Ingestion(
        source_rows,
        new_rows,
        count_rows(folder),
        len(batches(folder)),
        version(folder),
        landed.unreadable,
        landed.told,
        erased,
        carried,
    )


def version(folder: Path) -> str:
    """Data version of the snapshot: the hash of its batches' names, each the hash of its rows and of what was there."""
    return digest(batch.name for batch in batches(folder))


def last_cursor(folder: Path) -> Cursor | None:
    """How far the source was read by the latest batch that says so."""
    known = batches(folder)
    if not known:
        return None
    with duckdb.connect() as engine:
        kept = f"parquet_kv_metadata({files_list(known)}) WHERE decode(key) = 'cursor'"
        told = dict(engine.execute(f"SELECT file_name, decode(value) FROM {kept}").fetchall())
        if not told:
            return None
        latest = engine.execute(
            f"SELECT filename FROM read_parquet({files_list(map(Path, told))}, filename = true) "
            "ORDER BY _ingested_at DESC LIMIT 1"
        ).fetchone()
    assert latest is not None
    return Cursor(**json.loads(told[latest[0]]))


def content_hash(columns: Iterable[str]) -> str:
    """The expression that hashes what a row of these columns says; META_COLUMNS and the place of a fault are none."""
    # Where a row that cannot be read stands is no content of it: lines move.
    said = sorted({*columns} - {FILE, LINE, *META_COLUMNS})
    values = ", ".join(f"{literal(json.dumps(one) + ':')} || to_json({identifier(one)})" for one in said)
    return f"md5(concat_ws(',', {values}))"


def count_rows(folder: Path) -> int:
    """Rows in all batches."""
    with duckdb.connect() as engine:
        return count_of(engine, union(batches(folder)))


def read_snapshot(folder: Path, columns: Collection[str] | None = None) -> pd.DataFrame:
    """All rows of all batches in order of ingestion; whole numbers stay whole where others are missing.

    Args:
        folder: of the snapshot.
        columns: of the source to read, of those that are there, besides ours; None reads all.

    Raises:
        SourceError: nothing was ingested yet.
    """
    known = batches(folder)
    if not known:
        raise SourceError(f"no tickets in {folder}: materialise tickets/raw")
    with duckdb.connect() as engine:
        present = types_of(engine, union(known))
        # Names that begin with "_" are ours, and short: what a row is, not what it says.
        chosen = [one for one in present if columns is None or one in columns or one.startswith("_")]
        listed = ", ".join(map(identifier, chosen))
        rows = engine.sql(f"SELECT {listed} FROM {union(known)} ORDER BY _ingested_at, _position")
        return rows.to_arrow_table().to_pandas(integer_object_nulls=True)


def _number(engine: duckdb.DuckDBPyConnection, landed: Landed, wanted: tuple[str, ...], body: str, name: str) -> int:
    """Make the view `said`, rows with their position, and the table `hashed` of positions; return how many."""
    if not landed.tables:
        return 0
    rows = union(landed.tables)
    types = types_of(engine, rows)
    taken = [column for column in types if column in META_COLUMNS]
    if taken:
        raise SourceError(f"{name} has a column {taken[0]!r}, a name that the snapshot needs: rename it")
    reached = reaching(wanted, types)
    more = "".join(f", {expression} AS {identifier(column)}" for column, expression in reached.items())
    engine.execute(f"CREATE VIEW said AS SELECT *{more}, row_number() OVER () AS _position FROM {rows}")
    present = {*types, *reached}
    engine.execute(f"""
        CREATE TABLE hashed AS
        SELECT *, md5(_content_hash || row_number() OVER (PARTITION BY _content_hash ORDER BY _position)) AS _row_hash
        FROM (SELECT _position, {content_hash(present)} AS _content_hash FROM said)
    """)
    count = count_of(engine, "hashed")
    if count and body not in present and set(present) - set(UNREADABLE_COLUMNS):
        has = ", ".join(one for one in sorted(present) if not one.startswith("_"))
        raise SourceError(f"columns.body = {body!r} is not in {name}: it has {has}")
    return count


def _write_batch(
    engine: duckdb.DuckDBPyConnection, folder: Path, known: tuple[Path, ...], now: datetime, said: _Reading
) -> int:
    """Write the rows that are due, and before them the mendings that go on with them; return how many of those."""
    cursor = said.landed.cursor
    chosen = "hashed SEMI JOIN due USING (_position)"
    hashes = [row[0] for row in engine.execute(f"SELECT _row_hash FROM {chosen} ORDER BY _row_hash").fetchall()]
    # Rows that came back may be exactly those of an earlier batch, which must not be replaced.
    name = f"batch-{digest([*(batch.name for batch in known), *hashes])}"
    # A clock that was set back must not put this batch before the ones it follows.
    after = "greatest(?::TIMESTAMPTZ, (SELECT max(_ingested_at) FROM known) + INTERVAL 1 MICROSECOND)"
    # In the same file as the rows, so that both are there or neither.
    kept = f", KV_METADATA {{cursor: {literal(json.dumps(asdict(cursor)))}}}" if cursor else ""
    target = folder / f"{name}.parquet"
    with replacing(target) as temporary:
        # Rows pass by the positions that are chosen, never the other way round, which would hold all rows in memory.
        engine.execute("SET disabled_optimizers = 'join_order, build_side_probe_side'")
        engine.execute(
            f"COPY (SELECT * EXCLUDE (_content_hash), {after if known else '?::TIMESTAMPTZ'} AS _ingested_at, "
            f"'{name}' AS _batch FROM said JOIN ({chosen}) USING (_position)) "
            f"TO {literal(str(temporary))} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP}{kept})",
            [now],
        )
        return carry(engine, temporary, target, said.columns, now) if known else 0


def _texts_of(columns: ColumnSettings) -> tuple[str, ...]:
    named = (columns.id, columns.subject, columns.body, columns.created_at)
    return tuple(name for name in named if name)
