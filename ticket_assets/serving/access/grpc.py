"""The guarding of gRPC: an interceptor for a `grpc.aio` server.

Belongs here: the kinds of methods, reading messages, which call may go on and for how long.
Does not belong here: who may what (guard.py, policy.py), how a call ends (grpc_ending.py), the methods themselves.

Methods are written with async and await, those that answer with a stream as generators; one that is not is refused when
it is first called, since it would run where the request is not known.
"""

import asyncio
import contextlib
import inspect
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import grpc

from ticket_assets.serving.access.current import REQUEST_ID_HEADER, answering
from ticket_assets.serving.access.grpc_ending import HEALTH, Ending, Metadata, name_of
from ticket_assets.serving.access.guard import Guard, network_of
from ticket_assets.serving.access.http import ACCESS_LOG, Counted, uncounted
from ticket_assets.serving.access.policy import Need
from ticket_assets.serving.access.refusal import INTERNAL, Refusal

# Kinds of methods: whether the request is a stream, whether the answer is.
KINDS = {
    (False, False): "unary_unary",
    (False, True): "unary_stream",
    (True, False): "stream_unary",
    (True, True): "stream_stream",
}
BATCH = "/PredictBatch"
# Answers that are streams, health and reflection, cost a stranger nothing: so many per process, and per address.
MOST_STREAMS, MOST_STREAMS_OF_ONE = 64, 16
log = logging.getLogger(ACCESS_LOG)


class GuardInterceptor(grpc.aio.ServerInterceptor):
    """Lets calls in, or ends them; gives every call an id and a line in the log.

    The id is `x-request-id`, in the metadata of the call and in the trailing metadata of the answer. A refusal has
    `error-code`, `error-field` where it is about one, and `retry-after` in the trailing metadata.

    Args:
        guard: shared with HTTP, so that one key has one rate, and all requests have one bound.
        counted: told of every call that ended.
    """

    def __init__(self, guard: Guard, counted: Counted = uncounted) -> None:
        self.guard, self.counted = guard, counted
        self._streams: Counter[str] = Counter()
        self._listening: set[asyncio.Task[Any]] = set()
        self._is_closed = False

    async def intercept_service(self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: Any) -> Any:
        """The handler of a call, with the guard before it."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None  # gRPC's own UNIMPLEMENTED
        sent = [(name, value) for name, value in handler_call_details.invocation_metadata if isinstance(value, str)]
        call = _Call(self, handler, handler_call_details.method, tuple(sent))
        # As if the request were a stream: gRPC reads one message before it asks us, and would wait for a stranger's for
        # ever. Without its deserializer: what a stranger sends is not looked into.
        if handler.response_streaming:
            return grpc.stream_stream_rpc_method_handler(call.streamed, None, handler.response_serializer)
        return grpc.stream_unary_rpc_method_handler(call.answered, None, handler.response_serializer)

    def close(self) -> None:
        """Wait for no client's message any more: calls that do end with UNAVAILABLE."""
        self._is_closed = True
        for task in self._listening:
            task.cancel()

    async def heard(self, context: Any) -> bytes | None:
        """The next message of a call; None where none comes any more.

        Raises:
            Refusal: 408, it does not come in time; 503, the service stops.
        """
        seconds, task = self.guard.settings.body_seconds, asyncio.current_task()
        assert task is not None
        self._listening.add(task)
        try:
            async with asyncio.timeout(seconds):
                message = await context.read()
        except TimeoutError:
            raise Refusal(408, f"the message did not arrive within {seconds:g} s") from None
        except asyncio.CancelledError:
            if not self._is_closed:
                raise
            task.uncancel()
            raise Refusal(503, "the service is stopping", "stopping", headers={"retry-after": "1"}) from None
        finally:
            self._listening.discard(task)
        return None if message is grpc.aio.EOF else message

    @contextlib.contextmanager
    def stream(self, address: str) -> Iterator[None]:
        """Count a stream of answers until the block ends.

        Raises:
            Refusal: 429; there are too many, or too many of one address.
        """
        of = network_of(address)
        if self._streams.total() >= MOST_STREAMS or self._streams[of] >= MOST_STREAMS_OF_ONE:
            raise Refusal(429, "too many streams are open: end one first", "too_many_streams")
        self._streams[of] += 1
        try:
            yield
        finally:
            self._streams[of] -= 1
            self._streams += Counter()  # forgets those that have none


