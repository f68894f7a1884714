"""A run whose process was killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import pytest

from ticket_assets.automation.interrupted import PROCESS_TAG, close_interrupted, process_tag

KILLED = """
import os, sys, time
import dagster as dg
from ticket_assets.automation.interrupted import process_tag

@dg.asset(pool="heavy")
def long() -> None:
    time.sleep(600)

if __name__ == "__main__":
    with dg.DagsterInstance.from_config(sys.argv[1]) as instance:
        job = dg.Definitions(assets=[long]).resolve_implicit_global_asset_job_def()
        job.execute_in_process(instance=instance, tags=process_tag())
"""
ONE_AT_A_TIME = "concurrency:\n  pools:\n    default_limit: 1\ntelemetry:\n  enabled: false\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "dagster.yaml").write_text(ONE_AT_A_TIME)
    return tmp_path


def _begun(home: Path) -> "subprocess.Popen[bytes]":
    """A process in the middle of a step.

    A run is started before its step has its place in the pool: killed between the two, it held none. The databases
    are made first, since two processes that make them at once fail.
    """
    script = home / "killed.py"
    script.write_text(KILLED)
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert instance.get_runs() == []
        process = subprocess.Popen([sys.executable, str(script), str(home)], stderr=subprocess.DEVNULL)
        until = time.monotonic() + 120
        while time.monotonic() < until:
            if instance.event_log_storage.get_concurrency_info("heavy").active_slot_count:
                return process
            time.sleep(0.2)
    process.kill()
    process.wait()
    raise AssertionError("no step had its place in the pool within 120 s")


def test_a_killed_run_is_ended_so_that_it_holds_no_place_in_a_pool(home: Path) -> None:
    """After a SIGKILL the run stayed started, its step kept the pool's one place, and the next run waited for ever."""
    process = _begun(home)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with dg.DagsterInstance.from_config(str(home)) as instance:
        [run] = instance.get_runs()
        assert run.status is dg.DagsterRunStatus.STARTED
        assert instance.event_log_storage.get_concurrency_info("heavy").active_slot_count == 1
        assert close_interrupted(instance) == [run.run_id]
        assert instance.get_run_by_id(run.run_id).status is dg.DagsterRunStatus.FAILURE
        pool = instance.event_log_storage.get_concurrency_info("heavy")
        assert pool.active_slot_count == 0 and pool.pending_step_count == 0
        assert close_interrupted(instance) == []


def test_what_belongs_to_a_killed_run_is_ended_before_it(home: Path) -> None:
    """Ended first, a run is not found again: what a second death left open would stay so."""
    process = _begun(home)
    process.kill()
    process.wait()
    seen = []
    with dg.DagsterInstance.from_config(str(home)) as instance:
        [run] = instance.get_runs()

        def first(run_id: str) -> None:
            seen.append((run_id, instance.get_run_by_id(run_id).status))
            if len(seen) == 1:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            close_interrupted(instance, first)
        assert close_interrupted(instance, first) == [run.run_id]
        assert close_interrupted(instance, first) == []
    assert seen == [(run.run_id, dg.DagsterRunStatus.STARTED)] * 2


def test_a_run_that_is_at_work_is_left_alone(home: Path) -> None:
    process = _begun(home)
    try:
        with dg.DagsterInstance.from_config(str(home)) as instance:
            assert close_interrupted(instance) == []
            assert [one.status for one in instance.get_runs()] == [dg.DagsterRunStatus.STARTED]
    finally:
        process.kill()
        process.wait()


def test_a_run_whose_process_number_another_process_has_now_is_ended(home: Path) -> None:
    """In a container the main process has the same number after every start, so the dead run held its pool for ever."""

    @dg.asset
    def quick() -> None: ...

    mine = process_tag()[PROCESS_TAG]
    with dg.DagsterInstance.from_config(str(home)) as instance:
        job = dg.Definitions(assets=[quick]).resolve_implicit_global_asset_job_def()
        tags = {"mine": mine, "died": f"{mine.rpartition(':')[0]}:another-boot-17"}
        runs = {
            name: instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags={PROCESS_TAG: tag}).run_id
            for name, tag in tags.items()
        }
        assert close_interrupted(instance) == [runs["died"]]


def test_a_run_of_another_host_or_of_the_ui_is_left_alone(home: Path) -> None:
    @dg.asset
    def quick() -> None: ...

    job = dg.Definitions(assets=[quick]).resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.from_config(str(home)) as instance:
        for tags in ({}, {PROCESS_TAG: "elsewhere:1"}):
            instance.create_run_for_job(job, tags=tags, status=dg.DagsterRunStatus.STARTED)
        assert close_interrupted(instance) == []


def test_the_tag_names_this_process() -> None:
    assert process_tag()[PROCESS_TAG].split(":")[1] == str(os.getpid())
