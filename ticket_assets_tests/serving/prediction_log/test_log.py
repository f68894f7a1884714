"""The log on both databases: what is appended is in the store, once, as it was; how things stand."""

import os
import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from ticket_assets.serving.prediction_log.clock import Clock
from ticket_assets.serving.prediction_log.lines import as_line
from ticket_assets.serving.prediction_log.log import PredictionLog
from ticket_assets.serving.prediction_log.outcome import Logged, NotLogged
from ticket_assets.serving.prediction_log.records import PredictionRecord, TargetAnswer
from ticket_assets.serving.prediction_log.settings import PredictionLogSettings
from ticket_assets.serving.prediction_log.spool import Spool
from ticket_assets.serving.prediction_log.tables import events, prediction_targets, rejected
from ticket_assets_tests.serving.prediction_log.desk import (
    PATIENCE,
    answer,
    balance,
    count,
    ids,
    logged,
    rows,
    settings,
)


def test_an_answer_is_found_again_as_it_was_given(log: PredictionLog) -> None:
    outcome = log.append(answer())
    assert isinstance(outcome, Logged)
    waiting = log.find(outcome.id)
    assert log.flush(PATIENCE)
    written = log.find(outcome.id)
    assert written == waiting
    assert written is not None
    assert (written.answer, written.at) == (answer(), outcome.at)
    assert abs((datetime.now(UTC) - written.at).total_seconds()) < 600


def test_probabilities_are_kept_with_six_digits(log: PredictionLog) -> None:
    its = TargetAnswer("billing", 0.123456789, "act", "act", {"billing": 1 / 3})
    one = logged(log, targets={"queue": its})
    assert log.flush(PATIENCE)
    found = log.find(one)
    assert found is not None
    assert found.answer.targets == {"queue": replace(its, probability=0.123457, probabilities={"billing": 0.333333})}


def test_answers_of_four_threads_are_all_there_once_and_in_the_order_of_their_ids(
    log: PredictionLog, engine: Engine
) -> None:
    told: list[list[str]] = [[] for _ in range(4)]

    def ask(mine: list[str]) -> None:
        mine.extend(logged(log) for _ in range(300))

    threads = [threading.Thread(target=ask, args=(mine,)) for mine in told]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert log.flush(PATIENCE)
    found = ids(engine)
    assert balance([one for mine in told for one in mine], found) == {"acknowledged": 1200, "lost": 0, "duplicated": 0}
    assert found == sorted(found)
    assert count(engine, prediction_targets) == 2400
    state = log.state()
    assert (state.status, state.written, state.backlog_records, state.duplicates_skipped) == ("up", 1200, 0, 0)


def test_the_answers_of_one_request_are_kept_together(log: PredictionLog, engine: Engine) -> None:
    outcomes = log.append_many([answer(ticket_id=f"T-{number}") for number in range(5)])
    assert log.flush(PATIENCE)
    assert [one.id for one in outcomes if isinstance(one, Logged)] == ids(engine)
    assert len(ids(engine)) == 5


@pytest.mark.parametrize(
    ("body", "kept"), [("a\x00b", "a\ufffdb"), ("lone \ud800", "lone \ufffd"), ("pair \ud83d\ude00", "pair 😀")]
)
def test_text_that_no_database_takes_is_mended_rather_than_lost(
    wanted: PredictionLogSettings, engine: Engine, body: str, kept: str
) -> None:
    log = PredictionLog.open(wanted.model_copy(update={"text": "plain"}))
    one = logged(log, body=body)
    assert log.flush(PATIENCE)
    found = log.find(one)
    assert found is not None
    assert found.answer.body == kept
    assert log.close()


def test_a_probability_that_is_no_number_is_kept_as_none(log: PredictionLog) -> None:
    one = logged(log, targets={"queue": TargetAnswer("a", float("nan"), "act", "act", {"a": float("inf")})})
    assert log.flush(PATIENCE)
    found = log.find(one)
    assert found is not None
    assert found.answer.targets["queue"] == TargetAnswer("a", None, "act", "act", {"a": None})


