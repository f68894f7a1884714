"""From the journals to the store: one thread per process, outside the request path.

Belongs here: when to write, what to do while the store is down, taking over what dead processes left.
Does not belong here: how rows are written (store.py), how journals look (journal.py, spool.py).

A batch leaves the journal once its transaction is committed. A process that is killed in between writes it again, which
adds nothing: rows have the record's id as their key.
"""

import random
import threading
import time
from datetime import datetime, timedelta
from itertools import islice

from ticket_assets.serving.prediction_log.clock import Clock
from ticket_assets.serving.prediction_log.engine import StoreDownError, told
from ticket_assets.serving.prediction_log.journal import Journal
from ticket_assets.serving.prediction_log.retention import forget
from ticket_assets.serving.prediction_log.rows import Written
from ticket_assets.serving.prediction_log.schema import SchemaError
from ticket_assets.serving.prediction_log.settings import PredictionLogSettings
from ticket_assets.serving.prediction_log.spool import read
from ticket_assets.serving.prediction_log.store import Store

FIRST_RETRY_SECONDS = 0.2
RETENTION_SECONDS = 3600.0
_GLANCE_SECONDS = 0.2


class Drain:
    """Writes this process's journal, and those of dead ones, to the store.

    Attributes:
        done: what came of all lines so far.
        adopted: records of dead processes among them.
        down_since: time of day since which the store does not answer; None while it does.
        last_error: of the store or of the spool, without credentials.
    """

    def __init__(self, settings: PredictionLogSettings, journal: Journal, store: Store, clock: Clock) -> None:
        self.done = Written()
        self.adopted = 0
        self.down_since: datetime | None = None
        self.last_error: str | None = None
        self._settings, self._journal, self._store, self._clock = settings, journal, store, clock
        self._spool = journal.spool
        self._prepared = False
        self._failures = 0
        self._retry_at = self._retention_at = time.monotonic()
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._turned = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="prediction-log", daemon=True)

    def start(self) -> None:
        """Try the store once, then go on in a thread.

        Raises:
            SchemaError: the store is of a newer version; one that is down is no error.
        """
        try:
            self._store.prepare()
            self._prepared = True
        except StoreDownError as error:
            self._failed(error)
        self._thread.start()

    def nudge(self) -> None:
        """A batch is full."""
        if self.down_since is None:
            self._wake.set()

    def flush(self, timeout: float) -> bool:
        """Wait until the store has all that was appended up to now; return whether it has."""
        wanted, until = self._journal.appended, time.monotonic() + timeout
        with self._turned:
            while self._journal.drained < wanted and self._thread.is_alive():
                left = until - time.monotonic()
                if left <= 0:
                    return False
                self._hurry()
                self._turned.wait(min(left, _GLANCE_SECONDS))
        return self._journal.drained >= wanted

    def stop(self, timeout: float) -> bool:
        """Write what there is, and end; return whether the thread has ended."""
        self._stopping.set()
        self._hurry()
        if self._thread.is_alive():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _hurry(self) -> None:
        self._retry_at = 0.0
        self._wake.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(self._settings.flush_seconds)
            self._wake.clear()
            self._turn()
        self._turn()

    def _turn(self) -> None:
        try:
            self._journal.spill()
            self._journal.others = self._spool.bytes(but=self._journal.owner)
            if time.monotonic() >= self._retry_at:
                self._write_all()
                self._failures, self.down_since = 0, None
        except Exception as error:  # noqa: BLE001 - records wait for this thread: it outlives whatever goes wrong
            self._failed(error)
        finally:
            with self._turned:
                self._turned.notify_all()

    def _failed(self, error: Exception) -> None:
        self.last_error = told(error, self._settings)
        if isinstance(error, StoreDownError | SchemaError):
            self.down_since = self.down_since or self._clock.now()
            self._prepared = False  # what comes back may be another database
        longest = min(self._settings.retry_seconds, FIRST_RETRY_SECONDS * 2 ** min(self._failures, 20))
        # Jitter, so that not all workers come back to a store at once.
        self._retry_at = time.monotonic() + random.uniform(longest / 2, longest)
        self._failures += 1

    def _write_all(self) -> None:
        if not self._prepared:
            self._store.prepare()
            self._prepared = True
        wanted = self._journal.appended
        while self._journal.drained < wanted and self._write_own():
            self.down_since = None
        self._adopt()
        if time.monotonic() >= self._retention_at:
            self._retention_at = time.monotonic() + RETENTION_SECONDS
            self._forget()

    def _write_own(self) -> bool:
        # Read inside the gate: what an erasure blanked meanwhile must not be in hand.
        with self._spool.gate():
            head = self._journal.head(self._settings.batch_rows)
            if head is None:
                return False
            segment, batch = head
            self.done += self._store.write(batch, self._waits)
            self._journal.advance(segment, batch[-1].start + len(batch[-1].raw), len(batch))
        return True

    def _adopt(self) -> None:
        for owner in self._spool.dead():
            for path in self._spool.segments(owner):
                start = 0
                while True:
                    with self._spool.gate():
                        batch = list(islice(read(path, start), self._settings.batch_rows))
                        if not batch:
                            break
                        self.done += self._store.write(batch, self._waits)
                        self.adopted += len(batch)
                    start = batch[-1].start + len(batch[-1].raw)
                path.unlink(missing_ok=True)
            self._spool.release(owner)

    def _waits(self, prediction_id: str) -> bool:
        return self._spool.find(prediction_id) is not None

    def _forget(self) -> None:
        if self._settings.retention_days is not None:
            before = self._clock.now() - timedelta(days=self._settings.retention_days)
            forget(self._store.engine, before)
