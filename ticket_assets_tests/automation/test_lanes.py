"""Runs in the queue of the shipped instance: monitoring and roll-outs stand behind no search."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon

from ticket_assets.automation.runs import DEPLOY, MONITORING, RETRAIN
from ticket_assets_tests.automation.world import World, begun

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    (tmp_path / "home").mkdir()
    shutil.copyfile(PROJECT / "dagster.yaml", tmp_path / "home" / "dagster.yaml")
    with dg.DagsterInstance.from_config(str(tmp_path / "home")) as instance, begun(tmp_path, instance) as made:
        yield made


def queued(world: World, job: str) -> dg.DagsterRun:
    """A run of a job of the definitions stands in the queue."""
    made = world.repository.get_job(job)
    run = world.instance.create_run_for_job(made, tags=made.run_tags)  # as sensors, schedules and the UI do
    world.queues(run)
    return run


def begin(world: World) -> list[str]:
    """Jobs that the daemon of the queue begins now; they are at work from then on."""
    with QueuedRunCoordinatorDaemon(5) as daemon:
        chosen = daemon._get_runs_to_dequeue(world.instance, world.instance.get_concurrency_config(), None)
    for run in chosen:
        for kind in (dg.DagsterEventType.PIPELINE_STARTING, dg.DagsterEventType.PIPELINE_START):
            world.instance.report_dagster_event(dg.DagsterEvent(kind.value, run.job_name), run.run_id)
    return [run.job_name for run in chosen]


def test_a_monitoring_run_and_a_roll_out_begin_while_a_retraining_is_at_work_with_its_search(world: World) -> None:
    """Two places for all, and the search's pool for the windows too: what looks every ten minutes waited an hour."""
    retrained = queued(world, RETRAIN)
    assert begin(world) == [RETRAIN]
    log = world.instance.event_log_storage
    log.initialize_concurrency_limit_to_default("heavy")
    assert log.claim_concurrency_slot("heavy", retrained.run_id, "models__search_queue").is_claimed
    queued(world, "line")
    for job in (MONITORING, DEPLOY):
        queued(world, job)
        assert begin(world) == [job]
    assert begin(world) == [], "the tables stay while models are made"
    world.instance.report_run_failed(retrained)
    assert begin(world) == ["line"]


def test_the_windows_are_judged_while_a_search_holds_the_pool_of_all_cores(world: World) -> None:
    """For real: the step of the windows runs to its end; waiting for the pool it would do so for ever."""
    log = world.instance.event_log_storage
    log.initialize_concurrency_limit_to_default("heavy")
    assert log.claim_concurrency_slot("heavy", "0" * 16, "models__search_queue").is_claimed
    windows = [dg.AssetKey(["monitoring", one]) for one in ("reference", "drift")]
    job = world.defs.resolve_job_def(MONITORING)
    assert not {pool for key in windows for pool in job.asset_layer.get(key).assets_def.op.pools} & {"heavy"}
    (world.line.folders.bundles / "champion.json").unlink()
    assert job.execute_in_process(instance=world.instance, asset_selection=windows).success


def test_what_carries_new_data_on_takes_turns_with_a_retraining(world: World) -> None:
    [sensor] = [one for one in world.repository.sensor_defs if one.name == "new_data"]
    lane = sensor.run_tags["ticket-assets/lane"]  # type: ignore[attr-defined]
    assert lane == world.repository.get_job(RETRAIN).run_tags["ticket-assets/lane"]
    assert lane == world.repository.get_job("line").run_tags["ticket-assets/lane"]
