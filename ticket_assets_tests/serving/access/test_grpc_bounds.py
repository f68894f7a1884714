"""What a call may cost: room, time, size, streams; strangers who say nothing; a stop that waits for none of them."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from google.protobuf.struct_pb2 import Struct

from ticket_assets.serving.access import grpc as guarding
from ticket_assets.serving.access.grpc import GuardInterceptor
from ticket_assets.serving.access.guard import Guard
from ticket_assets.serving.access.policy import Policy
from ticket_assets_tests.serving.access.calls import SERVICE, said
from ticket_assets_tests.serving.access.conftest import Desk
from ticket_assets_tests.serving.access.test_grpc import guard_of, method, refused, trailing

Code = grpc.StatusCode


class Rooms:
    """Methods that take as long as the test wants, in a thread as the service's do."""

    def __init__(self) -> None:
        self.gate, self.entered, self.left = threading.Event(), threading.Semaphore(0), 0

    def wait(self) -> None:
        self.entered.release()
        assert self.gate.wait(30)
        self.left += 1

    async def predict(self, request: Struct, context: Any) -> Struct:
        if request["body"] == "wait":
            await asyncio.to_thread(self.wait)
        return said(body=request["body"])

    async def echo(self, requests: AsyncIterator[Struct], context: Any) -> AsyncIterator[Struct]:
        async for one in requests:
            yield one

    def handlers(self) -> grpc.GenericRpcHandler:
        coded = {"request_deserializer": Struct.FromString, "response_serializer": Struct.SerializeToString}
        methods = {
            **{
                name: grpc.unary_unary_rpc_method_handler(self.predict, **coded) for name in ("Predict", "PredictBatch")
            },
            "Similar": grpc.stream_stream_rpc_method_handler(self.echo, **coded),
        }
        return grpc.method_handlers_generic_handler(SERVICE, methods)


class House:
    """A server of rooms, what was counted of it, and channels to it."""

    def __init__(self, guard: Guard) -> None:
        self.guard, self.rooms = guard, Rooms()
        self.counted: list[tuple[str, str, str]] = []
        self.door = GuardInterceptor(guard, lambda *told: self.counted.append(told[:3]))
        self.server = grpc.aio.server(interceptors=[self.door])
        self.server.add_generic_rpc_handlers((self.rooms.handlers(),))
        self.port = self.server.add_insecure_port("127.0.0.1:0")

    async def entered(self) -> None:
        assert await asyncio.to_thread(self.rooms.entered.acquire, True, 30)


@asynccontextmanager
async def house(guard: Guard) -> AsyncIterator[tuple[House, grpc.aio.Channel]]:
    made = House(guard)
    await made.server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{made.port}") as channel:
            yield made, channel
    finally:
        made.rooms.gate.set()
        await made.server.stop(0)
        assert await guard.work.finish(30)


async def until(true: Any) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


def test_more_calls_than_the_process_can_have_in_work_are_turned_away(desk: Desk, run: Any) -> None:
    async def main() -> None:
        async with house(guard_of(desk, auth="open", max_in_flight=1)) as (its, channel):
            first = method(channel, "Predict")(said(body="wait"))
            await its.entered()
            error = await refused(method(channel, "Predict")(said(body="x")))
            assert (error.code(), trailing(error)["error-code"]) == (Code.UNAVAILABLE, "overloaded")
            assert trailing(error)["retry-after"] == "1"
            its.rooms.gate.set()
            assert (await first)["body"] == "wait"
            assert (await method(channel, "Predict")(said(body="x")))["body"] == "x"

    run(main())


def test_a_call_that_takes_too_long_ends_and_counts_until_its_thread_does(desk: Desk, run: Any) -> None:
    async def main() -> None:
        async with house(guard_of(desk, auth="open", max_in_flight=1, answer_seconds=0.2)) as (its, channel):
            error = await refused(method(channel, "Predict")(said(body="wait")))
            assert (error.code(), trailing(error)["error-code"]) == (Code.DEADLINE_EXCEEDED, "timeout")
            assert (len(its.guard.work), its.rooms.left) == (1, 0)
            assert (await refused(method(channel, "Predict")(said(body="x")))).code() == Code.UNAVAILABLE
            its.rooms.gate.set()
            assert await its.guard.work.finish(20)
            assert its.rooms.left == 1
            assert (await method(channel, "Predict")(said(body="x")))["body"] == "x"

    run(main())


def test_a_call_that_its_client_gives_up_is_counted_and_in_work_until_its_thread_ends(desk: Desk, run: Any) -> None:
    async def main() -> None:
        async with house(guard_of(desk, auth="open", max_in_flight=1)) as (its, channel):
            call = method(channel, "Predict")(said(body="wait"))
            await its.entered()
            call.cancel()
            await until(lambda: its.counted == [("grpc", f"/{SERVICE}/Predict", "CANCELLED")])
            assert len(its.guard.work) == 1
            assert (await refused(method(channel, "Predict")(said(body="x")))).code() == Code.UNAVAILABLE
            assert its.counted[-1][2] == "UNAVAILABLE"

    run(main())


