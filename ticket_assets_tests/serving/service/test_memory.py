"""Half a minute of load: the memory of a worker does not grow with what it answers."""

import time
from pathlib import Path

import pytest

from ticket_assets_tests.serving.endpoint.conftest import ToyStore
from ticket_assets_tests.serving.endpoint.server import Server, running
from ticket_assets_tests.serving.service.clients import QUICK, answers, asking, failures, four

pytestmark = pytest.mark.slow

WARM, MEASURED = 12.0, 18.0  # seconds
# BentoML keeps a timer of each request for its timeout, which is five seconds more: all are there when it is warm.
VARIABLES = {"TICKET_ASSETS_ACCESS__ANSWER_SECONDS": "3", **QUICK}
AN_ANSWER = 443  # bytes over HTTP


def private_bytes(server: Server) -> int:
    """What its workers have for themselves, shared pages by share."""
    return sum(one.memory_full_info().pss for one in server.workers())


def test_memory_does_not_grow_with_the_number_of_answers(store: ToyStore, tmp_path: Path) -> None:
    store.crown(1)
    with running(store.root, tmp_path / "state", **VARIABLES) as server:
        with asking(four(server.port, server.grpc_port)) as askers:
            time.sleep(WARM)
            before, asked = private_bytes(server), answers(askers)
            time.sleep(MEASURED)
            grown, asked = private_bytes(server) - before, answers(askers) - asked
        assert failures(askers) == {}
    print(f"{asked} answers in {MEASURED:.0f} s, {grown / 1024:.0f} KiB grown, {grown / asked:.0f} bytes an answer")
    assert asked > 500
    # A service that kept its answers, or a record of each, would grow by more than this.
    assert grown < asked * AN_ANSWER / 2
