"""Erasing tickets from the snapshot: which rows are theirs, and the batches without them.

Belongs here: the selection, what the rows say, rewriting a batch.
Does not belong here: keeping them from coming back (ledger.py), any other store
(serving/erasure.py knows all).
"""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from ticket_assets.profile import ColumnSettings
from ticket_assets.storage import digest, replacing
from ticket_assets.tables import write_parquet
from ticket_assets.tickets.batches import META_COLUMNS, ROW_GROUP, batches
from ticket_assets.tickets.identity import texts
from ticket_assets.tickets.ledger import owned, telling
from ticket_assets.tickets.mended_together import Mendings
from ticket_assets.tickets.snapshot import content_hash
from ticket_assets.tickets.sources.contract import DROPPED, MENDED_FROM
from ticket_assets.tickets.statements import identifier, literal, types_of, union

CHUNK = 20_000
# Columns that are no word of anybody's.
_OURS = (*META_COLUMNS, MENDED_FROM, DROPPED)
_ROW, _MATCHED, _CONTENT = "file_row_number", "_matched", "_content_hash"


class SelectionError(ValueError):
    """What is asked for cannot be looked for; the message names it and the fix."""


@dataclass(frozen=True)
class Selection:
    """Whose tickets to erase: by id, by what any column of a row says, by the value of one column.

    Attributes:
        ids: ticket ids.
        matches: strings that stand in any column, whatever the case.
        is_pattern: whether the matches are regular expressions (RE2).
        column: of the source, and the value that it has; None looks at none.
        value: as text; the number 7 is "7".
    """

    ids: tuple[str, ...] = ()
    matches: tuple[str, ...] = ()
    is_pattern: bool = False
    column: str | None = None
    value: str | None = None


@dataclass(frozen=True)
class Erased:
    """What is to go: ticket ids; content hashes and row hashes of all rows, those included that are no ticket's; ids of
    answers that the prediction log has and that name no ticket (feedback_erasure.py).
    """

    tickets: frozenset[str] = frozenset()
    contents: frozenset[str] = frozenset()
    rows: frozenset[str] = frozenset()
    predictions: frozenset[str] = frozenset()

    def takes(self, rows: pd.DataFrame, columns: ColumnSettings) -> list[bool]:
        """Which rows go, of a frame with the columns that tell whose they are and their content hash."""
        its = zip(owned(rows, columns), rows[_CONTENT], rows["_row_hash"], strict=True)
        return [ticket in self.tickets or content in self.contents or row in self.rows for ticket, content, row in its]


def select(folder: Path, columns: ColumnSettings, wanted: Selection) -> Erased:
    """All rows, of all versions, of the tickets that any row answers to, mended ones with those that they replace.

    Raises:
        SelectionError: a column that the source does not have, a pattern that is none.
    """
    tickets: set[Any] = {*wanted.ids}
    contents, hashes = set[str](), set[str]()
    seen_column = wanted.column is None
    for batch in batches(folder):
        for rows in _rows(batch, columns, wanted):
            seen_column = seen_column or wanted.column in rows
            matched = rows[_MATCHED].to_numpy(dtype=bool)
            if wanted.column in rows:
                matched |= [one == wanted.value for one in texts(rows[wanted.column])]
            contents |= {*rows[_CONTENT][matched]}
            hashes |= {*rows["_row_hash"][matched]}
            tickets |= {*owned(rows[matched], columns)} - {None}
    if not seen_column:
        raise SelectionError(
            f"--column {wanted.column}: no row of the source has such a column; name one of {_named(folder)}"
        )
    mendings = Mendings.read(folder, columns)
    tickets |= mendings.tickets_of(hashes)
    named = Erased(frozenset(tickets), frozenset(contents), mendings.together(tickets, hashes))
    return _held(folder, columns, named)


def said_by(
    folder: Path, columns: ColumnSettings, erased: Erased, stays: bool, but: Collection[str] = ()
) -> Iterator[list[str]]:
    """What the rows say that go, or those that stay: lists of all values of source columns `but` some, as text."""
    for batch in batches(folder):
        gone = set(_positions(batch, columns, erased))
        with duckdb.connect() as engine:
            names = [name for name in types_of(engine, union((batch,))) if name not in (*_OURS, *but)]
            said = ", ".join(f"CAST({identifier(name)} AS VARCHAR)" for name in names)
            found = engine.execute(f"SELECT {_ROW}, {said} FROM {_file(batch)}")
            while rows := found.fetchmany(CHUNK):
                taken = [row[1:] for row in rows if (row[0] in gone) is not stays]
                yield [value for row in taken for value in row if value]


def erase_rows(folder: Path, columns: ColumnSettings, erased: Erased) -> int:
    """Rewrite every batch that holds such rows without them, in order and with its cursor; return how many went.

    A batch is named by what it holds, so a rewritten one has a new name and the snapshot another version. One that is
    left empty goes, with its cursor: the source is then read again from the one before. Killed anywhere and begun
    again, it ends the same: an old batch goes only when its new one is whole, and both have the same new name.
    """
    went = 0
    for batch in batches(folder):
        positions = _positions(batch, columns, erased)
        if positions:
            _rewrite(batch, positions, erased.tickets)
            went += len(positions)
    return went


