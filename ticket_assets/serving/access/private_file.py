"""Files that only their owner may read, and files that are read again when they change.

Belongs here: writing at mode 0600, the lock around a change, watching.
Does not belong here: what is in the files (keys.py, users.py, tokens.py).
"""

import fcntl
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar

from ticket_assets.storage import replacing

Content = TypeVar("Content")
LOOK_SECONDS = 1.0
log = logging.getLogger(__name__)


class AccessFileError(RuntimeError):
    """A file of keys or users is not readable as one; the message names the file, never what is in it."""


def write_private(path: Path, text: str) -> None:
    """Write a file atomically and durably; nobody but its owner could read it at any moment."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with replacing(path) as temporary, os.fdopen(_create(temporary), "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())


def write_once(path: Path, text: str) -> str:
    """Write a file unless it is there; return what it holds, which of several processes is the first one's."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        draft = path.with_name(f".{path.name}.{os.getpid()}.{time.monotonic_ns()}.tmp")
        try:
            with os.fdopen(_create(draft), "w", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            os.link(draft, path)  # fails where the name is taken, and a reader never meets half a file
        except FileExistsError:
            pass
        finally:
            draft.unlink(missing_ok=True)
    return path.read_text(encoding="utf-8").strip()


def _create(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)


@contextmanager
def changing(path: Path) -> Iterator[None]:
    """Alone with a file: of two changes at once none is lost."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.with_name(f".{path.name}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


class WatchedFile(Generic[Content]):
    """A file's content as it is now, looked at once a second at most.

    A file that is gone counts as an empty one. One that became unreadable leaves what was read before in force, with
    an error in the log: a slip of an editor must not lock everybody out. At the start it is an error.

    Args:
        path: of the file.
        parse: its text to its content; raises AccessFileError.
        empty: the content where there is no file.
        clock: monotonic seconds.

    Raises:
        AccessFileError: it is there and cannot be read.
    """

    def __init__(
        self, path: Path, parse: Callable[[str], Content], empty: Content, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._path, self._parse, self._empty, self._clock = path, parse, empty, clock
        self._looked, self._seen = clock(), self._signature()
        self._told = ""  # of what is wrong with it now
        self._content = self._read()

    def now(self) -> Content:
        """The content, at most a second old."""
        moment = self._clock()
        if moment - self._looked >= LOOK_SECONDS:
            self._looked = moment
            self._look()
        return self._content

    def _look(self) -> None:
        try:
            signature = self._signature()
            if signature != self._seen:
                self._content = self._read()
                self._seen = signature  # only now: a disk that failed is asked again
            self._told = ""
        except AccessFileError as error:
            if str(error) != self._told:
                log.error("%s; what it held before stays in force", error)
            self._told = str(error)

    def _signature(self) -> tuple[int, int, int] | None:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise AccessFileError(f"{self._path} cannot be looked at: {type(error).__name__}") from error
        return status.st_mtime_ns, status.st_size, status.st_ino

    def _read(self) -> Content:
        try:
            text = self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return self._empty
        except (OSError, UnicodeDecodeError) as error:
            raise AccessFileError(f"{self._path} cannot be read: {type(error).__name__}") from error
        try:
            return self._parse(text)
        except AccessFileError as error:
            raise AccessFileError(f"{self._path}: {error}") from error
