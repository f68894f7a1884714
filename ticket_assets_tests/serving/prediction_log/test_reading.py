"""What is read of the log, and what goes from it: by time, by age, by a person's wish."""

from datetime import UTC, datetime, timedelta
from itertools import count as counter

import pytest
from sqlalchemy import Engine

from ticket_assets.serving.prediction_log.acted import acted, wilson
from ticket_assets.serving.prediction_log.clock import Clock
from ticket_assets.serving.prediction_log.log import PredictionLog
from ticket_assets.serving.prediction_log.queries import between
from ticket_assets.serving.prediction_log.records import TargetAnswer
from ticket_assets.serving.prediction_log.retention import forget
from ticket_assets.serving.prediction_log.settings import PredictionLogSettings
from ticket_assets.serving.prediction_log.tables import feedback, prediction_targets, rejected
from ticket_assets_tests.serving.prediction_log.desk import LABELS, PATIENCE, answer, count, ids, logged, rows

START = datetime(2026, 3, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def minutes(wanted: PredictionLogSettings, engine: Engine) -> PredictionLog:
    """A log whose clock goes on by a minute each time it is looked at; the first look is START."""
    ticks = counter()
    return PredictionLog.open(wanted, Clock(wall=lambda: int((START + next(ticks) * MINUTE).timestamp()) * 10**9))


def served(band: str, label: str = "billing") -> dict[str, TargetAnswer]:
    probabilities = dict.fromkeys(LABELS["queue"], 0.05) | {label: 0.9}
    return {"queue": TargetAnswer(label, 0.9, "act", band, probabilities)}


@pytest.mark.parametrize("page", [1, 3, 100])
def test_predictions_are_streamed_by_time_with_their_current_corrections(
    minutes: PredictionLog, engine: Engine, page: int
) -> None:
    told = [logged(minutes) for _ in range(7)]
    for label in ("network", "hardware"):
        minutes.give_feedback(told[3], {"queue": label})
    assert minutes.close(PATIENCE)
    at = {one.prediction.id: one.prediction.at for one in between(engine, START, START + 60 * MINUTE)}
    assert [*at] == told
    found = list(between(engine, at[told[1]], at[told[5]], page))
    assert [one.prediction.id for one in found] == told[1:5]
    assert [one.corrected for one in found] == [{}, {}, {"queue": "hardware"}, {}]
    assert found[0].prediction.answer == answer()


def test_predictions_of_one_instant_are_each_read_once(wanted: PredictionLogSettings, engine: Engine) -> None:
    log = PredictionLog.open(wanted, Clock(wall=lambda: int(START.timestamp()) * 10**9))
    told = [logged(log) for _ in range(9)]
    assert log.close(PATIENCE)
    found = [one.prediction.id for one in between(engine, START, START + MINUTE, page=2)]
    assert found == told
    assert list(between(engine, START + MINUTE, START + 2 * MINUTE)) == []


def test_the_report_of_acting_counts_what_was_served_and_not_what_might_have_been(
    log: PredictionLog, engine: Engine
) -> None:
    log.record_switch(True, "ada", "the promise holds")
    told = [logged(log, targets=served("act")) for _ in range(4)] + [logged(log, targets=served("act", "network"))]
    suggested = logged(log, targets=served("suggest"))
    for one, label in ((told[0], "billing"), (told[1], "network"), (told[2], "network"), (suggested, "network")):
        log.give_feedback(one, {"queue": label})
    log.give_feedback(told[2], {"queue": "billing"})  # changed their mind
    log.record_switch(False, "bob", "holidays")
    assert log.flush(PATIENCE)
    report = acted(engine, START)
    counted = [(one.label, one.acted, one.with_feedback, one.corrected) for one in report.labels]
    assert counted == [("billing", 4, 3, 1), ("network", 1, 0, 0)]
    billing, network = report.labels
    assert billing.accuracy == pytest.approx(2 / 3)
    assert billing.interval == pytest.approx((0.2077, 0.9385), abs=1e-4)
    assert billing.without_feedback == pytest.approx(0.25)
    assert (network.accuracy, network.interval, network.without_feedback) == (None, None, 1.0)
    assert [(one.on, one.who) for one in report.switched] == [(True, "ada"), (False, "bob")]


def test_a_report_begins_with_how_the_switch_stood(log: PredictionLog, engine: Engine) -> None:
    for on in (True, False, True):
        log.record_switch(on, "ada", "trying")
    assert log.flush(PATIENCE)
    later = acted(engine, datetime.now(UTC) + timedelta(days=1))
    assert [one.on for one in later.switched] == [True]
    assert later.labels == ()


@pytest.mark.parametrize(("right", "total", "low", "high"), [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0)])
def test_the_interval_stays_within_bounds(right: int, total: int, low: float, high: float) -> None:
    assert wilson(right, total) == pytest.approx((low, high), abs=1e-4)


def test_what_is_older_than_wanted_goes_with_all_that_hangs_on_it(minutes: PredictionLog, engine: Engine) -> None:
    told = [logged(minutes) for _ in range(10)]
    minutes.give_feedback(told[0], {"queue": "network"})
    minutes.give_feedback(told[9], {"queue": "network"})
    assert minutes.close(PATIENCE)
    at = {one.prediction.id: one.prediction.at for one in between(engine, START, START + 60 * MINUTE)}
    assert sum(forget(engine, at[told[6]], at_once=4)) == 6
    assert ids(engine) == told[6:]
    assert (count(engine, prediction_targets), count(engine, feedback)) == (8, 1)
    assert [*forget(engine, at[told[6]])] == []


def test_the_log_itself_deletes_what_is_past_its_time(wanted: PredictionLogSettings, engine: Engine) -> None:
    old = PredictionLog.open(wanted, Clock(wall=lambda: int(START.timestamp()) * 10**9))
    logged(old)
    assert old.close(PATIENCE)
    log = PredictionLog.open(wanted.model_copy(update={"retention_days": 30.0}))
    kept = logged(log)
    assert log.close(PATIENCE)
    assert ids(engine) == [kept]


def test_much_that_is_past_its_time_goes_little_by_little_and_records_are_written_in_between(
    minutes: PredictionLog, engine: Engine, wanted: PredictionLogSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = [logged(minutes) for _ in range(10)]
    assert minutes.close(PATIENCE)
    monkeypatch.setattr("ticket_assets.serving.prediction_log.drain.FORGET_SECONDS", 0)
    log = PredictionLog(wanted.model_copy(update={"retention_days": 1.0, "batch_rows": 4}), Clock())
    new = [logged(log), logged(log)]
    left = []
    for _ in range(4):  # turns of a thread that was not started
        log._drain._turn()
        left.append(ids(engine))
    assert left == [told[4:] + new, told[8:] + new, new, new]
    assert log.close(PATIENCE)


def test_old_rejected_records_and_corrections_of_nothing_go_as_well(engine: Engine) -> None:
    told = {"prediction_id": "p-none", "target": "queue", "label": "network", "moment": 1}
    with engine.begin() as connection:
        for number, at in enumerate((START, START + MINUTE)):
            connection.execute(feedback.insert().values(id=f"f-{number}", at=at, **told))
            connection.execute(rejected.insert().values(id=f"r-{number}", at=at, kind="k", reason="r", line="l"))
    assert sum(forget(engine, START + MINUTE)) == 0
    assert [row["id"] for table in (feedback, rejected) for row in rows(engine, table)] == ["f-1", "r-1"]
