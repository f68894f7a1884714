"""From the journals to the store: one thread per process, outside the request path.

Belongs here: when to write, what to do while the store is down, taking over what dead processes left.
Does not belong here: how rows are written (store.py), how journals look (journal.py, spool.py).

A batch leaves the journal once its transaction is committed. A process that is killed in between writes it again, which
adds nothing: rows have the record's id as their key.
"""

import logging
import random
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path

from ticket_assets.serving.prediction_log.clock import Clock
from ticket_assets.serving.prediction_log.engine import StoreDownError, told
from ticket_assets.serving.prediction_log.feedback import LabelSets, label_sets_of
from ticket_assets.serving.prediction_log.journal import Journal
from ticket_assets.serving.prediction_log.records import PredictionRecord
from ticket_assets.serving.prediction_log.retention import forget
from ticket_assets.serving.prediction_log.rows import Written
from ticket_assets.serving.prediction_log.schema import SchemaError
from ticket_assets.serving.prediction_log.second_look import look_again
from ticket_assets.serving.prediction_log.settings import PredictionLogSettings
from ticket_assets.serving.prediction_log.spool import batch_of, read
from ticket_assets.serving.prediction_log.store import Store

FIRST_RETRY_SECONDS = 0.2
RETENTION_SECONDS = 3600.0
FORGET_SECONDS = 1.0
# How often, and at how old ones, to look again for the predictions of corrections that were set aside.
LOOK_AGAIN_SECONDS, LOOK_AGAIN_DAYS = 60.0, 7
# A store that lets a batch wait for longer is told of; one that was asked nothing for longer is asked for a sign.
SLOW_SECONDS = 5.0
IDLE_SECONDS = 5.0
_GLANCE_SECONDS = 0.2

logger = logging.getLogger(__name__)


