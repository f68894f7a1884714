"""The spool: the folder in which all processes of a service keep what is not written to the store yet.

Belongs here: who owns which journal and whether its owner lives, the gate between writing and erasing, the zero of the
machine's moments, searching all journals.
Does not belong here: appending (journal.py), writing to the store (drain.py), what an erasure blanks (erasure.py).

A journal is `<owner>.lock` and segments `<owner>.<number>.journal`. The owner holds the lock with flock, which the
kernel takes from it when it dies: whoever gets it then may write the rest to the store. Names sort by birth.
"""

import fcntl
import json
import os
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from ticket_assets.serving.prediction_log.clock import Clock, boot
from ticket_assets.serving.prediction_log.lines import Line, lines
from ticket_assets.serving.prediction_log.search import Found, search
from ticket_assets.storage import temporary_sibling

Blob = bytes  # in the class below `bytes` is a method
LOCK, SEGMENT, CLOCK = ".lock", ".journal", "clock-"
# Longer than any file takes to be given its name: one of this age was left by a process that was killed.
LEFT_BEHIND_SECONDS = 3600
# Of one transaction: a batch of long tickets is in memory several times over.
BATCH_BYTES = 4 << 20


class Spool:
    """A folder of journals."""

    def __init__(self, folder: Path) -> None:
        """Make the folder, for nobody else: journals hold what tickets say."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for left in folder.glob(".*.tmp"):
            with suppress(FileNotFoundError):  # its writer, or another sweep, was quicker
                if time.time() - left.stat().st_mtime > LEFT_BEHIND_SECONDS:
                    left.unlink()

    def segments(self, owner: str | None = None) -> list[Path]:
        """Segments of one owner or of all, in the order in which they were begun."""
        return sorted(self.folder.glob(f"{owner or '*'}.*{SEGMENT}"))

    def segment(self, owner: str, number: int) -> Path:
        """Where a segment lies."""
        return self.folder / f"{owner}.{number:08d}{SEGMENT}"

    def bytes(self, but: str | None = None) -> int:
        """How much waits on disk, that of one owner left out."""
        total = 0
        for path in self.segments():
            if but is None or not path.name.startswith(f"{but}."):
                with suppress(FileNotFoundError):  # written to the store just now
                    total += path.stat().st_size
        return total

    def claim(self, owner: str) -> int:
        """Take the lock of a new owner; return its descriptor, to be held open.

        Raises:
            OSError: the folder takes no file.
        """
        path = self.folder / f"{owner}{LOCK}"
        # Under its name only once it is held: nobody may find it free and take the owner for dead.
        newborn = temporary_sibling(path)
        descriptor = os.open(newborn, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            newborn.rename(path)
        except OSError:
            os.close(descriptor)
            newborn.unlink(missing_ok=True)
            raise
        return descriptor

    def release(self, owner: str) -> None:
        """Forget an owner of whom nothing is left to write."""
        (self.folder / f"{owner}{LOCK}").unlink(missing_ok=True)

    def dead(self) -> Iterator[str]:
        """Owners that died, oldest first; each is held until the next one is asked for."""
        for path in sorted(self.folder.glob(f"*{LOCK}")):
            try:
                descriptor = os.open(path, os.O_RDWR)
            except FileNotFoundError:  # another process was quicker, and is done
                continue
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(descriptor).st_nlink:  # else as above
                    yield path.name.removesuffix(LOCK)
            except BlockingIOError:
                continue
            finally:
                os.close(descriptor)

    @contextmanager
    def gate(self, alone: bool = False) -> Iterator[None]:
        """Held by all who take records from journals to the store, or by the one who erases from both.

        A lock on the folder: a full disk takes no new file.
        """
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            yield
        finally:
            os.close(descriptor)

    def zero(self, clock: Clock) -> int:
        """What all processes add to the time since the machine's start; the first one after it decides."""
        path = self.folder / f"{CLOCK}{boot()}.json"
        try:
            if not path.exists():
                self._begin(path, clock.zero)
            return int(json.loads(path.read_text())["zero"])
        except (OSError, ValueError, KeyError):
            return clock.zero

    def _begin(self, path: Path, zero: int) -> None:
        for left in self.folder.glob(f"{CLOCK}*.json"):
            if left != path:  # of earlier starts of the machine
                left.unlink(missing_ok=True)
        mine = temporary_sibling(path)
        try:
            mine.write_text(json.dumps({"zero": zero}))
            with suppress(FileExistsError):
                os.link(mine, path)
        finally:
            mine.unlink(missing_ok=True)

    def search(
        self, kind: str, ids: Collection[str], seconds: float | None = None, memory: Blob | None = None
    ) -> Found:
        """Records of one kind that are not written to the store yet, of any process; the newest journals first.

        Args:
            kind: of records.
            ids: of them.
            seconds: after which to give up.
            memory: lines that are in no file yet.

        Raises:
            OSError: a journal cannot be read.
        """
        return search(self._streams(memory), kind, ids, seconds)

    def _streams(self, memory: Blob | None) -> Iterator[BinaryIO]:
        if memory:
            yield BytesIO(memory)
        for path in reversed(self.segments()):
            with suppress(FileNotFoundError), path.open("rb", buffering=0) as stream:  # else written just now
                yield stream


def read(path: Path, start: int = 0, end: int | None = None, rest: bool = False) -> Iterator[Line]:
    """The lines of a segment between two offsets; none where it was written to the store meanwhile (lines.lines)."""
    try:
        with path.open("rb") as stream:
            stream.seek(start)
            blob = stream.read() if end is None else stream.read(end - start)
    except FileNotFoundError:
        return
    yield from lines(blob, start, rest)


def batch_of(found: Iterator[Line], most: int) -> list[Line]:
    """The first lines, so many at most, and not many more bytes than BATCH_BYTES."""
    batch: list[Line] = []
    size = 0
    for line in islice(found, most):
        batch.append(line)
        size += len(line.raw)
        if size >= BATCH_BYTES:
            break
    return batch
