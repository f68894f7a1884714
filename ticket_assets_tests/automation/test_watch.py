"""Tick by tick: what others make is looked at, within a time, and one place out of reach hides no other."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest

from ticket_assets.automation import watch as module
from ticket_assets.automation.feedback import CORRECTIONS
from ticket_assets.automation.interrupted import PROCESS_TAG, process_tag
from ticket_assets.automation.source import SOURCE
from ticket_assets.automation.told import known_tags
from ticket_assets.automation.watch import WatchError, watch
from ticket_assets.state import open_root
from ticket_assets.tables import write_parquet
from ticket_assets_tests.automation.world import World, begun
from ticket_assets_tests.line import PROFILE
from ticket_assets_tests.tickets.test_feedback_asset import corrected


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with dg.DagsterInstance.ephemeral() as instance, begun(tmp_path, instance) as made:
        active = made.line.settings().active
        open_root(made.line.folders, active.identity(), active.frozen())
        yield made


def told(world: World) -> int:
    return len(world.instance.fetch_materializations(SOURCE, limit=100).records)


def test_a_source_is_told_of_when_it_changed_and_only_then(world: World) -> None:
    sensor = watch(PROFILE)
    assert world.ticks(5, sensor) == []
    before = known_tags(world.instance, SOURCE)
    assert told(world) == 1
    rows = pd.read_parquet(world.line.source)
    write_parquet(world.line.source, rows.head(len(rows) - 5))
    world.ticks(3, sensor)
    assert told(world) == 2
    assert known_tags(world.instance, SOURCE) != before
    assert (world.tick(sensor).why_not or "").startswith(
        "looked at runs, source, mended rows, corrections, champion in "
    )


def test_a_correction_in_the_service_s_log_is_told_of(world: World) -> None:
    sensor = watch(PROFILE)
    world.tick(sensor)
    assert known_tags(world.instance, CORRECTIONS) == {}
    corrected(world.line, "T-1", "network")
    world.ticks(3, sensor)
    assert len(world.instance.fetch_materializations(CORRECTIONS, limit=10).records) == 1


def test_a_run_whose_process_is_gone_is_ended_by_the_next_look(world: World) -> None:
    """Else it held up whoever waits for it until somebody ran a command by hand."""
    died = {PROCESS_TAG: f"{process_tag()[PROCESS_TAG].rpartition(':')[0]}:another-boot-17"}
    job = world.repository.get_job("retrain")
    run = world.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags=died)
    world.tick(watch(PROFILE))
    found = world.instance.get_run_by_id(run.run_id)
    assert found is not None and found.status is dg.DagsterRunStatus.FAILURE


def test_a_source_that_cannot_be_looked_at_is_named_and_the_rest_is_looked_at(world: World) -> None:
    world.line.source.unlink()
    why_not = world.tick(watch(PROFILE)).why_not or ""
    assert why_not.startswith("looked at runs, mended rows, corrections, champion in")
    assert "source cannot be looked at: SourceError: " in why_not


def test_where_nothing_can_be_looked_at_the_tick_fails(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tick that passes over everything in silence looks like one that found nothing."""

    def broken(*_: object) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr(module, "LOOKS", {"source": broken, "champion": broken})
    with pytest.raises(WatchError, match="source: OSError: the disk is gone; champion: OSError: the disk is gone"):
        world.tick(watch(PROFILE))


def test_what_there_was_no_time_for_is_looked_at_first_the_next_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    names = ("source", "mended rows", "champion")
    monkeypatch.setattr(module, "LOOKS", {name: lambda *_, name=name: seen.append(name) for name in names})
    seconds = iter(range(0, 10_000, 25))  # each look at the clock is 25 s later
    sensor = watch(PROFILE, timer=lambda: float(next(seconds)))
    assert "no time for champion: first the next time" in (world.tick(sensor).why_not or "")
    world.tick(sensor)
    assert seen[:3] == ["source", "mended rows", "champion"]


def test_a_profile_that_never_ran_is_not_begun(world: World) -> None:
    (world.line.folders.root / "identity.json").unlink()
    assert world.tick(watch(PROFILE)).why_not == "profile tiny never ran: make run PROFILE=tiny"
    assert told(world) == 0
