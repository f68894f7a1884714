"""Lines of a journal: a record as bytes that show by themselves whether they are whole.

Belongs here: checksum, length and JSON of a line, replacing what no database takes, blanking a line in its place.
Does not belong here: files (journal.py), what the fields mean (records.py).

A line is `crc32 length payload\n`, the numbers in hex and decimal. A payload of `null` is a line that was erased.
"""

import json
import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ticket_assets.serving.prediction_log.records import Record

_NUL = "\\u0000"
INSTEAD = "\ufffd"


@dataclass(frozen=True)
class Line:
    """A line as it was read.

    Attributes:
        start: offset of its first byte in the segment.
        raw: its bytes, the line end included.
        payload: what it holds; None where it was erased.
        fault: why it cannot be read; None where it can.
    """

    start: int
    raw: bytes
    payload: dict[str, Any] | None
    fault: str | None = None


def as_line(record: Record) -> bytes:
    """The line of a record; NUL, lone surrogates and numbers that are none are replaced, as no database takes them.

    Raises:
        TypeError: a field holds what JSON does not know.
    """
    payload = record.payload()
    try:
        text = json.dumps(payload, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        encoded = text.encode()
    except (UnicodeEncodeError, ValueError):
        return _framed(_json(_mended(payload)))
    return _framed(_json(_mended(payload)) if _NUL in text else encoded)


def lines(blob: bytes, start: int = 0, rest: bool = False) -> Iterator[Line]:
    """Read the lines of a part of a segment.

    Args:
        blob: begins where a line begins.
        start: offset of that in the segment.
        rest: whether nobody is writing there any more: then what has no end is a line as well, a damaged one; else it
            is left out, as it was not acknowledged yet.
    """
    place = 0
    while (end := blob.find(b"\n", place)) >= 0:
        yield read_line(blob[place : end + 1], start + place)
        place = end + 1
    if rest and place < len(blob):
        yield Line(start + place, blob[place:], None, "it has no end")


def read_line(raw: bytes, start: int = 0) -> Line:
    """The line of its bytes, the line end included."""
    try:
        crc, length, payload = raw[:-1].split(b" ", 2)
        if int(length) != len(payload) or int(crc, 16) != zlib.crc32(payload):
            return Line(start, raw, None, "its checksum is wrong")
        return Line(start, raw, json.loads(payload))
    except ValueError:
        return Line(start, raw, None, "it is no line of a journal")


def blank(line: Line) -> bytes:
    """The bytes to write over a line that is to be erased: as many, and a whole line again if it was one."""
    if line.fault:
        return b" " * (len(line.raw) - 1) + b"\n"
    length = len(line.raw[:-1].split(b" ", 2)[2])
    return _framed(b"null".ljust(length))


def _framed(payload: bytes) -> bytes:
    return b"%08x %d %s\n" % (zlib.crc32(payload), len(payload), payload)


def _json(payload: Any) -> bytes:
    return json.dumps(payload, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", INSTEAD).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_mended(key): _mended(its) for key, its in value.items()}
    if isinstance(value, list | tuple):
        return [_mended(its) for its in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
