"""Where the rows of a source land: Parquet files in a folder, written in chunks.

Belongs here: chunks, the columns of text rows, rows that cannot be read or stored, how many of those are too many.
Does not belong here: reading a source (a module per kind), which rows are new (../snapshot.py).
"""

import glob
import shutil
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ticket_assets.storage import temporary_sibling
from ticket_assets.tickets.sources.contract import (
    FAULT,
    FILE,
    KEPT_TEXT,
    LINE,
    NO_TEXT,
    OUR_COLUMNS,
    TEXT,
    Cursor,
    Landed,
    Row,
    SourceError,
)

CHUNK_ROWS = 20_000
CHUNK_CHARACTERS = 32 * 1024 * 1024
# Wider is a document whose keys are data, such as one field per user.
MOST_COLUMNS = 2000
SWEPT_AFTER = 24 * 3600


class Landing:
    """Takes the rows of one reading; a chunk at a time is in memory.

    Text rows share one growing set of columns; a chunk that brings a new column begins a new file, and readers join the
    files by column name.
    """

    def __init__(self, folder: Path, unreadable_share: float = 0.5) -> None:
        self.folder = folder
        self._unreadable_share = unreadable_share
        self._tables: list[Path] = []
        self._rows: list[Row] = []
        self._characters = 0
        self._columns: dict[str, None] = {}
        self._writer: pq.ParquetWriter | None = None
        self._taken = 0
        self._unreadable = 0
        self._first_fault = ""
        self._cursor: Cursor | None = None
        self._is_partial = False
        self._told: dict[str, str] = {}

    def add(self, rows: Iterable[Row]) -> None:
        """Take rows of text.

        Raises:
            SourceError: a column has a name of ours, or differs from another by case alone; or there are too many.
        """
        for row in rows:
            checked = row if row.fault else _storable(row)
            self._taken += 1
            if checked.fault:
                self._note(checked)
            elif not checked.values.keys() <= self._columns.keys():
                self._learn(checked)
            self._rows.append(checked)
            self._characters += len(checked.text) + sum(map(len, filter(None, checked.values.values())))
            if len(self._rows) >= CHUNK_ROWS or self._characters >= CHUNK_CHARACTERS:
                self._flush()

    def add_table(self, table: pa.Table) -> None:
        """Take a chunk of typed rows, each chunk of one reading with the same columns."""
        require_free_names(table.column_names, "the source")
        self._taken += table.num_rows
        self._write(table)

    def adopt(self, path: Path) -> None:
        """Take a Parquet file as it is, without a copy; one that is none is told by whoever reads it.

        Raises:
            SourceError: a column has a name of ours, or differs from another by case alone.
        """
        with suppress(pa.ArrowException, OSError):
            require_free_names(pq.read_schema(path).names, path.name)
        self._end_file()
        self._tables.append(path)

    def reached(self, cursor: Cursor | None, is_partial: bool) -> None:
        """Say how far was read, and whether only from an earlier cursor on."""
        self._cursor, self._is_partial = cursor, is_partial

    def tell(self, name: str, value: str) -> None:
        """Say what was found out about the source."""
        self._told[name] = value

    def close(self) -> Landed:
        """Write what is left.

        Raises:
            SourceError: so many rows could not be read that the source must be another than the settings say.
        """
        self._end_file()
        if self._unreadable > self._unreadable_share * self._taken:
            raise SourceError(
                f"{self._unreadable} of {self._taken} rows cannot be read, the first one: {self._first_fault}: mend "
                "the file, set source.delimiter or source.encoding, or allow more by source.unreadable_share"
            )
        return Landed(tuple(self._tables), self._unreadable, self._cursor, self._is_partial, dict(self._told))

    def _note(self, row: Row) -> None:
        self._unreadable += 1
        self._first_fault = self._first_fault or f"{row.file}, line {row.line}: {row.fault}"

    def _learn(self, row: Row) -> None:
        """New columns; Parquet's readers take names that differ by case alone for the same."""
        fresh = [name for name in row.values if name not in self._columns]
        require_free_names([*self._columns, *fresh], f"{row.file}, line {row.line}")
        self._columns.update(dict.fromkeys(fresh))
        if len(self._columns) > MOST_COLUMNS:
            raise SourceError(
                f"{row.file}, line {row.line} brings the source to more than {MOST_COLUMNS} columns: its keys are "
                "data; put them into one nested object"
            )

    def _flush(self) -> None:
        rows, self._rows, self._characters = self._rows, [], 0
        if not rows:
            return
        arrays = {name: pa.array([row.values.get(name) for row in rows], pa.string()) for name in self._columns}
        if any(row.fault for row in rows):
            arrays[FAULT] = pa.array([row.fault or None for row in rows], pa.string())
            arrays[FILE] = pa.array([row.file if row.fault else None for row in rows], pa.string())
            arrays[LINE] = pa.array([row.line if row.fault else None for row in rows], pa.int64())
            arrays[TEXT] = pa.array([row.text if row.fault else None for row in rows], pa.string())
        self._write(pa.table(arrays))

    def _write(self, table: pa.Table) -> None:
        if self._writer is None or self._writer.schema != table.schema:
            self._end_writer()
            path = self.folder / f"{len(self._tables):06d}.parquet"
            self._writer = pq.ParquetWriter(path, table.schema, compression="zstd")
            self._tables.append(path)
        self._writer.write_table(table)

    def _end_file(self) -> None:
        self._flush()
        self._end_writer()

    def _end_writer(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def landing_folder(beside: Path) -> Path:
    """A new folder for a landing, on the disk where the snapshot lies; whoever asks removes it.

    What a reading left that was killed is swept when no reading can be at it any more.
    """
    folder = temporary_sibling(beside)
    for left in folder.parent.glob(f".{glob.escape(beside.name)}.*.tmp"):
        if left.is_dir() and left.stat().st_mtime < time.time() - SWEPT_AFTER:
            shutil.rmtree(left, ignore_errors=True)
    folder.mkdir()
    return folder


def require_free_names(names: Iterable[str], where: str) -> None:
    """Refuse columns that could not be told apart, or that have a name of ours.

    Raises:
        SourceError: naming the column.
    """
    seen: dict[str, str] = {}
    for name in names:
        key = name.casefold()
        if key in seen:
            how = "stands twice" if seen[key] == name else f"and {seen[key]!r} differ by case alone"
            raise SourceError(f"{where}: column {name!r} {how}: rename one")
        if key in OUR_COLUMNS:
            raise SourceError(f"{where}: column {name!r} has a name that the snapshot needs: rename it")
        seen[key] = name


def _storable(row: Row) -> Row:
    """The row, or why it cannot be stored: bytes that are no text came through as lone surrogates."""
    try:
        "".join(filter(None, (*row.values, *row.values.values()))).encode()
    except UnicodeEncodeError:
        return unreadable(row.file, row.line, row.text or _shown(row.values), NO_TEXT)
    return row


def unreadable(file: str, line: int, text: str, fault: str) -> Row:
    """A row that could not be read, with its text cut to what is kept and its broken bytes made visible."""
    kept = text[:KEPT_TEXT].rstrip("\r\n").encode("utf-8", "backslashreplace").decode()
    return Row({}, file, line, kept.replace("\\udc", "\\x"), fault)


def _shown(values: Mapping[str, str | None]) -> str:
    return " | ".join(f"{name}: {value}" for name, value in values.items() if value)
