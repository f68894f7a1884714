"""Tables of text that people open in a spreadsheet: no cell of them is run as a formula.

Belongs here: cells made safe and taken back, writing a table as CSV or Parquet, reading an edited one.
Does not belong here: which rows are written (quarantine.py), what an edited row means (mending.py).

A spreadsheet runs a cell that begins with one of `= + - @` (also in full width, also behind blanks), and a tab or a
line break in front lets a value slip into the next cell (OWASP, "CSV Injection"). Such a cell gets an apostrophe in
front, and so does one that already looks like that, so that every cell can be told back.
"""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ticket_assets.storage import replacing
from ticket_assets.tickets.sources.contract import NO_TEXT, SourceError
from ticket_assets.tickets.sources.delimited import delimited_rows
from ticket_assets.tickets.sources.dialect import SAMPLE, detect_delimiter, detect_encoding
from ticket_assets.tickets.sources.opened import decoded, opened

SUFFIXES = (".csv", ".parquet")
_MOST_MB = 1024
_RUN = re.compile(r"'*\s*[=+\-@＝＋－＠\t\r\n]")
# No CSV reader agrees with another on a NUL byte; its picture is read by all.
_NUL, _SEEN_NUL = "\x00", "\u2400"


@dataclass(frozen=True)
class EditedRow:
    """A row of a file that came back: where it stands, and its cells as they stand there; an empty one is None."""

    line: int
    cells: dict[str, str | None]


def safe_cell(text: str | None) -> str | None:
    """The text as a cell that no spreadsheet runs."""
    if not text:
        return None
    shown = text.replace(_NUL, _SEEN_NUL)
    return f"'{shown}" if _RUN.match(shown) else shown


def said_by(cell: str | None) -> str | None:
    """What a cell of `safe_cell` says."""
    if cell and cell.startswith("'") and _RUN.match(cell[1:]):
        return cell[1:]
    return cell


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str | None]]) -> None:
    """Write rows atomically, as CSV that spreadsheets take for UTF-8, or as Parquet of text columns.

    Args:
        path: ends in .csv or .parquet.
        columns: names, which are made safe too.
        rows: values as text, None where there is none.

    Raises:
        SourceError: another ending.
    """
    _require_suffix(path)
    header = [safe_cell(name) or "" for name in columns]
    told = ([safe_cell(value) for value in row] for row in rows)
    with replacing(path) as temporary:
        if path.suffix.lower() == ".csv":
            with temporary.open("w", encoding="utf-8-sig", newline="") as stream:
                csv.writer(stream).writerows([header, *told])
            return
        import pyarrow as pa
        import pyarrow.parquet as pq

        by_column = list(zip(*told, strict=True)) or [()] * len(header)
        arrays = [pa.array(values, pa.string()) for values in by_column]
        pq.write_table(pa.table(arrays, names=header), temporary, compression="zstd")


def read_table(path: Path) -> list[EditedRow]:
    """Rows of a table that was written here and edited since; encoding and delimiter are found out again.

    Column names are taken back; cells are not, so that they can be compared with what was written.

    Raises:
        SourceError: it is not there, is no such table, or has lines that cannot be read, which are named.
    """
    _require_suffix(path)
    if not path.is_file():
        raise SourceError(f"{path} is no file: name the edited table")
    if path.suffix.lower() == ".parquet":
        return _parquet_rows(path)
    with opened(path, _MOST_MB) as stream:
        encoding = detect_encoding(stream, path.name)
    with opened(path, _MOST_MB) as stream, decoded(stream, encoding) as text:
        delimiter = detect_delimiter(text.read(SAMPLE))
    with opened(path, _MOST_MB) as stream, decoded(stream, encoding) as text:
        found = list(delimited_rows(text, path.name, delimiter))
    faults = [(row.line, row.fault or ("" if _is_text(row.values) else NO_TEXT)) for row in found]
    broken = [f"{path.name}, line {line}: {fault}" for line, fault in faults if fault]
    if broken:
        raise SourceError("\n".join(broken))
    return [EditedRow(row.line, _named(row.values)) for row in found if any(row.values.values())]


def _parquet_rows(path: Path) -> list[EditedRow]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise SourceError(f"{path.name} is no Parquet file: {error}") from None
    other = [field.name for field in table.schema if field.type not in (pa.string(), pa.large_string(), pa.null())]
    if other:
        raise SourceError(f"{path.name}: column {other[0]!r} holds no text: write all columns as text")
    return [EditedRow(at, _named(row)) for at, row in enumerate(table.to_pylist(), start=1) if any(row.values())]


def _is_text(cells: Mapping[str, str | None]) -> bool:
    try:
        "".join(filter(None, cells.values())).encode()
    except UnicodeEncodeError:
        return False
    return True


def _named(cells: Mapping[str, str | None]) -> dict[str, str | None]:
    return {said_by(name) or name: cell or None for name, cell in cells.items()}


def _require_suffix(path: Path) -> None:
    if path.suffix.lower() not in SUFFIXES:
        raise SourceError(f"{path} ends in neither of {', '.join(SUFFIXES)}: a table for people is one of them")
