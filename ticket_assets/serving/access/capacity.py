"""How many requests are in work, and for how long.

Belongs here: the bound of requests in work, the deadline of an answer, waiting until none is left.
Does not belong here: how often one caller asks (limits.py).

BentoML's own bounds (`traffic`) lie outside of every middleware that a service can add, and answer in another shape:
its timeout is taken out (serving/endpoint/lean.py), its max_concurrency is left out.
"""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ticket_assets.serving.access.refusal import Refusal
from ticket_assets.serving.access.settings import AccessSettings

# Asked by whoever decides whether this process lives: never refused for want of room.
PROBES = frozenset({"/livez", "/healthz", "/readyz", "/metrics"})


class Capacity:
    """Refuses what is more than the process can have in work, and what takes too long."""

    def __init__(self, app: ASGIApp, settings: AccessSettings) -> None:
        self._app, self._settings = app, settings
        self._in_work: set[asyncio.Future[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it with 503 or 504."""
        if scope["type"] != "http" or scope["path"] in PROBES:
            await self._app(scope, receive, send)
            return
        if len(self._in_work) >= self._settings.max_in_flight:
            most = self._settings.max_in_flight
            raise Refusal(
                503, f"{most} requests are in work: try again in 1 s", "overloaded", None, {"retry-after": "1"}
            )
        await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """In a task of its own: a thread that computes cannot be interrupted, and its client is not to wait for it."""
        begun = asyncio.get_running_loop().create_future()
        is_late = False

        async def answer(message: Message) -> None:
            if is_late:
                return  # the client has had its 504
            if not begun.done():
                begun.set_result(None)
            await send(message)

        work = asyncio.ensure_future(self._app(scope, receive, answer))
        self._in_work.add(work)  # until it really ends: a request given up still has its thread
        work.add_done_callback(self._in_work.discard)
        try:
            done, _ = await asyncio.wait(
                {work, begun}, timeout=self._settings.answer_seconds, return_when=asyncio.FIRST_COMPLETED
            )
            if done:
                await work
                return
        except asyncio.CancelledError:
            work.cancel()
            raise
        is_late = True
        work.cancel()
        work.add_done_callback(_forget)
        raise Refusal(504, f"there was no answer within {self._settings.answer_seconds:g} s")


def _forget(work: "asyncio.Future[None]") -> None:
    """Take note of how it ended, or asyncio complains that nobody did."""
    if not work.cancelled():
        work.exception()
