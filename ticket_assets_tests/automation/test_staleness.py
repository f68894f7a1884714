"""What is due, and what one run takes of it: on five small assets with data versions of their own."""

from collections.abc import Iterator
from types import SimpleNamespace

import dagster as dg
import pytest

from ticket_assets.automation.staleness import Due, due_assets, next_run

KEYS = {name: dg.AssetKey(["toy", name]) for name in ("a", "b", "c", "d", "side")}


def toy(versions: dict[str, str], code: str = "1", refused: bool = False, blocking: bool = True) -> dg.Definitions:
    """a → b → c → d, and side, which depends on a alone. The data version of each is in the caller's hands."""

    def made(name: str, *deps: str) -> dg.AssetsDefinition:
        @dg.asset(key=KEYS[name], deps=[KEYS[one] for one in deps], code_version=code if name == "b" else "1")
        def asset() -> dg.MaterializeResult:
            return dg.MaterializeResult(data_version=dg.DataVersion(versions.get(name, "same")))

        return asset

    @dg.asset_check(asset=KEYS["b"], blocking=blocking)
    def gate() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=not refused)

    assets = [made("a"), made("b", "a"), made("c", "b"), made("d", "c"), made("side", "a")]
    return dg.Definitions(assets=assets, asset_checks=[gate], jobs=[dg.define_asset_job("all")])


HALVES = {name: dg.AssetKey(["toy", name]) for name in ("left", "right")}


def halves(version: str = "1", refused: bool = False, killed_after: str | None = None) -> dg.Definitions:
    """a → left and right, made by one step and not one by one → c, which depends on left alone; side → right."""

    @dg.asset(key=KEYS["a"], code_version=version)
    def a() -> dg.MaterializeResult:
        return dg.MaterializeResult(data_version=dg.DataVersion(version))

    @dg.asset(key=KEYS["side"], code_version="1")
    def side() -> dg.MaterializeResult:
        return dg.MaterializeResult(data_version=dg.DataVersion("1"))

    before = {"left": [KEYS["a"]], "right": [KEYS["a"], KEYS["side"]]}

    @dg.multi_asset(specs=[dg.AssetSpec(key, deps=before[name], code_version="1") for name, key in HALVES.items()])
    def both() -> Iterator[dg.MaterializeResult]:
        for name in sorted(HALVES, key=lambda one: one != killed_after):
            yield dg.MaterializeResult(HALVES[name], data_version=dg.DataVersion(version))
            if name == killed_after:
                raise RuntimeError("out of memory")

    @dg.asset(key=KEYS["c"], deps=[HALVES["left"]], code_version="1")
    def c() -> dg.MaterializeResult:
        return dg.MaterializeResult(data_version=dg.DataVersion(version))

    @dg.asset_check(asset=HALVES["left"], blocking=True)
    def gate() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=not refused)

    return dg.Definitions(assets=[a, side, both, c], asset_checks=[gate], jobs=[dg.define_asset_job("all")])


@pytest.fixture
def desk() -> Iterator[SimpleNamespace]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield SimpleNamespace(instance=instance)


def run(defs: dg.Definitions, instance: dg.DagsterInstance, *names: str) -> bool:
    job = defs.resolve_job_def("all")
    chosen = [{**KEYS, **HALVES}[name] for name in names] or None
    return job.execute_in_process(instance=instance, asset_selection=chosen, raise_on_error=False).success


def due(defs: dg.Definitions, instance: dg.DagsterInstance) -> dict[str, tuple[str, ...]]:
    return {key.path[-1]: one.reasons for key, one in due_assets(defs, instance).items()}


def chosen(defs: dg.Definitions, instance: dg.DagsterInstance) -> set[str]:
    return {key.path[-1] for key in next_run(defs, due_assets(defs, instance).values())}


def test_all_is_missing_at_first_and_one_run_makes_it_all(desk: SimpleNamespace) -> None:
    defs = toy({})
    found = due_assets(defs, desk.instance)
    assert all(one.is_missing for one in found.values())
    assert next(key.path[-1] for key in found) == "a"
    assert chosen(defs, desk.instance) == set(KEYS)


def test_nothing_is_due_after_a_run(desk: SimpleNamespace) -> None:
    assert run(toy({}), desk.instance)
    assert due(toy({}), desk.instance) == {}
    assert next_run(toy({}), []) == []


def test_a_run_that_gives_the_same_data_version_makes_nothing_else_due(desk: SimpleNamespace) -> None:
    """`AutomationCondition.eager` and a plain comparison of times would both run everything again."""
    run(toy({}), desk.instance)
    run(toy({}), desk.instance, "a")
    assert due(toy({}), desk.instance) == {}


def test_a_new_data_version_makes_due_what_depends_on_it_and_says_why(desk: SimpleNamespace) -> None:
    run(toy({}), desk.instance)
    run(toy({"a": "other"}), desk.instance, "a")
    found = due(toy({}), desk.instance)
    assert found["b"] == found["side"] == ("has a new dependency data version",)
    assert "a" not in found


