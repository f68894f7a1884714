"""The way from journals to the store: whatever goes wrong is told at once, and holds up nothing else."""

import os
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from ticket_assets.serving.prediction_log import drain
from ticket_assets.serving.prediction_log.engine import make_engine
from ticket_assets.serving.prediction_log.journal import LOOKS, Journal
from ticket_assets.serving.prediction_log.lines import as_line, lines
from ticket_assets.serving.prediction_log.log import PredictionLog
from ticket_assets.serving.prediction_log.outcome import Logged, LogState
from ticket_assets.serving.prediction_log.settings import PredictionLogSettings
from ticket_assets.serving.prediction_log.spool import BATCH_BYTES, Spool, batch_of
from ticket_assets.serving.prediction_log.tables import rejected
from ticket_assets_tests.serving.prediction_log.desk import PATIENCE, answer, balance, ids, logged, rows, settings
from ticket_assets_tests.serving.prediction_log.test_journal import RECORDS
from ticket_assets_tests.serving.prediction_log.test_postgres_faults import stoppable as stoppable


def once(log: PredictionLog, wanted: Callable[[LogState], bool], seconds: float = 15) -> LogState:
    """Wait until the state is as wanted."""
    until = time.monotonic() + seconds
    while not wanted(state := log.state()):
        assert time.monotonic() < until, state
        time.sleep(0.005)
    return state


def only_segment(wanted: PredictionLogSettings) -> Path:
    (segment,) = wanted.spool.glob("*.journal")
    return segment


def test_a_drain_that_cannot_read_its_journal_says_so_until_it_writes_again(
    wanted: PredictionLogSettings, engine: Engine
) -> None:
    log = PredictionLog.open(wanted)
    with log._spool.gate(alone=True):
        one = logged(log)
        segment = only_segment(wanted)
        segment.rename(wanted.folder / "moved")
        segment.mkdir()  # reading it is an error of the system, also for root
    state = once(log, lambda state: state.status == "degraded")
    assert "Is a directory" in str(state.last_error)
    time.sleep(0.2)  # many turns
    assert log.state().status == "degraded"
    with log._spool.gate(alone=True):  # or the drain looks in between, finds neither, and tells of a loss
        segment.rmdir()
        (wanted.folder / "moved").rename(segment)
    assert log.flush(PATIENCE)
    assert once(log, lambda state: state.status == "up").lost == 0
    assert ids(engine) == [one]
    assert log.close(PATIENCE)


def test_a_store_that_goes_while_nobody_asks_is_told_of(
    stoppable: Any, postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain, "IDLE_SECONDS", 0.1)
    log = PredictionLog.open(settings(tmp_path / "log", postgres))
    assert log.state().status == "up"
    stoppable.stop()
    assert once(log, lambda state: state.status == "down").down_since is not None
    stoppable.start()
    once(log, lambda state: state.status == "up")
    assert log.close(PATIENCE)


def test_whoever_finds_the_store_down_first_tells_it_to_all(stoppable: Any, postgres: str, tmp_path: Path) -> None:
    log = PredictionLog.open(settings(tmp_path / "log", postgres))
    one = logged(log)
    assert log.flush(PATIENCE)
    with log._spool.gate(alone=True):  # the thread itself has nothing to find out
        stoppable.stop()
        assert not log.give_feedback(one, {"queue": "network"}).seen
        assert log.state().status == "down"
    stoppable.start()
    once(log, lambda state: state.status == "up")
    assert log.close(PATIENCE)