def test_a_line_that_no_table_takes_is_set_aside_and_does_not_block_the_rest(
    wanted: PredictionLogSettings, engine: Engine
) -> None:
    spool = Spool(wanted.spool)
    record = PredictionRecord("p-fine", datetime(2026, 1, 2, tzinfo=UTC), 1, answer())
    fields = {name: value for name, value in record.payload().items() if name != "bundle"}
    blob = [
        as_line(record),
        as_line(record).replace(b"Invoice", b"invoice"),  # its checksum is wrong now
        as_line(Odd({**fields, "id": "p-odd"})),  # type: ignore[arg-type]
        as_line(Odd({**record.payload(), "id": "p-dict", "ticket_id": {"a": "b"}})),  # type: ignore[arg-type]
        as_line(Odd({**record.payload(), "id": 7, "targets": {"queue": None}})),  # type: ignore[arg-type]
        as_line(replace(record, id="p-huge", moment=1 << 70)),  # no integer of any database
        as_line(replace(record, id="p-after")),
    ]
    spool.segment("1-dead", 0).write_bytes(b"".join(blob))
    (spool.folder / "1-dead.lock").touch()
    log = PredictionLog.open(wanted)
    assert log.close(PATIENCE)
    state = log.state()
    assert (state.rejected, state.adopted, state.written) == (5, 7, 2)
    assert {*ids(engine)} == {"p-fine", "p-after"}
    reasons = {row["id"]: row["reason"] for row in rows(engine, rejected)}
    assert "bundle" in reasons["p-odd"]
    assert {"p-huge", "p-dict", "7"} < reasons.keys()
    assert sum("checksum" in reason for reason in reasons.values()) == 1
    assert not list(wanted.spool.glob("*.journal"))


@dataclass(frozen=True)
class Odd:
    """Writes whatever it is told to."""

    fields: dict[str, object]

    def payload(self) -> dict[str, object]:
        return self.fields


def test_a_ticket_id_too_long_for_an_index_is_set_aside_by_postgres_alone(log: PredictionLog, engine: Engine) -> None:
    long = os.urandom(20_000).hex()
    one, other = logged(log, ticket_id=long), logged(log)
    assert log.flush(PATIENCE)
    refused = [row["id"] for row in rows(engine, rejected)]
    assert refused == ([one] if engine.dialect.name == "postgresql" else [])
    assert other in ids(engine)
    assert log.state().status == "up"


def test_turning_the_switch_is_an_event(log: PredictionLog, engine: Engine) -> None:
    log.record_switch(True, "ada", "the promise holds")
    assert log.flush(PATIENCE)
    (row,) = rows(engine, events)
    assert row["detail"] == {"on": True, "who": "ada", "why": "the promise holds"}


def test_what_a_log_leaves_in_the_spool_when_nothing_waits_is_nothing(wanted: PredictionLogSettings) -> None:
    log = PredictionLog.open(wanted)
    logged(log)
    assert log.close()
    assert not [*wanted.spool.glob("*.journal"), *wanted.spool.glob("*.lock")]


def test_order_survives_a_clock_that_is_put_back(wanted: PredictionLogSettings, engine: Engine) -> None:
    day = datetime(2026, 5, 1, 12, tzinfo=UTC).timestamp() * 1e9
    hours = [0, -5, 3, -48, 0]
    wall = iter([day] + [day + hour * 3600e9 for hour in hours])
    log = PredictionLog.open(wanted, Clock(wall=lambda: int(next(wall))))
    told = [logged(log) for _ in hours]
    assert log.flush(PATIENCE)
    assert told == sorted(told) == ids(engine)
    found = [log.find(one) for one in told]
    assert [one and (one.at.timestamp() * 1e9 - day) / 3600e9 for one in found] == hours
    assert log.close()


def test_an_answer_that_cannot_be_written_down_is_given_without_an_id(log: PredictionLog) -> None:
    outcome = log.append(answer(request_id=object()))
    assert isinstance(outcome, NotLogged)
    assert log.state().not_logged == 1


def test_a_process_that_was_forked_after_the_log_was_opened_is_told_to_open_its_own(tmp_path: Path) -> None:
    log = PredictionLog.open(settings(tmp_path))
    child = os.fork()
    if not child:
        try:
            log.append(answer())
        except RuntimeError:
            os._exit(7)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert log.close()
