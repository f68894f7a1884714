"""The bounds of the whole service: dawdling clients, a database that hangs, statuses, what is counted."""

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from sqlalchemy import create_engine, text

from ticket_assets.serving.contract import triage_v1_pb2 as pb
from ticket_assets.serving.contract.triage_v1_pb2_grpc import TriageStub
from ticket_assets_tests.serving.endpoint.conftest import ToyStore
from ticket_assets_tests.serving.endpoint.server import Server, running
from ticket_assets_tests.serving.service.clients import QUICK, get
from ticket_assets_tests.serving.service.test_faults import URL, until
from ticket_assets_tests.serving.service.test_workers import sample

pytestmark = pytest.mark.slow

UNKNOWN = {"prediction_id": "p-01a2001a-7931-7514-8ba1-6214a7dc209d", "labels": {"tone": "loud"}}
QUICKLY = 5.0  # on a machine that is busy; the database hangs for longer


@pytest.fixture
def service(store: ToyStore, tmp_path: Path) -> Iterator[Server]:
    store.crown(1)
    variables = {"TICKET_ASSETS_ACCESS__OPEN_METRICS": "true", "TICKET_ASSETS_ACCESS__HEAD_SECONDS": "1"}
    with running(store.root, tmp_path / "state", **variables, **QUICK) as started:
        yield started


def test_a_hanging_database_fails_no_probe_and_no_ticket(store: ToyStore, postgres: str, tmp_path: Path) -> None:
    store.crown(1)
    with running(store.root, tmp_path / "state", **{URL: postgres}, **QUICK) as service, ThreadPoolExecutor(24) as pool:
        assert get(service.port, "/feedback", "POST", UNKNOWN)[0] == 404
        engine = create_engine(postgres)
        with engine.connect() as other:
            other.execute(text("LOCK TABLE predictions, feedback IN ACCESS EXCLUSIVE MODE"))
            hanging = [pool.submit(get, service.port, "/feedback", "POST", UNKNOWN) for _ in range(24)]
            time.sleep(1)
            for path in ("/livez", "/readyz", "/healthz"):
                begun = time.monotonic()
                assert get(service.port, path)[0] == 200
                assert time.monotonic() - begun < QUICKLY
            for path, asked in (
                ("/predict", {"body": "HELP NOW"}),
                ("/predict_batch", {"tickets": [{"body": "HELP NOW"}]}),
            ):
                begun = time.monotonic()
                status, said = get(service.port, path, "POST", asked)
                assert (status, time.monotonic() - begun < QUICKLY) == (200, True), said
            turned_away = [one for one in hanging if one.done()]
            assert len(turned_away) == 8  # sixteen may wait
            assert {one.result()[0] for one in turned_away} == {503}
            other.rollback()
        engine.dispose()
        assert {one.result()[0] for one in hanging if one not in turned_away} <= {404, 200}


def test_clients_who_say_nothing_are_cut_off_on_both_ports(service: Server) -> None:
    begun = time.monotonic()
    with (
        socket.create_connection(("127.0.0.1", service.port), timeout=30) as http,
        socket.create_connection(("127.0.0.1", service.grpc_port), timeout=30) as grpc_,
    ):
        http.sendall(b"POST /predict HTT")
        assert http.recv(1) == b""
        assert time.monotonic() - begun < 8
        while grpc_.recv(1 << 16):  # the server's own settings, then the end
            continue
        assert time.monotonic() - begun < 25


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/predict", 405, "method_not_allowed"),
        ("DELETE", "/info", 405, "method_not_allowed"),
        ("POST", "/healthz", 405, "method_not_allowed"),
        ("OPTIONS", "/feedback", 405, "method_not_allowed"),
        ("GET", "/info?which=1", 400, "invalid_input"),
        ("GET", "/info?%ff=%00", 400, "invalid_input"),
        ("GET", "/act_report", 401, "unauthenticated"),
        ("GET", "/login", 405, "method_not_allowed"),
    ],
)
def test_every_error_has_its_status_and_the_one_shape(
    one_for_all: Server, method: str, path: str, status: int, code: str
) -> None:
    found, said = get(one_for_all.port, path, method)
    error = json.loads(said)["error"]
    assert (found, error["code"]) == (status, code), said
    assert set(error) == {"code", "message", "field", "request_id"}


def test_head_is_answered_like_get_without_content(one_for_all: Server) -> None:
    for path, status in (("/readyz", 200), ("/livez", 200), ("/info", 200), ("/nowhere", 404), ("/predict", 405)):
        assert get(one_for_all.port, path, "HEAD") == (status, b"")


def test_what_is_asked_over_both_transports_is_counted_and_a_model_that_went_is_told_as_gone(
    service: Server, store: ToyStore
) -> None:
    assert get(service.port, "/predict", "POST", {"body": "HELP"})[0] == 200
    assert get(service.port, "/predict", "POST", {"bdy": "HELP"})[0] == 400
    with grpc.insecure_channel(f"127.0.0.1:{service.grpc_port}") as channel:
        TriageStub(channel).Predict(pb.Ticket(body="HELP"), timeout=30)
        with pytest.raises(grpc.RpcError):
            TriageStub(channel).Predict(pb.Ticket(), timeout=30)
        watching = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), timeout=60)
        assert next(watching).status == health_pb2.HealthCheckResponse.SERVING
        second = store.crown(2, act=0.9)
        until(lambda: json.loads(get(service.port, "/readyz")[1])["model_version"] == 2, "the second model")

        def told(name: str) -> dict[str, float]:
            return sample(get(service.port, "/metrics")[1], f"ticket_assets_{name}")

        def requests(transport: str, code: str) -> float:
            its: dict[str, Any] = told("requests_total")
            return sum(one for labels, one in its.items() if f'"{transport}"' in labels and f'code="{code}"' in labels)

        assert (requests("http", "400"), requests("grpc", "OK"), requests("grpc", "INVALID_ARGUMENT")) == (1, 1, 1)
        assert requests("http", "200") >= 2
        assert told("swaps_total") == {'taken="true"': 1}
        assert set(told("in_flight").values()) == {0}
        until(lambda: sorted(told("model_version").values()) == [0, 2], "the first model is gone")
        assert [second.bundle in labels for labels, one in told("model_version").items() if one == 2] == [True]
        begun = time.monotonic()
        assert service.stop() == 0  # though somebody watches
        assert time.monotonic() - begun < 15
        assert [one.status for one in watching] == [health_pb2.HealthCheckResponse.NOT_SERVING]


@pytest.fixture(scope="module")
def one_for_all(_written: ToyStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    _written.crown(1)
    with running(_written.root, tmp_path_factory.mktemp("statuses") / "state") as started:
        yield started
