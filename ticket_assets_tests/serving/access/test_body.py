"""Bodies over real HTTP: size, type, JSON."""

import http.client
import socket
from collections.abc import Iterator

import pytest

from ticket_assets.serving.access.body import DRAIN_BYTES
from ticket_assets_tests.serving.access.conftest import Desk
from ticket_assets_tests.serving.access.site import Site, reply_of, site

MOST = 2048


@pytest.fixture
def here(desk: Desk) -> Iterator[Site]:
    with site(desk.guard(auth="open", max_body_bytes=MOST, max_batch_body_bytes=4 * MOST, body_seconds=1)) as one:
        yield one


def of_size(size: int) -> bytes:
    return b'{"body": "' + b"x" * (size - 12) + b'"}'


JSON = {"content_type": "application/json"}


def test_a_body_of_the_limit_is_read_and_one_byte_more_is_413(here: Site) -> None:
    assert here.ask("/predict", of_size(MOST), **JSON).json()["length"] == MOST
    refused = here.ask("/predict", of_size(MOST + 1), **JSON)
    assert (refused.status, refused.error["code"]) == (413, "too_large")
    assert refused.error["message"] == "the body is larger than 2,048 bytes"


def test_a_batch_may_be_larger(here: Site) -> None:
    assert here.ask("/predict_batch", of_size(4 * MOST), **JSON).status == 200
    assert here.ask("/predict_batch", of_size(4 * MOST + 1), **JSON).status == 413


def test_a_body_in_chunks_is_counted_as_it_comes(here: Site) -> None:
    def chunks(size: int) -> Iterator[bytes]:
        content = of_size(size)
        yield from (content[start : start + 500] for start in range(0, size, 500))

    assert here.ask("/predict", chunks(MOST), **JSON).json()["length"] == MOST
    assert here.ask("/predict", chunks(MOST + 1), **JSON).status == 413
    assert here.ask("/predict", chunks(1_000_000), **JSON).status == 413


def test_a_client_that_sends_first_and_reads_then_sees_its_413(here: Site) -> None:
    assert here.ask("/predict", b"x" * (DRAIN_BYTES - 1), **JSON).status == 413


def test_a_client_that_asks_first_is_told_before_it_sends(here: Site) -> None:
    with socket.create_connection(("127.0.0.1", here.port), 20) as connection:
        connection.sendall(
            b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 1000000\r\nExpect: 100-continue\r\n\r\n"
        )
        said = connection.makefile("rb").read()
    assert said.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in said.lower()


def test_more_than_is_worth_reading_is_refused_unread(here: Site) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", here.port, timeout=20)
    connection.putrequest("POST", "/predict")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(10**12))
    connection.endheaders()
    assert reply_of(connection).status == 413
    connection.close()


def test_what_follows_a_refused_body_is_no_request(here: Site) -> None:
    """Or a body could smuggle one in."""
    with socket.create_connection(("127.0.0.1", here.port), 20) as connection:
        connection.sendall(
            b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 3000\r\n\r\n"
            + b"x" * 3000
            + b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"
        )
        said = connection.makefile("rb").read()
    assert said.count(b"HTTP/1.1 ") == 1
    assert said.startswith(b"HTTP/1.1 413 ")


def test_a_body_that_does_not_come_is_not_waited_for(here: Site) -> None:
    with socket.create_connection(("127.0.0.1", here.port), 20) as connection:
        connection.sendall(
            b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 30\r\n\r\n{"
        )
        said = connection.makefile("rb").read()
    assert said.startswith(b"HTTP/1.1 408 ")
    assert b'"code": "too_slow"' in said


def test_a_client_that_goes_away_meanwhile_is_no_error(desk: Desk) -> None:
    with site(desk.guard(auth="open")) as here:
        with socket.create_connection(("127.0.0.1", here.port), 20) as connection:
            connection.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 30\r\n\r\n{")
        assert here.ask("/predict", {"body": "x"}).status == 200
    assert sorted((line["status"], line["level"]) for line in here.requests()) == [(200, "info"), (499, "info")]
    assert not [line for line in here.lines() if line["level"] in {"error", "warning"}]


@pytest.mark.parametrize(
    "headers",
    [
        {"content_type": "application/x-www-form-urlencoded"},
        {"content_type": "multipart/form-data; boundary=a"},
        {"content_type": "multipart/form-data"},
        {"content_type": "application/vnd.bentoml+pickle"},
        {"content_type": "text/plain"},
        {"content_type": "application/json; charset=latin-1"},
        {"content_type": ""},
        {"content_type": "application/json", "content_encoding": "gzip"},
    ],
)
def test_what_is_not_sent_as_plain_json_is_415(here: Site, headers: dict[str, str]) -> None:
    refused = here.ask("/predict", b'{"body": "x"}', **headers)
    assert (refused.status, refused.error["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON; charset=UTF-8", 'application/json;charset="utf-8"']
)
def test_json_is_json_however_it_is_spelt(here: Site, kind: str) -> None:
    assert here.ask("/predict", b'{"body": "x"}', content_type=kind).status == 200


def test_json_is_taken_where_no_type_is_said(here: Site) -> None:
    assert here.ask("/predict", b'{"body": "x"}').status == 200


def test_a_request_without_a_body_is_one(here: Site) -> None:
    assert here.ask("/predict", method="POST").json()["length"] == 0


def test_a_batch_of_more_tickets_than_are_taken_goes_no_further(here: Site) -> None:
    assert here.ask("/predict_batch", {"tickets": [{}] * 3}).status == 200
    refused = here.ask("/predict_batch", {"tickets": [{}] * 4})
    assert (refused.status, refused.error["code"], refused.error["field"]) == (422, "too_many_tickets", "tickets")


def test_a_large_body_is_checked_as_well(desk: Desk) -> None:
    with site(desk.guard(auth="open")) as here:
        refused = here.ask("/predict", b'{"reasons": NaN, "body": "' + b"x" * 600_000 + b'"}', **JSON)
        assert (refused.status, refused.error["field"]) == (400, "reasons")
