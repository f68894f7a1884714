"""Faults with the real part: a worker killed, a disk full, two services on one file. What was lost, what is twice?"""

import errno
import random
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from ticket_assets.serving.prediction_log.engine import make_engine
from ticket_assets.serving.prediction_log.feedback import NotTakenError
from ticket_assets.serving.prediction_log.log import PredictionLog
from ticket_assets.serving.prediction_log.outcome import Logged, NotLogged
from ticket_assets.serving.prediction_log.settings import PredictionLogSettings
from ticket_assets.serving.prediction_log.tables import feedback
from ticket_assets_tests.serving.prediction_log import writer
from ticket_assets_tests.serving.prediction_log.desk import (
    PATIENCE,
    answer,
    balance,
    count,
    ids,
    logged,
    settings,
)

KILLED_AFTER = (0, 1, 7, 40, 150, 400, 900, 2000)


def worker(folder: Path, url: str | None, answers: int, durability: str = "process") -> subprocess.Popen[str]:
    arguments = [str(folder), url or "-", str(answers), durability]
    started = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", writer.__name__, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert started.stdout is not None
    assert started.stdout.readline() == "ready\n"
    return started


def begin(started: subprocess.Popen[str]) -> None:
    assert started.stdin is not None
    started.stdin.write("\n")
    started.stdin.flush()


def kill(started: subprocess.Popen[str], after: int) -> list[str]:
    """Kill a worker that has acknowledged so many answers; return all that it acknowledged."""
    assert started.stdout is not None
    begin(started)
    told = [started.stdout.readline().strip() for _ in range(after)]
    started.kill()
    rest, _ = started.communicate()
    # Of the last line a part may be missing: that answer was not told to anybody.
    return told + [line.strip() for line in rest.splitlines(keepends=True) if line.endswith("\n")]


@pytest.mark.slow
def test_nothing_that_a_killed_worker_acknowledged_is_lost_or_there_twice(
    wanted: PredictionLogSettings, engine: Engine, url: str | None
) -> None:
    acknowledged: list[str] = []
    for after in KILLED_AFTER:
        acknowledged += kill(worker(wanted.folder, url, 100_000), after + random.randrange(20))
    heir = PredictionLog.open(wanted)
    until = time.monotonic() + PATIENCE
    # A try may fail while Postgres still ends the transaction of the killed one; what it left waits in the spool.
    while heir._spool.segments() and time.monotonic() < until:
        heir.flush(1)
        time.sleep(0.05)
    assert heir.close(PATIENCE)
    found = ids(engine)
    assert balance(acknowledged, found) == {"acknowledged": len(acknowledged), "lost": 0, "duplicated": 0}
    assert sum(KILLED_AFTER) <= len(acknowledged) <= len(found)
    assert found == sorted(found)
    assert not list(wanted.spool.glob("*.journal"))
    print(balance(acknowledged, found), heir.state())


def test_what_a_killed_worker_left_is_taken_over_by_one_that_runs(
    wanted: PredictionLogSettings, engine: Engine, log: PredictionLog
) -> None:
    away = settings(wanted.folder, f"sqlite:///{wanted.folder}/clock/no.db")  # never reached: all stays in its journal
    (wanted.folder / "clock").write_text("no folder")
    acknowledged = kill(worker(wanted.folder, str(away.url and away.url.get_secret_value()), 100_000), 50)
    logged(log)
    assert log.close(PATIENCE)
    assert balance(acknowledged, ids(engine))["lost"] == 0
    assert log.state().adopted >= 50


def test_a_killed_worker_without_durability_loses_no_more_than_what_it_had_in_memory(
    wanted: PredictionLogSettings, engine: Engine, url: str | None
) -> None:
    """Those acknowledged before the last write are there; nothing is there twice."""
    acknowledged = kill(worker(wanted.folder, url, 100_000, "none"), 400)
    heir = PredictionLog.open(wanted)
    assert heir.close(PATIENCE)
    found = ids(engine)
    told = balance(acknowledged, found)
    assert told["duplicated"] == 0
    kept = [one in {*found} for one in acknowledged]
    assert kept == sorted(kept, reverse=True)  # what is lost is the end


