"""Threads for requests that ask the database of the prediction log.

Belongs here: how many there are, how many requests may wait for one.
Does not belong here: what they ask (triage.py, office.py).

A database that hangs rather than fails keeps its threads for as long as its timeouts say (prediction_log/engine.py):
a minute. Threads of their own, so that batches are computed meanwhile; and few in all, so that corrections which wait
leave room for tickets among the requests in work (access/capacity.py).
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar

from ticket_assets.serving.access.refusal import Refusal

THREADS = 8
MOST = 16  # at work and waiting
RETRY_SECONDS = 5
Told = TypeVar("Told")


class DatabaseThreads:
    """Asks the database on behalf of the event loop."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS, "database")
        self._asked, self._counting = 0, threading.Lock()

    async def ask(self, work: Callable[..., Told], *arguments: Any) -> Told:
        """What the work comes to, in a thread.

        Raises:
            Refusal: 503 with Retry-After; as many as may are waiting for the database.
        """
        with self._counting:
            if self._asked >= MOST:
                message = f"{MOST} requests wait for the prediction log: try again in {RETRY_SECONDS} s"
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