def erase_from_file(folder: Path, columns: ColumnSettings, erased: Erased) -> int:
    """Rewrite the Parquet files that generated tickets lie in; return how many rows went."""
    went = 0
    for path in sorted(folder.glob("*.parquet")):
        rows = pd.read_parquet(path)
        stays = [ticket not in erased.tickets for ticket in owned(rows, columns)]
        if not all(stays):
            write_parquet(path, rows[stays])
            went += stays.count(False)
    return went


def _rewrite(batch: Path, positions: list[int], ids: Collection[str]) -> None:
    listed = ", ".join(map(str, positions))
    staying = f"FROM {_file(batch)} WHERE {_ROW} NOT IN ({listed})"
    with duckdb.connect() as engine:
        hashes = [row[0] for row in engine.execute(f"SELECT _row_hash {staying} ORDER BY {_ROW}").fetchall()]
        if hashes:
            kind = batch.name.rpartition("-")[0]
            name = f"{kind}-{digest([batch.name, *hashes])}"
            with replacing(batch.with_name(f"{name}.parquet")) as temporary:
                engine.execute(
                    f"COPY (SELECT * EXCLUDE ({_ROW}) REPLACE ({literal(name)} AS _batch) {staying}) "
                    f"TO {literal(str(temporary))} "
                    f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP}{_cursor(engine, batch, ids)})"
                )
    batch.unlink()


def _cursor(engine: duckdb.DuckDBPyConnection, batch: Path, ids: Collection[str]) -> str:
    """The cursor to keep with a batch; a cursor that is itself the id of an erased ticket goes."""
    asked = f"SELECT decode(value) FROM parquet_kv_metadata({literal(str(batch))}) WHERE decode(key) = 'cursor'"
    found = engine.execute(asked).fetchone()
    if found is None or str(json.loads(json.loads(found[0])["value"])["value"]) in ids:
        return ""
    return f", KV_METADATA {{cursor: {literal(found[0])}}}"


def _held(folder: Path, columns: ColumnSettings, erased: Erased) -> Erased:
    """Tickets of these that the snapshot holds, and all their rows."""
    tickets, contents, hashes = set[Any](), set[str](), set[str]()
    for batch in batches(folder):
        for rows in _rows(batch, columns):
            taken = rows[erased.takes(rows, columns)]
            # A row that goes with another one may be mended from, or to, a stranger's id.
            tickets |= erased.tickets.intersection(owned(taken, columns))
            contents |= {*taken[_CONTENT]}
            hashes |= {*taken["_row_hash"]}
    return Erased(frozenset(tickets), frozenset(contents), frozenset(hashes))


def _positions(batch: Path, columns: ColumnSettings, erased: Erased) -> list[int]:
    return [
        int(position)
        for rows in _rows(batch, columns)
        for position, is_it in zip(rows[_ROW], erased.takes(rows, columns), strict=True)
        if is_it
    ]


def _rows(batch: Path, columns: ColumnSettings, wanted: Selection | None = None) -> Iterator[pd.DataFrame]:
    """Rows of a batch in chunks: place, content hash, whether they match, the columns that tell whose they are."""
    with duckdb.connect() as engine:
        present = list(types_of(engine, union((batch,))))
        shown = {
            "_row_hash",
            *telling(columns, present),
            *({wanted.column} & {*present} if wanted and wanted.column else ()),
        }
        chosen = ", ".join(map(identifier, sorted(shown)))
        matched = matching(wanted, [one for one in present if one not in META_COLUMNS]) if wanted else "false"
        asked = f"SELECT {_ROW}, {content_hash(present)} AS {_CONTENT}, {matched} AS {_MATCHED}, {chosen}"
        try:
            for chunk in engine.sql(f"{asked} FROM {_file(batch)}").to_arrow_reader(CHUNK):
                yield chunk.to_pandas(integer_object_nulls=True)
        except duckdb.InvalidInputException as error:
            raise SelectionError(f"--match cannot be looked for: {error}") from None


def matching(wanted: Selection, names: list[str]) -> str:
    """A condition: whether any column says any of the matches."""
    said = [f"CAST({identifier(name)} AS VARCHAR)" for name in names]
    if wanted.is_pattern:
        tests = [f"regexp_matches({one}, {literal(match)}, 'i')" for one in said for match in wanted.matches]
    else:
        tests = [f"contains(lower({one}), lower({literal(match)}))" for one in said for match in wanted.matches]
    return " OR ".join(f"coalesce({test}, false)" for test in tests) or "false"


def _named(folder: Path) -> str:
    with duckdb.connect() as engine:
        types = types_of(engine, union(batches(folder))) if batches(folder) else {}
    return ", ".join(name for name in types if not name.startswith("_"))


def _file(batch: Path) -> str:
    return f"read_parquet({literal(str(batch))}, file_row_number = true)"
