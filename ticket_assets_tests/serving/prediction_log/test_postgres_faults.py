"""Postgres stopped and started while answers are given: all that was acknowledged is there, once, in order."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from ticket_assets.serving.prediction_log.engine import make_engine
from ticket_assets.serving.prediction_log.log import PredictionLog
from ticket_assets.serving.prediction_log.queries import history
from ticket_assets.serving.prediction_log.schema import store_of
from ticket_assets_tests.serving.prediction_log.desk import PATIENCE, balance, ids, logged, settings


@pytest.fixture
def stoppable(server: Any, postgres: str) -> Iterator[Any]:
    """The server behind the database; it runs again afterwards."""
    if make_url(postgres).query.get("host") != make_url(server.get_uri()).query.get("host"):
        pytest.skip("the Postgres that was named is not ours to stop")
    yield server
    server.start()


def until(log: PredictionLog, status: str) -> None:
    """Wait until the log says so: its thread tries the store again and again."""
    met = threading.Event()
    for _ in range(600):
        if log.state().status == status:
            return
        met.wait(0.05)
    raise AssertionError(f"it never was {status}: {log.state()}")


@pytest.mark.slow
def test_postgres_may_stop_and_start_under_load(stoppable: Any, postgres: str, tmp_path: Path) -> None:
    log = PredictionLog.open(settings(tmp_path / "log", postgres, batch_rows=50))
    told: list[list[str]] = [[] for _ in range(4)]
    ends = threading.Event()

    def ask(mine: list[str]) -> None:
        while not ends.wait(0.002):
            mine.append(logged(log))
            if len(mine) % 10 == 0:
                log.give_feedback(mine[-1], {"queue": "network"})

    threads = [threading.Thread(target=ask, args=(mine,)) for mine in told]
    for one in threads:
        one.start()
    for _ in range(2):
        stoppable.stop()
        until(log, "down")
        before = sum(map(len, told))
        while sum(map(len, told)) < before + 200:  # it goes on answering
            ends.wait(0.01)
        assert log.state().backlog_records > 0
        stoppable.start()
        until(log, "up")
    ends.set()
    for one in threads:
        one.join()
    assert log.flush(PATIENCE)
    state = log.state()
    engine = make_engine(settings(tmp_path / "log", postgres))
    acknowledged = [one for mine in told for one in mine]
    found = ids(engine)
    assert balance(acknowledged, found) == {"acknowledged": len(acknowledged), "lost": 0, "duplicated": 0}
    assert len(found) == len(acknowledged)
    assert all(history(engine, mine[9]) == [("queue", "network")] for mine in told)
    assert (state.status, state.not_logged, state.rejected) == ("up", 0, 0)
    assert log.close()
    engine.dispose()
    print(balance(acknowledged, found), state)


def test_a_service_starts_while_postgres_is_down(stoppable: Any, postgres: str, tmp_path: Path) -> None:
    stoppable.stop()
    log = PredictionLog.open(settings(tmp_path / "log", postgres))
    one = logged(log)
    log.give_feedback(one, {"queue": "network"})
    state = log.state()
    assert (state.status, state.backlog_records) == ("down", 2)
    assert state.down_since is not None
    assert log.find(one) is not None
    stoppable.start()
    assert log.flush(PATIENCE)
    engine = make_engine(settings(tmp_path / "log", postgres))
    assert ids(engine) == [one]
    assert history(engine, one) == [("queue", "network")]
    assert log.state().status == "up"
    assert log.close()
    engine.dispose()


def test_what_waited_when_a_service_was_stopped_is_written_by_the_next_one(
    stoppable: Any, postgres: str, tmp_path: Path
) -> None:
    wanted = settings(tmp_path / "log", postgres)
    stoppable.stop()
    first = PredictionLog.open(wanted)
    told = [logged(first) for _ in range(20)]
    assert not first.close()
    stoppable.start()
    second = PredictionLog.open(wanted)
    assert second.close(PATIENCE)
    assert second.state().adopted == 20
    engine = make_engine(wanted)
    assert ids(engine) == told
    engine.dispose()


def test_a_correction_is_taken_in_the_moment_in_which_postgres_goes(
    stoppable: Any, postgres: str, tmp_path: Path
) -> None:
    """Before the log itself has noticed: whoever asks the store finds out first."""
    wanted = settings(tmp_path / "log", postgres, flush_seconds=60)
    log = PredictionLog.open(wanted)
    one = logged(log)
    assert log.flush(PATIENCE)
    stoppable.stop()
    assert log.state().status == "up"
    log.give_feedback(one, {"queue": "network"}, idempotency_key="k")
    assert log.find(one) is None
    stoppable.start()
    assert log.close(PATIENCE)
    with store_of(wanted) as engine:
        assert history(engine, one) == [("queue", "network")]
