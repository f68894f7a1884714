"""Scoring in the shadow: the challenger answers what the champion has answered, and nobody is told.

Belongs here: the queue, its bounds, the thread that scores.
Does not belong here: whose ticket it is (sharing.py), how a shadow answer is kept (prediction_log/), what is made of it
(serving/probation.py).

No client waits for it: a ticket is put into the queue when its answer is made and logged, and what finds the queue full
is dropped and counted. One thread scores, and the system gives it the processor last.
"""

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from ticket_assets.serving.endpoint.answering import EmptyTicket, answer_one
from ticket_assets.serving.endpoint.challenger import ChallengerSeat
from ticket_assets.serving.endpoint.engine import Seat
from ticket_assets.serving.endpoint.messages import TicketIn
from ticket_assets.serving.endpoint.sharing import Given
from ticket_assets.serving.endpoint.trial_metrics import TrialMetrics
from ticket_assets.serving.prediction_log.log import PredictionLog

MOST_CHARACTERS = 4_000_000
"""Of all tickets that wait: some megabytes, however long a single one is."""
NICE = 10

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Waiting:
    """An answered ticket: id of its answer, what was asked, the labels that were given."""

    prediction_id: str
    ticket: TicketIn
    labels: dict[str, str]

    @property
    def characters(self) -> int:
        return len(self.ticket.subject) + len(self.ticket.body)


class Shadow:
    """Has the challenger answer what was answered.

    Args:
        challenger: who may be there or not.
        log: where its answers are kept.
        metrics: what is counted.
        most: tickets that may wait.
    """

    def __init__(self, challenger: ChallengerSeat, log: PredictionLog, metrics: TrialMetrics, most: int) -> None:
        self._challenger, self._log, self._metrics, self._most = challenger, log, metrics, most
        self._queue: deque[_Waiting] = deque()
        self._characters = 0
        self._changed = threading.Condition()
        self._stopped = self._busy = False
        self._thread = threading.Thread(target=self._score, name="shadow", daemon=True)

    def start(self) -> None:
        """Begin to score."""
        self._thread.start()

    def offer(self, given: Sequence[Given], ids: Sequence[str | None]) -> None:
        """Take tickets that the champion answered and the log has; costs their clients nothing but a look."""
        if self._challenger.seat is None:
            return
        dropped = 0
        with self._changed:
            for one, its_id in zip(given, ids, strict=True):
                if its_id is None or one.arm == "challenger":
                    continue
                labels = {target: its.label for target, its in one.answered.targets.items()}
                waiting = _Waiting(its_id, one.ticket, labels)
                room = MOST_CHARACTERS - self._characters
                if self._stopped or len(self._queue) >= self._most or waiting.characters > room:
                    dropped += 1
                    continue
                self._queue.append(waiting)
                self._characters += waiting.characters
            self._changed.notify_all()
        if dropped:
            self._metrics.dropped("shadow", "queue", dropped)

    def wait(self, timeout: float) -> bool:
        """Wait, in seconds, until nothing waits and nothing is being scored; return whether it is so."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._queue and not self._busy, timeout)

    def stop(self, timeout: float) -> bool:
        """Score no more; what waits is dropped. Wait, in seconds, for the ticket in hand; whether that has ended."""
        with self._changed:
            left = len(self._queue)
            self._stopped = True
            self._queue.clear()
            self._changed.notify_all()
        if left:
            self._metrics.dropped("shadow", "queue", left)
        if not self._thread.is_alive():
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _score(self) -> None:
        with suppress(AttributeError, OSError):  # of this thread alone, on Linux; elsewhere it has its share
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        while (waiting := self._next()) is not None:
            try:
                self._score_one(waiting)
            except Exception:  # else nothing would ever be scored again
                logger.exception("a ticket could not be scored in the shadow")
            finally:
                with self._changed:
                    self._busy = False
                    self._changed.notify_all()

    def _next(self) -> _Waiting | None:
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._stopped)
            if self._stopped:
                return None
            waiting = self._queue.popleft()
            self._characters -= waiting.characters
            self._busy = True
        self._metrics.waiting(len(self._queue))
        return waiting

    def _score_one(self, waiting: _Waiting) -> None:
        seat = self._challenger.seat
        if seat is None:  # it went while the ticket waited
            return
        answered = self._answered(seat, waiting.ticket)
        if answered is None:
            return
        said = {target: (label, share) for target, (label, share) in answered.items()}
        version = str(seat.champion.version)
        if not self._log.append_shadow(waiting.prediction_id, seat.champion.bundle, version, said):
            self._metrics.dropped("shadow", "log")
            return
        self._metrics.answered("shadow", seat.champion.version)
        self._metrics.compared(waiting.labels, {target: label for target, (label, _) in said.items()})

    def _answered(self, seat: Seat, ticket: TicketIn) -> dict[str, tuple[str, float | None]] | None:
        begun = time.perf_counter()
        try:
            # Reasons cost far more than the answer, and nobody would read them.
            answered = answer_one(seat.bundle, ticket.model_copy(update={"reasons": 0}))
        except EmptyTicket:  # by the challenger's cleaning: it has no answer to compare
            self._metrics.dropped("shadow", "error")
            return None
        except Exception as error:  # noqa: BLE001 - told by the seat, and counted
            self._challenger.failed(error)
            self._metrics.dropped("shadow", "error")
            return None
        self._challenger.answered()
        self._metrics.took(time.perf_counter() - begun)
        return {target: (one.label, one.probability) for target, one in answered.targets.items()}
