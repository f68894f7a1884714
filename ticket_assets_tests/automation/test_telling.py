"""What people are told, from the sensors to a real webhook: failure, recovery, decisions, drift; no ticket's text."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from ticket_assets.automation.telling import mended_by, notices, run_failed, run_recovered
from ticket_assets.monitoring.outbox import Outbox
from ticket_assets_tests.automation.world import MONITORED, World, begun
from ticket_assets_tests.line import PROFILE
from ticket_assets_tests.monitoring.receivers import Hook, webhook

PRIVATE = "Dear desk, my card 4111 was charged twice"


@pytest.fixture
def hook() -> Iterator[Hook]:
    with webhook() as made:
        yield made


@pytest.fixture
def world(tmp_path: Path, hook: Hook) -> Iterator[World]:
    """Its notices go to the webhook; the daemon has looked once."""
    with dg.DagsterInstance.ephemeral() as instance, begun(tmp_path, instance, telling(hook)) as made:
        made.tick(sensor(made))
        yield made


def telling(hook: Hook) -> str:
    """Settings by which notices go to the webhook."""
    told = f'urls = ["json://127.0.0.1:{hook.port}/secret"]\nlink = "http://ui.example"\n'
    table = "[profiles.tiny.monitoring.notices]\n" + told + "[profiles.tiny.columns]\n"
    return MONITORED.replace("[profiles.tiny.columns]\n", table)


def sensor(world: World) -> dg.SensorDefinition:
    return notices(PROFILE, clock=lambda: world.now)


def run(world: World, *keys: str, fails: bool) -> dg.DagsterRun:
    """A run of small assets of these names, for real."""

    def made(key: str) -> dg.AssetsDefinition:
        @dg.asset(name=key)
        def one() -> None:
            if fails:
                raise ValueError(PRIVATE)

        return one

    job = dg.define_asset_job("small", list(keys))
    defs = dg.Definitions(assets=[made(one) for one in ("a", "b")], jobs=[job])
    done = defs.resolve_job_def("small").execute_in_process(
        instance=world.instance, asset_selection=[dg.AssetKey(one) for one in keys], raise_on_error=False
    )
    return done.dagster_run


def fire(world: World, sensor: dg.SensorDefinition, ended: dg.DagsterRun, kind: dg.DagsterEventType) -> None:
    """As the daemon does for each run that ended so."""
    event = next(
        one.dagster_event
        for one in world.instance.all_logs(ended.run_id)
        if one.dagster_event and one.dagster_event.event_type is kind
    )
    context = dg.build_run_status_sensor_context(sensor.name, event, world.instance, ended)
    sensor(context.for_run_failure() if kind is dg.DagsterEventType.RUN_FAILURE else context)


def test_a_run_that_failed_is_told_with_its_step_and_kind_and_a_link_and_no_text(world: World, hook: Hook) -> None:
    failed = run(world, "a", fails=True)
    fire(world, run_failed(PROFILE), failed, dg.DagsterEventType.RUN_FAILURE)
    world.tick(sensor(world))
    [body] = hook.bodies
    assert body["title"] == "tiny: job small failed"
    assert body["message"].startswith(f"Run {failed.run_id} of job small failed at a: ValueError")
    assert body["message"].endswith(f"http://ui.example/runs/{failed.run_id}")
    assert PRIVATE not in str(body)


def test_what_fails_again_and_again_is_told_once_a_day_until_it_runs_and_then_anew(world: World, hook: Hook) -> None:
    """A job that looks every ten minutes told 144 times a day that its database is down."""

    def fails(hours: float) -> None:
        world.now += timedelta(hours=hours)
        with world.at_its_time():
            ended = run(world, "a", fails=True)
            fire(world, run_failed(PROFILE), ended, dg.DagsterEventType.RUN_FAILURE)
        world.ticks(2, sensor(world))

    for hours in (0, 0.2, 11, 12):
        fails(hours)
    assert [one["title"] for one in hook.bodies] == ["tiny: job small failed"]
    for hours in (1, 0.2, 0.2):
        fails(hours)
    assert [one["title"] for one in hook.bodies] == ["tiny: job small failed", "tiny: job small still fails"]
    world.now += timedelta(hours=1)
    with world.at_its_time():
        mended = run(world, "a", fails=False)
        fire(world, run_recovered(PROFILE), mended, dg.DagsterEventType.RUN_SUCCESS)
    world.ticks(2, sensor(world))
    fails(0.2)
    assert [one["title"] for one in hook.bodies][2:] == ["tiny: job small runs again", "tiny: job small failed"]


def test_a_failure_of_something_else_is_told_beside_the_first(world: World, hook: Hook) -> None:
    for key in ("a", "b", "a"):
        fire(world, run_failed(PROFILE), run(world, key, fails=True), dg.DagsterEventType.RUN_FAILURE)
    world.ticks(2, sensor(world))
    assert [one["message"].partition(" failed at ")[2][0] for one in hook.bodies] == ["a", "b"]


def test_a_run_that_mends_it_is_told_once_and_one_that_mends_nothing_is_not(world: World, hook: Hook) -> None:
    good = run(world, "a", fails=False)
    fire(world, run_recovered(PROFILE), good, dg.DagsterEventType.RUN_SUCCESS)
    world.tick(sensor(world))
    assert hook.bodies == []
    failed = run(world, "a", fails=True)
    fire(world, run_failed(PROFILE), failed, dg.DagsterEventType.RUN_FAILURE)
    mended = run(world, "a", fails=False)
    for _ in range(2):
        fire(world, run_recovered(PROFILE), mended, dg.DagsterEventType.RUN_SUCCESS)
        world.tick(sensor(world))
    _, body = hook.bodies
    assert (body["title"], body["type"]) == ("tiny: job small runs again", "success")
    assert body["message"].startswith(f"Run {mended.run_id} did what run {failed.run_id} failed at.")


def test_a_run_of_something_else_mends_nothing(world: World) -> None:
    run(world, "a", fails=True)
    assert mended_by(world.instance, run(world, "b", fails=False)) is None
    both = run(world, "a", "b", fails=False)
    assert mended_by(world.instance, both) is None, "the run before it, of b, was well"


def test_decisions_are_told_as_they_are_taken_and_those_before_the_daemon_are_not(world: World, hook: Hook) -> None:
    world.ticks(3, sensor(world))
    assert hook.bodies == []
    world.promote()
    world.refuse()
    world.ticks(3, sensor(world))
    assert [one["title"] for one in hook.bodies] == [
        "tiny: v2 is champion",
        "tiny: a challenger was refused, v2 stays",
    ]
    assert hook.bodies[0]["message"] == "It was v1. as the test says\n\nhttp://ui.example/assets/models/champion"


def test_an_alarm_is_told_once_with_what_follows_from_it(world: World, hook: Hook) -> None:
    world.judged(data_drift="alarm")
    world.ticks(5)
    world.judged(data_drift="alarm")
    world.ticks(5)
    world.ticks(3, sensor(world))
    [body] = hook.bodies
    assert body["title"] == "tiny: live tickets are not what v1 was made for"
    assert "data drift: an alarm in window 1 (500 predictions).\nA challenger is made: " in body["message"]


def test_episodes_that_began_and_ended_between_two_looks_are_told_with_their_ends(world: World, hook: Hook) -> None:
    """One run of monitoring judges several windows: nobody heard of the drift, nor that it is over."""
    world.ticks(1)
    world.judged(data_drift="alarm")
    for said in ("pass", "pass", "alarm", "pass"):
        world.judged(data_drift=said)
    world.ticks(5)
    world.ticks(3, sensor(world))
    drift, passed = "live tickets are not what v1 was made for", "live tickets are again what v1 was made for"
    assert [one["title"] for one in hook.bodies] == [f"tiny: {one}" for one in (drift, passed, drift, passed)]
    assert "data drift: an alarm in window 1 (500 predictions).\nIt is over: window 2 " in hook.bodies[0]["message"]
    assert "Window 5 (500 predictions) passes. It had been: data drift: an alarm in window 4" in str(hook.bodies[3])
    world.judged(data_drift="alarm")
    world.judged(data_drift="alarm")
    world.ticks(2)
    world.ticks(3, sensor(world))
    assert [one["title"] for one in hook.bodies[4:]] == [f"tiny: {drift}"]


def test_the_first_look_of_a_daemon_tells_of_an_episode_that_goes_on_and_of_none_that_was_over(
    world: World, hook: Hook
) -> None:
    for said in ("alarm", "pass", "alarm", "pass"):
        world.judged(data_drift=said)
    world.ticks(2)
    world.ticks(2, sensor(world))
    assert hook.bodies == []
    world.judged(data_drift="alarm")
    world.cursors.clear()  # another daemon's first look, while an episode goes on
    world.ticks(2)
    world.tick(sensor(world))
    world.ticks(2, sensor(world))
    assert [one["title"] for one in hook.bodies] == ["tiny: live tickets are not what v1 was made for"]


def test_an_episode_that_ends_while_the_daemon_stands_still_is_told_as_over_once(world: World, hook: Hook) -> None:
    """`make monitor` judges without it. Dagster remembers the look before the stop."""
    world.ticks(1)
    world.judged(data_drift="alarm")
    world.ticks(2)
    world.ticks(2, sensor(world))
    drift, passed = (f"tiny: live tickets are {one} what v1 was made for" for one in ("not", "again"))
    assert [one["title"] for one in hook.bodies] == [drift]
    world.judged(data_drift="pass")
    world.ticks(3)
    world.ticks(3, sensor(world))
    assert [one["title"] for one in hook.bodies] == [drift, passed]


def test_an_episode_that_was_told_is_told_as_over_by_a_daemon_that_remembers_no_look(world: World, hook: Hook) -> None:
    """An earlier version remembered none: what ended during the upgrade was told by nobody."""
    for said in ("alarm", "pass", "alarm"):  # of the first nobody was told
        world.judged(data_drift=said)
    world.ticks(1)
    world.ticks(1, sensor(world))
    world.cursors.clear()
    world.judged(data_drift="pass")
    world.ticks(3)
    world.ticks(3, sensor(world))
    drift, passed = (f"tiny: live tickets are {one} what v1 was made for" for one in ("not", "again"))
    assert [one["title"] for one in hook.bodies] == [drift, passed]
    assert "Window 4 " in hook.bodies[1]["message"]


def test_a_run_by_hand_that_mends_what_the_daemon_was_told_of_is_told_as_it_starts_again(
    world: World, hook: Hook
) -> None:
    """After an upgrade `make run` and `make monitor` come first: that it runs again was told by nobody."""
    world.tick(run_recovered(PROFILE))
    failed = run(world, "a", fails=True)
    fire(world, run_failed(PROFILE), failed, dg.DagsterEventType.RUN_FAILURE)
    world.tick(sensor(world))
    mended = run(world, "a", fails=False)
    run(world, "a", fails=False)
    world.ticks(3, run_recovered(PROFILE))
    world.ticks(3, sensor(world))
    assert [one["title"] for one in hook.bodies] == ["tiny: job small failed", "tiny: job small runs again"]
    assert f"Run {mended.run_id} did what run {failed.run_id} failed at." in hook.bodies[1]["message"]


def test_what_failed_and_was_mended_by_hand_is_told_to_nobody(world: World, hook: Hook) -> None:
    """Who types the command sees both; what the daemon had failed at before is over for long."""
    world.tick(run_recovered(PROFILE))
    for key, hours in (("a", 0), ("a", 1), ("b", 2)):
        world.now += timedelta(hours=hours)
        with world.at_its_time():
            failed = run(world, key, fails=True)
            if not hours:
                fire(world, run_failed(PROFILE), failed, dg.DagsterEventType.RUN_FAILURE)
        world.now += timedelta(minutes=1)
        with world.at_its_time():
            run(world, key, fails=False)
    world.ticks(4, run_recovered(PROFILE))
    world.ticks(2, sensor(world))
    assert [one["title"] for one in hook.bodies] == ["tiny: job small failed", "tiny: job small runs again"]


def test_a_receiver_that_is_down_fails_no_tick_and_is_told_later(world: World, hook: Hook) -> None:
    hook.status = 500
    world.promote()
    why_not = world.tick(sensor(world)).why_not
    assert why_not == "0 notices told, 1 to be tried again, 0 wait, 0 given up; 1 addresses"
    hook.status = 200
    world.ticks(4, sensor(world))
    assert len(hook.bodies) == 2, "the one that was refused, and the one that arrived"
    assert Outbox(world.line.folders.notices).pending() == ()
