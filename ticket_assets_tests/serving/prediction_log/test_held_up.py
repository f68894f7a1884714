"""The drain beside an erasure, and held up by a store that hangs: what is kept meanwhile, what waits, what is told."""

import fcntl
import os
import sqlite3
import time
from pathlib import Path

import pytest
from sqlalchemy import Engine

from ticket_assets.serving.prediction_log import drain
from ticket_assets.serving.prediction_log.lines import as_line
from ticket_assets.serving.prediction_log.log import PredictionLog
from ticket_assets.serving.prediction_log.settings import PredictionLogSettings
from ticket_assets.serving.prediction_log.spool import Spool
from ticket_assets_tests.serving.prediction_log.desk import PATIENCE, ids, logged, settings
from ticket_assets_tests.serving.prediction_log.test_drain import once
from ticket_assets_tests.serving.prediction_log.test_journal import RECORDS


def test_what_is_in_memory_alone_goes_to_the_spool_though_the_drain_waits(tmp_path: Path) -> None:
    """With durability `none`: for an erasure, or a store that hangs, a killed process lost more than flush_seconds."""
    wanted = settings(tmp_path / "log", durability="none")
    log = PredictionLog.open(wanted)
    with log._spool.gate(alone=True):
        logged(log)
        spooled(wanted, 1)
        logged(log)  # the thread waits at the gate
        spooled(wanted, 2)
    assert log.close(PATIENCE)


def test_a_stop_that_the_drain_holds_up_leaves_all_in_the_spool(tmp_path: Path) -> None:
    wanted = settings(tmp_path / "log", durability="none", flush_seconds=60, batch_rows=1)
    log = PredictionLog.open(wanted)
    with log._spool.gate(alone=True):
        logged(log)
        spooled(wanted, 1)
        logged(log)
        assert not log.close(0.1)
        spooled(wanted, 2, seconds=0)
    assert log.close(PATIENCE)


def test_nothing_is_deleted_by_age_while_an_erasure_is_at_work(wanted: PredictionLogSettings, engine: Engine) -> None:
    first = PredictionLog.open(wanted)
    old = logged(first)
    assert first.close(PATIENCE)
    with first._spool.gate(alone=True):
        log = PredictionLog.open(wanted.model_copy(update={"retention_days": 1e-9}))
        time.sleep(0.5)  # many turns
        assert ids(engine) == [old]
    until = time.monotonic() + 15
    while ids(engine):
        assert time.monotonic() < until
        time.sleep(0.01)
    assert log.close(PATIENCE)


def test_a_store_that_hangs_while_it_deletes_by_age_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = PredictionLog.open(settings(tmp_path / "log"))
    logged(first)
    assert first.close(PATIENCE)
    monkeypatch.setattr(drain, "SLOW_SECONDS", 0.2)
    monkeypatch.setattr(drain, "RETENTION_SECONDS", 0.0)
    log = PredictionLog.open(settings(tmp_path / "log"))
    assert log.flush(PATIENCE)
    holder = sqlite3.connect(tmp_path / "log" / "prediction_log.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    log._drain._settings = log._settings.model_copy(update={"retention_days": 1e-9})
    assert "has not answered" in str(once(log, lambda state: state.status == "degraded").last_error)
    holder.execute("COMMIT")
    holder.close()
    once(log, lambda state: state.status == "up")
    assert log.close(PATIENCE)


def spooled(wanted: PredictionLogSettings, records: int, seconds: float = 15) -> None:
    """Wait until so many records are in files."""
    until = time.monotonic() + seconds
    while (found := sum(path.read_bytes().count(b"\n") for path in wanted.spool.glob("*.journal"))) != records:
        assert time.monotonic() < until, found
        time.sleep(0.005)


def test_no_journal_goes_while_an_erasure_has_it_in_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted, unlink, let_through = settings(tmp_path / "log"), Path.unlink, list[bool]()
    spool = Spool(wanted.spool)
    spool.segment("1-dead", 0).write_bytes(as_line(RECORDS[0]))
    (spool.folder / "1-dead.lock").touch()

    def watched(path: Path, missing_ok: bool = False) -> None:
        if path.suffix == ".journal":
            let_through.append(is_free(spool.folder))
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", watched)
    log = PredictionLog.open(wanted)
    logged(log)
    assert log.close(PATIENCE)
    assert let_through == [False, False], "one of its own, one of a dead worker"


def is_free(folder: Path) -> bool:
    """Whether an erasure would be let in now."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True
