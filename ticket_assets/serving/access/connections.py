"""Connections of HTTP whose clients do not say what they want.

Belongs here: how long a client may take for the head of a request, how many connections there may be.
Does not belong here: bodies (body.py), requests in work (capacity.py), connections of gRPC (endpoint/wire.py).

uvicorn 0.54 waits for ever for a first request, and for a head that comes a byte a minute; its timeout of keep-alive
counts only between two requests. Its bound of connections answers 503 to whoever comes, and BentoML 1.4.39 sets none.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http import auto

from ticket_assets.serving.access.settings import AccessSettings


def bound_connections(settings: AccessSettings) -> None:
    """Have the uvicorn that this process starts later close connections that dawdle; the last call counts."""
    inner: Any = auto.AutoHTTPProtocol
    room = Room(settings.head_seconds, settings.max_connections)
    auto.AutoHTTPProtocol = bounded(getattr(inner, "unbounded", inner), room)


class Room:
    """Where connections are, each with a clock until its request has a head.

    Where there is none left, whoever has waited longest without a request makes some, so that silent strangers keep
    nobody out; where all are being answered, the new one is closed.

    Args:
        seconds: that a head may take.
        most: connections.
    """

    def __init__(self, seconds: float, most: int) -> None:
        self._seconds, self._most = seconds, most
        self._inside: set[Any] = set()
        # Those without a whole head, oldest first: a dict keeps that order.
        self._waiting: dict[Any, asyncio.TimerHandle] = {}

    def enter(self, connection: Any) -> None:
        """Let a new one in, or close it or another."""
        if len(self._inside) >= self._most:
            oldest = next(iter(self._waiting), connection)
            oldest.transport.abort()
            self.leave(oldest)
            if oldest is connection:
                return
        self._inside.add(connection)
        self.wait(connection)

    def wait(self, connection: Any) -> None:
        """Begin to wait for a head, unless that has begun."""
        if connection not in self._waiting:
            self._waiting[connection] = connection.loop.call_later(self._seconds, connection.transport.abort)

    def heard(self, connection: Any) -> None:
        """A head has come."""
        timer = self._waiting.pop(connection, None)
        if timer is not None:
            timer.cancel()

    def leave(self, connection: Any) -> None:
        """A connection is gone."""
        self.heard(connection)
        self._inside.discard(connection)


def bounded(inner: Any, room: Room) -> type[asyncio.Protocol]:
    """A protocol of uvicorn's whose connections are in a room."""

    class Bounded(inner):
        unbounded = inner

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            room.enter(self)

        def connection_lost(self, exc: Exception | None) -> None:
            room.leave(self)
            super().connection_lost(exc)

        def on_message_begin(self) -> None:
            room.wait(self)  # a further request on a connection that is kept alive
            super().on_message_begin()

        def on_headers_complete(self) -> None:
            room.heard(self)
            super().on_headers_complete()

    return Bounded
