"""The guarding of a real gRPC server: every kind of method, health, reflection."""

import asyncio
import io
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from google.protobuf.struct_pb2 import Struct
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from ticket_assets.serving.access.grpc import GuardInterceptor, address_of
from ticket_assets.serving.access.guard import Guard
from ticket_assets.serving.access.logs import JsonFormatter
from ticket_assets.serving.access.policy import Policy, Scope
from ticket_assets_tests.serving.access.calls import SERVICE, Triage, said
from ticket_assets_tests.serving.access.conftest import Clock, Desk


def guard_of(desk: Desk, **others: Any) -> Guard:
    settings = desk.settings(**others)
    return Guard(settings, Policy.of(settings, SERVICE), desk.clock, desk.clock.today)


@asynccontextmanager
async def served(guard: Guard) -> AsyncIterator[grpc.aio.Channel]:
    server = grpc.aio.server(interceptors=[GuardInterceptor(guard)])
    server.add_generic_rpc_handlers((Triage().handlers(),))
    probe = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(probe, server)
    await probe.set("", health_pb2.HealthCheckResponse.SERVING)
    reflection.enable_server_reflection((health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield channel
    finally:
        await server.stop(5)


def method(channel: grpc.aio.Channel, name: str, kind: str = "unary_unary") -> Any:
    make = getattr(channel, kind)
    return make(f"/{SERVICE}/{name}", Struct.SerializeToString, Struct.FromString)


async def refused(call: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


def trailing(error: grpc.aio.AioRpcError) -> dict[str, str]:
    return dict(error.trailing_metadata())


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("ticket_assets.access")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield stream
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


def test_a_key_in_either_metadata_opens_every_kind_of_method(desk: Desk, run: Any) -> None:
    key = desk.key("crm", Scope.PREDICT, Scope.FEEDBACK)

    async def main() -> None:
        async with served(guard_of(desk)) as channel:
            for metadata in ((("authorization", f"Bearer {key}"),), (("x-api-key", key),)):
                answer = await method(channel, "Predict")(said(body="x"), metadata=metadata)
                assert answer["body"] == "x"
                streamed = method(channel, "PredictBatch", "unary_stream")(said(body="x"), metadata=metadata)
                assert [one["number"] async for one in streamed] == [0, 1, 2]
                sent = [said(body=str(number)) for number in range(4)]
                counted = await method(channel, "Feedback", "stream_unary")(iter(sent), metadata=metadata)
                assert counted["count"] == 4
                echoed = method(channel, "Similar", "stream_stream")(iter(sent), metadata=metadata)
                assert [one["body"] async for one in echoed] == ["0", "1", "2", "3"]

    run(main())


def test_without_a_key_every_kind_is_closed_and_health_is_open(desk: Desk, run: Any) -> None:
    desk.key("crm", Scope.PREDICT)

    async def main() -> None:
        async with served(guard_of(desk)) as channel:
            sent = [said(body="x")]
            streamed = method(channel, "PredictBatch", "unary_stream")(said(body="x"))
            echoed = method(channel, "Similar", "stream_stream")(iter(sent))
            calls = [
                method(channel, "Predict")(said(body="x")),
                method(channel, "Feedback", "stream_unary")(iter(sent)),
                anext(aiter(streamed)),
                anext(aiter(echoed)),
            ]
            for call in calls:
                error = await refused(call)
                assert error.code() == grpc.StatusCode.UNAUTHENTICATED
                assert trailing(error)["error-code"] == "unauthenticated"
            asked = health_pb2.HealthCheckRequest()
            answer = await health_pb2_grpc.HealthStub(channel).Check(asked)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING

    run(main())


def test_a_missing_scope_a_forgotten_and_an_unknown_method(desk: Desk, run: Any) -> None:
    shop, ops = (("x-api-key", desk.key("shop", Scope.FEEDBACK)),), (("x-api-key", desk.key("ops", Scope.ADMIN)),)

    async def main() -> None:
        async with served(guard_of(desk)) as channel:
            error = await refused(method(channel, "Predict")(said(body="x"), metadata=shop))
            assert error.code() == grpc.StatusCode.PERMISSION_DENIED
            assert "the scope predict" in error.details()
            for name, metadata in (("Forgotten", shop), ("Forgotten", None), ("Nowhere", ops)):
                error = await refused(method(channel, name)(said(body="x"), metadata=metadata))
                assert error.code() == grpc.StatusCode.UNIMPLEMENTED
            assert await method(channel, "Forgotten")(said(body="x"), metadata=ops)

    run(main())


def test_too_often_is_resource_exhausted_and_http_and_grpc_share_a_rate(desk: Desk, clock: Clock, run: Any) -> None:
    key = desk.key("crm", Scope.PREDICT)
    guard = guard_of(desk, requests_per_second=0.5, burst=2)

    async def main() -> None:
        async with served(guard) as channel:
            metadata = (("x-api-key", key),)
            assert guard.admit([], [key], guard.policy.of_path("/predict"), "10.0.0.1").caller
            await method(channel, "Predict")(said(body="x"), metadata=metadata)
            error = await refused(method(channel, "Predict")(said(body="x"), metadata=metadata))
            assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
            assert trailing(error)["retry-after"] == "2"
            clock.seconds += 2
            await method(channel, "Predict")(said(body="x"), metadata=metadata)

    run(main())


def test_a_refusal_of_a_method_names_the_field_and_a_failure_tells_only_its_id(
    desk: Desk, run: Any, log: io.StringIO
) -> None:
    async def main() -> None:
        async with served(guard_of(desk, auth="open")) as channel:
            error = await refused(method(channel, "Predict")(said(body="refuse")))
            assert (error.code(), trailing(error)["error-field"]) == (grpc.StatusCode.INVALID_ARGUMENT, "body")
            streamed = method(channel, "PredictBatch", "unary_stream")(said(body="refuse"))
            got = []
            with pytest.raises(grpc.aio.AioRpcError, match="body: enough"):
                async for one in streamed:
                    got.append(one["number"])
            assert got == [0, 1]
            for name, body in (("Predict", "fail"), ("Info", "x")):
                error = await refused(method(channel, name)(said(body=body), metadata=(("x-request-id", "r-1"),)))
                assert error.code() == grpc.StatusCode.INTERNAL
                assert "inside" not in error.details()
                assert trailing(error)["x-request-id"] == "r-1"
            error = await refused(method(channel, "Predict")(said(body="abort"), metadata=(("x-request-id", "r-2"),)))
            assert (error.code(), error.details()) == (grpc.StatusCode.DATA_LOSS, "by itself")
            assert trailing(error)["x-request-id"] == "r-2"

    run(main())
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [line["status"] for line in lines if "status" in line] == [
        *("INVALID_ARGUMENT", "INVALID_ARGUMENT", "INTERNAL", "INTERNAL", "DATA_LOSS"),
    ]
    told = [line["exception"].splitlines()[-1] for line in lines if "exception" in line]
    assert told[0] == "RuntimeError: the inside of the service"
    assert "/desk.Triage/Info is no async method" in told[1]


def test_the_id_goes_with_the_answer_beside_what_the_method_says(desk: Desk, run: Any, log: io.StringIO) -> None:
    key = desk.key("crm", Scope.PREDICT)

    async def main() -> None:
        async with served(guard_of(desk)) as channel:
            call = method(channel, "Predict")(said(body="x"), metadata=(("x-api-key", key), ("x-request-id", "r-7")))
            assert (await call)["request_id"] == "r-7"
            assert dict(await call.trailing_metadata()) == {"x-own": "kept", "x-request-id": "r-7"}
            await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())

    run(main())
    [line] = [json.loads(line) for line in log.getvalue().splitlines()]
    assert {name: line[name] for name in ("method", "path", "status", "caller", "request_id")} == {
        **{"method": "gRPC", "path": "/desk.Triage/Predict", "status": "OK"},
        **{"caller": "key:crm", "request_id": "r-7"},
    }
    assert key not in log.getvalue()


def test_a_stranger_s_bytes_are_not_looked_into_and_a_friend_s_wrong_ones_are_refused(desk: Desk, run: Any) -> None:
    key = desk.key("crm", Scope.PREDICT)

    async def main() -> None:
        async with served(guard_of(desk)) as channel:
            raw = channel.unary_unary(f"/{SERVICE}/Predict")
            assert (await refused(raw(b"\xff"))).code() == grpc.StatusCode.UNAUTHENTICATED
            error = await refused(raw(b"\xff", metadata=(("x-api-key", key),)))
            assert error.code() == grpc.StatusCode.INVALID_ARGUMENT

    run(main())


def test_a_message_over_the_limit_is_refused(desk: Desk, run: Any) -> None:
    async def main() -> None:
        async with served(guard_of(desk, auth="open", max_body_bytes=2048)) as channel:
            assert await method(channel, "Predict")(said(body="x" * 1000))
            error = await refused(method(channel, "Predict")(said(body="x" * 3000)))
            assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED

    run(main())


@pytest.mark.parametrize("is_open", [True, False])
def test_reflection_is_open_as_the_settings_say(desk: Desk, run: Any, is_open: bool) -> None:
    from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

    async def main() -> None:
        async with served(guard_of(desk, grpc_reflection=is_open)) as channel:
            asked = reflection_pb2.ServerReflectionRequest(list_services="")
            call = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(iter([asked]))
            if is_open:
                names = [one.name async for reply in call for one in reply.list_services_response.service]
                assert health.SERVICE_NAME in names
            else:
                assert (await refused(anext(aiter(call)))).code() == grpc.StatusCode.UNAUTHENTICATED

    run(main())


def test_a_call_that_the_client_gives_up_is_logged_as_that(desk: Desk, run: Any, log: io.StringIO) -> None:
    async def main() -> None:
        async with served(guard_of(desk, auth="open")) as channel:
            call = method(channel, "PredictBatch", "unary_stream")(said(body="wait"))
            assert (await call.read())["number"] == 0
            call.cancel()
            while not log.getvalue():
                await asyncio.sleep(0.01)

    run(main())
    assert json.loads(log.getvalue())["status"] == "CANCELLED"


@pytest.mark.parametrize(
    ("peer", "address"),
    [("ipv4:10.0.0.1:55", "10.0.0.1"), ("ipv6:%5B::1%5D:55", "::1"), ("ipv6:[::1]:55", "::1"), ("unix:", "unix:")],
)
def test_the_address_in_what_grpc_calls_a_peer(peer: str, address: str) -> None:
    assert address_of(peer) == address
