"""The journal of this process: what it acknowledged and the store does not have yet, in order, in files.

Belongs here: appending before the answer is acknowledged, its durability, the bound on disk, what was drained.
Does not belong here: the folder and other processes' journals (spool.py), writing to the store (drain.py).

One `os.write` per call: what the kernel has, a killed process does not lose.
"""

import errno
import os
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

from ticket_assets.serving.prediction_log.lines import Line
from ticket_assets.serving.prediction_log.spool import Spool, read

BUFFER_BYTES = 8 << 20


@dataclass
class Segment:
    """A file of the journal.

    Attributes:
        path: of it.
        descriptor: open for appending; None once the next one was begun.
        size: bytes that were written whole.
        synced: bytes of it that a power cut spares.
        drained: bytes of it that the store has.
    """

    path: Path
    descriptor: int | None
    size: int = 0
    synced: int = 0
    drained: int = 0


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
        self._buffered = 0
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
                self._keep_in_memory(blob)
            else:
                segment = self._write(blob)
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
                self._write(b"".join(self._buffer))
                self._buffer, self._buffered = [], 0

    @property
    def pending(self) -> int:
        """Records that the store does not have yet."""
        return self.appended - self.drained

    def head(self, most: int) -> tuple[Segment, list[Line]] | None:
        """The oldest segment of which something is to be drained, and its first lines."""
        with self._lock:
            waiting = next((one for one in self._segments if one.drained < one.size), None)
            if waiting is None:
                return None
            start, end = waiting.drained, waiting.size
        return waiting, list(islice(read(waiting.path, start, end), most))

    def advance(self, segment: Segment, offset: int, records: int) -> None:
        """The store has a segment up to this offset; a segment that it has whole goes."""
        with self._lock:
            segment.drained = offset
            self.drained += records
            if segment.drained == segment.size:
                self._close(segment)
                segment.path.unlink(missing_ok=True)
                self._segments.remove(segment)
                self.bytes -= segment.size

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

    def _keep_in_memory(self, blob: bytes) -> None:
        if self._buffered + len(blob) > min(BUFFER_BYTES, self._limit):
            raise OSError(errno.ENOSPC, "what waits in memory cannot be written to the spool")
        self._buffer.append(blob)
        self._buffered += len(blob)

    def _write(self, blob: bytes) -> Segment:
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
            if self._durability == "disk" and segment.drained < segment.size:
                os.fsync(segment.descriptor)
                segment.synced = segment.size
        finally:
            os.close(segment.descriptor)
            segment.descriptor = None

    def _sync(self, segment: Segment) -> None:
        """Wait until the disk has a segment as far as it is written now; one waits for many."""
        mark = segment.size
        with self._sync_lock:
            with self._lock:
                if segment.synced >= mark or segment.descriptor is None:  # closed: synced, or in the store
                    return
                size, descriptor = segment.size, os.dup(segment.descriptor)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            segment.synced = size


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
