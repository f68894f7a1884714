"""Tickets in files: Parquet, CSV, JSON lines and JSON arrays, packed or not, on local disk or in a bucket.

Belongs here: which reader a name asks for, one file after the other.
Does not belong here: finding and fetching files (places.py, object_store.py), reading one (delimited.py, documents.py).
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from ticket_assets.tickets.sources.contract import Cursor, SourceError
from ticket_assets.tickets.sources.delimited import delimited_rows
from ticket_assets.tickets.sources.dialect import SAMPLE, detect_delimiter, detect_encoding
from ticket_assets.tickets.sources.documents import document_rows, holds_array
from ticket_assets.tickets.sources.landing import Landing
from ticket_assets.tickets.sources.opened import decoded, opened
from ticket_assets.tickets.sources.places import require_files

PARQUET, CSV, JSON = "Parquet", "CSV", "JSON"
FORMATS = {
    **dict.fromkeys((".parquet", ".pq"), PARQUET),
    **dict.fromkeys((".csv", ".tsv", ".csv.gz", ".tsv.gz"), CSV),
    **dict.fromkeys((".json", ".jsonl", ".ndjson", ".json.gz", ".jsonl.gz", ".ndjson.gz"), JSON),
}


class Place(Protocol):
    """Where files lie."""

    @property
    def name(self) -> str:
        """What to call it; holds no secret."""
        ...

    def names(self) -> tuple[str, ...]:
        """The files there, sorted."""
        ...

    def fingerprint(self, names: tuple[str, ...]) -> str:
        """Of their content, in order."""
        ...

    def fetch(self, name: str, folder: Path) -> Path:
        """One of them on local disk; in the folder, if it was not there yet."""
        ...


@dataclass(frozen=True)
class FileSource:
    """Files of one format.

    Attributes:
        place: where they lie.
        encoding: of CSV and JSON; None to detect it per file.
        delimiter: of CSV; None to detect it per file.
        unpacked_mb: to what a .gz may unpack.
    """

    place: Place
    encoding: str | None = None
    delimiter: str | None = None
    unpacked_mb: int = 4096

    @property
    def name(self) -> str:
        """The path or URL."""
        return self.place.name

    def files(self) -> tuple[str, ...]:
        """Names of the files.

        Raises:
            SourceError: no such file, mixed formats, or a format that is not read.
        """
        names = require_files(self.place.names(), self.name)
        strange = next((name for name in names if _format(name) is None), None)
        if strange is not None:
            known = ", ".join(FORMATS)
            raise SourceError(f"{PurePosixPath(strange).name} is none of {known}: convert it, or mend source.path")
        formats = {_format(name) for name in names}
        if len(formats) > 1:
            said = sorted({_suffix(name) for name in names})
            raise SourceError(f"{self.name} names files of several formats {said}: narrow the pattern")
        return names

    def fingerprint(self) -> str:
        """Of the files' content, in order."""
        with _told():
            return self.place.fingerprint(self.files())

    def read(self, landing: Landing, since: Cursor | None) -> None:
        """All rows of all files; which of them are new is the snapshot's question."""
        names, dialects = self.files(), Counter[str]()
        for name in names:
            with _told():
                dialect = self._read_file(name, landing)
            if dialect:
                dialects[dialect] += 1
        landing.tell("files", str(len(names)))
        for dialect, count in dialects.items():
            landing.tell(f"files read as {dialect}", str(count))

    def _read_file(self, name: str, landing: Landing) -> str:
        """Hand on the rows of a file; return how it was read, of Parquet nothing."""
        path = self.place.fetch(name, landing.folder / "fetched")
        if not path.stat().st_size:
            return ""  # a file without a byte adds nothing, not even a column
        kind = _format(name)
        if kind == PARQUET:
            landing.adopt(path)
            return ""
        try:
            return self._read_text(path, kind == CSV, landing)
        except UnicodeError as error:
            raise SourceError(f"{path.name} cannot be read as {self.encoding}: {error}: mend source.encoding") from None
        finally:
            if landing.folder in path.parents:
                path.unlink()

    def _read_text(self, path: Path, is_csv: bool, landing: Landing) -> str:
        """Hand on the rows of a file; return how it was read."""
        encoding = self.encoding or self._encoding(path)
        with opened(path, self.unpacked_mb) as stream, decoded(stream, encoding) as text:
            head = text.read(SAMPLE)
        delimiter = self.delimiter or detect_delimiter(head)
        with opened(path, self.unpacked_mb) as stream, decoded(stream, encoding) as text:
            if is_csv:
                landing.add(delimited_rows(text, path.name, delimiter))
                return f"CSV in {encoding}, columns parted by {delimiter!r}"
            is_array = holds_array(head)
            landing.add(document_rows(text, path.name, is_array))
            return f"JSON {'array' if is_array else 'lines'} in {encoding}"

    def _encoding(self, path: Path) -> str:
        with opened(path, self.unpacked_mb) as stream:
            return detect_encoding(stream, path.name)


@contextmanager
def _told() -> Iterator[None]:
    """A file that is gone since it was found, or that one may not read, is the source's fault and none of ours."""
    try:
        yield
    except (FileNotFoundError, PermissionError) as error:
        raise SourceError(f"{error.filename} cannot be read: {error.strerror}: look at source.path") from None


def _format(name: str) -> str | None:
    return FORMATS.get(_suffix(name))


def _suffix(name: str) -> str:
    suffixes = [suffix.lower() for suffix in PurePosixPath(name).suffixes]
    return "".join(suffixes[-2:]) if suffixes[-1:] == [".gz"] else "".join(suffixes[-1:])
