"""The service in its own server process, asked over HTTP."""

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ticket_assets.serving.bento import bento_tag
from ticket_assets.serving.prediction import Ticket
from ticket_assets.serving.probe import TOLERANCE, ProbeError, ask, largest_gap, served
from ticket_assets_tests.line import PROFILE
from ticket_assets_tests.serving.conftest import Served


@pytest.fixture(scope="module")
def port(served_line: Served) -> Iterator[int]:
    with served(served_line.line.folders.bentos, bento_tag(PROFILE, served_line.champion)) as port:
        yield port


def request(port: int, method: str, path: str, content: str | None = None) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, content, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def posted(port: int, **fields: Any) -> tuple[int, str]:
    return request(port, "POST", "/predict", json.dumps(fields))


def test_twenty_tickets_are_answered_as_the_asset_computed_them(port: int, served_line: Served) -> None:
    ids = served_line.of_both_targets()[:20]
    answers = [ask(port, served_line.tickets[one]) for one in ids]
    assert len(answers) == 20
    assert largest_gap(answers, served_line.expected(ids)) <= TOLERANCE


def test_the_gap_is_found_where_answers_differ(port: int, served_line: Served) -> None:
    """Guards the measure itself: one that could not fail would pass any service."""
    one, other = served_line.of_both_targets()[:2]
    assert largest_gap([ask(port, served_line.tickets[one])], served_line.expected([other])) > 0.01


def test_an_answer_names_version_bundle_and_bands(port: int, served_line: Served) -> None:
    answer = ask(port, Ticket("The invoice of last month was charged twice", "Invoice"))
    assert (answer["model_version"], answer["bundle"]) == (1, served_line.champion.bundle)
    assert set(answer["targets"]) == {"queue", "priority"}
    for one in answer["targets"].values():
        assert one["label"] == max(one["probabilities"], key=one["probabilities"].__getitem__)
        assert one["probability"] == one["probabilities"][one["label"]]
        assert sum(one["probabilities"].values()) == pytest.approx(1)
        assert one["needs_review"] is (one["band"] != "act")


def test_reasons_come_with_the_answer_when_they_are_asked_for(port: int, served_line: Served) -> None:
    body = "The invoice of last month was charged twice"
    plain, told = (json.loads(posted(port, body=body, **more)[1])["targets"] for more in ({}, {"reasons": 4}))
    [expected] = served_line.load().explain([Ticket(body)], top=4)
    for target, answer in told.items():
        assert plain[target]["reasons"] == []
        assert [(one["kind"], one["name"], one["detail"]) for one in answer["reasons"]] == [
            (one.kind, one.name, one.detail) for one in expected[target]
        ]
        assert answer["reasons"][0]["contribution"] == pytest.approx(expected[target][0].contribution, abs=1e-6)


@pytest.mark.parametrize(
    "fields",
    [
        {"body": "help", "reasons": -1},
        {"body": "help", "reasons": 21},
        {"body": 7},
        {"body": ["help"]},
        {"body": "help", "subject": {}},
        {"body": "help", "context": "mail"},
        {"body": "help", "context": {"channel": 7}},
    ],
)
def test_a_ticket_that_is_none_is_refused_and_not_guessed_at(port: int, fields: dict[str, Any]) -> None:
    assert posted(port, **fields)[0] == 400


def test_what_is_no_json_is_refused(port: int) -> None:
    assert request(port, "POST", "/predict", "{")[0] == 400


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"body": ""},
        {"body": None, "subject": None},
        {"body": " \n ", "subject": "\t"},
        {"body": "<p>&nbsp;</p>", "subject": "\x00"},
        {"context": {"channel": "email"}},
    ],
)
def test_a_ticket_without_text_is_refused_as_the_quarantine_would(port: int, fields: dict[str, Any]) -> None:
    """By the cleaned text: markup around nothing is nothing."""
    status, said = posted(port, **fields)
    assert status == 422
    assert "subject, body: no text is left of either" in said


def test_a_refusal_is_told_with_the_service_s_words(port: int) -> None:
    with pytest.raises(ProbeError, match=r"the service answered 422: .*subject, body: no text is left"):
        ask(port, Ticket(""))


@pytest.mark.parametrize("empty", [{}, {"body": ""}, {"body": None}, {"body": " \n "}])
def test_a_subject_alone_is_a_ticket_as_it_is_in_training(port: int, empty: dict[str, Any]) -> None:
    """Training learns from such tickets; the service refused them."""
    status, said = posted(port, subject="Printer on fire", **empty)
    assert status == 200
    assert json.loads(said)["targets"] == json.loads(posted(port, body="Printer on fire")[1])["targets"]


