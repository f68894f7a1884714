"""What Dagster is told of a rollback and a pin, and what is due for it: on three small assets and a toy's bundles."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest

from ticket_assets.assets.models import pin
from ticket_assets.automation.champion import CHAMPION, PIN, observe_champion
from ticket_assets.automation.staleness import due_assets, next_run
from ticket_assets.serving.record import Event
from ticket_assets.serving.rollback import plan, roll_back, unpin
from ticket_assets.serving.throne import record, throne
from ticket_assets.storage import ProfileFolders
from ticket_assets_tests.serving.toys import GOOD, HARD_OF_HEARING, SmallDesk

BENTO = dg.AssetKey(["serving", "bento"])


class Line:
    """A champion whose data version is the pointer's bundle, and a bento behind it."""

    def __init__(self, small: SmallDesk, instance: dg.DagsterInstance) -> None:
        self.small, self.instance = small, instance
        folders = ProfileFolders(small.bundles.parent)
        self.desk = SimpleNamespace(folders=folders, court=lambda: small.court)

        @dg.asset(key=CHAMPION, deps=[pin], code_version="1")
        def champion() -> dg.MaterializeResult:
            assert small.champion is not None
            return dg.MaterializeResult(data_version=dg.DataVersion(small.champion.bundle))

        @dg.asset(key=BENTO, deps=[CHAMPION], code_version="1")
        def bento() -> None: ...

        self.defs = dg.Definitions(assets=[pin, champion, bento], jobs=[dg.define_asset_job("all")])

    def observe(self, now: datetime | None = None) -> None:
        observe_champion(self.desk, self.instance, now or datetime.now(UTC))  # type: ignore[arg-type]

    def due(self) -> set[dg.AssetKey]:
        return set(due_assets(self.defs, self.instance))

    def run(self) -> None:
        chosen = next_run(self.defs, due_assets(self.defs, self.instance).values())
        assert (
            self.defs.resolve_job_def("all").execute_in_process(instance=self.instance, asset_selection=chosen).success
        )

    def told(self, key: dg.AssetKey) -> int:
        return len(self.instance.fetch_materializations(key, limit=100).records)

    def tags(self) -> dict[str, str]:
        event = self.instance.get_latest_materialization_event(CHAMPION)
        assert event is not None and event.asset_materialization is not None and event.asset_materialization.tags
        return dict(event.asset_materialization.tags)

    def roll_back(self, hours: float) -> None:
        roll_back(self.small.court, plan(self.small.court, None, datetime.now(UTC)), "why", timedelta(hours=hours))


@pytest.fixture
def line(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """Two champions were made, one after the other, and everything is up to date."""
    small = SmallDesk(tmp_path, f"sqlite:///{tmp_path_factory.getbasetemp() / 'champion.db'}")
    with dg.DagsterInstance.ephemeral() as instance:
        made = Line(small, instance)
        for worse in (HARD_OF_HEARING, GOOD):
            small.crown(small.bundle(tone=worse))
            made.observe()
            made.run()
        assert made.due() == set()
        yield made


def test_without_rollback_or_pin_nothing_is_told_and_nothing_due(line: Line) -> None:
    before = line.told(CHAMPION)
    line.observe()
    assert (line.told(PIN), line.told(CHAMPION)) == (0, before)
    assert line.due() == set()


def test_a_rollback_makes_the_bento_due_and_a_pin_has_the_challenger_judged_again(line: Line) -> None:
    line.roll_back(hours=72)
    assert line.due() == set(), "nobody told Dagster yet"
    line.observe()
    assert line.small.champion is not None
    event = line.instance.get_latest_materialization_event(CHAMPION)
    assert event is not None and event.asset_materialization is not None and event.asset_materialization.tags
    assert event.asset_materialization.tags["dagster/data_version"] == line.small.champion.bundle
    assert event.asset_materialization.metadata["decision"].value == "why"
    assert line.due() == {CHAMPION, BENTO}
    line.run()
    line.run()
    assert line.due() == set()


def test_a_rollback_without_a_pin_makes_the_bento_due_alone(line: Line) -> None:
    """The tags of what the champion was made from stay: without them new code would never make it due again."""
    before = line.tags()
    line.roll_back(hours=0)
    line.observe()
    assert line.due() == {BENTO}
    assert {name for name, tag in line.tags().items() if tag != before[name]} == {"dagster/data_version"}
    assert line.tags()["dagster/code_version"] == "1"


def test_what_was_told_is_not_told_again(line: Line) -> None:
    line.roll_back(hours=72)
    line.observe()
    before = line.told(CHAMPION), line.told(PIN)
    line.observe()
    assert (line.told(CHAMPION), line.told(PIN)) == before == (3, 1)


@pytest.mark.parametrize("ends", ["by its time", "by hand"])
def test_the_end_of_a_pin_makes_the_champion_due_so_that_what_was_held_is_judged(line: Line, ends: str) -> None:
    """The challenger that a pin held was never looked at again: nothing that it was made from had changed."""
    line.roll_back(hours=72)
    line.observe()
    line.run()
    line.run()
    later = datetime.now(UTC) + timedelta(hours=73 if ends == "by its time" else 1)
    if ends == "by hand":
        unpin(line.small.court, "", datetime.now(UTC))
    line.observe(later)
    assert line.due() == {CHAMPION}
    line.run()
    line.observe(later)
    assert line.due() == set()


def test_a_move_that_was_broken_off_is_mended_when_looked_at(line: Line) -> None:
    with throne(line.small.court) as standing:
        assert standing.before is not None
        to = {"version": standing.before.version, "bundle": standing.before.bundle}
        told = {"reason": "", "pin": None, "scores": {}}
        record(line.small.court, standing, Event.ROLLBACK, datetime.now(UTC), champion=to, **told)
        line.small.registry.crown(1)
    line.observe()
    assert line.small.registry.champion_version() == 2
    assert line.small.lines()[-1]["event"] == "broken_off"
    assert line.due() == set()
