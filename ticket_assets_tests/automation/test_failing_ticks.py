"""Sensors and schedules whose ticks fail in a row are told once, and that they tick again."""

import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.remote_origin import ManagedGrpcPythonEnvCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    ScheduleInstigatorData,
    TickData,
    TickStatus,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._utils.error import serializable_error_info_from_exc_info

from ticket_assets_tests.automation.test_telling import PRIVATE, hook, sensor, telling
from ticket_assets_tests.automation.world import World, begun
from ticket_assets_tests.monitoring.receivers import Hook

__all__ = ["hook"]  # a fixture, found by name
FAILED, WELL, STARTED = TickStatus.FAILURE, TickStatus.SKIPPED, TickStatus.STARTED


@pytest.fixture
def world(tmp_path: Path, hook: Hook) -> Iterator[World]:
    """On an instance that keeps ticks; its notices go to the webhook."""
    home = tmp_path / "home"
    home.mkdir()
    with dg.DagsterInstance.local_temp(str(home)) as instance, begun(tmp_path, instance, telling(hook)) as made:
        yield made


def ticked(
    world: World,
    name: str,
    *statuses: TickStatus,
    kind: InstigatorType = InstigatorType.SENSOR,
    place: str = "here",
    fault: type[Exception] = ValueError,
) -> None:
    """One of a code location ticked so, as the daemon notes it; after each tick notices are looked for."""
    target = LoadableTargetOrigin(executable_path="python", module_name="ticket_assets.definitions")
    location = ManagedGrpcPythonEnvCodeLocationOrigin(target, place)
    origin = RemoteRepositoryOrigin(location, "__repository__").get_instigator_origin(name)
    its = ScheduleInstigatorData("* * * * *") if kind is InstigatorType.SCHEDULE else None
    state = InstigatorState(origin, kind, InstigatorStatus.DECLARED_IN_CODE, its)
    if world.instance.get_instigator_state(origin.get_id(), state.selector_id) is None:
        world.instance.add_instigator_state(state)
    for status in statuses:
        world.now += timedelta(seconds=30)
        error = serializable_error_info_from_exc_info(_fault(fault)) if status is FAILED else None
        told = {"error": error, "selector_id": state.selector_id}
        world.instance.create_tick(TickData(origin.get_id(), name, kind, status, world.now.timestamp(), **told))
        world.tick(sensor(world))


def _fault(fault: type[Exception]) -> Any:
    try:
        raise fault(PRIVATE)
    except fault:
        return sys.exc_info()


def titles(hook: Hook) -> list[str]:
    return [one["title"] for one in hook.bodies]


def test_a_sensor_that_failed_three_times_in_a_row_is_told_once_and_that_it_ticks_again(
    world: World, hook: Hook
) -> None:
    """Only runs that failed were told: a sensor `retraining` that fails at every look retrained nothing, in silence."""
    ticked(world, "retraining", WELL, FAILED, FAILED, WELL, FAILED, FAILED)
    assert hook.bodies == []
    ticked(world, "retraining", STARTED, FAILED, FAILED, FAILED, FAILED, STARTED)
    world.ticks(2, sensor(world))
    assert titles(hook) == ["tiny: sensor retraining fails"]
    [body] = hook.bodies
    assert body["type"] == "failure" and "failed 3 times in a row" in body["message"]
    assert "ValueError" in body["message"] and PRIVATE not in str(body)
    ticked(world, "retraining", WELL, WELL, WELL)
    world.ticks(2, sensor(world))
    assert titles(hook) == ["tiny: sensor retraining fails", "tiny: sensor retraining ticks again"]
    assert hook.bodies[-1]["type"] == "success"
    ticked(world, "retraining", FAILED, FAILED, FAILED)
    world.ticks(1, sensor(world))
    assert titles(hook)[2:] == ["tiny: sensor retraining fails"]


def test_each_sensor_and_the_schedule_is_told_for_itself(world: World, hook: Hook) -> None:
    ticked(world, "watch", FAILED, FAILED)
    ticked(world, "monitoring", FAILED, FAILED, FAILED, kind=InstigatorType.SCHEDULE)
    ticked(world, "watch", FAILED)
    ticked(world, "monitoring", WELL, kind=InstigatorType.SCHEDULE)
    world.ticks(2, sensor(world))
    assert titles(hook) == [
        *("tiny: schedule monitoring fails", "tiny: sensor watch fails", "tiny: schedule monitoring ticks again"),
    ]


def test_neither_the_teller_itself_nor_somebody_else_s_sensor_is_told_of(world: World, hook: Hook) -> None:
    for name in ("notices", "of_another_repository"):
        ticked(world, name, FAILED, FAILED, FAILED, FAILED)
    world.ticks(2, sensor(world))
    assert hook.bodies == []


def test_a_sensor_whose_code_location_had_another_name_before_is_told_by_its_latest_ticks(
    world: World, hook: Hook
) -> None:
    """A folder that moved: what failed there is never ticked again."""
    ticked(world, "watch", FAILED, FAILED, FAILED)
    ticked(world, "watch", WELL, place="there")
    world.ticks(3, sensor(world))
    assert titles(hook) == ["tiny: sensor watch fails", "tiny: sensor watch ticks again"]


def test_a_code_server_that_is_not_there_yet_is_no_fault_of_any_sensor_and_hides_none(world: World, hook: Hook) -> None:
    """It fails the ticks of all at once: a dozen notices told of one restart."""
    ticked(world, "watch", FAILED, FAILED, FAILED, fault=DagsterUserCodeUnreachableError)
    assert hook.bodies == []
    ticked(world, "watch", FAILED, FAILED, FAILED)
    ticked(world, "watch", FAILED, fault=DagsterUserCodeUnreachableError)
    world.ticks(2, sensor(world))
    assert titles(hook) == ["tiny: sensor watch fails"]