class Drain:
    """Writes this process's journal, and those of dead ones, to the store.

    Attributes:
        done: what came of all lines so far.
        adopted: records of dead processes among them.
        lost: records of this process whose journal somebody else removed or shortened.
        down_since: time of day since which the store does not answer; None while it does.
        failing: why the last turn failed, without credentials; None once one has succeeded.
        last_error: the last of these.
    """

    def __init__(self, settings: PredictionLogSettings, journal: Journal, store: Store, clock: Clock) -> None:
        self.done = Written()
        self.adopted = self.lost = 0
        self.down_since: datetime | None = None
        self.failing: str | None = None
        self.last_error: str | None = None
        self._settings, self._journal, self._store, self._clock = settings, journal, store, clock
        self._spool = journal.spool
        self._prepared = False
        self._failures = 0
        self._random = random.Random()  # of its own: a thread that draws from the common one disturbs who seeded that
        self._retry_at = self._retention_at = self._answered_at = time.monotonic()
        self._look_again_at = self._retry_at + LOOK_AGAIN_SECONDS
        self._asked_at: float | None = None
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._turned = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="prediction-log", daemon=True)
        self._spiller = threading.Thread(target=self._keep_spilling, name="prediction-log-spill", daemon=True)

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
        if self._settings.durability == "none":
            self._spiller.start()

    @property
    def answers(self) -> bool:
        """Whether it is worth while to ask the store."""
        return self.down_since is None and self.slow is None

    @property
    def slow(self) -> str | None:
        """That the store has let a request wait for long; None where it has not."""
        asked_at = self._asked_at
        waited = 0.0 if asked_at is None else time.monotonic() - asked_at
        return f"the store has not answered for {waited:.0f} s" if waited > SLOW_SECONDS else None

    def noticed(self, error: StoreDownError) -> None:
        """Somebody else found the store down; the thread sees for itself at once."""
        self.last_error = self.failing = str(error)
        self.down_since = self.down_since or self._clock.now()
        self._prepared = False
        self._wake.set()

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
        """Write what there is, and end; return whether the thread has ended. What is left then is in the spool."""
        self._stopping.set()
        self._spilled()
        self._hurry()
        if self._thread.is_alive():
            self._thread.join(timeout)
        is_held_up = self._thread.is_alive()
        if is_held_up:
            self._spilled()  # what came meanwhile
        return not is_held_up

    def _hurry(self) -> None:
        self._retry_at = 0.0
        self._wake.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(self._settings.flush_seconds)
            self._wake.clear()
            self._turn()
        self._turn()

    def _keep_spilling(self) -> None:
        """Beside the thread that writes: a store that hangs, or an erasure, holds that one up for minutes."""
        while not self._stopping.wait(self._settings.flush_seconds):
            self._spilled()

    def _turn(self) -> None:
        try:
            full = self._spilled()
            self._journal.look_around()
            if time.monotonic() >= self._retry_at:
                self._write_all()
                full = full and self._spilled()  # there may be room now
                self._failures, self.down_since, self.failing = 0, None, full
        except Exception as error:  # noqa: BLE001 - records wait for this thread: it outlives whatever goes wrong
            self._failed(error)
        finally:
            with self._turned:
                self._turned.notify_all()

    def _spilled(self) -> str | None:
        """Write what is in memory; return why it has to stay there. It keeps nothing from being drained."""
        try:
            self._journal.spill()
        except OSError as error:
            self.last_error = self.failing = told(error, self._settings)
            return self.failing
        return None

    def _failed(self, error: Exception) -> None:
        self.last_error = self.failing = told(error, self._settings)
        if isinstance(error, StoreDownError | SchemaError):
            self.down_since = self.down_since or self._clock.now()
            self._prepared = False  # what comes back may be another database
        longest = min(self._settings.retry_seconds, FIRST_RETRY_SECONDS * 2 ** min(self._failures, 20))
        # Jitter, so that not all workers come back to a store at once.
        self._retry_at = time.monotonic() + self._random.uniform(longest / 2, longest)
        self._failures += 1

    @contextmanager
    def _asking(self) -> Iterator[None]:
        self._asked_at = time.monotonic()
        try:
            yield
            self._answered_at = time.monotonic()
        finally:
            self._asked_at = None

    def _write_all(self) -> None:
        if not self._prepared:
            with self._asking():
                self._store.prepare()
            self._prepared = True
        wanted = self._journal.appended
        while self._journal.drained < wanted and self._write_own():
            self.down_since = self.failing = None
        self._adopt()
        if time.monotonic() - self._answered_at > IDLE_SECONDS:
            with self._asking():
                self._store.ping()
        if time.monotonic() >= self._look_again_at:
            self._look_again()
        if time.monotonic() >= self._retention_at:
            self._forget()

    def _write_own(self) -> bool:
        # Read inside the gate: what an erasure blanked meanwhile must not be in hand.
        with self._spool.gate():
            head = self._journal.head(self._settings.batch_rows)
            if head is None:
                return False
            segment, batch = head
            if not batch:
                self._lose(segment.path, self._journal.give_up(segment))
                return True
            with self._asking():
                self.done += self._store.write(batch, self._waiting)
            self._journal.advance(segment, batch[-1].start + len(batch[-1].raw), len(batch))
        return True

    def _lose(self, path: Path, records: int) -> None:
        self.lost += records
        self.last_error = f"{records} records of {path.name} are lost: somebody removed or shortened it"
        logger.error("prediction log: %s", self.last_error)

    def _adopt(self) -> None:
        for owner in self._spool.dead():
            for path in self._spool.segments(owner):
                start = 0
                while True:
                    with self._spool.gate():
                        batch = batch_of(read(path, start, rest=True), self._settings.batch_rows)
                        if not batch:
                            path.unlink(missing_ok=True)  # in the gate: an erasure may have it in hand
                            break
                        with self._asking():
                            self.done += self._store.write(batch, self._waiting)
                        self.adopted += len(batch)
                    start = batch[-1].start + len(batch[-1].raw)
            self._spool.release(owner)

    def _waiting(self, prediction_ids: Collection[str]) -> dict[str, LabelSets]:
        """The label sets of those predictions that are in a journal of any process."""
        found = self._journal.search(PredictionRecord.KIND, prediction_ids)
        made = {}
        for one, payload in found.payloads.items():
            with suppress(KeyError, TypeError, ValueError):  # no prediction: it will be refused as well
                made[one] = label_sets_of(PredictionRecord.from_payload(payload))
        return made

    def _look_again(self) -> None:
        self._look_again_at = time.monotonic() + LOOK_AGAIN_SECONDS
        with self._spool.gate(), self._asking():
            since = self._clock.now() - timedelta(days=LOOK_AGAIN_DAYS)
            self.done += look_again(self._store.engine, since, new_labels=self._settings.new_labels)

    def _forget(self) -> None:
        """Delete what is past its time; of much of it the rest in the next turn, as records wait meanwhile."""
        until = time.monotonic() + FORGET_SECONDS
        if self._settings.retention_days is not None:
            before = self._clock.now() - timedelta(days=self._settings.retention_days)
            steps = forget(self._store.engine, before, self._settings.batch_rows)
            while self._forgot(steps):
                if time.monotonic() >= until:
                    return
        self._retention_at = time.monotonic() + RETENTION_SECONDS

    def _forgot(self, steps: Iterator[int]) -> bool:
        """Take one step, let through by an erasure before each; return whether there was one."""
        with self._spool.gate(), self._asking():
            return next(steps, None) is not None