def test_a_text_of_any_length_is_answered_by_what_cleaning_keeps_of_it(port: int) -> None:
    """Training cuts long texts; the service refused whatever was longer than 100,000 characters."""
    kept = "The printer does not print. " * 1000
    status, said = posted(port, subject="Printer", body=kept + "The invoice is wrong. " * 20_000)
    assert status == 200
    assert json.loads(said)["targets"] == json.loads(posted(port, subject="Printer", body=kept)[1])["targets"]
    assert posted(port, subject="x" * 500_000)[0] == 200


def test_context_may_be_left_out_and_strange_text_is_answered(port: int) -> None:
    for body in ("help", "😀🔥", "日本語のチケット", "\x00\ufffd", "a" * 100_000):
        assert posted(port, body=body)[0] == 200, body[:20]


def test_the_documented_example_is_answered(port: int) -> None:
    document = json.loads(request(port, "GET", "/docs.json")[1])
    content = document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]
    named = content["schema"]["$ref"].rpartition("/")[2]
    fields = document["components"]["schemas"][named]["properties"]
    assert set(fields) == {"body", "subject", "id", "language", "context", "reasons", "top"}
    examples = {name: its["examples"][0] for name, its in fields.items() if "examples" in its}
    assert {"body", "subject", "context"} <= set(examples)
    assert posted(port, **examples)[0] == 200
    assert all("default" in its for its in fields.values())


def test_every_error_has_one_shape_and_names_the_field(port: int) -> None:
    made = json.loads(posted(port, body="The VPN drops")[1])["prediction_id"]
    for path, content, status, field in (
        ("/predict", '{"body": 7}', 400, "body"),
        ("/predict", '{"subjekt": "x"}', 400, "subjekt"),
        ("/predict", '{"body": " "}', 422, "body"),
        ("/predict", "{", 400, None),
        ("/predict_batch", '{"tickets": []}', 400, "tickets"),
        ("/feedback", json.dumps({"prediction_id": made, "labels": {"queue": "x"}}), 422, "labels.queue"),
        ("/feedback", '{"prediction_id": "p-1", "labels": {"queue": "x"}}', 404, "prediction_id"),
        ("/nowhere", "{}", 404, None),
    ):
        found, said = request(port, "POST", path, content)
        error = json.loads(said)["error"]
        assert (found, error["field"]) == (status, field), said
        assert set(error) == {"code", "message", "field", "request_id"}


def test_pages_are_read_with_get(port: int, served_line: Served) -> None:
    health = json.loads(request(port, "GET", "/healthz")[1])
    assert (health["status"], health["model_version"], health["faults"]) == ("ok", 1, [])
    info = json.loads(request(port, "GET", "/info")[1])
    assert (info["bundle"], info["log"]["state"]) == (served_line.champion.bundle, "up")
    assert set(info["targets"]) == {"queue", "priority"}
    assert request(port, "GET", "/metrics")[0] == 401, "who may look at metrics is a matter of keys, also here"


def test_feedback_on_an_answer_is_kept(port: int) -> None:
    answer = json.loads(posted(port, body="The invoice of last month was charged twice")[1])
    labels = {target: one["label"] for target, one in answer["targets"].items()}
    content = json.dumps({"prediction_id": answer["prediction_id"], "labels": labels})
    status, said = request(port, "POST", "/feedback", content)
    assert (status, json.loads(said)["state"]) == (200, "accepted")


def test_the_service_says_that_it_is_ready_and_describes_itself(port: int) -> None:
    assert request(port, "GET", "/readyz")[0] == 200
    status, described = request(port, "GET", "/docs.json")
    assert status == 200
    assert "/predict" in json.loads(described)["paths"]


def test_a_bento_that_does_not_exist_fails_with_what_the_server_said(tmp_path: Path) -> None:
    with pytest.raises(ProbeError, match=r"(?s)nobody:v1 was not ready.*nobody"), served(tmp_path, "nobody:v1"):
        raise AssertionError("it was ready")


def test_the_server_is_gone_when_it_is_no_longer_asked(served_line: Served) -> None:
    with served(served_line.line.folders.bentos, bento_tag(PROFILE, served_line.champion)) as port:
        pass
    with pytest.raises(ConnectionRefusedError):
        request(port, "GET", "/readyz")
