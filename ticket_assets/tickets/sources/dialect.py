"""How the bytes of a text file are to be read: its encoding, and what parts the columns of a CSV.

Belongs here: guesses, each from the file itself, and when to make none.
Does not belong here: reading rows (delimited.py, documents.py), opening and unpacking files (opened.py).
"""

import codecs
import csv
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import IO

from ticket_assets.tickets.sources.contract import SourceError

DELIMITERS = ",;\t|"
SAMPLE = 64 * 1024
# What help desks export beside UTF-8. cp1252 holds Latin-1 and comes first where it fits as well as any other: of
# "déjà" alone nobody can tell whether it is French in cp1252 or no word in cp1250.
WESTERN = "cp1252"
LEGACY = (
    *(WESTERN, "iso8859_15", "cp1250", "cp1251", "koi8_r", "cp1253", "cp1254", "cp1255", "cp1256", "mac_roman"),
    *("cp850", "cp932", "euc_jp", "gb18030", "big5", "euc_kr"),
)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_EXCEL = re.compile(r"sep=(.)\s*$")


def detect_encoding(stream: IO[bytes], name: str) -> str:
    """The encoding of a stream, which is read to its end, a piece at a time.

    A byte-order mark tells; else zero bytes tell UTF-16; else UTF-8 where most lines beyond ASCII are UTF-8 (the
    others are broken, and go to quarantine); else what charset-normalizer makes of those lines.

    Raises:
        SourceError: no encoding fits.
    """
    head = stream.read(SAMPLE)
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    if head.count(0) > len(head) // 4:
        return "utf-16-le" if head[1::2].count(0) > head[0::2].count(0) else "utf-16-be"
    whole, broken, sample = 0, 0, dict[bytes, None]()
    for line in _lines(head, stream):
        try:
            line.decode("utf-8")
            whole += 1
        except UnicodeDecodeError:
            broken += 1
            if sum(map(len, sample)) < SAMPLE:
                sample[line] = None
    return "utf-8" if whole >= broken else _legacy(b"".join(sample), name)


def detect_delimiter(head: str) -> str:
    """What parts the columns: what makes the most of the first rows as wide as the header."""
    lines = head.splitlines(keepends=True)
    told = excel_hint(lines[0]) if lines else ""
    if told:
        return told
    whole = lines[:-1] if len(head) >= SAMPLE and len(lines) > 1 else lines  # the last line of a sample may be cut
    return max(DELIMITERS, key=lambda delimiter: _agreement(whole, delimiter))


def excel_hint(line: str) -> str:
    """What Excel's own first line `sep=;`, which is no header, says of the delimiter; empty for any other line."""
    told = _EXCEL.match(line)
    return told[1] if told else ""


def _agreement(lines: list[str], delimiter: str) -> tuple[float, int]:
    try:
        rows = [row for row in islice(csv.reader(lines, delimiter=delimiter), 50) if row]
    except csv.Error:
        rows = [row for row in csv.reader(lines[:1], delimiter=delimiter) if row]
    if not rows or len(rows[0]) == 1:
        return (0.0, 0)
    width = len(rows[0])
    return (sum(len(row) == width for row in rows) / len(rows), width)


def _lines(head: bytes, stream: IO[bytes]) -> Iterator[bytes]:
    """Lines that hold more than ASCII."""
    first, _, rest = head.rpartition(b"\n")
    pieces: Iterable[bytes] = first.splitlines(keepends=True)
    yield from (line for line in pieces if not line.isascii())
    line = rest + stream.readline(SAMPLE)
    while line:
        if not line.isascii():
            yield line
        line = stream.readline(SAMPLE)


def _legacy(sample: bytes, name: str) -> str:
    from charset_normalizer import from_bytes

    found = from_bytes(sample, cp_isolation=list(LEGACY), steps=1, chunk_size=len(sample))
    western = from_bytes(sample, cp_isolation=[WESTERN], steps=1, chunk_size=len(sample)).best()
    best = found.best()
    if western is not None and (best is None or western.chaos <= best.chaos):
        return WESTERN
    if best is None:
        raise SourceError(f"{name} is neither UTF-8 nor any encoding that fits: set source.encoding, such as cp1252")
    return str(best.encoding)
