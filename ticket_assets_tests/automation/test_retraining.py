"""Tick by tick: what the sensor `retraining` launches, and what it says where it launches nothing."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from ticket_assets.automation.evidence import CAUSES_TAG, CLEAN, EVENT_TAG, EVENTS_TAG, gather
from ticket_assets.monitoring.orders import new_order, write_order
from ticket_assets.tickets.ledger import enter
from ticket_assets_tests.automation.world import World, begun


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with dg.DagsterInstance.ephemeral() as instance, begun(tmp_path, instance) as made:
        yield made


def test_fifty_ticks_of_windows_that_pass_launch_nothing(world: World) -> None:
    for _ in range(25):
        world.judged()
        assert world.ticks(2) == []
    assert "25 windows of v1 without an open alarm" in (world.tick().why_not or "")
    assert world.notices == []


def test_an_alarm_launches_exactly_one_run_which_says_what_it_is_for(world: World) -> None:
    world.judged()
    alarm = world.judged(data_drift="alarm")
    [run] = world.ticks(10)
    assert run.job_name == "retrain"
    assert run.tags[EVENT_TAG] == alarm.window
    assert json.loads(run.tags[EVENTS_TAG]) == [alarm.window]
    assert run.tags[CAUSES_TAG] == "data drift: an alarm in window 2 (500 predictions)"
    assert "retrains already" in (world.tick().why_not or "")


def test_a_second_alarm_of_the_same_episode_launches_no_second_run(world: World) -> None:
    world.judged(data_drift="alarm")
    [run] = world.ticks(3)
    world.ends(run, well=True)
    world.refuse()
    for _ in range(20):
        world.judged(data_drift="alarm", prediction_drift="alarm")
        assert world.ticks(2) == []
    assert "ended without a new champion: no second run for the same event" in (world.tick().why_not or "")


def test_a_retraining_that_failed_is_tried_once_more_and_then_nothing_but_the_reason(world: World) -> None:
    world.judged(data_drift="alarm")
    [first] = world.ticks(3)
    world.ends(first, well=False)
    assert "it is tried again after 5 min" in (world.tick().why_not or "")
    [second] = world.ticks(20)
    assert second.tags[EVENT_TAG] == first.tags[EVENT_TAG]
    world.ends(second, well=False)
    for _ in range(10):
        world.judged(data_drift="alarm")
        assert world.ticks(5) == []
    why_not = world.tick().why_not or ""
    assert f"failed 2 times, last in run {second.run_id[:8]}, and is not tried again" in why_not


def test_a_retraining_that_failed_and_then_succeeds_is_over(world: World) -> None:
    world.judged(data_drift="alarm")
    [first] = world.ticks(1)
    world.ends(first, well=False)
    [second] = world.ticks(20)
    world.ends(second, well=True)
    world.promote()
    for _ in range(20):
        world.judged()
        assert world.ticks(2) == []
    assert "20 windows of v2 without an open alarm" in (world.tick().why_not or "")


def test_a_retraining_that_failed_and_then_is_refused_is_over_too(world: World) -> None:
    """One try more is for what failed, not for a challenger that was worse."""
    world.judged(data_drift="alarm")
    [first] = world.ticks(1)
    world.ends(first, well=False)
    [second] = world.ticks(20)
    world.refuse(second)
    world.ends(second, well=True)
    for _ in range(20):
        world.judged(data_drift="alarm")
        assert world.ticks(2) == []
    assert f"run {second.run_id[:8]} for {first.tags[EVENT_TAG]} ended without a new champion" in (
        world.tick().why_not or ""
    )


def test_a_run_whose_machine_died_after_its_challenger_was_refused_is_not_tried_again(world: World) -> None:
    """It failed, but what it was for was done: the same challenger would be refused once more."""
    world.judged(data_drift="alarm")
    [run] = world.ticks(1)
    world.refuse(run)
    world.ends(run, well=False)
    assert world.ticks(30) == []
    assert "ended without a new champion: no second run" in (world.tick().why_not or "")


def test_a_run_that_died_between_the_record_of_a_promotion_and_its_pointer_is_tried_again(world: World) -> None:
    """The better challenger serves nobody; taken for one that was judged, it was the episode's only one."""
    world.judged(data_drift="alarm")
    [run] = world.ticks(1)
    world.break_off(run)
    world.ends(run, well=False)
    assert len(world.ticks(30)) == 1


