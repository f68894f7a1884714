"""gRPC's health service on a real socket: it tells the truth, follows it, and holds up no stop."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from ticket_assets.serving.access.grpc import MOST_STREAMS_OF_ONE
from ticket_assets.serving.access.settings import AccessSettings
from ticket_assets.serving.endpoint.wire import SERVICE, Wire
from ticket_assets_tests.serving.endpoint.conftest import Parts
from ticket_assets_tests.serving.endpoint.test_wire import over_grpc

__all__ = ["over_grpc"]  # a fixture, found by name

Status = health_pb2.HealthCheckResponse
Run = Callable[..., Any]


def request(name: str = SERVICE) -> health_pb2.HealthCheckRequest:
    return health_pb2.HealthCheckRequest(service=name)


def test_health_follows_whoever_answers(over_grpc: Run, parts: Parts) -> None:
    seat = parts.engine.seat

    async def ask(channel: grpc.aio.Channel, _: Wire) -> Any:
        stub = health_pb2_grpc.HealthStub(channel)
        told = []
        for now in (seat, None, seat):
            parts.engine._seat = now
            told.append({(await stub.Check(request(name))).status for name in ("", SERVICE)})
        return told

    assert over_grpc(ask, AccessSettings()) == [{Status.SERVING}, {Status.NOT_SERVING}, {Status.SERVING}]


def test_a_service_that_is_none_is_not_found(over_grpc: Run) -> None:
    async def ask(channel: grpc.aio.Channel, _: Wire) -> Any:
        stub = health_pb2_grpc.HealthStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await stub.Check(request("nobody"))
        return error.value.code()

    assert over_grpc(ask, AccessSettings()) == grpc.StatusCode.NOT_FOUND


def test_who_watches_is_told_of_each_change_and_of_the_end(over_grpc: Run, parts: Parts) -> None:
    seat = parts.engine.seat

    async def ask(channel: grpc.aio.Channel, wire: Wire) -> Any:
        stub = health_pb2_grpc.HealthStub(channel)
        gone, stays = stub.Watch(request()), stub.Watch(request())
        assert (await gone.read()).status == (await stays.read()).status == Status.SERVING
        gone.cancel()  # one who goes takes nobody along
        told = []
        async with asyncio.timeout(20):
            for now in (None, seat):
                parts.engine._seat = now
                told.append((await stays.read()).status)
            begun = time.monotonic()
            stopping = asyncio.ensure_future(wire.stop())
            told.append((await stays.read()).status)
            assert await stays.read() == grpc.aio.EOF
            await stopping
        return told, time.monotonic() - begun

    told, took = over_grpc(ask, AccessSettings())
    assert told == [Status.NOT_SERVING, Status.SERVING, Status.NOT_SERVING]
    assert took < 5


def test_a_stranger_can_watch_only_so_often(over_grpc: Run) -> None:
    async def ask(channel: grpc.aio.Channel, _: Wire) -> Any:
        stub = health_pb2_grpc.HealthStub(channel)
        watching = [stub.Watch(request()) for _ in range(MOST_STREAMS_OF_ONE)]
        for one in watching:
            assert (await one.read()).status == Status.SERVING
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await stub.Watch(request()).read()
        return error.value.code(), (await stub.Check(request())).status

    assert over_grpc(ask, AccessSettings()) == (grpc.StatusCode.RESOURCE_EXHAUSTED, Status.SERVING)


def test_an_unknown_service_is_watched_as_unknown(over_grpc: Run) -> None:
    async def ask(channel: grpc.aio.Channel, _: Wire) -> Any:
        return (await health_pb2_grpc.HealthStub(channel).Watch(request("nobody")).read()).status

    assert over_grpc(ask, AccessSettings()) == Status.SERVICE_UNKNOWN
