"""A run whose process was killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.reconstruct import ReconstructableJob
from dagster._core.events import EngineEventData
from dagster._grpc.types import ExecuteRunArgs

from ticket_assets.automation.interrupted import PROCESS_TAG, Process, close_interrupted, process_of, process_tag

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


def test_a_run_that_ended_well_while_another_was_being_closed_is_no_failed_one(home: Path) -> None:
    """Closing talks to MLflow for seconds, and a run that was listed before may end in them."""

    @dg.asset
    def quick() -> None: ...

    job = dg.Definitions(assets=[quick]).resolve_implicit_global_asset_job_def()
    tag = {PROCESS_TAG: f"{process_tag()[PROCESS_TAG].rpartition(':')[0]}:another-boot-17"}
    with dg.DagsterInstance.from_config(str(home)) as instance:
        runs = [instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags=tag).run_id for _ in range(2)]

        def first(run_id: str) -> None:
            [other] = {*runs} - {run_id}
            ended = dg.DagsterEvent(dg.DagsterEventType.RUN_SUCCESS.value, job.name)
            instance.report_dagster_event(ended, other)

        [closed] = close_interrupted(instance, first)
        [other] = {*runs} - {closed}
        found = {one.run_id: one.status for one in instance.get_runs()}
        assert found == {closed: dg.DagsterRunStatus.FAILURE, other: dg.DagsterRunStatus.SUCCESS}


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


def test_a_run_that_was_started_again_from_the_ui_is_not_judged_by_the_process_of_the_one_before(home: Path) -> None:
    """It has all its tags, that of its process too."""

    @dg.asset
    def quick() -> None: ...

    job = dg.Definitions(assets=[quick]).resolve_implicit_global_asset_job_def()
    tags = {PROCESS_TAG: f"{process_tag()[PROCESS_TAG].rpartition(':')[0]}:another-boot-17"}
    with dg.DagsterInstance.from_config(str(home)) as instance:
        before = instance.create_run_for_job(job, tags=tags, status=dg.DagsterRunStatus.FAILURE).run_id
        instance.create_run_for_job(
            job, tags=tags, status=dg.DagsterRunStatus.STARTED, parent_run_id=before, root_run_id=before
        )
        assert close_interrupted(instance) == []


def test_a_run_of_another_host_or_of_the_ui_is_left_alone(home: Path) -> None:
    @dg.asset
    def quick() -> None: ...

    job = dg.Definitions(assets=[quick]).resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.from_config(str(home)) as instance:
        for tags in ({}, {PROCESS_TAG: "elsewhere:1"}):
            instance.create_run_for_job(job, tags=tags, status=dg.DagsterRunStatus.STARTED)
        assert close_interrupted(instance) == []


WORKER = """
import time
import dagster as dg

@dg.asset(pool="heavy")
def long() -> None:
    time.sleep(600)

defs = dg.Definitions(assets=[long], jobs=[dg.define_asset_job("retrain")])
retrain = defs.resolve_job_def("retrain")
"""


@pytest.fixture
def launched(home: Path) -> "Iterator[tuple[dg.DagsterInstance, dg.DagsterRun, subprocess.Popen[bytes]]]":
    """A run in the middle of a step, carried by a worker as a code server starts it: none of our tags is on it."""
    (home / "worker.py").write_text(WORKER)
    job = ReconstructableJob.for_file(str(home / "worker.py"), "retrain")
    origin = job.get_python_origin()
    with dg.DagsterInstance.from_config(str(home)) as instance:
        run = instance.create_run_for_job(job.get_definition(), job_code_origin=origin)
        command = ExecuteRunArgs(origin, run.run_id, instance.get_ref()).get_command_args()
        worker = subprocess.Popen(
            [sys.executable, "-m", *command],
            env={**os.environ, "DAGSTER_HOME": str(home)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            until = time.monotonic() + 120
            while not instance.event_log_storage.get_concurrency_info("heavy").active_slot_count:
                assert worker.poll() is None and time.monotonic() < until, "no step had its place in the pool"
                time.sleep(0.2)
            yield instance, run, worker
        finally:
            worker.kill()
            worker.wait()


def test_a_run_of_the_daemon_whose_machine_died_is_ended(
    launched: "tuple[dg.DagsterInstance, dg.DagsterRun, subprocess.Popen[bytes]]",
) -> None:
    """It was started for ever, and with it the retraining: nothing was retrained, rolled out or monitored again."""
    instance, run, worker = launched
    assert close_interrupted(instance) == [], "it is at work"
    assert process_of(instance, run) is Process.ALIVE
    os.kill(worker.pid, signal.SIGKILL)  # not fetched by its parent: a zombie, as in a container without an init
    until = time.monotonic() + 30
    while not close_interrupted(instance):
        assert time.monotonic() < until
        time.sleep(0.1)
    assert instance.get_run_by_id(run.run_id).status is dg.DagsterRunStatus.FAILURE
    assert instance.event_log_storage.get_concurrency_info("heavy").active_slot_count == 0


def test_a_run_that_somebody_stopped_and_whose_machine_died_then_counts_as_stopped(
    launched: "tuple[dg.DagsterInstance, dg.DagsterRun, subprocess.Popen[bytes]]",
) -> None:
    """Failed, it would be tried again."""
    instance, run, worker = launched
    instance.report_run_canceling(run)
    worker.kill()
    worker.wait()
    assert close_interrupted(instance) == [run.run_id]
    assert instance.get_run_by_id(run.run_id).status is dg.DagsterRunStatus.CANCELED


def test_a_process_that_has_the_number_of_a_dead_worker_and_works_for_nobody_here_keeps_no_run(home: Path) -> None:
    """After a restart of the machine, and in a container always, numbers are given again."""

    @dg.asset
    def quick() -> None: ...

    job = dg.Definitions(assets=[quick]).resolve_implicit_global_asset_job_def()
    other = subprocess.Popen(["sleep", "600"], env={"DAGSTER_HOME": "/another"})
    try:
        with dg.DagsterInstance.from_config(str(home)) as instance:
            run = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
            assert process_of(instance, run) is Process.UNKNOWN
            noted = f"Started process for run (pid: {other.pid})."
            instance.report_engine_event(noted, run, EngineEventData.in_process(other.pid))
            assert close_interrupted(instance) == [run.run_id]
    finally:
        other.kill()
        other.wait()


def test_the_tag_names_this_process() -> None:
    assert process_tag()[PROCESS_TAG].split(":")[1] == str(os.getpid())
