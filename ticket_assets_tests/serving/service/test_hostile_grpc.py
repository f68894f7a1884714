"""Two thousand hostile messages over gRPC: no failure of ours, no hang, no memory kept, no line in the log but ours."""

import random
import socket
import time
from collections import Counter
from collections.abc import Iterator

import grpc
import pytest

from ticket_assets.serving.contract import triage_v1_pb2 as pb
from ticket_assets.serving.contract.triage_v1_pb2_grpc import TriageStub
from ticket_assets.serving.endpoint.wire import SERVICE
from ticket_assets_tests.serving.service.conftest import Guarded
from ticket_assets_tests.serving.service.hostile import FORGED, SECRET
from ticket_assets_tests.serving.service.hostile_proto import message
from ticket_assets_tests.serving.service.test_hostile_http import (
    LONGEST_ERROR,
    MIB,
    REQUESTS,
    SAMPLED,
    SECONDS,
    WARM,
    kept,
    private_bytes,
)

pytestmark = pytest.mark.slow

# What a stranger may be told; INTERNAL, UNKNOWN, UNAVAILABLE and a deadline are failures of ours.
FAIR = {
    *("OK", "INVALID_ARGUMENT", "RESOURCE_EXHAUSTED", "UNIMPLEMENTED", "UNAUTHENTICATED", "NOT_FOUND"),
    *("ALREADY_EXISTS", "FAILED_PRECONDITION"),
}
NO_GRPC = (
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 2000,
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"
    + b"\x00\x10\x00\x01\x04\x00\x00\x00\x01"
    + b"A" * 4096,
    FORGED.encode() * 20,
    bytes(5000),
)


@pytest.fixture
def channel(guarded: Guarded) -> Iterator[grpc.Channel]:
    options = [("grpc.max_send_message_length", -1), ("grpc.max_metadata_size", 1 << 20)]
    with grpc.insecure_channel(f"127.0.0.1:{guarded.server.grpc_port}", options=options) as made:
        yield made


def status_of(channel: grpc.Channel, key: str, method: str, content: bytes, metadata: object = ()) -> str:
    """Name of the status of a call with these bytes."""
    asked = channel.unary_unary(f"/{SERVICE}/{method}", request_serializer=None, response_deserializer=None)
    try:
        asked(content, timeout=SECONDS, metadata=[("authorization", f"Bearer {key}"), *metadata])  # type: ignore[misc]
    except grpc.RpcError as error:
        assert len(error.details() or "") < LONGEST_ERROR
        return str(error.code().name)
    return "OK"


def test_two_thousand_hostile_messages_do_no_harm(guarded: Guarded, channel: grpc.Channel) -> None:
    seen: Counter[str] = Counter()
    slowest, sent, sizes = 0.0, 0, []
    for number in range(REQUESTS):
        if number % SAMPLED == 0:
            sizes.append(private_bytes(guarded))
        method, content = message(number)
        begun = time.monotonic()
        status = status_of(channel, guarded.key, method, content)
        slowest = max(slowest, time.monotonic() - begun)
        seen[status] += 1
        sent += len(content) if number >= WARM else 0
        assert status in FAIR, f"message {number} to {method}: {status}, {content[:80]!r}"
    grown = kept(sizes)
    print(dict(seen), f"slowest {slowest:.1f} s, {sent / MIB:.0f} MiB sent, {grown / MIB:.1f} MiB grown")
    assert {"OK", "INVALID_ARGUMENT", "RESOURCE_EXHAUSTED"} <= set(seen)
    assert grown < sent / 4  # as over HTTP
    stub = TriageStub(channel)
    answer = stub.Predict(pb.Ticket(body="HELP NOW HELP NOW"), metadata=[("x-api-key", guarded.key)], timeout=SECONDS)
    assert answer.targets["tone"].label == "loud"


def test_hostile_metadata_and_methods_do_no_harm(guarded: Guarded, channel: grpc.Channel) -> None:
    ticket = pb.Ticket(body="HELP").SerializeToString()
    oddities = [
        [("x-request-id", FORGED.replace(" ", ""))],
        [("x-request-id", "a" * 5000)],
        [("x-request-id-bin", bytes(range(256)))],
        [("authorization", "Bearer " + "b" * 3000)],
        [("x-api-key", "ta_" + "c" * 40)],
        [(f"x-{number}", "d" * 50) for number in range(300)],
        [("grpc-timeout", "99999999999S")],
    ]
    for metadata in oddities:
        status = status_of(channel, guarded.key, "Predict", ticket, metadata)
        assert status in FAIR, (metadata[0][0], status)
    for method in ("Nothing", "../Predict", "Predict/Predict", "predict", "%00", "a" * 3000):
        assert status_of(channel, guarded.key, method, ticket) in FAIR, method
    assert status_of(channel, "ta_" + "x" * 40, "Predict", ticket) == "UNAUTHENTICATED"


def test_what_is_no_grpc_at_all_is_cut_off_and_the_next_caller_is_answered(
    guarded: Guarded, channel: grpc.Channel
) -> None:
    dice = random.Random(4)
    for number in range(60):
        sent = NO_GRPC[number] if number < len(NO_GRPC) else dice.randbytes(dice.randrange(1, 3000))
        with socket.create_connection(("127.0.0.1", guarded.server.grpc_port), timeout=SECONDS) as connection:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            try:
                while connection.recv(1 << 16):
                    pass
            except ConnectionError:
                continue
    assert status_of(channel, guarded.key, "Predict", pb.Ticket(body="HELP").SerializeToString()) == "OK"


def test_the_log_has_no_line_that_a_caller_wrote_and_no_word_of_a_ticket(guarded: Guarded) -> None:
    lines = guarded.server.lines  # each is one JSON object
    assert len(lines) > REQUESTS / 2
    assert [line for line in lines if "forged" in line] == []
    assert [line for line in lines if line["level"] in ("error", "critical")] == []
    assert SECRET not in guarded.server.said
    assert guarded.key not in guarded.server.said
