"""The guarding of gRPC: an interceptor for a `grpc.aio` server.

Belongs here: metadata in and out, the four kinds of methods, the line in the log.
Does not belong here: who may what (guard.py, policy.py), the methods themselves.

Methods are written with async and await; one without is refused when it is first called, since it would run where the
request is not known.
"""

import contextlib
import inspect
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, NoReturn

import grpc

from ticket_assets.serving.access.current import REQUEST_ID_HEADER, CurrentRequest, answering
from ticket_assets.serving.access.guard import Guard
from ticket_assets.serving.access.logs import FIELDS
from ticket_assets.serving.access.policy import Need
from ticket_assets.serving.access.refusal import INTERNAL, Refusal
from ticket_assets.serving.access.settings import AccessSettings

HEALTH = "/grpc.health.v1.Health/"
ACCESS_LOG = "ticket_assets.access"
# Kinds of methods: whether the request is a stream, whether the answer is.
KINDS = {
    (False, False): "unary_unary",
    (False, True): "unary_stream",
    (True, False): "stream_unary",
    (True, True): "stream_stream",
}
log = logging.getLogger(ACCESS_LOG)
Metadata = tuple[tuple[str, str], ...]


def server_options(settings: AccessSettings) -> list[tuple[str, int]]:
    """Options of `grpc.aio.server`: a message larger than a batch over HTTP may be is RESOURCE_EXHAUSTED."""
    return [("grpc.max_receive_message_length", settings.max_batch_body_bytes)]


