"""Connections whose clients say nothing, or say it a byte at a time, over real sockets."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from uvicorn.protocols.http import auto

from ticket_assets.serving.access.connections import bound_connections
from ticket_assets_tests.serving.access.conftest import Desk
from ticket_assets_tests.serving.access.site import Site, site

SECONDS, MOST = 0.5, 4


@pytest.fixture
def here(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(auto, "AutoHTTPProtocol", auto.AutoHTTPProtocol)  # put back when the test ends
    guard = desk.guard(auth="open", head_seconds=SECONDS, max_connections=MOST)
    bound_connections(guard.settings)
    with site(guard) as one:
        yield one


def dialled(here: Site) -> socket.socket:
    return socket.create_connection(("127.0.0.1", here.port), timeout=10)


def is_closed(connection: socket.socket) -> bool:
    """Whether the server has gone; waits for that, or for ten seconds."""
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


def test_a_connection_that_says_nothing_is_closed(here: Site) -> None:
    begun = time.monotonic()
    with dialled(here) as silent:
        assert is_closed(silent)
    assert SECONDS * 0.9 < time.monotonic() - begun < 8


def test_a_head_that_comes_a_byte_at_a_time_is_cut_off(here: Site) -> None:
    begun = time.monotonic()
    with dialled(here) as slow, pytest.raises(ConnectionError):
        while time.monotonic() < begun + 8:
            slow.sendall(b"G" if time.monotonic() - begun < 0.01 else b"E")
            time.sleep(0.05)


def test_the_second_head_of_a_connection_has_its_clock_too(here: Site) -> None:
    with dialled(here) as kept:
        kept.sendall(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200" in kept.recv(1 << 16)
        kept.sendall(b"GET /readyz HTTP/1.1\r\nX: ")
        begun = time.monotonic()
        assert is_closed(kept)
    assert time.monotonic() - begun < 4  # before keep-alive's own five seconds


def test_a_request_in_time_is_answered_however_long_its_body_takes(here: Site) -> None:
    with dialled(here) as slow:
        slow.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 13\r\nConnection: close\r\n\r\n")
        time.sleep(SECONDS * 2)
        slow.sendall(b'{"body": "x"}')
        assert slow.recv(1 << 16).startswith(b"HTTP/1.1 200")


def test_silent_strangers_in_any_number_keep_nobody_out(here: Site) -> None:
    with ExitStack() as stack:
        silent = [stack.enter_context(dialled(here)) for _ in range(MOST * 5)]
        assert here.ask("/predict", {"body": "x"}).status == 200
        assert is_closed(silent[0])