class _Call:
    """One call: its admission, its method, its end."""

    def __init__(self, door: GuardInterceptor, handler: Any, method: str, metadata: Metadata) -> None:
        self._door, self._handler, self._method, self._metadata = door, handler, method, metadata

    async def answered(self, _: Any, context: Any) -> Any:
        with self._watched(context) as ending:
            if self._method.startswith(HEALTH):  # a probe: never refused for want of room
                self._admit(context)
                answered = await self._work(context)
            else:
                self._door.guard.work.require_room()
                self._admit(context)
                answered = await self._door.guard.work.answer(self._work(context))
            ending.is_good()
            return answered
        return await ending.abort(context)

    async def streamed(self, _: Any, context: Any) -> AsyncIterator[Any]:
        with self._watched(context) as ending:
            self._admit(context)
            behaviour = self._behaviour(inspect.isasyncgenfunction)
            with self._door.stream(address_of(context.peer())):
                async for one in behaviour(await self._request(context), context):
                    yield one
            ending.is_good()
            return
        await ending.abort(context)

    async def _work(self, context: Any) -> Any:
        behaviour = self._behaviour(inspect.iscoroutinefunction)
        return await behaviour(await self._request(context), context)

    def _behaviour(self, is_async: Callable[[Any], bool]) -> Any:
        behaviour = getattr(self._handler, KINDS[self._handler.request_streaming, self._handler.response_streaming])
        if not is_async(behaviour):
            raise TypeError(f"{self._method} is no async method, or does not yield its answers")
        return behaviour

    async def _request(self, context: Any) -> Any:
        """The message that was sent, or each of a stream.

        Raises:
            Refusal: there is none, or the bytes are none.
        """
        if self._handler.request_streaming:
            return self._each(context)
        sent = await self._door.heard(context)
        if sent is None:
            raise Refusal(400, "the call ended without a message, or with one that is too large")
        return self._read(sent)

    async def _each(self, context: Any) -> AsyncIterator[Any]:
        while (sent := await self._door.heard(context)) is not None:
            yield self._read(sent)

    def _read(self, sent: bytes) -> Any:
        settings = self._door.guard.settings
        most = settings.max_batch_body_bytes if self._method.endswith(BATCH) else settings.max_body_bytes
        if len(sent) > most:
            raise Refusal(413, f"the message is larger than {most:,} bytes")
        if self._handler.request_deserializer is None:
            return sent
        try:
            return self._handler.request_deserializer(sent)
        except Exception as error:
            raise Refusal(400, "the message is not one that this method takes") from error

    def _values(self, name: str) -> list[str]:
        return [value for key, value in self._metadata if key == name]

    def _admit(self, context: Any) -> None:
        guard = self._door.guard
        need: Need = guard.policy.of_method(self._method)
        guard.admit(self._values("authorization"), self._values("x-api-key"), need, address_of(context.peer()))

    @contextlib.contextmanager
    def _watched(self, context: Any) -> Iterator[Ending]:
        with answering(next(iter(self._values(REQUEST_ID_HEADER)), None)) as request:
            ending = Ending(self._method, request, self._door.counted)
            ending.name(context)  # now, for a method that aborts by itself
            try:
                yield ending
            except Refusal as refusal:
                ending.refusal = refusal
            except grpc.aio.AbortError:
                ending.code = name_of(context.code())
                raise  # the method has said itself what is wrong
            except Exception:
                log.exception("%s failed", self._method)
                ending.refusal = Refusal(500, INTERNAL)
            finally:
                ending.tell(context)


def address_of(peer: str) -> str:
    """The address in what gRPC calls a peer: ipv4:1.2.3.4:567, ipv6:%5B::1%5D:567, unix:."""
    kind, _, rest = peer.partition(":")
    if kind not in {"ipv4", "ipv6"}:
        return peer
    host = rest.rpartition(":")[0]
    return host.replace("%5B", "").replace("%5D", "").strip("[]")