class GuardInterceptor(grpc.aio.ServerInterceptor):
    """Lets calls in, or ends them; gives every call an id and a line in the log.

    The id is `x-request-id`, in the metadata of the call and in the trailing metadata of the answer. A refusal has
    `error-code`, `error-field` where it is about one, and `retry-after` in the trailing metadata.
    """

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def intercept_service(self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: Any) -> Any:
        """The handler of a call, with the guard before it."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None  # gRPC's own UNIMPLEMENTED
        sent = [(name, value) for name, value in handler_call_details.invocation_metadata if isinstance(value, str)]
        call = _Call(self._guard, handler, handler_call_details.method, tuple(sent))
        kind = KINDS[handler.request_streaming, handler.response_streaming]
        outer = call.streamed if handler.response_streaming else call.answered
        # Without its deserializer: what a stranger sends is not looked into.
        return getattr(grpc, f"{kind}_rpc_method_handler")(outer, None, handler.response_serializer)


class _Call:
    """One call: its admission, its method, its end."""

    def __init__(self, guard: Guard, handler: Any, method: str, metadata: Metadata) -> None:
        self._guard, self._handler, self._method, self._metadata = guard, handler, method, metadata

    async def answered(self, request: Any, context: Any) -> Any:
        with self._watched(context) as ending:
            self._admit(context)
            answered = await self._behaviour(inspect.iscoroutinefunction)(self._message(request), context)
            ending.is_good()
            return answered
        return await ending.abort(context)

    async def streamed(self, request: Any, context: Any) -> AsyncIterator[Any]:
        with self._watched(context) as ending:
            self._admit(context)
            async for one in self._behaviour(inspect.isasyncgenfunction)(self._message(request), context):
                yield one
            ending.is_good()
            return
        await ending.abort(context)

    def _behaviour(self, is_async: Callable[[Any], bool]) -> Any:
        behaviour = getattr(self._handler, KINDS[self._handler.request_streaming, self._handler.response_streaming])
        if not is_async(behaviour):
            raise TypeError(f"{self._method} is no async method, or does not yield its answers")
        return behaviour

    def _message(self, request: Any) -> Any:
        """The message that was sent, or each of a stream.

        Raises:
            Refusal: the bytes are no such message.
        """
        return self._each(request) if self._handler.request_streaming else self._read(request)

    async def _each(self, requests: AsyncIterator[bytes]) -> AsyncIterator[Any]:
        async for one in requests:
            yield self._read(one)

    def _read(self, sent: bytes) -> Any:
        if self._handler.request_deserializer is None:
            return sent
        try:
            return self._handler.request_deserializer(sent)
        except Exception as error:
            raise Refusal(400, "the message is not one that this method takes") from error

    def _values(self, name: str) -> list[str]:
        return [value for key, value in self._metadata if key == name]

    def _admit(self, context: Any) -> None:
        need: Need = self._guard.policy.of_method(self._method)
        self._guard.admit(self._values("authorization"), self._values("x-api-key"), need, address_of(context.peer()))

    @contextlib.contextmanager
    def _watched(self, context: Any) -> Iterator["_Ending"]:
        with answering(next(iter(self._values(REQUEST_ID_HEADER)), None)) as request:
            ending = _Ending(self._method, request)
            ending.name(context)  # now, for a method that aborts by itself
            try:
                yield ending
            except Refusal as refusal:
                ending.refusal = refusal
            except grpc.aio.AbortError:
                ending.code = _name_of(context.code())
                raise  # the method has said itself what is wrong
            except Exception:
                log.exception("%s failed", self._method)
                ending.refusal = Refusal(500, INTERNAL)
            finally:
                ending.tell(context)


class _Ending:
    """How a call ends: the status in the log and to the client."""

    def __init__(self, method: str, request: CurrentRequest) -> None:
        self._method, self._request, self._begun = method, request, time.perf_counter()
        self.code = "CANCELLED"  # unless something else is known of it
        self.refusal: Refusal | None = None

    def is_good(self) -> None:
        self.code = "OK"

    def tell(self, context: Any) -> None:
        """To the client and to the log."""
        if self.refusal:
            self.code = self.refusal.grpc_code
        elif self.code == "OK":
            self.code = _name_of(context.code())
        self.name(context)
        fields = {
            "method": "gRPC",
            "path": self._method,
            "status": self.code,
            "ms": round((time.perf_counter() - self._begun) * 1000, 1),
            "caller": self._request.caller,
        }
        level = logging.ERROR if self.code in {"INTERNAL", "UNKNOWN"} else logging.INFO
        if self._method.startswith(HEALTH) and self.code == "OK":
            level = logging.DEBUG
        log.log(level, "request", extra={FIELDS: fields})

    def name(self, context: Any) -> None:
        """Put id and refusal into the trailing metadata, beside what the method put there."""
        ours = self._trailing()
        others = [pair for pair in context.trailing_metadata() or () if pair[0] not in dict(ours)]
        context.set_trailing_metadata((*others, *ours))

    def _trailing(self) -> Metadata:
        told = [(REQUEST_ID_HEADER, self._request.id)]
        if self.refusal:
            told.append(("error-code", self.refusal.code))
            told.extend((name, value) for name, value in self.refusal.headers.items() if value.isascii())
            if self.refusal.field and self.refusal.field.isascii() and self.refusal.field.isprintable():
                told.append(("error-field", self.refusal.field))
        return tuple(told)

    async def abort(self, context: Any) -> NoReturn:
        """End the call with its refusal."""
        assert self.refusal is not None
        status = getattr(grpc.StatusCode, self.refusal.grpc_code)
        await context.abort(status, self.refusal.message, context.trailing_metadata())
        raise AssertionError("abort raises")


def _name_of(code: Any) -> str:
    """Name of a status; a method that sets none ends well."""
    if isinstance(code, grpc.StatusCode):
        return str(code.name)
    return next((one.name for one in grpc.StatusCode if one.value[0] == code), "OK")


def address_of(peer: str) -> str:
    """The address in what gRPC calls a peer: ipv4:1.2.3.4:567, ipv6:%5B::1%5D:567, unix:."""
    kind, _, rest = peer.partition(":")
    if kind not in {"ipv4", "ipv6"}:
        return peer
    host = rest.rpartition(":")[0]
    return host.replace("%5B", "").replace("%5D", "").strip("[]")
