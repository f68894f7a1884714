"""Asked to end under load: what is in work is finished, what waits is written, and it takes seconds."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest

from ticket_assets.serving.contract import triage_v1_pb2 as pb
from ticket_assets.serving.contract.triage_v1_pb2_grpc import TriageStub
from ticket_assets_tests.serving.endpoint.conftest import ToyStore
from ticket_assets_tests.serving.endpoint.server import Server, running
from ticket_assets_tests.serving.service.clients import Told, answers, asking, failures, four, kept_once, nothing_lost

pytestmark = pytest.mark.slow

SECONDS = 15.0  # for a stop: the longest batch below, and room for a machine that is busy
LONG = [{"body": "please help NOW " * 200} for _ in range(400)]


@pytest.fixture
def service(store: ToyStore, tmp_path: Path) -> Iterator[Server]:
    """What is answered waits: nothing is written unless the stop writes it."""
    store.crown(1)
    variables = {"TICKET_ASSETS_SERVICE__LOG__FLUSH_SECONDS": "60", "TICKET_ASSETS_ACCESS__BODY_SECONDS": "3"}
    with running(store.root, tmp_path / "state", 2, **variables) as started:
        yield started


def ended_in(service: Server) -> float:
    """Seconds that the stop took."""
    begun = time.monotonic()
    assert service.stop() == 0
    return time.monotonic() - begun


def test_a_stop_under_load_breaks_no_request_that_was_begun_and_writes_what_waits(
    service: Server, tmp_path: Path
) -> None:
    with asking(four(service.port, service.grpc_port)) as askers:
        while answers(askers) < 400:
            time.sleep(0.01)
        took = ended_in(service)
    assert took < SECONDS
    # A request that a worker had read has its line; one that was still on its way has none, and may be cut off.
    begun = {line["request_id"]: line for line in service.lines if line["logger"] == "ticket_assets.access"}
    broken = {request: begun[request] for request in failures(askers) if request in begun}
    assert broken == {}
    assert {str(line["status"]) for line in begun.values()} <= {"200", "OK"}
    counted = kept_once([one.told for one in askers], tmp_path / "state")
    assert nothing_lost(counted), counted
    assert counted["acknowledged"] == answers(askers)
    assert not list((tmp_path / "state" / "log" / "spool").glob("*.journal"))
    print(counted, f"stopped in {took:.1f} s, {len(failures(askers))} cut off before they were read")


def over_http(service: Server) -> list[str]:
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
    content = json.dumps({"tickets": LONG})
    connection.request("POST", "/predict_batch", content, {"Content-Type": "application/json"})
    response = connection.getresponse()
    assert response.status == 200
    rows: list[dict[str, Any]] = json.loads(response.read())["rows"]
    return [row["answer"]["prediction_id"] for row in rows]


def over_grpc(service: Server) -> list[str]:
    with grpc.insecure_channel(f"127.0.0.1:{service.grpc_port}") as channel:
        batch = pb.Batch(tickets=[pb.Ticket(**one) for one in LONG])
        answer = TriageStub(channel).PredictBatch(batch, timeout=60)
        return [row.answer.prediction_id for row in answer.rows]


@pytest.mark.parametrize("ask", [over_http, over_grpc])
def test_a_long_batch_that_is_in_work_is_answered_before_the_service_ends(
    service: Server, tmp_path: Path, ask: Callable[[Server], list[str]]
) -> None:
    with ThreadPoolExecutor(1) as pool:
        asked: Future[list[str]] = pool.submit(ask, service)
        wait_until_busy(service)
        assert not asked.done()
        took = ended_in(service)
        ids = asked.result(60)
    assert len(set(ids)) == len(LONG)
    assert took < SECONDS
    counted = kept_once([Told(predictions=ids)], tmp_path / "state")
    assert nothing_lost(counted), counted


def wait_until_busy(service: Server) -> None:
    """Until a worker computes: more than the idle ones do in a moment."""
    before = {one.pid: one.cpu_times().user for one in service.workers()}
    end = time.monotonic() + 30
    while max(one.cpu_times().user - before.get(one.pid, 0) for one in service.workers()) < 0.1:
        assert time.monotonic() < end
        time.sleep(0.005)


def test_clients_that_went_away_or_dawdle_hold_up_no_stop(service: Server) -> None:
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
    idle = [socket.create_connection(("127.0.0.1", service.port)) for _ in range(5)]  # never say a word
    for number in range(10):
        connection = socket.create_connection(("127.0.0.1", service.port))
        connection.sendall(head + b'{"body": "ha')
        if number % 2:
            connection.close()  # gone, half-way
        else:
            idle.append(connection)
    held = threading.Event()
    held.wait(0.5)  # each has been read from
    took = ended_in(service)
    for connection in idle:
        connection.close()
    assert took < SECONDS
