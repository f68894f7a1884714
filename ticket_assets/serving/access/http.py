"""The guarding of HTTP: middlewares around a BentoML service.

Belongs here: the order of them, request ids, the line in the log, asking the guard.
Does not belong here: errors (error_shape.py), bodies (body.py), bounds (capacity.py), signing in (http_login.py).

They are plain ASGI: Starlette's BaseHTTPMiddleware runs what is inside in another context, where the request's id is
not seen, and buffers what is streamed.
"""

import logging
import time
from collections.abc import Callable, Mapping, Set
from types import MappingProxyType
from typing import Any, Protocol

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ticket_assets.serving.access.body import BodyGuard
from ticket_assets.serving.access.capacity import PROBES, Capacity
from ticket_assets.serving.access.current import REQUEST_ID_HEADER, CurrentRequest, answering
from ticket_assets.serving.access.error_shape import ErrorShape
from ticket_assets.serving.access.guard import Guard
from ticket_assets.serving.access.logs import FIELDS
from ticket_assets.serving.access.settings import AccessSettings

ACCESS_LOG = "ticket_assets.access"
CLIENT_CLOSED = 499  # nginx's number for a client that did not wait; in the log, and to nobody
LONGEST_PATH = 200
log = logging.getLogger(ACCESS_LOG)
# Told of every request that ended: transport, method or path, status, seconds.
Counted = Callable[[str, str, str, float], None]


def uncounted(*_: object) -> None:
    """For a service that counts nothing."""


class TakesMiddleware(Protocol):
    """What BentoML's service offers."""

    def add_asgi_middleware(self, middleware_cls: Any, **options: Any) -> None:
        """Add one inside of those added before."""


def guard_http(
    service: TakesMiddleware,
    guard: Guard,
    fields: Mapping[str, frozenset[str]] = MappingProxyType({}),
    counted: Counted = uncounted,
    most_items: Mapping[str, int] = MappingProxyType({}),
) -> None:
    """Put the guarding around a service; the first is the outermost.

    Args:
        service: of `@bentoml.service`.
        guard: shared with gRPC, so that one key has one rate.
        fields: per path the names that a body may have at the top.
        counted: told of every request that ended.
        most_items: per such name how many items its list may have.
    """
    service.add_asgi_middleware(RequestLog, paths=frozenset(guard.policy.paths), counted=counted)
    if guard.settings.cors_origins:
        service.add_asgi_middleware(CORSMiddleware, **cors_options(guard.settings))
    service.add_asgi_middleware(ErrorShape)
    service.add_asgi_middleware(Capacity, work=guard.work)
    service.add_asgi_middleware(Guarding, guard=guard)
    service.add_asgi_middleware(BodyGuard, settings=guard.settings, fields=fields, most_items=most_items)


def cors_options(settings: AccessSettings) -> dict[str, Any]:
    """For Starlette's CORSMiddleware. No cookies: credentials are headers, which a page must send on purpose."""
    return {
        "allow_origins": list(settings.cors_origins),
        "allow_methods": ["GET", "POST"],
        "allow_headers": ["Authorization", "Content-Type", "X-API-Key", "X-Request-ID"],
        "expose_headers": ["Retry-After", "X-Request-ID", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"],
        "max_age": 600,
    }


class RequestLog:
    """Gives every request an id, sends it back, and writes one line about the request.

    Args:
        app: what is asked then.
        paths: that are counted by their names; a client may choose any other.
        counted: told of every request that ended.
    """

    def __init__(self, app: ASGIApp, paths: Set[str] = frozenset(), counted: Counted = uncounted) -> None:
        self._app, self._paths, self._counted = app, paths, counted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; a websocket is closed, since nothing here speaks it."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with answering(Headers(scope=scope).get(REQUEST_ID_HEADER)) as request:
            line = _Line(scope, request)
            try:
                await self._app(scope, line.receiving(receive), line.sending(send))
                await line.end(send)
            finally:
                line.write()
                path = scope["path"] if scope["path"] in self._paths else "other"
                self._counted("http", path, str(line.status), line.seconds)


class _Line:
    """What the log says of a request: never headers, query or bodies, where secrets and tickets are."""

    def __init__(self, scope: Scope, request: CurrentRequest) -> None:
        self._scope, self._request = scope, request
        self._begun = time.perf_counter()
        self._status: int | None = None
        self.seconds = 0.0
        self._read, self._written = 0, 0

    def receiving(self, receive: Receive) -> Receive:
        async def received() -> Message:
            message = await receive()
            self._read += len(message.get("body", b""))
            return message

        return received

    def sending(self, send: Send) -> Send:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._status = message["status"]
                headers = MutableHeaders(raw=list(message.get("headers", ())))
                headers[REQUEST_ID_HEADER] = self._request.id
                message = {**message, "headers": headers.raw}
            self._written += len(message.get("body", b""))
            await send(message)

        return sent

    async def end(self, send: Send) -> None:
        """Answer a client that is gone, too: BentoML's metrics count a request when its answer begins and ends."""
        if self._status is None:
            self._status = CLIENT_CLOSED
            await send({"type": "http.response.start", "status": CLIENT_CLOSED, "headers": []})
            await send({"type": "http.response.body"})

    @property
    def status(self) -> int:
        return self._status or CLIENT_CLOSED

    def write(self) -> None:
        path, status = self._scope["path"], self.status
        self.seconds = time.perf_counter() - self._begun
        level = logging.ERROR if status >= 500 else logging.INFO
        if path in PROBES and status < 400:
            level = logging.DEBUG  # asked every few seconds
        fields = {
            "method": self._scope["method"],
            "path": path[:LONGEST_PATH],
            "status": status,
            "ms": round(self.seconds * 1000, 1),
            "caller": self._request.caller,
            "bytes_read": self._read,
            "bytes_written": self._written,
        }
        log.log(level, "request", extra={FIELDS: fields})


class Guarding:
    """Asks the guard, and tells of the rate in the answer's headers."""

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self._app, self._guard = app, guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request in, or raise the refusal."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        admission = self._guard.admit(
            headers.getlist("authorization"),
            headers.getlist("x-api-key"),
            self._guard.policy.of_path(scope["path"]),
            address_of(scope),
        )
        told = admission.grant.headers() if admission.grant else {}

        async def sent(message: Message) -> None:
            if told and message["type"] == "http.response.start":
                answer = MutableHeaders(raw=list(message.get("headers", ())))
                answer.update(told)
                message = {**message, "headers": answer.raw}
            await send(message)

        await self._app(scope, receive, sent)


def address_of(scope: Scope) -> str:
    """The client's address; behind a proxy that uvicorn trusts (FORWARDED_ALLOW_IPS) what the proxy says it is."""
    client = scope.get("client")
    return str(client[0]) if client else "unknown"
