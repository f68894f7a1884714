"""gRPC's health service: whether tickets are answered, now and whenever that changes.

Belongs here: Check and Watch of grpc.health.v1. Does not belong here: /livez, /readyz, /healthz (pages.py).

Our own, since that of grpcio-health-checking 1.81 remembers what it was last told, forgets all who watch when one of
them goes, and lets a stop wait for them.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from typing import Any

from grpc_health.v1 import health_pb2, health_pb2_grpc

from ticket_assets.serving.access.refusal import Refusal

LOOK_SECONDS = 0.5  # at most so old is what those who watch are told
_Answer = health_pb2.HealthCheckResponse


class Health(health_pb2_grpc.HealthServicer):
    """Tells how it is, asked each time.

    Args:
        names: of services, all in the same health; that of the whole server is empty.
        is_serving: whether a model answers.
    """

    def __init__(self, names: Collection[str], is_serving: Callable[[], bool]) -> None:
        self._names, self._is_serving = ("", *names), is_serving
        self._ended = asyncio.Event()

    async def Check(self, request: health_pb2.HealthCheckRequest, context: Any) -> health_pb2.HealthCheckResponse:  # noqa: D102
        if request.service not in self._names:
            raise Refusal(404, "there is no such service here", "unknown_service", "service")
        return _Answer(status=self._status(request.service))

    async def Watch(  # noqa: D102
        self, request: health_pb2.HealthCheckRequest, context: Any
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        told = None
        while True:
            is_last, status = self._ended.is_set(), self._status(request.service)
            if status != told:
                yield _Answer(status=status)
                told = status
            if is_last:
                return
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._ended.wait()
            except TimeoutError:
                continue

    def end(self) -> None:
        """From now on nothing is served; whoever watches is told, and let go."""
        self._ended.set()

    def _status(self, name: str) -> Any:
        if name not in self._names:
            return _Answer.SERVICE_UNKNOWN
        return _Answer.SERVING if self._is_serving() and not self._ended.is_set() else _Answer.NOT_SERVING
