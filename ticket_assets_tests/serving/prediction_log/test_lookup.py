"""Corrections of what waits, or while the store is down: looked up in journals, checked at the latest in writing."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from ticket_assets.serving.prediction_log.clock import PREDICTION, made_id
from ticket_assets.serving.prediction_log.engine import make_engine
from ticket_assets.serving.prediction_log.feedback import IdempotencyError, UnknownPredictionError, WrongLabelsError
from ticket_assets.serving.prediction_log.log import PredictionLog
from ticket_assets.serving.prediction_log.queries import history
from ticket_assets.serving.prediction_log.settings import PredictionLogSettings
from ticket_assets.serving.prediction_log.tables import corrections, rejected
from ticket_assets_tests.serving.prediction_log.desk import PATIENCE, logged, rows, settings

Open = Callable[..., PredictionLog]


@pytest.fixture
def away(tmp_path: Path) -> PredictionLogSettings:
    """Settings of a store that is down until `come_back`."""
    (tmp_path / "away").write_text("a file where the folder should be")
    return settings(tmp_path / "log", f"sqlite:///{tmp_path / 'away' / 'log.db'}")


@pytest.fixture
def opened(away: PredictionLogSettings) -> Iterator[Open]:
    """Workers of one service, or of another on the same store."""
    logs: list[PredictionLog] = []

    def made(**changes: object) -> PredictionLog:
        logs.append(PredictionLog.open(away.model_copy(update=changes)))
        return logs[-1]

    yield made
    for log in logs:
        log.close(1)


def come_back(away: PredictionLogSettings, *logs: PredictionLog) -> None:
    (away.folder.parent / "away").unlink()
    assert all(log.flush(PATIENCE) for log in logs)


def test_a_used_feedback_id_is_known_while_the_store_is_down_in_the_own_journal_and_in_another_s(
    away: PredictionLogSettings, opened: Open
) -> None:
    log, other = opened(), opened()
    one = logged(log)
    first = log.give_feedback(one, {"queue": "network"}, idempotency_key="k", reviewer="ada")
    for worker in (log, other):
        again = worker.give_feedback(one, {"queue": "network"}, idempotency_key="k", reviewer="ada")
        assert (again.id, again.seen) == (first.id, True)
        for labels, reviewer in (({"queue": "billing"}, "ada"), ({"queue": "network"}, "bob")):
            with pytest.raises(IdempotencyError, match=r"queue|reviewer"):
                worker.give_feedback(one, labels, idempotency_key="k", reviewer=reviewer)
    assert log.state().backlog_records == 2  # the prediction and one correction
    assert other.state().backlog_records == 0
    come_back(away, log, other)
    engine = make_engine(away)
    assert history(engine, one) == [("queue", "network")]
    assert rows(engine, rejected) == []
    engine.dispose()


def test_a_feedback_id_is_known_before_the_drain_has_written_it(wanted: PredictionLogSettings) -> None:
    slow = PredictionLog.open(wanted.model_copy(update={"flush_seconds": 60}))
    one = logged(slow)
    first = slow.give_feedback(one, {"queue": "network"}, idempotency_key="k")
    assert slow.give_feedback(one, {"queue": "network"}, idempotency_key="k").id == first.id
    with pytest.raises(IdempotencyError, match="queue"):
        slow.give_feedback(one, {"queue": "billing"}, idempotency_key="k")
    assert slow.state().backlog_records == 2
    assert slow.close(PATIENCE)


def test_a_feedback_id_stays_used_where_its_labels_changed_nothing(wanted: PredictionLogSettings) -> None:
    log = PredictionLog.open(wanted)
    one = logged(log)
    log.give_feedback(one, {"queue": "network"})
    log.give_feedback(one, {"queue": "network"}, idempotency_key="k")  # adds no row to the history
    assert log.flush(PATIENCE)
    with pytest.raises(IdempotencyError, match="queue"):
        log.give_feedback(one, {"queue": "billing"}, idempotency_key="k")
    with pytest.raises(IdempotencyError, match="type"):
        log.give_feedback(one, {"queue": "network", "type": "incident"}, idempotency_key="k")
    assert log.close(PATIENCE)


def test_two_machines_that_took_one_feedback_id_for_different_things_keep_the_first_and_set_the_other_aside(
    wanted: PredictionLogSettings, engine: Engine, tmp_path: Path
) -> None:
    url = engine.url.render_as_string(hide_password=False)
    here, there = PredictionLog.open(wanted), PredictionLog.open(settings(tmp_path / "there", url, flush_seconds=60))
    one = logged(here)
    assert here.flush(PATIENCE)
    there.give_feedback(one, {"queue": "billing"}, idempotency_key="k")
    here.give_feedback(one, {"queue": "network"}, idempotency_key="k")
    assert here.flush(PATIENCE)
    assert there.close(PATIENCE)
    assert history(engine, one) == [("queue", "network")]
    (aside,) = rows(engine, rejected)
    assert "this feedback_id was used" in aside["reason"]
    assert "billing" in aside["line"]
    assert [row["labels"] for row in rows(engine, corrections)] == [{"queue": "network"}]
    assert here.close()


def test_while_the_store_is_down_labels_are_checked_against_the_prediction_in_its_journal(opened: Open) -> None:
    log, other = opened(), opened()
    one = logged(log)
    for worker in (log, other):
        with pytest.raises(WrongLabelsError, match=r"this is none of its labels: billing, network, hardware"):
            worker.give_feedback(one, {"queue": "Network"})
        assert worker.give_feedback(one, {"queue": "network"}).seen


def test_a_label_that_could_not_be_checked_is_checked_in_writing_and_set_aside_with_its_reason(
    tmp_path: Path, opened: Open, away: PredictionLogSettings
) -> None:
    log, elsewhere = opened(), opened(folder=tmp_path / "elsewhere")
    one = logged(elsewhere)  # in another machine's spool, which this one does not see
    (tmp_path / "away").unlink()
    assert elsewhere.flush(PATIENCE)
    log._drain.down_since = log._clock.now()
    with log._spool.gate(alone=True):  # its thread has not noticed yet that the store is back
        assert not log.give_feedback(one, {"queue": "Network"}).seen
        assert not log.give_feedback(one, {"queue": "network"}).seen
    assert log.flush(PATIENCE)
    engine = make_engine(away)
    assert history(engine, one) == [("queue", "network")]
    (aside,) = rows(engine, rejected)
    assert aside["reason"] == "labels.queue: this is none of its labels: billing, network, hardware"
    engine.dispose()


def test_a_correction_that_reaches_the_store_before_its_prediction_from_another_machine_is_not_lost(
    tmp_path: Path, opened: Open, away: PredictionLogSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ticket_assets.serving.prediction_log.drain.LOOK_AGAIN_SECONDS", 0.05)
    log, elsewhere = opened(), opened(folder=tmp_path / "elsewhere")
    one = logged(elsewhere)
    for label in ("network", "billing", "Network"):
        assert not log.give_feedback(one, {"queue": label}).seen
    with elsewhere._spool.gate(alone=True):
        (tmp_path / "away").unlink()
        assert log.flush(PATIENCE)
        engine = make_engine(away)
        assert [row["reason"] for row in rows(engine, rejected)] == ["no prediction has this id"] * 3
    assert elsewhere.flush(PATIENCE)
    until = time.monotonic() + PATIENCE
    while len(history(engine, one)) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    assert history(engine, one) == [("queue", "network"), ("queue", "billing")]
    (aside,) = rows(engine, rejected)
    assert "this is none of its labels" in aside["reason"]
    engine.dispose()


def test_a_prediction_in_memory_alone_can_be_corrected(wanted: PredictionLogSettings) -> None:
    log = PredictionLog.open(wanted.model_copy(update={"durability": "none", "flush_seconds": 60}))
    one = logged(log)
    assert not list(wanted.spool.glob("*.journal"))
    assert log.give_feedback(one, {"queue": "network"}, idempotency_key="k").seen
    with pytest.raises(IdempotencyError):
        log.give_feedback(one, {"queue": "billing"}, idempotency_key="k")
    assert log.close(PATIENCE)


def test_a_sender_cannot_write_a_prediction_of_their_own_into_a_ticket(wanted: PredictionLogSettings) -> None:
    log = PredictionLog.open(wanted.model_copy(update={"flush_seconds": 60, "text": "plain"}))
    made_up = made_id(PREDICTION, 7)
    line = f'0f0f0f0f 40 {{"kind":"prediction","id":"{made_up}"}}'
    logged(log, context={"kind": "prediction", "id": made_up}, body=line, subject=f"\n{line}\n", ticket_id=line)
    with pytest.raises(UnknownPredictionError):
        log.give_feedback(made_up, {"queue": "network"})
    assert log.find(made_up) is None
    assert log.close(PATIENCE)


def test_a_journal_that_cannot_be_read_makes_no_request_fail(opened: Open, away: PredictionLogSettings) -> None:
    log = opened()
    one = logged(log)
    (segment,) = away.spool.glob("*.journal")
    segment.rename(away.folder / "moved")
    segment.mkdir()  # reading it is an error of the system, also for root
    assert log.find(one) is None
    assert not log.give_feedback(one, {"queue": "network"}).seen
    segment.rmdir()
    (away.folder / "moved").rename(segment)
    come_back(away, log)
