"""What a retraining is decided from stays known, however often the tickets were made since."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from ticket_assets.automation.evidence import CLEAN, gather
from ticket_assets_tests.automation.world import World, begun


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with dg.DagsterInstance.ephemeral() as instance, begun(tmp_path, instance) as made:
        yield made


def fresh(world: World) -> int | None:
    return gather(world.line.settings(), world.instance, {}, world.now).fresh_rows


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
