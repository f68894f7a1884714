"""How many requests are in work, and for how long, over HTTP and gRPC together.

Belongs here: the bound of requests in work, the deadline of an answer, waiting until none is left.
Does not belong here: how often one caller asks (limits.py), connections that say nothing (connections.py).

BentoML's own bounds (`traffic`) lie outside of every middleware that a service can add, and answer in another shape:
its timeout is taken out (serving/endpoint/lean.py), its max_concurrency is left out.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ticket_assets.serving.access.refusal import Refusal

# Asked by whoever decides whether this process lives: never refused for want of room.
PROBES = frozenset({"/livez", "/healthz", "/readyz", "/metrics"})
Made = TypeVar("Made")


class Work:
    """The requests that the process has in work, each until its work truly ends.

    A request whose client was told that it took too long, or who went away, still has its thread: a thread that
    computes or waits for a database cannot be interrupted. So its work is never cancelled, and it counts.

    Args:
        most: in work at once.
        seconds: until a request without an answer is given up.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self.seconds = seconds
        self._most = most
        self._tasks: set[asyncio.Task[Any]] = set()
        self._told: Callable[[int], None] = lambda _: None

    def __len__(self) -> int:
        return len(self._tasks)

    def follow(self, told: Callable[[int], None]) -> None:
        """Tell how many there are whenever that changes."""
        self._told = told

    def require_room(self) -> None:
        """Refuse one request more than there may be.

        Raises:
            Refusal: 503 with Retry-After.
        """
        if len(self._tasks) >= self._most:
            message = f"{self._most} requests are in work: try again in 1 s"
            raise Refusal(503, message, "overloaded", headers={"retry-after": "1"})

    def begin(self, work: Coroutine[Any, Any, Made]) -> "asyncio.Task[Made]":
        """Begin the work of a request, in a task of its own."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        self._told(len(self._tasks))
        return task

    async def answer(self, work: Coroutine[Any, Any, Made]) -> Made:
        """What a request comes to.

        Raises:
            Refusal: 504; it takes too long.
        """
        task = self.begin(work)
        try:
            done, _ = await asyncio.wait({task}, timeout=self.seconds)
        except asyncio.CancelledError:
            give_up(task)
            raise
        if not done:
            give_up(task)
            raise self.too_late()
        return task.result()

    def too_late(self) -> Refusal:
        """What the client of a request is told that takes too long."""
        return Refusal(504, f"there was no answer within {self.seconds:g} s")

    async def finish(self, seconds: float) -> bool:
        """Wait so long for what is in work; return whether nothing is left."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=seconds)
        return not self._tasks

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        self._told(len(self._tasks))


def give_up(task: "asyncio.Task[Any]") -> None:
    """Let it end by itself, and take note of how: asyncio complains of an error that nobody took note of."""
    task.add_done_callback(lambda ended: None if ended.cancelled() else ended.exception())


class Capacity:
    """Refuses what is more than the process can have in work, and what takes too long."""

    def __init__(self, app: ASGIApp, work: Work) -> None:
        self._app, self._work = app, work

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it with 503 or 504."""
        if scope["type"] != "http" or scope["path"] in PROBES:
            await self._app(scope, receive, send)
            return
        self._work.require_room()
        await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = asyncio.get_running_loop().create_future()
        is_late = False

        async def answer(message: Message) -> None:
            if is_late:
                return  # the client has had its 504
            if not begun.done():
                begun.set_result(None)
            await send(message)

        async def work() -> None:
            await self._app(scope, receive, answer)

        task = self._work.begin(work())
        try:
            done, _ = await asyncio.wait({task, begun}, timeout=self._work.seconds, return_when=asyncio.FIRST_COMPLETED)
            if done:
                await task
                return
        except asyncio.CancelledError:
            task.cancel()  # the server ends, and waits for nobody any more
            raise
        is_late = True
        give_up(task)
        raise self._work.too_late()
