"""Rows of a CSV file, the broken ones among them set apart.

Belongs here: header, records, what is wrong with a record and where the next one begins.
Does not belong here: encoding and delimiter (dialect.py), opening files (opened.py), storing rows (landing.py).
"""

import csv
import io
from collections import deque
from collections.abc import Iterator

from ticket_assets.tickets.sources.contract import LONGEST_ROW, Row, SourceError
from ticket_assets.tickets.sources.dialect import excel_hint
from ticket_assets.tickets.sources.landing import unreadable
from ticket_assets.tickets.sources.opened import lines

_FAULTS = {"unexpected end of data": "a quote is opened and never closed"}


class _TooLong(Exception):
    pass


class _Lines:
    """Lines for a CSV reader that can take back those of a broken record: of it only the first line is lost."""

    def __init__(self, numbered: Iterator[tuple[int, str]]) -> None:
        self._fresh, self._again = numbered, deque[tuple[int, str]]()
        self.record: list[tuple[int, str]] = []
        self._length = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        self.record.append(self._again.popleft() if self._again else next(self._fresh))
        line = self.record[-1][1]
        self._length += len(line)
        if self._length > LONGEST_ROW:
            raise _TooLong
        return line

    def begin(self) -> None:
        """The record at hand is done."""
        self.record, self._length = [], 0

    def take_back(self) -> None:
        """All lines of the record at hand but the first are to be read again."""
        self._again.extendleft(reversed(self.record[1:]))


def delimited_rows(text: io.TextIOWrapper, name: str, delimiter: str) -> Iterator[Row]:
    """Rows of a CSV whose first record is the header; values are text, and an empty one is none.

    A record that cannot be read, or is wider or narrower than the header, is handed on with its fault, and reading
    goes on at the line after the one where it began.

    Raises:
        SourceError: the header cannot be read, or names a column twice.
    """
    csv.field_size_limit(LONGEST_ROW)  # the library's own bound is 128 KB, for the whole process
    source = _Lines(lines(text))
    header: tuple[str, ...] = ()
    for record, fault in _records(source, delimiter):
        number, first = source.record[0]
        if number == 1 and excel_hint(first):
            continue
        if not header:
            header = _header(record, fault, f"{name}, line {number}")
            continue
        fault = fault or _misfit(record, header)
        if not fault:
            whole = "".join(line for _, line in source.record)
            kept = "" if whole.isascii() else whole  # asked for only where bytes turn out to be no text
            yield Row(dict(zip(header, (value or None for value in record), strict=True)), name, number, kept)
            continue
        source.take_back()
        yield unreadable(name, number, first, fault)


def _records(source: _Lines, delimiter: str) -> Iterator[tuple[list[str], str]]:
    """Records that are not blank, each with what is wrong with it."""
    while True:
        source.begin()
        reader = csv.reader(source, delimiter=delimiter, strict=True)
        try:
            record = next(reader)
        except StopIteration:
            return
        except _TooLong:
            yield [], f"it is longer than {LONGEST_ROW} characters"
        except csv.Error as error:
            yield [], _FAULTS.get(str(error), f"it is not CSV: {error}")
        else:
            if record:
                yield record, ""


def _header(record: list[str], fault: str, where: str) -> tuple[str, ...]:
    if fault:
        raise SourceError(f"{where}: the header cannot be read: {fault}")
    if not any(name.strip() for name in record):
        raise SourceError(f"{where}: there is no header: put the names of the columns into the first line")
    # A table that was saved with its row numbers has a first column without a name.
    names = [name.strip() or f"column{place}" for place, name in enumerate(record)]
    for name in names:
        if names.count(name) > 1:
            raise SourceError(f"{where}: the header names column {name!r} twice: rename one")
    return tuple(names)


def _misfit(record: list[str], header: tuple[str, ...]) -> str:
    if len(record) != len(header):
        values = f"{len(record)} value" + ("s" if len(record) != 1 else "")
        return f"{values} for {len(header)} columns"
    if any("\x00" in value for value in record):
        return "it holds a NUL byte"
    return ""
