"""What is told of messages that are none: their fields, and nothing that stood in them."""

import asyncio
import json
from typing import Any

import grpc
import pytest
from pydantic import ValidationError

from ticket_assets.serving.access.error_shape import translated
from ticket_assets.serving.access.settings import AccessSettings
from ticket_assets.serving.contract import triage_v1_pb2 as pb
from ticket_assets.serving.contract.triage_v1_pb2_grpc import TriageStub
from ticket_assets.serving.endpoint.answering import read_row
from ticket_assets.serving.endpoint.messages import (
    Batch,
    Correction,
    Message,
    SimilarRequest,
    TicketIn,
    refusal_of,
)
from ticket_assets.serving.endpoint.reports import ActedRequest, ActingChange
from ticket_assets.serving.endpoint.wire import Wire
from ticket_assets_tests.serving.endpoint.conftest import LOUD, Parts
from ticket_assets_tests.serving.endpoint.test_wire import asked_of, over_grpc

__all__ = ["over_grpc"]  # a fixture, found by name

WORD, SOME = "hunter2", "p-01a2001a-7931-7514-8ba1-6214a7dc209d"
WRONG = (
    *(WORD, [WORD], {"a": [WORD]}, f"{WORD}\0", WORD * 5000, [f"{WORD}{at}" for at in range(200)], 12345678901),
    *(1.2345678901, {f"{at}": WORD for at in range(200)}),
)


@pytest.mark.parametrize("kind", [TicketIn, Batch, Correction, SimilarRequest, ActingChange, ActedRequest])
def test_no_value_of_a_message_is_told_whatever_is_wrong_with_it(kind: type[Message]) -> None:
    refused = 0
    for name in kind.model_fields:
        for value in WRONG:
            try:
                kind.model_validate({name: value, "unknown": value})
            except ValidationError as error:
                refused += 1
                detail = json.dumps({"detail": error.errors(include_context=False, include_input=False)})
                told = [refusal_of(error), translated(400, detail.encode())]  # as gRPC and as BentoML tell it
                assert all(WORD not in f"{one.message} {one.field}" for one in told)
                assert all("12345678901" not in one.message for one in told)
    assert refused == len(kind.model_fields) * len(WRONG)


def test_no_value_of_a_row_is_told_either() -> None:
    for value in WRONG:
        fault = read_row({"body": value, "id": value, "top": value})
        assert WORD not in fault.model_dump_json() or isinstance(fault, TicketIn)


def asked(over_grpc: Any, method: str, message: Any) -> grpc.aio.AioRpcError:
    async def ask(channel: grpc.aio.Channel, _: Wire) -> grpc.aio.AioRpcError:
        with pytest.raises(grpc.aio.AioRpcError) as error:
            async with asyncio.timeout(30):
                await getattr(TriageStub(channel), method)(message)
        return error.value

    refused: grpc.aio.AioRpcError = over_grpc(ask, AccessSettings(auth="open"))
    assert WORD not in f"{refused.details()} {refused.trailing_metadata()}"
    return refused


@pytest.mark.parametrize(
    ("method", "message", "code", "error_code", "field"),
    [
        ("Predict", pb.Ticket(), "INVALID_ARGUMENT", "empty_ticket", "body"),
        ("Predict", pb.Ticket(body="x", id=f"{WORD}\0"), "INVALID_ARGUMENT", "invalid_input", "id"),
        ("Predict", pb.Ticket(body="x", context={"channel": f"{WORD}\0"}), "INVALID_ARGUMENT", None, "context.channel"),
        ("PredictBatch", pb.Batch(tickets=[pb.Ticket()] * 6), "INVALID_ARGUMENT", "too_many_tickets", "tickets"),
        ("Feedback", pb.Correction(prediction_id="p", labels={}), "INVALID_ARGUMENT", None, "labels"),
        (
            "Feedback",
            pb.Correction(prediction_id=WORD, labels={"tone": "loud"}),
            "NOT_FOUND",
            "unknown_prediction",
            "prediction_id",
        ),
        ("Similar", pb.SimilarRequest(body=LOUD), "FAILED_PRECONDITION", "no_index", None),
        ("Similar", pb.SimilarRequest(body="x", limit=51), "INVALID_ARGUMENT", "invalid_input", "limit"),
    ],
)
def test_each_mistake_has_its_status_in_grpc(
    over_grpc: Any, method: str, message: Any, code: str, error_code: str | None, field: str | None
) -> None:
    refused = asked(over_grpc, method, message)
    trailing = dict(refused.trailing_metadata())
    assert (refused.code().name, trailing.get("error-field")) == (code, field)
    assert error_code in (None, trailing["error-code"])


def test_a_label_that_the_model_does_not_have_has_its_status_in_grpc(over_grpc: Any, parts: Parts) -> None:
    made = parts.triage.predict(TicketIn(body=LOUD), "grpc").prediction_id
    refused = asked(over_grpc, "Feedback", pb.Correction(prediction_id=made, labels={"tone": WORD}))
    trailing = dict(refused.trailing_metadata())
    assert (refused.code().name, trailing["error-code"]) == ("INVALID_ARGUMENT", "unknown_label")
    assert trailing["error-field"] == "labels.tone"
    assert WORD not in str(refused.details())


def test_without_a_model_grpc_says_unavailable(over_grpc: Any, parts: Parts) -> None:
    parts.engine._seat = None
    for method, message in (("Predict", pb.Ticket(body="x")), ("Info", pb.InfoRequest())):
        refused = asked(over_grpc, method, message)
        assert (refused.code(), dict(refused.trailing_metadata())["retry-after"]) == (grpc.StatusCode.UNAVAILABLE, "5")


def test_a_correction_that_cannot_be_kept_is_unavailable(open_parts: Any) -> None:
    """The database is down, and the spool is full."""
    parts = open_parts(url="postgresql://nobody@127.0.0.1:1/nothing", max_spool_mb=1, text="plain")
    while parts.log.state().status != "down":
        parts.log.flush(0.05)
    for words in (40_000, 100):  # until not even a short one finds room
        while parts.triage.predict(TicketIn(body=LOUD + " x" * words), "http").prediction_id:
            continue
    correction = pb.Correction(prediction_id=SOME, labels={"tone": "loud"}, comment="x" * 4000)
    refused = asked(asked_of(parts), "Feedback", correction)
    trailing = dict(refused.trailing_metadata())
    assert (refused.code().name, trailing["error-code"]) == ("UNAVAILABLE", "not_kept")
    assert trailing["retry-after"] == "5"
