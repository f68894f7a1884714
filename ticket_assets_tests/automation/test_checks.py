"""Each gate on what a finished line left: it passes there, and fails on the fault it exists for."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
import pytest

from ticket_assets.automation import checks
from ticket_assets.resources.desk import Desk
from ticket_assets.serving.bento import bento_tag
from ticket_assets.serving.probe import served
from ticket_assets.serving.store import require_champion
from ticket_assets_tests.line import PROFILE, Line

TABLES = ("clean", "quarantine", "feedback")


@pytest.fixture
def desk(line: Line) -> Desk:
    return Desk(profile=PROFILE)


def value(result: dg.AssetCheckResult, name: str) -> object:
    return result.metadata[name].value


def test_the_counts_of_the_finished_line_add_up(line: Line, desk: Desk) -> None:
    result = checks.counts_add_up(desk, **{name: line.table("tickets", name) for name in TABLES})
    assert isinstance(result, dg.AssetCheckResult)
    assert result.passed
    assert value(result, "read") == value(result, "found")


@pytest.mark.parametrize("table", ["clean", "quarantine"])
def test_a_row_that_was_lost_or_doubled_fails_the_counts(line: Line, desk: Desk, table: str) -> None:
    frames = {name: line.table("tickets", name) for name in TABLES}
    for spoilt in (frames[table].iloc[1:], frames[table].iloc[[0, *range(len(frames[table]))]]):
        result = checks.counts_add_up(desk, **{**frames, table: spoilt})
        assert isinstance(result, dg.AssetCheckResult)
        assert not result.passed
        assert value(result, "read") != value(result, "found")


def test_families_of_the_finished_line_stay_whole(line: Line) -> None:
    split = line.table("models", "split")
    result = checks.families_stay_whole(split)
    assert isinstance(result, dg.AssetCheckResult)
    assert result.passed
    assert value(result, "families") == split["family_id"].nunique()


@pytest.mark.parametrize("change", [{"side": "holdout", "fold": -1}, {"fold": 99}])
def test_a_family_on_two_sides_or_in_two_folds_fails(line: Line, change: dict[str, object]) -> None:
    split = line.table("models", "split")
    related = split[split.duplicated("family_id", keep=False) & (split["side"] == "train")]
    split.loc[related.index[0], list(change)] = list(change.values())
    result = checks.families_stay_whole(split)
    assert isinstance(result, dg.AssetCheckResult)
    assert not result.passed
    assert str(related.iloc[0]["family_id"]) in str(result.description)


def test_the_served_bento_answers_as_the_asset_and_another_s_features_do_not(
    line: Line, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second half breaks the order of the feature rows, as a join by position would."""
    tables = [line.table(*key) for key in (("tickets", "clean"), ("features", "text"), ("models", "split"))]
    with served(line.folders.bentos, _tag(desk)) as port:

        @contextmanager
        def running(*arguments: object) -> Iterator[int]:
            yield port

        monkeypatch.setattr(checks, "served", running)
        passed = checks.answers_as_the_asset(desk, *tables)
        turned = tables[1].iloc[::-1].reset_index(drop=True)
        failed = checks.answers_as_the_asset(desk, tables[0], turned, tables[2])
    assert isinstance(passed, dg.AssetCheckResult) and isinstance(failed, dg.AssetCheckResult)
    assert passed.passed and value(passed, "tickets") == 20
    assert not failed.passed


def test_while_nobody_is_champion_there_is_nothing_to_ask_and_the_check_says_why(
    line: Line, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = [line.table(*key) for key in (("tickets", "clean"), ("features", "text"), ("models", "split"))]
    monkeypatch.setattr(checks, "read_champion", lambda folder: None)
    result = checks.answers_as_the_asset(desk, *tables)
    assert isinstance(result, dg.AssetCheckResult)
    assert result.passed and value(result, "tickets") == 0
    assert "no champion" in str(result.description)


def test_a_bento_that_is_not_there_fails_the_check_by_an_error(
    line: Line, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error is no pass: Dagster stops what stands downstream of a check that raised."""
    tables = [line.table(*key) for key in (("tickets", "clean"), ("features", "text"), ("models", "split"))]
    monkeypatch.setattr(checks, "bento_tag", lambda *arguments: "nobody:v1")
    with pytest.raises(RuntimeError, match="nobody:v1 was not ready"):
        checks.answers_as_the_asset(desk, *tables)


def _tag(desk: Desk) -> str:
    champion = require_champion(desk.folders.bundles)
    return bento_tag(desk.profile, champion)
