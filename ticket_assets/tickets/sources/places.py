"""Where files of tickets lie on local disk: a file, a folder, a glob.

Belongs here: finding files, each once, and their fingerprint.
Does not belong here: files behind a URL (object_store.py), what is in a file (files.py and the readers beside it).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ticket_assets.storage import digest, file_digest
from ticket_assets.tickets.sources.contract import SourceError


@dataclass(frozen=True)
class LocalPlace:
    """A path or glob on local disk."""

    pattern: Path

    @property
    def name(self) -> str:
        """The path."""
        return str(self.pattern)

    def names(self) -> tuple[str, ...]:
        """The files, sorted by name, each once however many links lead to it."""
        return tuple(map(str, local_files(self.pattern)))

    def fingerprint(self, names: tuple[str, ...]) -> str:
        """Content hash over the files, in order; their names and times do not count."""
        return fingerprint(tuple(map(Path, names)))

    def fetch(self, name: str, folder: Path) -> Path:
        """The file itself; nothing is copied."""
        return Path(name)


def local_files(pattern: Path) -> tuple[Path, ...]:
    """Files that a path, a folder or a glob names, sorted. A link that leads back to where it stands ends nothing."""
    if pattern.is_file():  # also one whose name holds a glob's brackets
        return (pattern,)
    if pattern.is_dir():
        matches: Iterator[Path] = _within(pattern, set())
    else:
        matches = Path(pattern.anchor).glob(str(pattern.relative_to(pattern.anchor)))
    once: dict[Path, Path] = {}
    try:
        found = sorted(match for match in matches if match.is_file())
    except ValueError as error:  # before Python 3.13 two stars must stand alone between slashes
        raise SourceError(f"source.path = {pattern}: {error}; write **/*.csv for all folders below") from None
    for match in found:
        once.setdefault(match.resolve(), match)
    return tuple(sorted(once.values()))


def fingerprint(files: tuple[Path, ...]) -> str:
    """Content hash over the files, in order; their names and times do not count."""
    return digest(file_digest(file) for file in files)


def is_hidden(name: str) -> bool:
    """Whether a file of a folder is none of its tickets: what tools leave there begins with a dot or underscore."""
    return name.startswith((".", "_"))


def _within(folder: Path, seen: set[Path]) -> Iterator[Path]:
    """Files below a folder; links to folders are followed, each folder is entered once."""
    real = folder.resolve()
    if real in seen:
        return
    seen.add(real)
    for entry in sorted(folder.iterdir()):
        if is_hidden(entry.name):
            continue
        if entry.is_dir():
            yield from _within(entry, seen)
        else:
            yield entry


def require_files(names: tuple[str, ...], place: str) -> tuple[str, ...]:
    """The names, of which there must be some.

    Raises:
        SourceError: there is none.
    """
    if not names:
        raise SourceError(f"no ticket file at {place}: set source.path of the profile")
    return names