def test_a_reason_that_holds_of_two_assets_before_it_is_told_once(desk: SimpleNamespace) -> None:
    """`due: models/champion` said "has a new dependency data version" five times."""
    versions = {"a": "1", "b": "1"}

    def made(name: str, *before: str) -> dg.AssetsDefinition:
        @dg.asset(key=KEYS[name], deps=[KEYS[one] for one in before], code_version="1")
        def asset() -> dg.MaterializeResult:
            return dg.MaterializeResult(data_version=dg.DataVersion(versions.get(name, "1")))

        return asset

    defs = dg.Definitions(assets=[made("a"), made("b"), made("c", "a", "b")], jobs=[dg.define_asset_job("all")])
    job = defs.resolve_job_def("all")
    assert job.execute_in_process(instance=desk.instance).success
    versions.update(a="2", b="2")
    assert job.execute_in_process(instance=desk.instance, asset_selection=[KEYS["a"], KEYS["b"]]).success
    assert due(defs, desk.instance)["c"] == ("has a new dependency data version",)


def test_a_stale_asset_waits_for_those_before_it(desk: SimpleNamespace) -> None:
    """Whether c has to run shows only when b has: with the same data version from b, c is left alone."""
    run(toy({}), desk.instance)
    run(toy({"a": "other"}), desk.instance, "a")
    assert chosen(toy({}), desk.instance) == {"b", "side"}
    run(toy({"a": "other"}), desk.instance, "b", "side")
    assert due(toy({}), desk.instance) == {}


def test_a_new_code_version_makes_its_own_asset_due(desk: SimpleNamespace) -> None:
    run(toy({}), desk.instance)
    found = due(toy({}, code="2"), desk.instance)
    assert found["b"] == ("has a new code version",)
    assert chosen(toy({}, code="2"), desk.instance) == {"b"}


def test_a_missing_asset_does_not_run_while_something_stale_before_it_waits(desk: SimpleNamespace) -> None:
    run(toy({}), desk.instance, "a", "b", "c", "side")
    run(toy({"a": "other"}), desk.instance, "a")
    assert chosen(toy({}), desk.instance) == {"b", "side"}


def test_what_a_failed_run_did_not_reach_is_due_and_what_it_made_is_not(desk: SimpleNamespace) -> None:
    run(toy({}), desk.instance, "a")
    assert set(due(toy({}), desk.instance)) == {"b", "c", "d", "side"}


def test_an_asset_that_its_blocking_check_refused_is_due_again(desk: SimpleNamespace) -> None:
    """It was up to date once, and the next `run` of the command line went past the gate that had stopped it."""
    assert not run(toy({}, refused=True), desk.instance)
    found = due(toy({}), desk.instance)
    assert found["b"] == ("its check gate did not pass",)
    assert "side" not in found
    assert chosen(toy({}), desk.instance) == {"b", "c", "d"}
    assert run(toy({}), desk.instance, "b", "c", "d")
    assert due(toy({}), desk.instance) == {}


def test_a_check_that_does_not_block_makes_nothing_due(desk: SimpleNamespace) -> None:
    run(toy({}, refused=True, blocking=False), desk.instance)
    assert due(toy({}, blocking=False), desk.instance) == {}


def test_an_asset_that_others_keep_is_never_due() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert due_assets(dg.Definitions(assets=[dg.AssetSpec(["toy", "outside"])]), instance) == {}


def test_both_halves_of_one_step_run_again_when_the_check_of_one_refused_it(desk: SimpleNamespace) -> None:
    """Half of a step cannot run: the next `run` of the command line ended in an error, and so did every later one."""
    assert not run(halves(refused=True), desk.instance)
    assert due(halves(), desk.instance) == {
        "left": ("its check gate did not pass",),
        "right": ("it is made together with toy/left",),
        "c": (),
    }
    assert chosen(halves(), desk.instance) == {"left", "right", "c"}
    assert run(halves(), desk.instance, *chosen(halves(), desk.instance))
    assert due(halves(), desk.instance) == {}


@pytest.mark.parametrize("first", HALVES)
def test_both_halves_run_again_when_the_run_was_killed_between_them(desk: SimpleNamespace, first: str) -> None:
    assert not run(halves(killed_after=first), desk.instance)
    assert chosen(halves(), desk.instance) == {"left", "right", "c"}
    assert run(halves(), desk.instance, *chosen(halves(), desk.instance))
    assert due(halves(), desk.instance) == {}


@pytest.mark.parametrize("first", HALVES)
def test_both_halves_run_again_when_a_later_run_was_killed_between_them(desk: SimpleNamespace, first: str) -> None:
    assert run(halves(), desk.instance)
    assert not run(halves("2", killed_after=first), desk.instance)
    assert {"left", "right"} <= chosen(halves("2"), desk.instance)
    assert run(halves("2"), desk.instance, *chosen(halves("2"), desk.instance))


@pytest.mark.parametrize("first", HALVES)
def test_a_missing_half_takes_the_other_one_with_it_behind_what_is_due_before(
    desk: SimpleNamespace, first: str
) -> None:
    """One half is missing and would run with what is before it; the other one is there and would wait."""
    assert not run(halves(killed_after=first), desk.instance)
    assert chosen(halves("2"), desk.instance) >= {"a", "left", "right"}
    assert run(halves("2"), desk.instance, *chosen(halves("2"), desk.instance))


def test_no_half_runs_while_something_before_the_other_one_waits() -> None:
    due = [Due(key, is_missing=False, reasons=()) for key in (KEYS["side"], *HALVES.values())]
    assert next_run(halves(), due) == [KEYS["side"]]
