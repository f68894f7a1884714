"""Tick by tick: a promotion is rolled out once, and nothing is where nothing changed."""

import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from ticket_assets.assets import serving
from ticket_assets.automation.deployment import DEPLOYED, PAUSE, deployment
from ticket_assets.automation.told import known_metadata
from ticket_assets.resources.desk import Desk
from ticket_assets.serving.probe import free_port
from ticket_assets.serving.store import write_champion
from ticket_assets_tests.automation.world import MONITORED, World, begun
from ticket_assets_tests.line import PROFILE


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Its champion is rolled out."""
    with dg.DagsterInstance.ephemeral() as instance, begun(tmp_path, instance) as made:
        rolled_out(made)
        yield made


def sensor(world: World) -> dg.SensorDefinition:
    return deployment(PROFILE, clock=lambda: world.now)


def rolled_out(world: World) -> None:
    champion = world.champion
    world.made(DEPLOYED, "a tag", bundle=champion.bundle, since=champion.since)


def test_nothing_is_rolled_out_where_nothing_changed(world: World) -> None:
    assert world.ticks(50, sensor(world)) == []
    assert (world.tick(sensor(world)).why_not or "").endswith("is rolled out")


def test_a_promotion_is_rolled_out_once(world: World) -> None:
    world.promote()
    [run] = world.ticks(5, sensor(world))
    assert run.job_name == "deploy"
    assert f"is being rolled out by run {run.run_id[:8]}" in (world.tick(sensor(world)).why_not or "")
    rolled_out(world)
    world.ends(run, well=True)
    assert world.ticks(5, sensor(world)) == []


def test_a_roll_out_that_fails_is_tried_once_more_and_then_named(world: World) -> None:
    world.promote()
    [first] = world.ticks(5, sensor(world))
    world.ends(first, well=False)
    [second] = world.ticks(5, sensor(world))
    world.ends(second, well=False)
    assert world.ticks(20, sensor(world)) == []
    assert "was not rolled out: 2 tries came to nothing" in (world.tick(sensor(world)).why_not or "")
    world.now += timedelta(hours=1)
    world.promote()
    assert len(world.ticks(5, sensor(world))) == 1, "another promotion is another roll-out"


def test_the_second_try_of_a_roll_out_waits_two_minutes_and_the_tick_says_until_when(world: World) -> None:
    """Fifteen seconds apart both tries met a service that restarts for a minute, and there was no third."""
    world.promote()
    [first] = world.ticks(1, sensor(world))
    world.ends(first, well=False)
    ended = world.now
    why_not = world.tick(sensor(world)).why_not or ""
    assert f"was not rolled out by run {first.run_id[:8]}; it is tried again at {ended + PAUSE:%H:%M:%S} UTC" in why_not
    world.now = ended + timedelta(seconds=119)
    assert world.ticks(1, sensor(world)) == []
    world.now = ended + timedelta(seconds=120)
    assert len(world.ticks(1, sensor(world))) == 1


def test_a_champion_that_came_back_by_a_rollback_is_rolled_out_again(world: World) -> None:
    first = world.champion
    world.promote()
    [run] = world.ticks(3, sensor(world))
    rolled_out(world)
    world.ends(run, well=True)
    back = type(first)(first.version, first.bundle, world.now.isoformat(timespec="seconds"))
    write_champion(world.line.folders.bundles, back)
    assert len(world.ticks(3, sensor(world))) == 1


def test_a_retraining_holds_up_no_roll_out_and_a_roll_out_no_retraining(world: World) -> None:
    """A run of a job without a selection of assets was taken for one of the whole line."""
    world.judged(data_drift="alarm")
    [retrained] = world.ticks(1)
    world.promote()
    [deployed] = world.ticks(3, sensor(world))
    assert (retrained.asset_selection, deployed.asset_selection) == (None, None)
    world.ends(retrained, well=True)
    world.now += timedelta(hours=2)
    world.judged(data_drift="alarm")
    assert [one.job_name for one in world.ticks(3)] == ["retrain"]


def test_a_run_of_the_line_that_makes_the_bento_is_waited_for(world: World) -> None:
    world.promote()
    bento = frozenset({dg.AssetKey(["serving", "bento"])})
    job = world.repository.get_job("line").get_subset(asset_selection=bento)
    other = world.instance.create_run_for_job(job, asset_selection=bento)
    assert world.ticks(3, sensor(world)) == []
    assert f"is being rolled out by run {other.run_id[:8]}" in (world.tick(sensor(world)).why_not or "")
    world.instance.report_run_failed(other)
    assert len(world.ticks(3, sensor(world))) == 1


def test_before_the_first_promotion_there_is_nothing_to_roll_out(world: World) -> None:
    (world.line.folders.bundles / "champion.json").unlink()
    assert world.tick(sensor(world)).why_not == "nobody is champion yet"


@pytest.fixture
def port() -> int:
    """Of a service that nobody started yet."""
    return free_port()


@pytest.fixture
def awaited(tmp_path: Path, port: int) -> Iterator[World]:
    """Its first champion is to be rolled out to a service."""
    told = f'[profiles.tiny.monitoring.rollout]\nurl = "http://127.0.0.1:{port}"\nwait_seconds = 1\n'
    settings = MONITORED.replace("[profiles.tiny.columns]\n", f"{told}[profiles.tiny.columns]\n")
    with dg.DagsterInstance.ephemeral() as instance, begun(tmp_path, instance, settings) as made:
        yield made


def materialised(world: World) -> bool:
    """Whether `serving/deployment` is made, for real."""
    resources = {"desk": Desk(profile=PROFILE)}
    return dg.materialize(
        [serving.deployment], instance=world.instance, resources=resources, raise_on_error=False
    ).success


def test_a_first_roll_out_without_a_service_fails_no_run_and_one_to_a_service_that_went_away_does(
    awaited: World, port: int
) -> None:
    assert materialised(awaited)
    told = known_metadata(awaited.instance, DEPLOYED)
    assert told["waiting"].value is True and told["confirmed"].value is False
    assert str(told["words"].value).startswith(
        f"nobody answers at http://127.0.0.1:{port}: the bento ticket-assets-tiny:v1-"
    )
    champion = awaited.champion
    awaited.made(DEPLOYED, "a tag", bundle=champion.bundle, since=champion.since, confirmed=True, waiting=False)
    assert not materialised(awaited)


def test_a_roll_out_that_waits_is_tried_when_the_service_answers_and_not_for_ever(awaited: World, port: int) -> None:
    champion = awaited.champion
    awaited.made(DEPLOYED, "a tag", bundle=champion.bundle, since=champion.since, confirmed=False, waiting=True)
    assert awaited.ticks(20, sensor(awaited)) == []
    assert f"waits: nobody answers at http://127.0.0.1:{port}" in (awaited.tick(sensor(awaited)).why_not or "")
    with socket.create_server(("127.0.0.1", port)):
        [run] = awaited.ticks(3, sensor(awaited))
        awaited.ends(run, well=True)
        again = 0
        for _ in range(100):  # it answers the look, and is gone when the run asks
            runs = awaited.ticks(1, sensor(awaited))
            again += len(runs)
            for one in runs:
                awaited.ends(one, well=True)
        assert again == 2
        assert "3 tries came to nothing" in (awaited.tick(sensor(awaited)).why_not or "")


def test_a_roll_out_that_waited_and_was_confirmed_is_over(awaited: World, port: int) -> None:
    champion = awaited.champion
    awaited.made(DEPLOYED, "a tag", bundle=champion.bundle, since=champion.since, confirmed=False, waiting=True)
    with socket.create_server(("127.0.0.1", port)):
        [run] = awaited.ticks(3, sensor(awaited))
        awaited.made(DEPLOYED, "a tag", bundle=champion.bundle, since=champion.since, confirmed=True, waiting=False)
        awaited.ends(run, well=True)
        assert awaited.ticks(20, sensor(awaited)) == []


def test_a_roll_out_that_waits_waits_no_longer_once_a_command_is_to_bring_the_service_there(awaited: World) -> None:
    """It waited for ever: nobody answers before the command ran, and the command was run when somebody answered."""
    champion, file = awaited.champion, awaited.line.folder / "ticket_assets.toml"
    awaited.made(DEPLOYED, "a tag", bundle=champion.bundle, since=champion.since, confirmed=False, waiting=True)
    assert awaited.ticks(3, sensor(awaited)) == []
    told = file.read_text()
    file.write_text(told.replace("wait_seconds = 1\n", 'wait_seconds = 1\nway = "command"\ncommand = ["true"]\n'))
    assert len(awaited.ticks(1, sensor(awaited))) == 1
