"""Rows of a JSON file: lines of objects, or one array of them.

Belongs here: telling the two apart, documents one at a time, values as text.
Does not belong here: reaching into nested objects (nested.py), opening files (opened.py), storing rows (landing.py).
"""

import io
import json
from collections.abc import Iterator
from typing import Any

from ticket_assets.tickets.sources.contract import LONGEST_ROW, Row, SourceError
from ticket_assets.tickets.sources.landing import unreadable
from ticket_assets.tickets.sources.opened import lines

_PIECE = 1024 * 1024
_SPACE = " \t\r\n"


class _Documents:
    """A decoder that says which keys stand twice, where a plain one keeps the last; NaN and Infinity are no values."""

    def __init__(self) -> None:
        self._decoder = json.JSONDecoder(object_pairs_hook=self._collected, parse_constant=lambda name: None)
        self._doubled = ""

    def decode(self, text: str, at: int) -> tuple[Any, int, str]:
        """The value that begins at a place, where it ends, and what is wrong with it."""
        self._doubled = ""
        value, end = self._decoder.raw_decode(text, at)
        return value, end, f"it has the key {self._doubled!r} twice" if self._doubled else ""

    def _collected(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            self._doubled = next(name for at, (name, _) in enumerate(pairs) if name in dict(pairs[:at]))
        return found


def holds_array(head: str) -> bool:
    """Whether a file that begins so is an array of objects; else it holds an object a line."""
    return head.lstrip(_SPACE)[:1] == "["


def document_rows(text: io.TextIOWrapper, name: str, is_array: bool) -> Iterator[Row]:
    """Rows of a file of objects.

    A line that cannot be read is handed on with its fault. In an array nobody can tell where the next object begins.

    Raises:
        SourceError: an array is broken; the message names the line.
    """
    return _array_rows(text, name) if is_array else _line_rows(text, name)


def _line_rows(text: io.TextIOWrapper, name: str) -> Iterator[Row]:
    documents = _Documents()
    for number, line in lines(text):
        if line.strip():
            yield _parsed(documents, line, name, number)


def _parsed(documents: _Documents, line: str, name: str, number: int) -> Row:
    if len(line) > LONGEST_ROW:
        return unreadable(name, number, line, f"it is longer than {LONGEST_ROW} characters")
    try:
        document, end, fault = documents.decode(line, len(line) - len(line.lstrip(_SPACE)))
    except (ValueError, RecursionError) as error:
        return unreadable(name, number, line, f"it is not JSON: {error}")
    if line[end:].strip(_SPACE):
        return unreadable(name, number, line, f"it is not JSON: more stands behind character {end}")
    return _row(document, name, number, line, fault)


def _row(document: Any, name: str, number: int, text: str, fault: str) -> Row:
    if fault:
        return unreadable(name, number, text, fault)
    if not isinstance(document, dict):
        return unreadable(name, number, text, f"it is no JSON object but {type(document).__name__}")
    return Row({key: as_text(value) for key, value in document.items()}, name, number)


def as_text(value: Any) -> str | None:
    """A JSON value as text: what is nested stays JSON, so that its type cannot change with tomorrow's rows."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _array_rows(text: io.TextIOWrapper, name: str) -> Iterator[Row]:
    """Elements of an array, of which no more than one and a piece is in memory."""
    window, is_first = _Window(text, name), True
    window.skip("[")
    while not window.skip("]"):
        if not is_first and not window.skip(","):
            raise window.broken("a comma or ] is missing")
        is_first = False
        document, number, fault = window.decode()
        yield _row(document, name, number, "" if not fault else as_text(document) or "", fault)
    if window.next_character():
        raise window.broken("something follows the end of the array")


class _Window:
    """The part of an array that is in memory; it grows until it holds a whole element."""

    def __init__(self, text: io.TextIOWrapper, name: str) -> None:
        self._text, self._name, self._documents = text, name, _Documents()
        self._held, self._at, self._line = "", 0, 1

    def next_character(self) -> str:
        """The next one that is no space; empty at the end."""
        while True:
            while self._at < len(self._held) and self._held[self._at] in _SPACE:
                self._pass(1)
            if self._at < len(self._held):
                return self._held[self._at]
            if not self._grow():
                return ""

    def skip(self, mark: str) -> bool:
        """Pass over a mark if it is next; say whether it was."""
        found = self.next_character() == mark
        if found:
            self._pass(1)
        return found

    def decode(self) -> tuple[Any, int, str]:
        """The next element, the line where it begins, and what is wrong with it."""
        self.next_character()
        number = self._line
        while True:
            try:
                value, end, fault = self._documents.decode(self._held, self._at)
            except (ValueError, RecursionError) as error:
                if len(self._held) - self._at > LONGEST_ROW or not self._grow():
                    raise self.broken(f"it is not JSON: {error}") from None
                continue
            self._pass(end - self._at)
            return value, number, fault

    def broken(self, why: str) -> SourceError:
        """The error for what is next."""
        return SourceError(f"{self._name}, line {self._line}: the array cannot be read on: {why}")

    def _pass(self, length: int) -> None:
        self._line += self._held.count("\n", self._at, self._at + length)
        self._at += length

    def _grow(self) -> bool:
        # As much again: an element that fills many pieces is not tried once a piece.
        left = self._held[self._at :]
        piece = self._text.read(max(_PIECE, len(left)))
        self._held, self._at = left + piece, 0
        return bool(piece)