def test_a_client_s_own_deadline_is_counted_too(desk: Desk, run: Any) -> None:
    async def main() -> None:
        async with house(guard_of(desk, auth="open")) as (its, channel):
            error = await refused(method(channel, "Predict")(said(body="wait"), timeout=0.3))
            assert error.code() == Code.DEADLINE_EXCEEDED
            await until(lambda: [told[2] for told in its.counted] == ["CANCELLED"])
            assert len(its.guard.work) == 1

    run(main())


def test_a_message_is_bounded_as_over_http_and_a_batch_may_be_larger(desk: Desk, run: Any) -> None:
    async def main() -> None:
        async with house(guard_of(desk, auth="open", max_body_bytes=1024, max_batch_body_bytes=4096)) as (_, channel):
            error = await refused(method(channel, "Predict")(said(body="x" * 2000)))
            assert (error.code(), trailing(error)["error-code"]) == (Code.RESOURCE_EXHAUSTED, "too_large")
            assert await method(channel, "PredictBatch")(said(body="x" * 2000))
            assert (await refused(method(channel, "PredictBatch")(said(body="x" * 5000)))).code() == (
                Code.RESOURCE_EXHAUSTED
            )

    run(main())


def test_a_stranger_who_sends_no_message_is_refused_at_once_and_a_friend_in_time(desk: Desk, run: Any) -> None:
    """gRPC waits for a message before it asks anybody whether the call may be made at all."""

    async def main() -> None:
        for settings, code in (({}, Code.UNAUTHENTICATED), ({"auth": "open"}, Code.DEADLINE_EXCEEDED)):
            async with house(guard_of(desk, body_seconds=0.3, max_in_flight=1, **settings)) as (its, channel):
                call = method(channel, "Predict", "stream_unary")(metadata=())  # a stream of which nothing comes
                async with asyncio.timeout(20):
                    assert (await refused(call)).code() == code
                await until(lambda its=its: not len(its.guard.work))

    run(main())


def test_a_call_without_a_message_is_a_wrong_argument(desk: Desk, run: Any) -> None:
    async def main() -> None:
        async with house(guard_of(desk, auth="open")) as (_, channel):
            call = method(channel, "Predict", "stream_unary")(iter(()))
            async with asyncio.timeout(20):
                assert (await refused(call)).code() == Code.INVALID_ARGUMENT

    run(main())


def test_streams_are_bounded_in_number_and_by_address_and_free_again_when_they_end(
    desk: Desk, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarding, "MOST_STREAMS_OF_ONE", 2)

    async def main() -> None:
        async with house(guard_of(desk, auth="open")) as (its, channel):
            open_ones = [method(channel, "Similar", "stream_stream")() for _ in range(2)]
            for call in open_ones:
                await call.write(said(body="x"))
                assert (await call.read())["body"] == "x"
            error = await refused(anext(aiter(method(channel, "Similar", "stream_stream")(iter([said(body="x")])))))
            assert (error.code(), trailing(error)["error-code"]) == (Code.RESOURCE_EXHAUSTED, "too_many_streams")
            await open_ones[0].done_writing()
            assert await open_ones[0].read() == grpc.aio.EOF
            open_ones[1].cancel()
            await until(lambda: len(its.counted) == 3)
            echoed = method(channel, "Similar", "stream_stream")(iter([said(body="y")]))
            assert [one["body"] async for one in echoed] == ["y"]

    run(main())


def test_a_stop_waits_for_no_message_and_for_every_answer(desk: Desk, run: Any) -> None:
    async def main() -> None:
        async with house(guard_of(desk, auth="open")) as (its, channel):
            works = method(channel, "Predict")(said(body="wait"))
            await its.entered()
            silent = [method(channel, name, "stream_stream")() for name in ("Similar", "Predict")]
            for call in silent:
                await call.wait_for_connection()
            await until(lambda: len(its.door._listening) == 2)
            its.door.close()
            for call in silent:
                async with asyncio.timeout(10):
                    assert (await refused(call.read())).code() == Code.UNAVAILABLE
            stopping = asyncio.ensure_future(its.server.stop(20))
            await asyncio.sleep(0.1)
            its.rooms.gate.set()
            assert (await works)["body"] == "wait"
            async with asyncio.timeout(10):
                await stopping

    run(main())


def test_health_is_told_where_there_is_no_room(desk: Desk, run: Any) -> None:
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    from ticket_assets.serving.endpoint.health import Health

    async def main() -> None:
        settings = desk.settings(auth="open", max_in_flight=1)
        its = House(Guard(settings, Policy.of(settings, SERVICE)))
        health_pb2_grpc.add_HealthServicer_to_server(Health((), lambda: True), its.server)
        await its.server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{its.port}") as channel:
            first = method(channel, "Predict")(said(body="wait"))
            await its.entered()
            answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=20)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
            its.rooms.gate.set()
            assert await first
        await its.server.stop(0)

    run(main())
