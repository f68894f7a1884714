"""Threads for requests that ask something which may hang: a database, a disk, a store of bundles.

Belongs here: which pools there are, how many threads each has, how many requests may wait for one.
Does not belong here: what they ask (triage.py, office.py), work that only computes (asyncio's own threads do).

What hangs rather than fails keeps its threads: a database for as long as its timeouts say (prediction_log/engine.py), a
disk for as long as it likes. Pools of their own, so that it holds up nothing else, and least of all `act` off; and few
requests in all, so that those which wait leave room for tickets among the requests in work (access/capacity.py).
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ticket_assets.serving.access.refusal import Refusal

RETRY_SECONDS = 5
Told = TypeVar("Told")


class Threads:
    """Asks on behalf of the event loop.

    Args:
        name: of the threads.
        asked: what they ask, in words.
        threads: how many there are.
        most: requests at work and waiting.
    """

    def __init__(self, name: str, asked: str, threads: int, most: int) -> None:
        self.threads, self.most = threads, most
        self._name = asked
        self._pool = ThreadPoolExecutor(threads, name)
        self._asked, self._counting = 0, threading.Lock()

    async def ask(self, work: Callable[..., Told], *arguments: Any) -> Told:
        """What the work comes to, in a thread.

        Raises:
            Refusal: 503 with Retry-After; as many as may are waiting.
        """
        with self._counting:
            if self._asked >= self.most:
                message = f"{self.most} requests wait for {self._name}: try again in {RETRY_SECONDS} s"
                raise Refusal(503, message, "overloaded", headers={"retry-after": str(RETRY_SECONDS)})
            self._asked += 1
        # With the request's id and caller, which are written beside what is kept.
        future: Future[Told] = self._pool.submit(copy_context().run, work, *arguments)
        future.add_done_callback(self._ended)
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Take no more; threads that hang end with their timeouts."""
        self._pool.shutdown(wait=False)

    def _ended(self, _: "Future[Any]") -> None:
        with self._counting:
            self._asked -= 1


@dataclass(frozen=True)
class Pools:
    """The threads of a service.

    Attributes:
        database: for corrections and `act_report`.
        similar: for similar tickets, whose table may lie on a disk that is slow.
        act: for the switch; nobody else's work stands before it.
        reload: for the store of bundles; one, as one offer is looked at after the other.
    """

    database: Threads = field(default_factory=lambda: Threads("database", "the prediction log", 8, 16))
    similar: Threads = field(default_factory=lambda: Threads("similar", "similar tickets", 4, 24))
    act: Threads = field(default_factory=lambda: Threads("act", "the switch", 2, 8))
    reload: Threads = field(default_factory=lambda: Threads("reload", "the store of bundles", 1, 4))

    def close(self) -> None:
        """Take no more."""
        for its in (self.database, self.similar, self.act, self.reload):
            its.close()
