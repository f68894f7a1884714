"""What a retraining is decided from stays known: as time goes on, and where an erasure renamed it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from ticket_assets.automation.evidence import CLEAN, EVENTS_TAG, HISTORY, gather
from ticket_assets.serving.bundle import MODEL_CARD, rewrite_bundle
from ticket_assets.serving.store import Champion, write_champion
from ticket_assets.storage import append_record
from ticket_assets.tickets.ledger import BUNDLE, LEDGER
from ticket_assets_tests.automation.world import World, begun
from ticket_assets_tests.monitoring.windows import window


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with dg.DagsterInstance.ephemeral() as instance, begun(tmp_path, instance) as made:
        yield made


def fresh(world: World) -> int | None:
    return gather(world.line.settings(), world.instance, {}, world.now).fresh_rows


def erased(world: World, card: str = "without them\n") -> Champion:
    """An erasure rewrote the champion's bundle, which is called otherwise since."""
    folders, before = world.line.folders, world.champion
    made = rewrite_bundle(folders.bundles, before.bundle, lambda draft: (draft / MODEL_CARD).write_text(card))
    append_record(
        folders.records / LEDGER, {"kind": BUNDLE, "before": before.bundle, "after": made.id, "is_champion": True}
    )
    write_champion(folders.bundles, replace(before, bundle=made.id))
    return world.champion


def judged(world: World, number: int, **said: str) -> None:
    """A window of the champion as it is called now: numbered anew, as an earlier version did."""
    record = window(number, world.champion.bundle, world.now, feedback_rows=700, **said)
    world.made(HISTORY, window=record.as_dict())
    world.now += timedelta(hours=number + 1)


def test_what_the_champion_has_not_seen_is_known_however_often_the_tickets_were_made_since(world: World) -> None:
    """After a hundred materialisations, a day of a desk that looks every quarter of an hour, nothing told any more."""
    first = world.champion
    for number in range(130):
        world.made(CLEAN, f"more-{number}", clean=1500 + number)
    assert fresh(world) == 629
    base = 1000 * world.promote(meanwhile=130).version
    world.made(CLEAN, "more", clean=base + 77)
    assert fresh(world) == 77, "though its search took as long as 130 of them"
    world.now += timedelta(days=1)
    world.roll_back(first)
    assert fresh(world) == base + 77 - 1000, "of a former champion that is back"


def test_where_the_table_that_the_champion_was_made_from_is_not_on_record_nothing_tells(world: World) -> None:
    world.instance.wipe_assets([CLEAN])
    assert fresh(world) is None
    for number in range(30):
        world.made(CLEAN, f"more-{number}", clean=1500 + number)
    assert fresh(world) is None


def test_an_erasure_that_renames_the_champion_arms_no_cause_that_had_its_run(world: World) -> None:
    """Events are named by the bundle: drift and feedback of a refused challenger made another from the same tickets."""
    world.judged(data_drift="alarm", feedback_rows=700)
    [run] = world.ticks(3)
    assert len(json.loads(run.tags[EVENTS_TAG])) == 2
    world.ends(run, well=True)
    world.refuse(run)
    world.now += timedelta(hours=2)
    assert world.ticks(3) == []
    before = world.champion.bundle
    assert erased(world).bundle != before
    told = world.notices
    assert world.ticks(3) == []
    assert "no second run for the same event (data drift" in (world.tick().why_not or "")
    judged(world, 1, data_drift="alarm")
    assert world.ticks(3) == [], "the same episode, in a window of the new name"
    assert world.notices == told
    judged(world, 2)
    assert world.ticks(3) == [], "it is over, and feedback had its run"
    judged(world, 3, data_drift="alarm")
    assert len(world.ticks(3)) == 1, "the next episode has one of its own"


def test_a_champion_that_is_too_old_and_was_renamed_is_not_too_old_anew(world: World) -> None:
    world.now += timedelta(days=91)
    [run] = world.ticks(3)
    world.ends(run, well=True)
    world.refuse(run)
    world.now += timedelta(hours=2)
    erased(world)
    assert world.ticks(3) == []
    erased(world, "a second one\n")
    assert world.ticks(3) == []