def test_after_a_rollback_windows_are_numbered_from_one_again_and_an_alarm_has_a_run_of_its_own(world: World) -> None:
    """The same bundle, the same numbers: the window has the name of one that had its run in the first reign."""
    first = world.champion
    alarm = world.judged(data_drift="alarm")
    [before] = world.ticks(1)
    world.ends(before, well=True)
    world.promote()
    world.now += timedelta(hours=3)
    world.judged()
    assert world.ticks(2) == []
    world.roll_back(first)
    assert world.ticks(2) == [], "windows of the first reign say nothing of the second"
    again = world.judged(data_drift="alarm")
    assert again.window == alarm.window
    [run] = world.ticks(3)
    assert run.tags[EVENT_TAG] == before.tags[EVENT_TAG]
    assert run.tags["dagster/run_key"] != before.tags["dagster/run_key"]
    assert world.ticks(10) == []


def test_an_episode_that_passes_by_itself_is_told_and_the_next_one_has_a_run_of_its_own(world: World) -> None:
    world.judged(data_drift="alarm")
    [first] = world.ticks(3)
    world.ends(first, well=True)
    world.refuse()
    passed = world.judged()
    assert world.ticks(3) == []
    assert any(one.startswith(f"passed-{passed.window}") for one in world.notices)
    world.now += timedelta(hours=2)
    again = world.judged(data_drift="alarm")
    [second] = world.ticks(3)
    assert second.tags[EVENT_TAG] == again.window


def test_drift_after_a_promotion_launches_a_run_again_for_windows_begin_anew(world: World) -> None:
    world.judged(data_drift="alarm")
    [first] = world.ticks(3)
    world.ends(first, well=True)
    world.promote()
    world.now += timedelta(hours=2)
    world.judged()
    assert world.ticks(3) == []
    alarm = world.judged(data_drift="alarm")
    [second] = world.ticks(3)
    assert second.tags[EVENT_TAG] == alarm.window != first.tags[EVENT_TAG]
    assert alarm.number == 2


def test_an_alarm_in_the_cool_down_waits_and_is_not_forgotten(world: World) -> None:
    world.judged(data_drift="alarm")
    [first] = world.ticks(1)
    world.ends(first, well=True)
    world.promote()
    seated = world.now
    world.judged(data_drift="alarm")
    world.now = seated + timedelta(minutes=20)
    assert "cool-down: the last retraining ended 20 min ago, of 60 min (data drift" in (world.tick().why_not or "")
    world.now = seated + timedelta(minutes=59)
    assert world.ticks(1) == []
    world.now = seated + timedelta(minutes=60)
    assert len(world.ticks(5)) == 1


def test_two_causes_at_once_are_one_run_that_names_both(world: World) -> None:
    scores = {"macro_f1": 0.6, "low": 0.55, "high": 0.65, "promised_low": 0.8, "rows": 150.0}
    alarm = world.judged(data_drift="alarm", performance="alarm", scores=scores, feedback_rows=700)
    [run] = world.ticks(10)
    assert json.loads(run.tags[EVENTS_TAG]) == [alarm.window, f"feedback-{alarm.bundle}-500"]
    assert [one.partition(" in ")[0].partition(":")[0] for one in run.tags[CAUSES_TAG].split("; ")] == [
        *("data drift", "performance drop", "feedback"),
    ]
    world.ends(run, well=True)
    world.refuse()
    world.now += timedelta(hours=2)
    assert world.ticks(5) == [], "both had their run"


def test_warnings_in_a_row_launch_a_run_and_a_single_one_does_not(world: World) -> None:
    world.judged(embedding_drift="warn")
    assert world.ticks(3) == []
    assert world.notices == []
    world.judged(embedding_drift="warn")
    assert len(world.ticks(3)) == 1


