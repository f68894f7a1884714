"""The condition by which data flows on: a small line of real assets, evaluated tick by tick as the daemon does."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
import pytest
from dagster._core.events import StepMaterializationData

from ticket_assets.automation.conditions import new_data
from ticket_assets.automation.interrupted import PROCESS_TAG
from ticket_assets.automation.told import tell

SOURCE, RAW, CLEAN, TEXT, VECTORS, MODEL, CHAMPION = (
    dg.AssetKey(one.split("/"))
    for one in (
        *("tickets/source", "tickets/raw", "tickets/clean", "features/text", "features/embeddings"),
        *("models/split", "models/champion"),
    )
)


@dataclass
class SmallLine:
    """Source, raw, clean, text as the line has them; what raw makes of the source is said by the test."""

    instance: dg.DagsterInstance
    content: dict[str, str] = field(default_factory=lambda: {"raw": "r1", "clean": "c1", "text": "t1"})
    failing: bool = False
    cursor: Any = None

    def __post_init__(self) -> None:
        self.defs = self.definitions()

    def definitions(self) -> dg.Definitions:
        def made(key: dg.AssetKey, before: dg.AssetKey, follows: bool = True) -> dg.AssetsDefinition:
            name = key.path[-1]

            @dg.asset(key=key, deps=[before], automation_condition=new_data() if follows else None)
            def one() -> dg.MaterializeResult:
                if self.failing:
                    raise RuntimeError("a fault")
                return dg.MaterializeResult(data_version=dg.DataVersion(self.content.get(name, name)))

            return one

        line = [made(RAW, SOURCE), made(CLEAN, RAW), made(TEXT, CLEAN)]
        line += [
            made(VECTORS, TEXT, follows=False),
            made(MODEL, CLEAN, follows=False),
            made(CHAMPION, MODEL, follows=False),
        ]
        return dg.Definitions(assets=[dg.AssetSpec(SOURCE), *line], jobs=[dg.define_asset_job("all")])

    def source_is(self, version: str) -> None:
        tell(self.instance, SOURCE, version)

    def run(self, *keys: dg.AssetKey, by_hand: bool = False) -> bool:
        tags = {PROCESS_TAG: "here:1:2"} if by_hand else {}
        job = self.defs.resolve_job_def("all")
        return job.execute_in_process(
            instance=self.instance, asset_selection=list(keys), tags=tags, raise_on_error=False
        ).success

    def begins(self, *keys: dg.AssetKey) -> dg.DagsterRun:
        """A run of some assets that is at work."""
        job = self.defs.get_repository_def().get_implicit_job_def_for_assets(keys)
        assert job is not None
        run = self.instance.create_run_for_job(job, asset_selection=frozenset(keys))
        self._say(run, dg.DagsterEventType.PIPELINE_START)
        return run

    def ends(self, run: dg.DagsterRun) -> None:
        """It made what it was to make, as it is now."""
        self.makes(run, RAW, CLEAN, TEXT)
        self._say(run, dg.DagsterEventType.RUN_SUCCESS)

    def makes(self, run: dg.DagsterRun, *keys: dg.AssetKey) -> None:
        """It has made some of it, as it is now, and goes on."""
        for key in keys:
            made = dg.AssetMaterialization(key, tags={"dagster/data_version": self.content[key.path[-1]]})
            event = dg.DagsterEvent(
                dg.DagsterEventType.ASSET_MATERIALIZATION.value,
                run.job_name,
                event_specific_data=StepMaterializationData(made),
            )
            self.instance.report_dagster_event(event, run.run_id)

    def _say(self, run: dg.DagsterRun, kind: dg.DagsterEventType) -> None:
        self.instance.report_dagster_event(dg.DagsterEvent(kind.value, run.job_name), run.run_id)

    def tick(self) -> set[dg.AssetKey]:
        came = dg.evaluate_automation_conditions(self.defs, self.instance, dg.AssetSelection.all(), cursor=self.cursor)
        self.cursor = came.cursor
        return {one.key for one in came.results if not one.true_subset.is_empty}


@pytest.fixture
def line() -> Iterator[SmallLine]:
    """Everything was made once, and the daemon has looked once."""
    with dg.DagsterInstance.ephemeral() as instance:
        made = SmallLine(instance)
        made.source_is("s1")
        assert made.run(RAW, CLEAN, TEXT, MODEL, CHAMPION)
        assert made.tick() == set()
        yield made


def test_a_daemon_that_begins_after_make_run_asks_for_nothing(line: SmallLine) -> None:
    assert [line.tick() for _ in range(5)] == [set()] * 5


def test_while_models_are_made_their_tables_stay_and_the_change_is_carried_on_afterwards(line: SmallLine) -> None:
    """A search and what follows it read the same tables for minutes: another one in between ends the retraining."""
    run = line.begins(MODEL, CHAMPION)
    line.source_is("s2")
    assert [line.tick() for _ in range(3)] == [set()] * 3
    line._say(run, dg.DagsterEventType.RUN_SUCCESS)
    assert line.tick() == {RAW, CLEAN, TEXT}


def test_a_change_that_was_told_before_the_daemon_s_first_look_is_carried_on_in_one_run() -> None:
    """Sensor watch may look before new_data does: the change was lost, and a retraining waited for it for ever."""
    with dg.DagsterInstance.ephemeral() as instance:
        line = SmallLine(instance)
        line.source_is("s1")
        assert line.run(RAW, CLEAN, TEXT, MODEL, CHAMPION)
        line.source_is("s2")
        assert line.tick() == {RAW, CLEAN, TEXT}
        line.content = {"raw": "r2", "clean": "c2", "text": "t2"}
        assert line.run(RAW, CLEAN, TEXT)
        assert [line.tick() for _ in range(5)] == [set()] * 5


def test_what_make_run_left_half_done_is_finished_by_the_daemon_s_first_look() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        line = SmallLine(instance)
        line.source_is("s1")
        assert line.run(RAW, CLEAN, TEXT, MODEL, CHAMPION)
        line.source_is("s2")
        line.content = {"raw": "r2", "clean": "c2", "text": "t2"}
        assert line.run(RAW, by_hand=True) and line.run(CLEAN, by_hand=True)
        assert line.tick() == {TEXT}
        assert line.run(TEXT)
        assert [line.tick() for _ in range(3)] == [set()] * 3


def test_a_line_that_never_ran_is_not_begun() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        line = SmallLine(instance)
        line.source_is("s1")
        assert [line.tick() for _ in range(3)] == [set()] * 3
        line.source_is("s2")
        assert not line.tick() & {CLEAN, TEXT, MODEL}


def test_another_source_carries_itself_to_the_features_in_one_run_and_once(line: SmallLine) -> None:
    line.source_is("s2")
    line.content = {"raw": "r2", "clean": "c2", "text": "t2"}
    assert line.tick() == {RAW, CLEAN, TEXT}, "and no model: that has another owner"
    assert line.run(RAW, CLEAN, TEXT)
    assert [line.tick() for _ in range(5)] == [set()] * 5


def test_a_source_that_says_the_same_again_asks_for_nothing(line: SmallLine) -> None:
    """`eager()` goes by every report, whatever its version."""
    again = dg.AssetMaterialization(SOURCE, tags={"dagster/data_version": "s1"})
    line.instance.report_runless_asset_event(again)
    assert [line.tick() for _ in range(3)] == [set()] * 3


def test_an_asset_that_is_made_again_to_the_same_carries_nothing_on(line: SmallLine) -> None:
    assert line.run(CLEAN)
    assert [line.tick() for _ in range(3)] == [set()] * 3


def test_an_asset_made_alone_to_something_else_carries_on_what_stands_behind_it(line: SmallLine) -> None:
    line.content = {**line.content, "clean": "c2"}
    assert line.run(CLEAN)
    assert line.tick() == {TEXT}
    assert line.run(TEXT)
    assert line.tick() == set()


def test_a_change_that_comes_while_an_asset_is_being_made_is_not_lost(line: SmallLine) -> None:
    """A latch that lets go whenever the asset is made forgets what came after its run began."""
    line.source_is("s2")
    assert line.tick() == {RAW, CLEAN, TEXT}
    run = line.begins(RAW, CLEAN, TEXT)
    assert line.tick() == set()
    line.source_is("s3")
    assert line.tick() == set(), "it is being made"
    line.ends(run)
    assert line.tick() == {RAW, CLEAN, TEXT}


def test_what_changes_while_the_features_are_made_is_carried_to_them_as_well(line: SmallLine) -> None:
    """The next run was asked for without them, and a retraining behind it met tickets that had no vector."""
    line.source_is("s2")
    line.content = {"raw": "r2", "clean": "c2", "text": "t2"}
    assert line.tick() == {RAW, CLEAN, TEXT}
    run = line.begins(RAW, CLEAN, TEXT)
    line.makes(run, RAW, CLEAN)
    line.source_is("s3")
    assert [line.tick() for _ in range(3)] == [set()] * 3
    line.makes(run, TEXT)
    line._say(run, dg.DagsterEventType.RUN_SUCCESS)
    assert line.tick() == {RAW, CLEAN, TEXT}


def test_a_change_in_the_very_tick_after_an_asset_was_asked_for_is_not_lost(line: SmallLine) -> None:
    """`since(newly_requested())` lets go of it in that tick."""
    line.source_is("s2")
    assert line.tick() == {RAW, CLEAN, TEXT}
    run = line.begins(RAW, CLEAN, TEXT)
    line.source_is("s3")
    assert line.tick() == set()
    line.ends(run)
    assert line.tick() == {RAW, CLEAN, TEXT}
    assert line.run(RAW, CLEAN, TEXT)
    assert [line.tick() for _ in range(3)] == [set()] * 3


def test_what_make_run_makes_beside_a_daemon_is_not_made_again(line: SmallLine) -> None:
    line.source_is("s2")
    line.content = {"raw": "r2", "clean": "c2", "text": "t2"}
    assert line.run(RAW, by_hand=True) and line.run(CLEAN, by_hand=True) and line.run(TEXT, by_hand=True)
    assert [line.tick() for _ in range(5)] == [set()] * 5


def test_what_make_run_does_between_two_ticks_each_is_not_made_again_when_it_is_done(line: SmallLine) -> None:
    line.source_is("s2")
    line.content = {"raw": "r2", "clean": "c2", "text": "t2"}
    assert line.run(RAW, by_hand=True)
    line.tick()  # asks for clean, which make run makes just now
    assert line.run(CLEAN, by_hand=True) and line.run(TEXT, by_hand=True)
    assert [line.tick() for _ in range(3)] == [set()] * 3


def test_a_failed_run_is_not_asked_for_again_and_again(line: SmallLine) -> None:
    """`execution_failed().newly_true()` is true after each try: it would try every tick, for ever."""
    line.source_is("s2")
    line.failing = True
    assert line.tick() == {RAW, CLEAN, TEXT}
    assert not line.run(RAW, CLEAN, TEXT)
    assert [line.tick() for _ in range(5)] == [set()] * 5


def test_after_a_failure_a_new_change_is_asked_for_again(line: SmallLine) -> None:
    line.source_is("s2")
    line.failing = True
    line.tick()
    line.run(RAW, CLEAN, TEXT)
    assert line.tick() == set()
    line.failing = False
    line.source_is("s3")
    assert RAW in line.tick()
    assert line.run(RAW, CLEAN, TEXT)
    assert line.tick() == set()
