"""gRPC on a real socket: the same answers, the same refusals, health, reflection, TLS."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import json_format
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from ticket_assets.serving.access.grpc import GuardInterceptor
from ticket_assets.serving.access.guard import Guard
from ticket_assets.serving.access.keys import add_key, new_key
from ticket_assets.serving.access.policy import Policy, Scope
from ticket_assets.serving.access.settings import AccessSettings
from ticket_assets.serving.contract import triage_v1_pb2 as pb
from ticket_assets.serving.contract.triage_v1_pb2_grpc import TriageStub
from ticket_assets.serving.endpoint.messages import TicketIn
from ticket_assets.serving.endpoint.wire import SERVICE, Wire, WireSettings
from ticket_assets.serving.prediction import Ticket
from ticket_assets_tests.serving.endpoint.conftest import LOUD, QUIET, Parts
from ticket_assets_tests.serving.endpoint.test_pages import no_thread_is_free

PROJECT = Path(__file__).resolve().parents[3]
Asked = Callable[[grpc.aio.Channel, Wire], Awaitable[Any]]


@pytest.fixture
def over_grpc(parts: Parts) -> Callable[..., Any]:
    return asked_of(parts)


def asked_of(parts: Parts) -> Callable[..., Any]:
    """Run what is asked of a real server, and return what came of it."""

    def run(ask: Asked, access: AccessSettings | None = None, credentials: Any = None, **settings: Any) -> Any:
        async def served() -> Any:
            guard = Guard(access or AccessSettings(auth="open"), Policy.of(access or AccessSettings(), SERVICE))
            wired = WireSettings(**{"address": "127.0.0.1:0", "max_message_bytes": 1 << 20, **settings})
            wire = Wire(wired, parts.triage, parts.office, parts.pools, GuardInterceptor(guard))
            await wire.start()
            target = f"localhost:{wire.port}"
            opened = grpc.aio.secure_channel(target, credentials) if credentials else grpc.aio.insecure_channel(target)
            try:
                async with opened as channel:
                    return await ask(channel, wire)
            finally:
                await wire.stop()

        return asyncio.run(served())

    return run


def test_the_code_of_the_contract_is_what_the_proto_makes(tmp_path: Path) -> None:
    folder = Path("ticket_assets/serving/contract")
    command = ["-I", ".", f"--python_out={tmp_path}", f"--grpc_python_out={tmp_path}", f"--pyi_out={tmp_path}"]
    subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", *command, str(folder / "triage_v1.proto")], cwd=PROJECT, check=True
    )
    made = sorted(path.name for path in (tmp_path / folder).iterdir())
    assert made == ["triage_v1_pb2.py", "triage_v1_pb2.pyi", "triage_v1_pb2_grpc.py"]
    for name in made:
        assert (tmp_path / folder / name).read_text() == (PROJECT / folder / name).read_text(), "run scripts/contract"


def test_an_answer_over_grpc_is_the_bundle_s_to_the_last_bit(over_grpc: Callable[..., Any], parts: Parts) -> None:
    async def ask(channel: grpc.aio.Channel, _: Wire) -> Any:
        return [await TriageStub(channel).Predict(pb.Ticket(body=body, id="INC-1")) for body in (LOUD, QUIET)]

    assert parts.engine.seat is not None
    expected = parts.engine.seat.bundle.predict([Ticket(LOUD), Ticket(QUIET)])
    for answer, one in zip(over_grpc(ask), expected, strict=True):
        assert dict(answer.targets["tone"].probabilities) == one["tone"].probabilities
        assert (answer.targets["tone"].label, answer.targets["tone"].band) == (one["tone"].label, one["tone"].band)
        assert (answer.id, answer.model_version) == ("INC-1", 1)
        assert answer.prediction_id.startswith("p-")


def test_every_field_of_an_answer_over_http_is_there_over_grpc(over_grpc: Callable[..., Any], parts: Parts) -> None:
    async def ask(channel: grpc.aio.Channel, _: Wire) -> Any:
        return await TriageStub(channel).Predict(pb.Ticket(body=LOUD, reasons=2, top=1, language="xx"))

    told = over_grpc(ask)
    assert (told.language, told.claimed_language) == ("en", "xx")
    answer = parts.triage.predict(TicketIn(body=LOUD, reasons=2, top=1), "http").targets["tone"]
    assert [(one.label, one.probability) for one in told.targets["tone"].top] == [
        (one.label, one.probability) for one in answer.top
    ]
    assert [(one.name, one.contribution) for one in told.targets["tone"].reasons] == [
        (one.name, one.contribution) for one in answer.reasons
    ]


def test_all_other_methods_answer(over_grpc: Callable[..., Any], tmp_path: Path) -> None:
    async def ask(channel: grpc.aio.Channel, _: Wire) -> Any:
        stub = TriageStub(channel)
        key = (("x-api-key", made),)
        batch = await stub.PredictBatch(pb.Batch(tickets=[pb.Ticket(body=LOUD), pb.Ticket()]))
        [first, second] = batch.rows
        receipt = await stub.Feedback(pb.Correction(prediction_id=first.answer.prediction_id, labels={"tone": "quiet"}))
        info = await stub.Info(pb.InfoRequest())
        reload = await stub.Reload(pb.ReloadRequest(), metadata=key)
        acting = await stub.Act(pb.ActingChange(on=False, reason="r"), metadata=key)
        report = await stub.ActReport(pb.ActedRequest(), metadata=key)
        return batch.failed, second.error.code, receipt.state, info.status, reload.changed, acting.by, report.since

    path = tmp_path / "keys.json"
    made, kept = new_key("ops", Scope, datetime.now(UTC))
    add_key(path, kept)
    access = AccessSettings(auth="open", keys_file=path)
    assert over_grpc(ask, access)[:6] == (1, "empty_ticket", "accepted", "ok", False, "key:ops")


@pytest.mark.parametrize(
    ("ticket", "code", "field"),
    [
        (pb.Ticket(), grpc.StatusCode.INVALID_ARGUMENT, "body"),
        (pb.Ticket(body="x", top=0), grpc.StatusCode.INVALID_ARGUMENT, "top"),
        (pb.Ticket(body="x", reasons=-1), grpc.StatusCode.INVALID_ARGUMENT, "reasons"),
        (pb.Ticket(body="x", id="a\0b"), grpc.StatusCode.INVALID_ARGUMENT, "id"),
        (pb.Ticket(body="x", context={"k" * 90_000: ""}), grpc.StatusCode.INVALID_ARGUMENT, f"context.{'k' * 189}..."),
        (pb.Ticket(body="x" * (1 << 21)), grpc.StatusCode.RESOURCE_EXHAUSTED, None),
    ],
)
def test_a_wrong_ticket_is_refused_with_the_field(
    over_grpc: Callable[..., Any], ticket: pb.Ticket, code: grpc.StatusCode, field: str | None
) -> None:
    async def ask(channel: grpc.aio.Channel, _: Wire) -> Any:
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await TriageStub(channel).Predict(ticket)
        return error.value.code(), dict(error.value.trailing_metadata()).get("error-field")

    assert over_grpc(ask) == (code, field)


def test_act_is_turned_off_at_once_whatever_else_hangs(
    over_grpc: Callable[..., Any], parts: Parts, tmp_path: Path
) -> None:
    pools = parts.pools

    async def ask(channel: grpc.aio.Channel, _: Wire) -> Any:
        stub, key = TriageStub(channel), (("x-api-key", made),)
        async with no_thread_is_free(pools.database, pools.similar, pools.reload), asyncio.timeout(20):
            off = await stub.Act(pb.ActingChange(on=False, reason="r"), metadata=key)
            for waiting in (stub.Similar(pb.SimilarRequest(body=LOUD)), stub.Reload(pb.ReloadRequest(), metadata=key)):
                with pytest.raises(grpc.aio.AioRpcError) as error:
                    await waiting
                assert dict(error.value.trailing_metadata())["error-code"] == "overloaded"
            return off.on, (await stub.Predict(pb.Ticket(body=LOUD))).targets["tone"].band

    path = tmp_path / "keys.json"
    made, kept = new_key("ops", Scope, datetime.now(UTC))
    add_key(path, kept)
    assert over_grpc(ask, AccessSettings(auth="open", keys_file=path)) == (False, "suggest")


def test_a_batch_is_converted_in_a_thread_and_one_beyond_the_bound_not_at_all(
    over_grpc: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a million empty tickets are a megabyte, and seconds of the event loop."""
    converted: list[tuple[str, int]] = []

    def noting(way: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def note(*its: Any, **options: Any) -> Any:
            converted.append((way, threading.get_ident()))
            return real(*its, **options)

        return note

    for way in ("MessageToDict", "ParseDict"):
        monkeypatch.setattr(json_format, way, noting(way, getattr(json_format, way)))

    async def ask(channel: grpc.aio.Channel, _: Wire) -> Any:
        stub = TriageStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await stub.PredictBatch(pb.Batch(tickets=[pb.Ticket()] * 20_000))
        assert dict(error.value.trailing_metadata())["error-code"] == "too_many_tickets"
        assert converted == []
        await stub.PredictBatch(pb.Batch(tickets=[pb.Ticket(body=LOUD)]))
        return threading.get_ident()

    loop = over_grpc(ask)
    assert {way for way, _ in converted} == {"MessageToDict", "ParseDict"}
    assert loop not in {thread for _, thread in converted}


def test_a_batch_without_a_ticket_is_a_wrong_argument(over_grpc: Callable[..., Any]) -> None:
    async def ask(channel: grpc.aio.Channel, _: Wire) -> Any:
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await TriageStub(channel).PredictBatch(pb.Batch())
        return error.value.code(), dict(error.value.trailing_metadata()).get("error-field")

    assert over_grpc(ask) == (grpc.StatusCode.INVALID_ARGUMENT, "tickets")


def test_nobody_is_answered_without_a_key_where_keys_are_asked_for(over_grpc: Callable[..., Any]) -> None:
    async def ask(channel: grpc.aio.Channel, _: Wire) -> Any:
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await TriageStub(channel).Predict(pb.Ticket(body=LOUD))
        return error.value.code()

    assert over_grpc(ask, AccessSettings()) == grpc.StatusCode.UNAUTHENTICATED


def test_reflection_lists_the_service_and_its_methods_as_grpcurl_asks(over_grpc: Callable[..., Any]) -> None:
    async def ask(channel: grpc.aio.Channel, _: Wire) -> Any:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        asked = [
            reflection_pb2.ServerReflectionRequest(list_services=""),
            reflection_pb2.ServerReflectionRequest(file_containing_symbol=SERVICE),
        ]
        return [answer async for answer in stub.ServerReflectionInfo(iter(asked))]

    listed, described = over_grpc(ask)
    assert SERVICE in [one.name for one in listed.list_services_response.service]
    assert b"PredictBatch" in b"".join(described.file_descriptor_response.file_descriptor_proto)


def test_a_port_that_is_taken_is_told_with_its_address(parts: Parts, over_grpc: Callable[..., Any]) -> None:
    async def ask(_: grpc.aio.Channel, __: Wire) -> Any:
        with pytest.raises(OSError, match=r"gRPC cannot listen on 256\.0\.0\.1:1"):
            guard = GuardInterceptor(Guard(AccessSettings()))
            wired = WireSettings("256.0.0.1:1", 1 << 20)
            await Wire(wired, parts.triage, parts.office, parts.pools, guard).start()

    over_grpc(ask)


def test_with_a_certificate_the_port_speaks_tls_and_nothing_else(over_grpc: Callable[..., Any], tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    name = ["-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*command.split(), *name, "-keyout", key, "-out", certificate], check=True, capture_output=True)

    async def ask(channel: grpc.aio.Channel, wire: Wire) -> Any:
        answer = await TriageStub(channel).Predict(pb.Ticket(body=LOUD))
        async with grpc.aio.insecure_channel(f"localhost:{wire.port}") as plain:
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await TriageStub(plain).Predict(pb.Ticket(body=LOUD), timeout=5)
        return answer.targets["tone"].label, error.value.code()

    trusted = grpc.ssl_channel_credentials(certificate.read_bytes())
    label, code = over_grpc(ask, credentials=trusted, certificate=certificate, key=key)
    assert label == "loud"
    assert code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


def test_with_a_client_authority_only_clients_that_it_signed_are_answered(
    over_grpc: Callable[..., Any], tmp_path: Path
) -> None:
    def openssl(command: str) -> None:
        subprocess.run(["openssl", *command.split()], cwd=tmp_path, check=True, capture_output=True)

    made = "-newkey rsa:2048 -nodes"
    for name in ("server", "authority", "stranger"):  # each signed by itself
        its = f"-subj /CN={name} -days 2 -addext subjectAltName=DNS:localhost"
        openssl(f"req -x509 {made} {its} -keyout {name}.key -out {name}.pem")
    openssl(f"req {made} -subj /CN=client -keyout client.key -out client.csr")
    openssl("x509 -req -days 2 -in client.csr -CA authority.pem -CAkey authority.key -CAcreateserial -out client.pem")

    def credentials(client: str | None) -> grpc.ChannelCredentials:
        pair = [(tmp_path / f"{client}.{end}").read_bytes() for end in ("key", "pem")] if client else [None, None]
        return grpc.ssl_channel_credentials((tmp_path / "server.pem").read_bytes(), *pair)

    async def ask(channel: grpc.aio.Channel, wire: Wire) -> Any:
        answer = await TriageStub(channel).Predict(pb.Ticket(body=LOUD), timeout=20)
        codes = []
        for client in (None, "stranger"):
            async with grpc.aio.secure_channel(f"localhost:{wire.port}", credentials(client)) as other:
                with pytest.raises(grpc.aio.AioRpcError) as error:
                    await TriageStub(other).Predict(pb.Ticket(body=LOUD), timeout=5)
                codes.append(error.value.code())
        return answer.targets["tone"].label, codes

    files = {"certificate": tmp_path / "server.pem", "key": tmp_path / "server.key"}
    signed = credentials("client")
    label, codes = over_grpc(ask, credentials=signed, client_authority=tmp_path / "authority.pem", **files)
    assert label == "loud"
    assert {*codes} <= {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}
