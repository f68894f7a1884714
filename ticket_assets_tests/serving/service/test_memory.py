"""Load: the memory of a worker does not grow with what it answers."""

import re
import time
from pathlib import Path

import numpy as np
import pytest

from ticket_assets_tests.serving.endpoint.conftest import ToyStore
from ticket_assets_tests.serving.endpoint.server import Server, running
from ticket_assets_tests.serving.service.clients import QUICK, Asker, answers, asking, failures, four, get

pytestmark = pytest.mark.slow

WARM, BLOCK, BLOCKS = 1500, 800, 7  # answers
# SQLite keeps 2 MB of pages; small tickets would fill them in 15,000 answers, and that would look like growth.
LONG_TICKETS, LONG = 60, "HELP now please " * 4000
PATIENCE = 300.0  # seconds for each of them, on a machine that does much else
AN_ANSWER = 443  # bytes over HTTP


def private_bytes(server: Server) -> int:
    """What its workers have for themselves and in no file: pages of code come and go with what other processes do."""
    told = [Path(f"/proc/{one.pid}/smaps_rollup").read_text() for one in server.workers()]
    return sum(1024 * int(re.search(r"^Anonymous: +(\d+) kB", one, re.M)[1]) for one in told)  # type: ignore[index]


def wait_for(askers: list[Asker], number: int) -> int:
    """Until so many answers were given; how many there are."""
    until = time.monotonic() + PATIENCE
    while (there := answers(askers)) < number:
        assert time.monotonic() < until, f"{there} of {number} answers after {PATIENCE:.0f} s"
        time.sleep(0.02)
    return there


def test_memory_does_not_grow_with_the_number_of_answers(store: ToyStore, tmp_path: Path) -> None:
    store.crown(1)
    told = []
    with running(store.root, tmp_path / "state", **QUICK) as server:
        for number in range(LONG_TICKETS):
            status, said = get(server.port, "/predict", "POST", {"body": f"{number} {LONG}"})
            assert status == 200, said
        with asking(four(server.port, server.grpc_port)) as asking_now:
            askers = list(asking_now)
            given = wait_for(askers, WARM)
            for _ in range(BLOCKS + 1):
                told.append((given, private_bytes(server)))
                given = wait_for(askers, given + BLOCK)
        assert failures(askers) == {}
    blocks = np.diff(np.array(told), axis=0)
    grown = blocks[:, 1] / blocks[:, 0]
    print(f"bytes grown per answer, by block of {BLOCK} answers: {[round(one) for one in grown]}")
    # A service that kept its answers, or a record of each, would grow by more than this in every block; what allocator
    # and caches take falls into some. (BentoML's timers: 4,300 bytes and more in each.)
    assert np.quantile(grown, 0.25) < AN_ANSWER
