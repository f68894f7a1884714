"""A text file on local disk as lines of bounded length, unpacked on the way.

Belongs here: gzip with its bounds, decoding that lets broken bytes through as marks, line numbers.
Does not belong here: which encoding (dialect.py), what a line says (delimited.py, documents.py), where files lie
(places.py).
"""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ticket_assets.tickets.sources.contract import LONGEST_ROW, SourceError

# Tickets pack 3 to 20 times; a bomb packs a thousand times. Below the floor a ratio says nothing.
MOST_PACKED = 200
PACKED_FLOOR = 64 * 1024 * 1024


class _Unpacked(io.RawIOBase):
    """Bytes of a gzip file up to a bound; past it the file is refused, before it fills memory or disk."""

    def __init__(self, path: Path, bound: int) -> None:
        self._path, self._inner, self._left = path, gzip.GzipFile(path, "rb"), bound

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        try:
            got = self._inner.read(len(buffer))
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise SourceError(f"{self._path.name} is no whole gzip file ({error}): pack it again") from None
        self._left -= len(got)
        if self._left < 0:
            raise SourceError(
                f"{self._path.name} unpacks to far more than it should: if that is right, unpack it yourself, or "
                "raise source.unpacked_mb"
            )
        buffer[: len(got)] = got
        return len(got)

    def close(self) -> None:
        self._inner.close()
        super().close()


@contextmanager
def opened(path: Path, unpacked_mb: int) -> Iterator[IO[bytes]]:
    """The bytes of a file, unpacked where its name ends in .gz.

    Raises:
        SourceError: it is no gzip file, or unpacks to more than `unpacked_mb` or than any text does.
    """
    if path.suffix.lower() != ".gz":
        with path.open("rb") as stream:
            yield stream
        return
    bound = min(unpacked_mb * 1024 * 1024, max(PACKED_FLOOR, MOST_PACKED * path.stat().st_size))
    with io.BufferedReader(_Unpacked(path, bound), 1024 * 1024) as unpacked:
        yield unpacked


def decoded(stream: IO[bytes], encoding: str) -> io.TextIOWrapper:
    """The stream as text; a byte that is none in the encoding becomes a lone surrogate, which no text holds."""
    # Codecs of two and four bytes know no surrogateescape; lines() marks what they replaced.
    errors = "replace" if encoding.startswith(("utf-16", "utf-32")) else "surrogateescape"
    return io.TextIOWrapper(stream, encoding=encoding, errors=errors, newline="")


def lines(text: io.TextIOWrapper) -> Iterator[tuple[int, str]]:
    """Line number and line with its end. One longer than a row may be comes cut, but longer than that bound."""
    number = 0
    while line := text.readline(LONGEST_ROW + 1):
        number += 1
        if text.errors == "replace":
            line = line.replace("\ufffd", "\udcff")
        yield number, line
        while len(line) > LONGEST_ROW and not line.endswith(("\n", "\r")):
            line = text.readline(LONGEST_ROW + 1) or "\n"
