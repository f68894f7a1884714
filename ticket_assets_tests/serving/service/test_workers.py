"""Several worker processes: all of them answer, on one port of each kind, and are counted together."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from ticket_assets.serving.contract import triage_v1_pb2 as pb
from ticket_assets.serving.contract.triage_v1_pb2_grpc import TriageStub
from ticket_assets_tests.serving.endpoint.conftest import ToyStore
from ticket_assets_tests.serving.endpoint.server import Server, running
from ticket_assets_tests.serving.service.clients import (
    QUICK,
    answers,
    asking,
    failures,
    four,
    get,
    kept_once,
    nothing_lost,
)

pytestmark = pytest.mark.slow

WORKERS = 2


def sample(metrics: bytes, name: str) -> dict[str, float]:
    """Labels to value of a metric."""
    found = re.findall(rf"^{name}(?:\{{(.*)\}})? (\S+)$", metrics.decode(), re.MULTILINE)
    return {labels: float(value) for labels, value in found}


def seated_workers(server: Server) -> set[int]:
    """The processes that say which model answers."""
    seated = sample(get(server.port, "/metrics")[1], "ticket_assets_model_version")
    return {int(re.findall(r'pid="(\d+)"', labels)[0]) for labels in seated}


@pytest.fixture
def two(store: ToyStore, tmp_path: Path) -> Iterator[Server]:
    store.crown(1)
    with running(store.root, tmp_path / "state", WORKERS, TICKET_ASSETS_ACCESS__OPEN_METRICS="true", **QUICK) as server:
        yield server


def test_each_worker_answers_http_and_grpc_on_the_same_ports_and_all_are_counted_together(two: Server) -> None:
    workers = two.workers()
    assert len(workers) == WORKERS
    with asking(four(two.port, two.grpc_port)) as askers:
        before = {one.pid: one.cpu_times().user for one in workers}
        while answers(askers) < 600:
            time.sleep(0.05)
    assert failures(askers) == {}
    assert all(one.cpu_times().user > before[one.pid] for one in workers)
    for one in workers:  # the socket of gRPC is one of each process
        assert two.grpc_port in {its.laddr.port for its in one.net_connections("tcp") if its.status == "LISTEN"}
    status, metrics = get(two.port, "/metrics")
    assert status == 200
    assert sum(sample(metrics, "ticket_assets_answers_total").values()) == answers(askers)
    assert set(sample(metrics, "ticket_assets_model_version").values()) == {1}
    assert seated_workers(two) == {one.pid for one in workers}


def test_a_worker_that_is_killed_is_replaced_and_nothing_it_acknowledged_is_lost(two: Server, tmp_path: Path) -> None:
    first = two.workers()
    with asking(four(two.port, two.grpc_port)) as askers:
        for number, victim in enumerate(first, start=1):
            asked = answers(askers)
            while answers(askers) < asked + 150:
                time.sleep(0.01)
            victim.kill()
            asked = answers(askers)
            while answers(askers) < asked + 150:  # the other one goes on
                time.sleep(0.01)
            two.wait_for_workers(WORKERS + number)
    now = two.workers()
    assert len(now) == WORKERS
    assert not {one.pid for one in first} & {one.pid for one in now}
    assert get(two.port, "/predict", "POST", {"body": "HELP"})[0] == 200
    assert seated_workers(two) == {one.pid for one in now}  # the dead are told of no more
    broken = failures(askers)
    assert all(re.search("Remote|Reset|IncompleteRead|UNAVAILABLE|Broken", what) for what in broken.values()), broken
    assert two.stop() == 0
    counted = kept_once([one.told for one in askers], tmp_path / "state")
    assert nothing_lost(counted), counted
    print(counted, f"{len(broken)} requests broken off")


def test_the_health_of_each_worker_is_told_on_both_transports(two: Server) -> None:
    for _ in range(8 * WORKERS):  # new connections: each worker has its share
        status, health = get(two.port, "/healthz")
        assert (status, json.loads(health)["status"]) == (200, "ok")
        assert get(two.port, "/readyz")[0] == 200
        assert get(two.port, "/livez")[0] == 200
        with grpc.insecure_channel(
            f"127.0.0.1:{two.grpc_port}", options=[("grpc.use_local_subchannel_pool", 1)]
        ) as channel:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=30)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
            assert TriageStub(channel).Info(pb.InfoRequest(), timeout=30).model_version == 1
