"""What others answer, put into the one shape."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticket_assets.serving.access.error_shape import translated
from ticket_assets.serving.access.refusal import INTERNAL, LONGEST_MESSAGE, Refusal, code_of


def told(status: int, said: Any) -> Refusal:
    return translated(status, said if isinstance(said, bytes) else json.dumps(said).encode())


@pytest.mark.parametrize("said", [b"a trace of the inside", {"error": "inside"}, {"detail": [{"msg": "inside"}]}, b""])
def test_of_a_failure_nothing_is_told(said: Any) -> None:
    refusal = told(500, said)
    assert (refusal.message, refusal.code, refusal.field) == (INTERNAL, "internal", None)


def test_of_wrong_fields_the_first_is_named_and_five_are_told() -> None:
    wrong = [{"loc": ["tickets", number, "body"], "msg": "no text"} for number in range(7)]
    refusal = told(400, {"error": "7 validation error", "detail": wrong})
    assert refusal.field == "tickets.0.body"
    assert refusal.message.endswith("tickets.4.body: no text; and 2 more")


def test_of_the_whole_body_no_field_is_named() -> None:
    refusal = told(400, {"error": "1 validation error", "detail": [{"loc": [], "msg": "no object"}]})
    assert (refusal.field, refusal.message) == (None, "the body: no object")


@pytest.mark.parametrize(
    ("said", "message", "field"),
    [
        ([{"error": "subject, body: no text is left"}], "subject, body: no text is left", "subject"),
        ({"error": "Not so: wrong"}, "Not so: wrong", None),
        (b"Service is not ready", "Service is not ready", None),
        ({"error": {"code": "own", "message": "mine", "field": "body"}}, "mine", "body"),
        ({"error": {"code": "own"}}, "{'code': 'own'}", None),
        (b"", "HTTP 418", None),
        (7, "HTTP 418", None),
    ],
)
def test_what_is_said_of_an_error_is_kept_with_its_field(said: Any, message: str, field: str | None) -> None:
    refusal = told(418, said)
    assert (refusal.message, refusal.field) == (message, field)


def test_a_status_that_nobody_knows_has_a_code_all_the_same() -> None:
    assert [code_of(status) for status in (404, 409, 418, 599)] == ["not_found", "conflict", "im_a_teapot", "error"]
    assert [Refusal(status, "").grpc_code for status in (409, 418, 501)] == ["ABORTED", "INVALID_ARGUMENT", "INTERNAL"]


@given(st.integers(400, 599), st.binary(max_size=100) | st.recursive(st.none() | st.text(), st.lists).map(json.dumps))
def test_whatever_is_answered_becomes_the_one_shape(status: int, said: bytes | str) -> None:
    refusal = translated(status, said.encode() if isinstance(said, str) else said)
    assert refusal.status == status
    assert 0 < len(refusal.message) <= LONGEST_MESSAGE
    assert set(refusal.body("r")["error"]) == {"code", "message", "field", "request_id"}
