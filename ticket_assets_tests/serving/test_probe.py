"""Waiting for a server that is not ready: with pauses, not for ever, and with what it last said. Real servers only."""

import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from ticket_assets.serving.bento import bento_folder
from ticket_assets.serving.probe import PAUSE_SECONDS, ProbeError, free_port, served, wait_until_ready

CLIENTS = Path("/proc/sys/net/ipv4/ip_local_port_range")
UNREADY = """
import bentoml

@bentoml.service
class Unready:
    def __is_ready__(self) -> bool:
        return False

    @bentoml.api
    def predict(self, body: str) -> str:
        return body
"""


@contextmanager
def server(answer: Callable[[int], tuple[int, str]]) -> Iterator[tuple[int, list[str]]]:
    """A web server that answers its n-th request as told; yields its port and the paths it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            status, said = answer(len(asked))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(said.encode())

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = Thread(target=running.serve_forever)
        thread.start()
        try:
            yield running.server_port, asked
        finally:
            running.shutdown()
            thread.join()


@pytest.fixture
def process() -> Iterator["subprocess.Popen[bytes]"]:
    """A process that lives as long as it is waited for."""
    alive = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
    yield alive
    alive.kill()
    alive.wait()


def test_a_server_that_is_never_ready_is_asked_with_pauses_and_given_up_with_its_last_answer(
    process: "subprocess.Popen[bytes]",
) -> None:
    """It was asked thousands of times a second, and the reason that it gave was thrown away."""
    with server(lambda number: (503, f"no model yet, asked {number} times")) as (port, asked):
        begun = time.monotonic()
        with pytest.raises(ProbeError, match=r"after 1 s it last answered 503: no model yet, asked \d+ times"):
            wait_until_ready(process, port, 1)
        took = time.monotonic() - begun
    assert set(asked) == {"/readyz"}
    assert 1 <= took < 30
    assert len(asked) <= took / PAUSE_SECONDS + 1


def test_a_server_that_becomes_ready_is_waited_for(process: "subprocess.Popen[bytes]") -> None:
    with server(lambda number: (200 if number == 3 else 503, "")) as (port, asked):
        wait_until_ready(process, port, 60)
    assert len(asked) == 3


def test_a_port_where_nobody_listens_is_given_up_as_one_that_never_answered(process: "subprocess.Popen[bytes]") -> None:
    with server(lambda number: (200, "")) as (port, _):
        pass
    with pytest.raises(ProbeError, match="after 0 s it never answered"):
        wait_until_ready(process, port, 0.3)


def test_a_process_that_ends_is_not_waited_for() -> None:
    ended = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
    with server(lambda number: (503, "starting")) as (port, _):
        begun = time.monotonic()
        with pytest.raises(ProbeError, match="its process ended with 3"):
            wait_until_ready(ended, port, 600)
    assert time.monotonic() - begun < 60


def test_a_service_that_says_it_is_not_ready_is_given_up_with_its_words_and_output(tmp_path: Path) -> None:
    folder = bento_folder(tmp_path, "unready:v1")
    folder.mkdir(parents=True)
    (folder / "service.py").write_text(UNREADY)
    with pytest.raises(ProbeError) as told, served(tmp_path, "unready:v1", seconds=20):
        raise AssertionError("it was ready")
    assert "unready:v1 was not ready: after 20 s it last answered 503: " in str(told.value)
    assert "Starting production HTTP" in str(told.value)


@pytest.mark.skipif(not CLIENTS.exists(), reason="this system does not say which ports clients get")
def test_a_free_port_is_never_one_that_a_client_may_be_given_before_the_server_listens() -> None:
    """A server of a test met its port taken, three seconds after it was found free, by another test's client."""
    first, last = map(int, CLIENTS.read_text().split())
    drawn = {free_port() for _ in range(50)}
    assert not drawn & set(range(first, last + 1))
    assert len(drawn) > 40


def test_a_seeded_generator_does_not_make_two_tests_draw_the_same_ports() -> None:
    random.seed(1)
    before = [free_port() for _ in range(5)]
    random.seed(1)
    assert before != [free_port() for _ in range(5)]
