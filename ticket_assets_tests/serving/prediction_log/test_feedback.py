"""Corrections: checked, idempotent, with their history, on both databases."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from ticket_assets.serving.prediction_log.clock import PREDICTION, Clock, made_id
from ticket_assets.serving.prediction_log.feedback import (
    IdempotencyError,
    UnknownPredictionError,
    WrongLabelsError,
    check_labels,
)
from ticket_assets.serving.prediction_log.log import PredictionLog
from ticket_assets.serving.prediction_log.queries import history
from ticket_assets.serving.prediction_log.settings import PredictionLogSettings
from ticket_assets.serving.prediction_log.tables import feedback, rejected
from ticket_assets_tests.serving.prediction_log.desk import LABELS, PATIENCE, count, logged, rows

NOBODY = made_id(PREDICTION, 1)


@pytest.fixture
def other(log: PredictionLog, wanted: PredictionLogSettings) -> Iterator[PredictionLog]:
    """A second worker of the same service."""
    opened = PredictionLog.open(wanted)
    yield opened
    opened.close()


def test_a_correction_is_kept_with_who_gave_it(log: PredictionLog, engine: Engine) -> None:
    one = logged(log)
    log.give_feedback(one, {"queue": "network"}, key="desk", reviewer="ada", comment="a switch is down")
    assert log.flush(PATIENCE)
    (row,) = rows(engine, feedback)
    told = {name: row[name] for name in ("prediction_id", "target", "label", "key", "reviewer", "comment")}
    expected = {"prediction_id": one, "target": "queue", "label": "network", "key": "desk", "reviewer": "ada"}
    assert told == {**expected, "comment": "a switch is down"}


def test_each_change_of_mind_is_kept_and_nothing_twice(log: PredictionLog, engine: Engine) -> None:
    one = logged(log)
    for label in ("billing", "billing", "network", "network", "billing"):
        log.give_feedback(one, {"queue": label})
    assert log.flush(PATIENCE)
    assert history(engine, one) == [("queue", "billing"), ("queue", "network"), ("queue", "billing")]
    assert log.state().duplicates_skipped == 2


def test_the_same_idempotency_key_adds_nothing_even_after_another_correction(
    log: PredictionLog, engine: Engine
) -> None:
    one = logged(log)
    first = log.give_feedback(one, {"queue": "network"}, idempotency_key="k")
    log.give_feedback(one, {"queue": "billing"})
    assert log.flush(PATIENCE)
    again = log.give_feedback(one, {"queue": "network"}, idempotency_key="k")
    assert log.flush(PATIENCE)
    assert again.id == first.id
    assert history(engine, one) == [("queue", "network"), ("queue", "billing")]


def test_an_idempotency_key_that_was_used_for_other_labels_is_refused(log: PredictionLog, engine: Engine) -> None:
    one, two = logged(log), logged(log)
    log.give_feedback(one, {"queue": "network"}, key="desk", idempotency_key="k")
    assert log.flush(PATIENCE)
    with pytest.raises(IdempotencyError, match="queue"):
        log.give_feedback(one, {"queue": "billing"}, key="desk", idempotency_key="k")
    log.give_feedback(two, {"queue": "billing"}, key="desk", idempotency_key="k")  # of another prediction
    log.give_feedback(one, {"queue": "billing"}, key="shop", idempotency_key="k")  # of another sender
    assert log.flush(PATIENCE)
    assert count(engine, feedback) == 3


def test_of_two_targets_only_the_one_that_changes_gets_a_row(log: PredictionLog, engine: Engine) -> None:
    one = logged(log)
    log.give_feedback(one, {"queue": "network", "type": "request"})
    log.give_feedback(one, {"queue": "network", "type": "incident"})
    assert log.flush(PATIENCE)
    assert history(engine, one) == [("queue", "network"), ("type", "request"), ("type", "incident")]


@pytest.mark.parametrize(
    "unknown", [pytest.param(NOBODY, id="well formed"), "p-1", "", "p-\x00", "'; drop table predictions --", "p-\ud800"]
)
def test_a_prediction_that_does_not_exist_cannot_be_corrected(log: PredictionLog, unknown: str) -> None:
    with pytest.raises(UnknownPredictionError):
        log.give_feedback(unknown, {"queue": "network"})
    assert log.find(unknown) is None


def test_labels_of_another_model_are_refused_by_name(log: PredictionLog) -> None:
    one = logged(log)
    with pytest.raises(WrongLabelsError, match=r"labels\.queue: this is none of its labels: billing, network"):
        log.give_feedback(one, {"queue": "Network"})


def test_every_fault_of_labels_is_named() -> None:
    assert check_labels({"queue": "billing", "type": "request"}, LABELS) == {}
    assert check_labels({"mood": "sad", "type": "wish"}, LABELS) == {
        "labels.mood": "the model has no such target, only queue, type",
        "labels.type": "this is none of its labels: incident, request",
    }
    assert check_labels({}, LABELS) == {"labels": "none is given; name one of queue, type"}


def test_a_correction_may_come_to_another_worker_before_its_prediction_is_written(
    wanted: PredictionLogSettings, engine: Engine
) -> None:
    slow = PredictionLog.open(wanted.model_copy(update={"flush_seconds": 60}))
    quick = PredictionLog.open(wanted)
    one = logged(slow)
    quick.give_feedback(one, {"queue": "network"})
    assert quick.flush(PATIENCE)
    assert quick.find(one) is not None
    assert history(engine, one) == [("queue", "network")]
    assert count(engine, rejected) == 0
    assert slow.close()
    assert quick.close()


def test_corrections_through_two_workers_have_one_order_whichever_is_written_first(
    wanted: PredictionLogSettings, engine: Engine, log: PredictionLog
) -> None:
    one = logged(log)
    assert log.flush(PATIENCE)
    slow = PredictionLog.open(wanted.model_copy(update={"flush_seconds": 60}), Clock())
    slow.give_feedback(one, {"queue": "network"})
    log.give_feedback(one, {"queue": "hardware"})
    assert log.flush(PATIENCE)
    assert slow.close()  # writes the older correction now
    assert history(engine, one) == [("queue", "network"), ("queue", "hardware")]


def test_the_same_correction_by_two_workers_at_once_is_kept_once(
    log: PredictionLog, other: PredictionLog, engine: Engine
) -> None:
    told = [logged(log) for _ in range(20)]
    assert log.flush(PATIENCE)
    gate = threading.Barrier(2)

    def correct(worker: PredictionLog) -> None:
        gate.wait()
        for one in told:
            worker.give_feedback(one, {"queue": "network"})

    threads = [threading.Thread(target=correct, args=(worker,)) for worker in (log, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log.flush(PATIENCE)
    assert other.flush(PATIENCE)
    assert sorted(row["prediction_id"] for row in rows(engine, feedback)) == told


def test_a_comment_is_masked_like_a_ticket(log: PredictionLog, engine: Engine) -> None:
    log.give_feedback(logged(log), {"queue": "network"}, comment="ask jane@example.com")
    assert log.flush(PATIENCE)
    assert rows(engine, feedback)[0]["comment"] == "ask [email_address]"


def test_a_correction_taken_while_the_store_was_down_of_no_prediction_is_set_aside_with_its_reason(
    tmp_path: Path,
) -> None:
    from ticket_assets.serving.prediction_log.engine import make_engine
    from ticket_assets_tests.serving.prediction_log.desk import settings

    wanted = settings(tmp_path / "log", f"sqlite:///{tmp_path / 'away' / 'log.db'}")
    (tmp_path / "away").write_text("a file where the folder should be")
    log = PredictionLog.open(wanted)
    assert log.state().status == "down"
    one = logged(log)
    log.give_feedback(one, {"queue": "network"})
    log.give_feedback(NOBODY, {"queue": "network"})
    (tmp_path / "away").unlink()
    assert log.flush(PATIENCE)
    engine = make_engine(wanted)
    assert history(engine, one) == [("queue", "network")]
    assert [row["reason"] for row in rows(engine, rejected)] == ["no prediction has this id"]
    assert (log.state().status, log.state().rejected) == ("up", 1)
    engine.dispose()
    assert log.close()
