"""The journal of this process: what it acknowledged and the store does not have yet, in order, in files.

Belongs here: appending before the answer is acknowledged, its durability, the bound on disk, what was drained.
Does not belong here: the folder and other processes' journals (spool.py), writing to the store (drain.py).

One `os.write` per call: what the kernel has, a killed process does not lose.
"""

import errno
import os
import threading
from collections import deque
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ticket_assets.serving.prediction_log.lines import Line
from ticket_assets.serving.prediction_log.search import Found
from ticket_assets.serving.prediction_log.spool import Spool, batch_of, read

BUFFER_BYTES = 8 << 20
# How often others are looked at while the bound is filled: by how much several workers may go beyond it, at most.
LOOKS = 64


@dataclass
class Segment:
    """A file of the journal.

    Attributes:
        path: of it.
        descriptor: open for appending; None once the next one was begun.
        size: bytes that were written whole.
        synced: bytes of it that a power cut spares.
        drained: bytes of it that the store has.
        doubtful: bytes of it of which a flush to the disk failed: a second one would say nothing of them.
        left: records in it that the store does not have.
    """

    path: Path
    descriptor: int | None
    size: int = 0
    synced: int = 0
    drained: int = 0
    doubtful: int = 0
    left: int = 0


class Journal:
    """Appends from any thread; one thread drains it."""

    def __init__(
        self, spool: Spool, owner: str, durability: Literal["process", "disk", "none"], limit: int, segment_bytes: int
    ) -> None:
        """Nothing is opened yet: a disk that is full now may have room at the first record.

        Args:
            spool: the folder.
            owner: unique name, which sorts by birth.
            durability: of what `append` returns for.
            limit: bytes of the whole spool.
            segment_bytes: size from which on the next segment is begun.
        """
        self.spool, self.owner = spool, owner
        self.appended = self.drained = 0  # records
        self.bytes = 0  # in this process's files
        self.others = spool.bytes(but=owner)
        self._durability, self._limit, self._segment_bytes = durability, limit, segment_bytes
        self._segments: deque[Segment] = deque()
        self._number = 0
        self._claim: int | None = None
        self._buffer: list[bytes] = []
        self._buffered = self._buffered_records = 0
        self._unseen = 0  # bytes written since the last look at the others'
        self._lock, self._sync_lock = threading.Lock(), threading.Lock()
        self._process = os.getpid()

    def append(self, blob: bytes, records: int) -> None:
        """Keep whole lines, all or none; when it returns they are as safe as the durability says.

        Raises:
            OSError: they cannot be kept: no room, a read-only or broken disk.
            RuntimeError: the process was forked after the log was opened.
        """
        if os.getpid() != self._process:
            raise RuntimeError("the prediction log was opened before this process was forked: open it in the worker")
        with self._lock:
            if self._durability == "none":
                self._keep_in_memory(blob, records)
            else:
                segment = self._write(blob, records)
            self.appended += records
        if self._durability == "disk":
            self._sync(segment)

    def spill(self) -> None:
        """Write what was kept in memory.

        Raises:
            OSError: as above; it stays in memory.
        """
        with self._lock:
            if self._buffer:
                self._write(b"".join(self._buffer), self._buffered_records)
                self._buffer, self._buffered, self._buffered_records = [], 0, 0

    def look_around(self) -> None:
        """See how much of the bound other processes take."""
        self.others, self._unseen = self.spool.bytes(but=self.owner), 0

    @property
    def pending(self) -> int:
        """Records that the store does not have yet."""
        return self.appended - self.drained

    def search(self, kind: str, ids: Collection[str], seconds: float | None = None) -> Found:
        """Records that wait, of any process, and of this one in memory too (Spool.search)."""
        with self._lock:
            memory = b"".join(self._buffer)
        return self.spool.search(kind, ids, seconds, memory)

    def head(self, most: int) -> tuple[Segment, list[Line]] | None:
        """The oldest segment of which something is to be drained, and its first lines; none where they are gone."""
        with self._lock:
            waiting = next((one for one in self._segments if one.drained < one.size), None)
            if waiting is None:
                return None
            start, end = waiting.drained, waiting.size
        return waiting, batch_of(read(waiting.path, start, end, rest=True), most)

    def advance(self, segment: Segment, offset: int, records: int) -> int:
        """The store has a segment up to this offset; a segment that it has whole goes.

        Returns:
            How many records of a segment that went were in none of its lines: damage may join two, or take some.
        """
        with self._lock:
            segment.drained = offset
            whole = offset == segment.size
            missing = segment.left - records if whole else 0
            done = segment.left if whole else min(records, segment.left)
            segment.left -= done
            self.drained += done
            if whole:
                self._close(segment)
                segment.path.unlink(missing_ok=True)
                self._segments.remove(segment)
                self.bytes -= segment.size
            return max(0, missing)

    def give_up(self, segment: Segment) -> int:
        """The rest of a segment is not there any more; return how many records it held."""
        with self._lock:
            size = segment.size
        return self.advance(segment, size, 0)

    def close(self) -> None:
        """Let go of the files: what is left of them is for the next process."""
        with self._lock:
            for segment in self._segments:
                self._close(segment)
            if self._claim is not None:
                if not self._segments:
                    self.spool.release(self.owner)
                os.close(self._claim)
                self._claim = None

    def _keep_in_memory(self, blob: bytes, records: int) -> None:
        if self._buffered + len(blob) > min(BUFFER_BYTES, self._limit):
            raise OSError(errno.ENOSPC, "what waits in memory cannot be written to the spool")
        self._buffer.append(blob)
        self._buffered += len(blob)
        self._buffered_records += records

    def _write(self, blob: bytes, records: int) -> Segment:
        self._unseen += len(blob)
        if self._unseen > self._limit // LOOKS:
            self.look_around()
        if self.bytes + self.others + len(blob) > self._limit:
            raise OSError(errno.ENOSPC, f"the spool holds its {self._limit / (1 << 20):g} MiB (max_spool_mb)")
        segment = self._current()
        assert segment.descriptor is not None
        try:
            written = os.write(segment.descriptor, blob)
            if written < len(blob):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            self._take_back(segment)
            raise
        segment.size += written
        segment.left += records
        self.bytes += written
        return segment

    def _take_back(self, segment: Segment) -> None:
        """Cut off what a failed write left; where that fails too, the next record begins another segment."""
        assert segment.descriptor is not None
        try:
            os.ftruncate(segment.descriptor, segment.size)
        except OSError:
            self._close(segment)
            if not segment.size:
                self._segments.remove(segment)
                with suppress(OSError):
                    segment.path.unlink()

    def _current(self) -> Segment:
        last = self._segments[-1] if self._segments else None
        if last is not None and last.descriptor is not None:
            if last.size < self._segment_bytes:
                return last
            self._close(last)
        if self._claim is None:
            self._claim = self.spool.claim(self.owner)
        path = self.spool.segment(self.owner, self._number)
        self._number += 1
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND
        self._segments.append(Segment(path, os.open(path, flags, 0o600)))
        if self._durability == "disk":
            _sync_folder(path.parent)
        return self._segments[-1]

    def _close(self, segment: Segment) -> None:
        if segment.descriptor is None:
            return
        try:
            if self._durability == "disk" and segment.drained < segment.size and not segment.doubtful:
                os.fsync(segment.descriptor)
                segment.synced = segment.size
        except OSError:
            segment.doubtful = segment.size
            raise
        finally:
            os.close(segment.descriptor)
            segment.descriptor = None

    def _sync(self, segment: Segment) -> None:
        """Wait until the disk has a segment as far as it is written now; one waits for many."""
        mark = segment.size
        with self._sync_lock:
            with self._lock:
                if segment.synced >= mark:
                    return
                if segment.doubtful:
                    raise OSError(errno.EIO, os.strerror(errno.EIO))
                if segment.descriptor is None:  # closed: in the store
                    return
                size, descriptor = segment.size, os.dup(segment.descriptor)
            try:
                os.fsync(descriptor)
            except OSError:
                # The kernel tells a lost page once: to those that wait as well, and never again to this file.
                with self._lock:
                    segment.doubtful = segment.size
                    self._close(segment)
                raise
            finally:
                os.close(descriptor)
            segment.synced = size


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