def test_two_services_on_one_sqlite_file_never_meet_a_lock(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    services = [worker(tmp_path / name, url, 1500) for name in ("one", "two")]
    for service in services:
        begin(service)
    told = [service.communicate(timeout=PATIENCE)[0].split("\n") for service in services]
    assert [lines[-2:] for lines in told] == [["end None", ""]] * 2
    engine = make_engine(settings(tmp_path / "one", url))
    acknowledged = [one for lines in told for one in lines[:-2]]
    assert balance(acknowledged, ids(engine)) == {"acknowledged": 3000, "lost": 0, "duplicated": 0}
    engine.dispose()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    place = tmp_path / "small"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)], capture_output=True)
    if made.returncode:
        pytest.skip(f"no file system may be mounted here: {made.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def fill(place: Path) -> Path:
    ballast = place / "ballast"
    with ballast.open("wb", buffering=0) as stream:
        try:
            while stream.write(b"x" * 4096) == 4096:
                pass
        except OSError as error:
            assert error.errno == errno.ENOSPC
    return ballast


def test_a_full_disk_costs_ids_not_answers_and_heals_by_itself(small_disk: Path, tmp_path: Path) -> None:
    wanted = settings(small_disk / "log", f"sqlite:///{tmp_path}/log.db")
    log = PredictionLog.open(wanted)
    acknowledged = [logged(log)]
    assert log.flush(PATIENCE)
    ballast = fill(small_disk)
    for _ in range(50):
        assert isinstance(log.append(answer()), NotLogged)
    with pytest.raises(NotTakenError, match="No space left"):
        log.give_feedback(acknowledged[0], {"queue": "network"})
    state = log.state()
    assert (state.status, state.not_logged) == ("degraded", 51)
    assert "No space left" in str(state.last_error)
    ballast.unlink()
    acknowledged += [logged(log) for _ in range(20)]
    log.give_feedback(acknowledged[0], {"queue": "network"})
    assert log.close(PATIENCE)
    engine = make_engine(wanted)
    assert balance(acknowledged, ids(engine)) == {"acknowledged": 21, "lost": 0, "duplicated": 0}
    assert len(ids(engine)) == 21  # what was not acknowledged is not there either
    assert count(engine, feedback) == 1
    assert log.state().status == "up"
    engine.dispose()


def test_a_disk_that_fills_up_under_load_loses_nothing_that_was_acknowledged(small_disk: Path, tmp_path: Path) -> None:
    """The store is down meanwhile, so that records pile up until nothing fits; half-written ones are taken back."""
    wanted = settings(small_disk / "log", f"sqlite:///{tmp_path}/away/log.db")
    (tmp_path / "away").write_text("no folder yet")
    log = PredictionLog.open(wanted)
    outcomes: list[Logged | NotLogged] = []

    def ask() -> None:
        outcomes.extend(log.append(answer(body="x " * random.randrange(900))) for _ in range(150))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    acknowledged = [one.id for one in outcomes if isinstance(one, Logged)]
    assert 0 < len(acknowledged) < len(outcomes)
    (tmp_path / "away").unlink()
    assert log.close(PATIENCE)
    engine = make_engine(wanted)
    found = ids(engine)
    assert balance(acknowledged, found) == {"acknowledged": len(acknowledged), "lost": 0, "duplicated": 0}
    assert len(found) == len(acknowledged)
    assert log.state().rejected == 0
    assert log.state().not_logged == len(outcomes) - len(acknowledged)
    engine.dispose()


def test_the_spool_takes_no_more_than_the_settings_allow_and_goes_on_when_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "away").write_text("no folder yet")
    log = PredictionLog.open(settings(tmp_path / "log", f"sqlite:///{tmp_path}/away/log.db", max_spool_mb=0.1))
    outcomes = [log.append(answer()) for _ in range(300)]
    refused = [one for one in outcomes if isinstance(one, NotLogged)]
    assert "max_spool_mb" in refused[0].reason
    waiting = sum(path.stat().st_size for path in (tmp_path / "log" / "spool").glob("*.journal"))
    assert 0.08 * (1 << 20) < waiting <= 0.1 * (1 << 20)
    assert log.state().backlog_bytes == waiting
    assert log.state().backlog_records == 300 - len(refused)
    (tmp_path / "away").unlink()
    assert log.flush(PATIENCE)
    logged(log)
    assert log.close(PATIENCE)
    assert not list((tmp_path / "log" / "spool").glob("*.journal"))


def test_a_file_that_may_not_grow_is_a_full_disk_too(tmp_path: Path) -> None:
    """Needs no file system of its own: the kernel refuses to write beyond the limit, in the middle of a record."""
    (tmp_path / "away").write_text("no folder yet")
    log = PredictionLog.open(settings(tmp_path / "log", f"sqlite:///{tmp_path}/away/log.db"))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        outcomes = [log.append(answer()) for _ in range(60)]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    outcomes += [log.append(answer())]
    acknowledged = [one.id for one in outcomes if isinstance(one, Logged)]
    assert isinstance(outcomes[-2], NotLogged)
    assert isinstance(outcomes[-1], Logged)
    (tmp_path / "away").unlink()
    assert log.close(PATIENCE)
    engine = make_engine(log._settings)
    assert ids(engine) == acknowledged
    assert log.state().rejected == 0
    engine.dispose()
