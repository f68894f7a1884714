"""Tick by tick: what sensor `retraining` waits for, and what it does not: runs of others, tables that are made."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from ticket_assets.automation.evidence import EVENT_TAG
from ticket_assets.automation.feedback import CORRECTIONS
from ticket_assets.automation.told import tell
from ticket_assets_tests.automation.world import World, begun


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with dg.DagsterInstance.ephemeral() as instance, begun(tmp_path, instance) as made:
        yield made


def test_a_run_that_makes_models_for_somebody_else_is_waited_for(world: World) -> None:
    job = world.repository.get_job("line")
    other = world.instance.create_run_for_job(job)
    world.judged(data_drift="alarm")
    assert world.ticks(5) == []
    assert f"run {other.run_id[:8]} makes models already" in (world.tick().why_not or "")
    world.instance.report_run_failed(other)
    assert len(world.ticks(5)) == 1


def test_a_run_that_judges_windows_is_not_waited_for(world: World) -> None:
    world.instance.create_run_for_job(world.repository.get_job("monitoring"))
    world.judged(data_drift="alarm")
    assert len(world.ticks(5)) == 1


def test_a_run_that_queues_for_a_day_is_not_lost(world: World) -> None:
    """No daemon ran; the one that is started begins it, and a second one beside it would be one too many."""
    world.judged(data_drift="alarm")
    [run] = world.ticks(1)
    world.queues(run)
    world.now += timedelta(days=3)
    assert world.ticks(3) == []
    assert "retrains already" in (world.tick().why_not or "")


def test_features_that_are_made_from_former_tickets_are_waited_for(world: World) -> None:
    text = dg.AssetKey(["features", "text"])
    made_from = {"dagster/input_data_version/tickets/clean": "tickets-1", "dagster/data_version": "t1"}
    world.instance.report_runless_asset_event(dg.AssetMaterialization(text, tags=made_from))
    world.judged(data_drift="alarm")
    assert world.ticks(5) == []
    assert "the data is not up to date yet: features/text" in (world.tick().why_not or "")
    made_from = {"dagster/input_data_version/tickets/clean": "rows-1500", "dagster/data_version": "t2"}
    world.instance.report_runless_asset_event(dg.AssetMaterialization(text, tags=made_from))
    assert len(world.ticks(5)) == 1


def test_a_stream_of_corrections_holds_up_no_retraining(world: World) -> None:
    """Each moves the fingerprint: there is always one that tickets/feedback is not made from yet."""
    feedback = dg.AssetKey(["tickets", "feedback"])
    world.made_from(feedback, "f1", {"tickets/corrections": "c0"})
    world.judged(data_drift="alarm")
    runs = []
    for number in range(10):
        tell(world.instance, CORRECTIONS, f"c{number + 1}")
        runs += world.ticks(1)
    assert [run.job_name for run in runs] == ["retrain"]


def test_tables_that_a_run_is_about_to_make_are_not_waited_for_and_nor_is_what_no_model_reads(world: World) -> None:
    """Under a stream of corrections there is always such a run; the retraining queues behind it, in the same lane."""
    text, quality = dg.AssetKey(["features", "text"]), dg.AssetKey(["tickets", "quality"])
    world.made_from(quality, "q1", {"tickets/clean": "tickets-0"})
    world.made_from(text, "t1", {"tickets/clean": "tickets-0"})
    world.judged(data_drift="alarm")
    assert world.ticks(1) == []
    assert "the data is not up to date yet: features/text (" in (world.tick().why_not or "")
    made = frozenset({text, dg.AssetKey(["features", "embeddings"])})
    job = world.repository.get_job("line").get_subset(asset_selection=made)
    with world.at_its_time():
        world.instance.create_run_for_job(job, asset_selection=made)
    [run] = world.ticks(1)
    assert run.job_name == "retrain"


def test_a_run_that_says_nothing_for_a_day_counts_as_failed(world: World) -> None:
    """A machine that lost its power leaves a run that is at work for ever; nothing would be retrained again."""
    world.judged(data_drift="alarm")
    [lost] = world.ticks(1)
    world.now += timedelta(hours=23)
    assert world.ticks(1) == []
    world.now += timedelta(hours=2)
    [again] = world.ticks(1)
    assert again.tags[EVENT_TAG] == lost.tags[EVENT_TAG]
