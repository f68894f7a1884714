"""A step's process whose run was killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ticket_assets.process import end_with_parent

SCRIPT = """
import os, signal, sys, time
from pathlib import Path
import dagster as dg
from ticket_assets.resources.desk import Desk

HERE = Path(__file__).resolve().parent

@dg.asset
def long(desk: Desk) -> None:
    if (HERE / "deaf").exists():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    (HERE / "step.tmp").write_text(str(os.getpid()))
    (HERE / "step.tmp").rename(HERE / "step")
    try:
        time.sleep(600)
    finally:
        (HERE / "tidied").touch()

def job():
    defs = dg.Definitions(
        assets=[long],
        jobs=[dg.define_asset_job("all")],
        resources={"desk": Desk(profile="demo")},
        executor=dg.multiprocess_executor.configured({"start_method": {"forkserver": {}}}),
    )
    return defs.resolve_job_def("all")

if __name__ == "__main__":
    with dg.DagsterInstance.from_config(str(HERE)) as instance:
        dg.execute_job(dg.reconstructable(job), instance)
"""


def until(holds: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.1)
    return holds()


def is_alive(process: int) -> bool:
    """A zombie, which nobody here reaps, is dead."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("deaf", [False, True], ids=["in Python", "in a fit that hears no signal"])
def test_a_step_ends_soon_after_the_process_of_its_run_was_killed(tmp_path: Path, deaf: bool) -> None:
    """It searched on for its whole budget, beside the step that the next run started in its place."""
    (tmp_path / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    (tmp_path / "long_run.py").write_text(SCRIPT)
    if deaf:
        (tmp_path / "deaf").touch()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TICKET_ASSETS_", "DAGSTER_"))}
    run = subprocess.Popen([sys.executable, "long_run.py"], cwd=tmp_path, env=kept, stderr=subprocess.DEVNULL)
    try:
        assert until(lambda: (tmp_path / "step").exists() or run.poll() is not None, 120)
        assert run.poll() is None, "the run did not begin"
        step = int((tmp_path / "step").read_text())
        assert is_alive(step) and step != run.pid
        time.sleep(1)
        assert is_alive(step), "it ended by itself"
    finally:
        run.send_signal(signal.SIGKILL)
        run.wait()
    ended = until(lambda: not is_alive(step), 60)
    if not ended:
        os.kill(step, signal.SIGKILL)
    assert ended
    assert (tmp_path / "tidied").exists() is not deaf


def test_a_process_that_was_started_otherwise_is_not_watched() -> None:
    import threading

    before = threading.active_count()
    end_with_parent()
    assert threading.active_count() == before