def test_drift_before_anything_new_can_be_learnt_waits_and_tells_the_people(world: World) -> None:
    world.learnt(1010)
    alarm = world.judged(data_drift="alarm")
    assert world.ticks(10) == []
    assert "10 labelled tickets that the champion has not seen, of 100" in (world.tick().why_not or "")
    assert [one.rpartition("-2026-")[0] for one in world.notices] == [f"drift-{alarm.window}"]
    world.learnt(1400)
    assert len(world.ticks(10)) == 1


def test_drift_before_a_challenger_can_be_judged_on_new_tickets_waits_with_the_numbers(world: World) -> None:
    """A tenth of new families is held out: 250 new tickets are enough to learn from, and too few to be judged by."""
    world.tickets_are(250)
    world.learnt(1250)
    world.judged(data_drift="alarm")
    assert world.ticks(10) == []
    why_not = world.tick().why_not or ""
    assert "too little to judge a challenger by" in why_not
    assert "families of recent tickets that the champion has not seen, of 30 (data drift" in why_not
    world.tickets_are(450)
    world.learnt(1450)
    assert len(world.ticks(10)) == 1


def test_a_daemon_that_is_started_again_in_the_middle_goes_on_where_it_was(tmp_path: Path) -> None:
    """A new instance on the same storage, and a new sensor: nothing lives in the process alone."""
    (tmp_path / "home").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "home")) as instance, begun(tmp_path, instance) as world:
        world.judged(data_drift="alarm")
        [run] = world.ticks(2)
        with dg.DagsterInstance.local_temp(str(tmp_path / "home")) as second:
            again = World(world.line, second, world.now, world.windows)
            assert again.ticks(5) == []
            again.ends(run, well=False)
            with dg.DagsterInstance.local_temp(str(tmp_path / "home")) as third:
                last = World(world.line, third, again.now, again.windows)
                [retried] = last.ticks(20)
                assert retried.tags[EVENT_TAG] == run.tags[EVENT_TAG]
                assert last.ticks(5) == []


def test_an_order_by_hand_is_carried_out_once(world: World) -> None:
    order = new_order("a new product", world.now)
    write_order(world.line.folders.records, order)
    [run] = world.ticks(10)
    assert run.tags[EVENT_TAG] == f"order-{order.id}"
    assert run.tags[CAUSES_TAG] == "ordered by hand: a new product"
    world.ends(run, well=True)
    world.refuse()
    assert world.ticks(10) == []


def test_an_order_that_was_carried_out_is_not_again_when_its_run_is_forgotten(world: World) -> None:
    """Of past runs a hundred are looked at, and runs can be removed in the UI."""
    write_order(world.line.folders.records, new_order("a new product", world.now))
    [run] = world.ticks(1)
    world.ends(run, well=True)
    world.refuse()
    world.ticks(1)
    world.instance.delete_run(run.run_id)
    assert world.ticks(10) == []
    assert world.tick().why_not is not None


def test_without_a_champion_nothing_is_launched_and_the_first_step_is_named(world: World) -> None:
    (world.line.folders.bundles / "champion.json").unlink()
    assert world.tick().why_not == "nobody is champion yet, so there is nothing to retrain: make run"


def test_an_erasure_hides_no_ticket_that_came_since_the_champion_was_trained(world: World) -> None:
    """Totals fell by what was erased, and as many new tickets were not seen: drift had nothing to be retrained with."""
    base = 1000 * world.promote().version
    world.judged(feedback_rows=70)

    def known() -> tuple[int | None, int]:
        found = gather(world.line.settings(), world.instance, {}, world.now)
        return found.fresh_rows, found.feedback_rows

    def cleaned(rows: int, corrected: int) -> None:
        world.now += timedelta(minutes=10)
        world.made(CLEAN, f"rows-{rows}", clean=rows, feedback_labelled=corrected)

    cleaned(base + 500, 60)
    assert known() == (560, 60)
    gone = [f"T-{one}" for one in range(450)]
    enter(world.line.folders.records, "one", (world.now + timedelta(minutes=1)).isoformat(), gone, [])
    cleaned(base + 60, 10)
    assert known() == (510 + 10, 70), "of corrections the log tells, by time"
    world.now += timedelta(minutes=1)
    world.made(CLEAN, "rewritten")
    assert known() == (510 + 10, 70), "what an erasure tells of the table are no counts"
