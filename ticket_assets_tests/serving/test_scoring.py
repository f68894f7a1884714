"""A file of tickets is answered line by line, goes on where it was stopped, and ends as if it never had been."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ticket_assets.profile import ColumnSettings
from ticket_assets.serving.endpoint.backlog import open_backlog
from ticket_assets.serving.prediction import Ticket
from ticket_assets.serving.scoring import BATCH, UNREADABLE, Job, ScoringError, score
from ticket_assets.tickets.arriving import arriving_tickets
from ticket_assets.tickets.sources import SourceError
from ticket_assets.tickets.sources.files import FileSource
from ticket_assets.tickets.sources.places import LocalPlace
from ticket_assets_tests.serving.endpoint.conftest import LOUD, QUIET, ToyStore, _written, store  # noqa: F401

JOB = Job("file", "bundle")


def tickets(count: int) -> Iterator[dict[str, Any]]:
    for at in range(count):
        yield {UNREADABLE: "a quote is not closed"} if at == 3 else {"body": f"help {at}"}


def answers(rows: list[Any]) -> list[dict[str, Any]]:
    return [
        {"answer": {"targets": {"tone": {"band": "act"}}, "said": row["body"]}, "error": None}
        if row["body"] != "help 5"
        else {"answer": None, "error": {"code": "empty_ticket", "message": "m", "field": "body"}}
        for row in rows
    ]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_each_row_has_its_answer_or_its_error_in_its_place(tmp_path: Path) -> None:
    told: list[int] = []
    done = score(tickets(200), tmp_path / "out.jsonl", JOB, answers, told.append)
    assert (done.rows, done.before, done.failed, done.bands) == (200, 0, 2, {"tone": {"act": 198}})
    made = lines(tmp_path / "out.jsonl")
    assert [row["index"] for row in made] == list(range(200))
    assert made[3]["error"] == {"code": "unreadable_row", "field": None, "message": "a quote is not closed"}
    assert made[7]["answer"]["said"] == "help 7"
    assert told == [64, 128, 192, 200]


@pytest.mark.parametrize("asked_before", [0, 1, 2])
@pytest.mark.parametrize("torn", ["", '{"answer": {"tar'])
def test_a_scoring_that_was_stopped_goes_on_and_ends_as_one_that_was_not(
    tmp_path: Path, asked_before: int, torn: str
) -> None:
    whole, stopped = tmp_path / "whole.jsonl", tmp_path / "stopped.jsonl"
    score(tickets(200), whole, JOB, answers)
    asked: list[str] = []

    def killed(rows: list[Any]) -> list[dict[str, Any]]:
        if len(asked) >= asked_before:
            raise KeyboardInterrupt
        asked.append("")
        return answers(rows)

    with pytest.raises(KeyboardInterrupt):
        score(tickets(200), stopped, JOB, killed)
    with stopped.open("a") as stream:
        stream.write(torn)
    again: list[int] = []

    def counted(rows: list[Any]) -> list[dict[str, Any]]:
        again.append(len(rows))
        return answers(rows)

    done = score(tickets(200), stopped, JOB, counted)
    assert (done.rows, done.before) == (200, asked_before * BATCH)
    assert stopped.read_bytes() == whole.read_bytes()
    unreadable = 0 if asked_before else 1
    assert sum(again) == 200 - asked_before * BATCH - unreadable, "nothing was asked twice"


def test_a_stopped_scoring_does_not_go_on_with_another_file_or_another_model(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"

    def killed(_: list[Any]) -> list[dict[str, Any]]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score(tickets(9), out, JOB, killed)
    with pytest.raises(ScoringError, match="another file of tickets"):
        score(tickets(9), out, Job("other", "bundle"), answers)
    with pytest.raises(ScoringError, match="begun with 0 reasons"):
        score(tickets(9), out, Job("file", "bundle", reasons=3), answers)
    with pytest.raises(ScoringError, match="begun with bundle bundle, and newer is champion now"):
        score(tickets(9), out, Job("file", "newer"), answers)


def test_a_finished_file_of_answers_is_not_written_over(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    score(tickets(9), out, JOB, answers)
    with pytest.raises(ScoringError, match="is there, and no scoring of it was stopped"):
        score(tickets(9), out, JOB, answers)


def columns(**more: Any) -> ColumnSettings:
    return ColumnSettings(body="text", **more)


def source(path: Path) -> FileSource:
    return FileSource(LocalPlace(path))


def test_rows_of_a_file_become_tickets_with_the_names_of_the_service(tmp_path: Path) -> None:
    path = tmp_path / "backlog.csv"
    path.write_text("nr;betreff;text;kanal\n7;Drucker;Er brennt;mail\n;;Hilfe;\n", encoding="latin-1")
    read = list(arriving_tickets(source(path), columns(id="nr", subject="betreff"), ("kanal",), UNREADABLE))
    assert read == [
        {"id": "7", "subject": "Drucker", "body": "Er brennt", "context": {"kanal": "mail"}},
        {"subject": None, "body": "Hilfe", "context": {"kanal": None}},
    ]


def test_a_row_that_cannot_be_read_keeps_its_place_and_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "backlog.jsonl"
    path.write_text('{"text": "one"}\n{"text": \n{"text": "three"}\n')
    read = list(arriving_tickets(source(path), columns(), (), UNREADABLE))
    assert [row.get("body") for row in read] == ["one", None, "three"]
    assert read[1][UNREADABLE]


def test_a_file_without_the_body_s_column_is_refused_with_those_it_has(tmp_path: Path) -> None:
    path = tmp_path / "backlog.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(SourceError, match=r"has no column text, which the body is in; it has a, b"):
        list(arriving_tickets(source(path), columns(), (), UNREADABLE))


def test_a_backlog_is_answered_as_the_bundle_answers_and_logged(
    store: ToyStore,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store.crown(1)
    monkeypatch.setenv("TICKET_ASSETS_SERVICE__STATE", str(tmp_path / "state"))
    for name in ("BUNDLES", "ENCODERS"):
        monkeypatch.setenv(f"TICKET_ASSETS_SERVICE__{name}", str(store.root))
    with open_backlog({}) as backlog:
        assert backlog.ask([]) == []
        told = backlog.ask([{"body": LOUD}, {"body": ""}, {"body": QUIET}])
        assert backlog.runtime.log.flush(30)
        found = backlog.runtime.log.find(told[0]["answer"]["prediction_id"])
        seat = backlog.runtime.engine.seat
    assert found is not None
    assert found.answer.transport == "score"
    assert seat is not None
    [expected] = seat.bundle.predict([Ticket(LOUD)])
    assert told[0]["answer"]["targets"]["tone"]["probabilities"] == expected["tone"].probabilities
    assert told[1]["error"]["code"] == "empty_ticket"


def test_two_scorings_do_not_write_one_file_of_answers(tmp_path: Path) -> None:
    """Each would answer every ticket, so that all lines stood there twice."""
    out = tmp_path / "out.jsonl"

    def asking(rows: list[Any]) -> list[dict[str, Any]]:
        with pytest.raises(ScoringError, match="is being written by another scoring"):
            score(tickets(200), out, JOB, answers)
        return answers(rows)

    assert score(tickets(200), out, JOB, asking).rows == 200
    assert [row["index"] for row in lines(out)] == list(range(200))


def test_answers_that_were_removed_are_begun_anew_with_another_file(tmp_path: Path) -> None:
    """The refusal says that removing them helps, and what a stopped scoring noted beside them is still there."""
    out = tmp_path / "out.jsonl"

    def killed(_: list[Any]) -> list[dict[str, Any]]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score(tickets(9), out, JOB, killed)
    out.unlink()
    assert score(tickets(9), out, Job("other", "bundle"), answers).before == 0
