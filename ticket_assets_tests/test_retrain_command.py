"""`retrain`: an order that the daemon's sensor sees, and what it says will happen."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from ticket_assets.__main__ import main
from ticket_assets.automation.evidence import EVENT_TAG, retrainings
from ticket_assets.automation.retraining import utc_now
from ticket_assets.commands.instance import alone, prepare_home
from ticket_assets.monitoring.evidence import State
from ticket_assets.monitoring.orders import read_orders
from ticket_assets.state import open_root
from ticket_assets_tests.automation.world import World, begun
from ticket_assets_tests.line import Line


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """On the instance that the command has, too."""
    line = Line.begin(tmp_path)
    with (
        line.environment(),
        dg.DagsterInstance.from_config(str(prepare_home(line.settings()))) as instance,
        begun(tmp_path, instance, at=utc_now() - timedelta(hours=5)) as made,
    ):
        active = made.line.settings().active
        open_root(made.line.folders, active.identity(), active.frozen())
        yield made


def test_an_order_is_written_down_said_and_carried_out_by_the_sensor(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["retrain", "--reason", "a new product"]) == 0
    [order] = read_orders(world.line.folders.records)
    assert order.reason == "a new product"
    said = capsys.readouterr().out
    assert said.splitlines() == [
        f"order {order.id}: a new product",
        "the daemon begins within a minute, where it runs (make ui PROFILE=tiny): ordered by hand: a new product",
        "without a daemon: make retrain PROFILE=tiny NOW=1",
    ]
    [run] = world.ticks(3)
    assert run.tags[EVENT_TAG] == f"order-{order.id}"


def test_an_order_that_has_to_wait_says_for_what(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    other = world.instance.create_run_for_job(world.repository.get_job("line"))
    assert main(["retrain"]) == 0
    assert f"it waits: run {other.run_id[:8]} makes models already" in capsys.readouterr().out


def test_now_waits_for_whoever_changes_the_profile(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    with alone(world.line.settings()):
        assert main(["retrain", "--now"]) == 1
    assert "profile tiny is being changed by process" in capsys.readouterr().err
    assert read_orders(world.line.folders.records) == ()


@pytest.mark.slow
def test_now_makes_the_run_here_and_a_failed_one_is_tried_again_by_nobody_but_the_daemon(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line of this test has no tables, so that the run fails at its first step; it is the run that is asked for."""
    assert main(["retrain", "--now", "--reason", "at once"]) == 1
    [order] = read_orders(world.line.folders.records)
    [done] = retrainings(world.instance, utc_now(), frozenset(), {})
    assert (done.events, done.state) == ((f"order-{order.id}",), State.FAILED)
    assert f"order {order.id}, made here: ordered by hand: at once" in capsys.readouterr().err