def test_a_store_that_hangs_is_told_of_meanwhile_and_requests_ask_the_journals_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain, "SLOW_SECONDS", 0.2)
    log = PredictionLog.open(settings(tmp_path / "log"))
    assert log.state().status == "up"
    holder = sqlite3.connect(tmp_path / "log" / "prediction_log.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    one = logged(log)
    state = once(log, lambda state: state.status == "degraded")
    assert "has not answered" in str(state.last_error)
    assert not log._drain.answers
    assert log.give_feedback(one, {"queue": "network"}).seen
    holder.execute("COMMIT")
    holder.close()
    once(log, lambda state: state.status == "up" and not state.backlog_records)
    assert log.close(PATIENCE)


def test_what_finds_no_room_in_the_spool_keeps_nothing_from_being_written(tmp_path: Path) -> None:
    """With durability `none`: the spool is full, memory is full, and then the store comes back."""
    (tmp_path / "away").write_text("no folder yet")
    wanted = settings(tmp_path / "log", f"sqlite:///{tmp_path}/away/log.db", durability="none", max_spool_mb=0.1)
    log = PredictionLog.open(wanted)
    outcomes = []
    until = time.monotonic() + 15
    while all(isinstance(one, Logged) for one in outcomes[-20:]):
        outcomes += [log.append(answer()) for _ in range(20)]
        time.sleep(0.03)
        assert time.monotonic() < until
    (tmp_path / "away").unlink()
    assert log.flush(20)
    assert log.close(PATIENCE)
    engine = make_engine(wanted)
    acknowledged = [one.id for one in outcomes if isinstance(one, Logged)]
    assert balance(acknowledged, ids(engine)) == {"acknowledged": len(acknowledged), "lost": 0, "duplicated": 0}
    engine.dispose()


def test_a_journal_that_somebody_removed_is_counted_as_lost_and_holds_up_nothing(
    wanted: PredictionLogSettings, engine: Engine
) -> None:
    log = PredictionLog.open(wanted)
    with log._spool.gate(alone=True):
        for _ in range(3):
            logged(log)
        os.truncate(only_segment(wanted), 0)
    state = once(log, lambda state: state.lost == 3)
    assert (state.status, state.backlog_records) == ("degraded", 0)
    assert "lost" in str(state.last_error)
    kept = logged(log)
    assert log.flush(PATIENCE)
    assert ids(engine) == [kept]
    assert log.state().status == "degraded", "records are gone: nobody may overlook that"
    assert log.close(PATIENCE)


@pytest.mark.parametrize("damaged", [0, 1, 2])
def test_a_line_end_that_is_damaged_holds_up_nothing_and_no_byte_is_dropped(
    wanted: PredictionLogSettings, engine: Engine, damaged: int
) -> None:
    log = PredictionLog.open(wanted)
    with log._spool.gate(alone=True):
        told = [logged(log) for _ in range(3)]
        segment = only_segment(wanted)
        blob = bytearray(segment.read_bytes())
        ends = [place for place, byte in enumerate(blob) if byte == ord("\n")]
        with segment.open("r+b") as stream:
            stream.seek(ends[damaged])
            stream.write(b"?")
    assert log.flush(PATIENCE)
    kept = logged(log)
    assert log.flush(PATIENCE)
    hit = {told[damaged], *told[damaged + 1 : damaged + 2]}  # it runs into the next one
    assert ids(engine) == [one for one in told if one not in hit] + [kept]
    aside = "".join(row["line"] for row in rows(engine, rejected))
    assert all(one in aside for one in hit)
    assert log.state().backlog_records == 0
    assert log.close(PATIENCE)
    assert not list(wanted.spool.glob("*.journal"))


def test_what_a_dead_worker_left_without_an_end_is_set_aside(wanted: PredictionLogSettings, engine: Engine) -> None:
    spool = Spool(wanted.spool)
    spool.segment("1-dead", 0).write_bytes(as_line(RECORDS[0]) + as_line(RECORDS[1])[:-9])
    (spool.folder / "1-dead.lock").touch()
    log = PredictionLog.open(wanted)
    assert log.close(PATIENCE)
    assert ids(engine) == ["p-1"]
    (aside,) = rows(engine, rejected)
    assert "has no end" in aside["reason"]
    assert "f-1" in aside["line"]


def test_workers_of_one_spool_keep_to_its_bound_together_though_nobody_drains(tmp_path: Path) -> None:
    limit = 1 << 16
    one, other = (Journal(Spool(tmp_path), name, "process", limit, 1 << 12) for name in ("1-one", "2-other"))
    blob = as_line(RECORDS[0])
    for journal in (one, other):
        with pytest.raises(OSError, match="max_spool_mb"):
            while True:
                journal.append(blob, 1)
                other.append(blob, 1)
    assert Spool(tmp_path).bytes() <= limit + 2 * (limit // LOOKS + len(blob))
    one.close()
    other.close()


def test_a_batch_ends_at_its_bytes_as_well(tmp_path: Path) -> None:
    raw = b"x" * (BATCH_BYTES // 3) + b"\n"
    found = list(lines(raw * 8))
    assert [len(batch_of(iter(found), most)) for most in (500, 2)] == [3, 2]
    assert len(batch_of(lines(b"x" * (2 * BATCH_BYTES) + b"\n"), 500)) == 1


def test_after_a_flush_that_failed_nobody_is_told_that_the_disk_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel tells a lost page once: a second flush of the same file says that all is well."""
    journal = Journal(Spool(tmp_path), "1-me", "disk", 1 << 20, 1 << 20)
    journal.append(as_line(RECORDS[0]), 1)
    flush, begun, go = os.fsync, threading.Event(), threading.Event()
    told: list[str] = []

    def broken(descriptor: int) -> None:
        if begun.is_set():
            return flush(descriptor)
        begun.set()
        go.wait(10)
        raise OSError(5, "Input/output error")

    def append() -> None:
        try:
            journal.append(as_line(RECORDS[1]), 1)
            told.append("kept")
        except OSError:
            told.append("refused")

    monkeypatch.setattr("os.fsync", broken)
    threads = [threading.Thread(target=append) for _ in range(3)]
    for one in threads:
        one.start()
    begun.wait(10)
    while journal.appended < 4:
        time.sleep(0.001)
    go.set()
    for one in threads:
        one.join()
    assert told == ["refused"] * 3
    journal.append(as_line(RECORDS[2]), 1)
    assert len(Spool(tmp_path).segments()) == 2
    journal.close()
