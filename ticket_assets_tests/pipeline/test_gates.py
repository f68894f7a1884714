"""What stops the line: failing checks, another identity, a source that cannot be read."""

from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest

from ticket_assets.__main__ import main
from ticket_assets.automation.source import observe_source
from ticket_assets.automation.staleness import due_assets
from ticket_assets.definitions import build_defs
from ticket_assets.resources import ParquetTables
from ticket_assets_tests.line import PROFILE, SETTINGS, Line
from ticket_assets_tests.pipeline.conftest import command_line

BEGINNING = [["tickets", "raw"], ["tickets", "clean"], ["tickets", "quarantine"]]


Spoil = Callable[[pd.DataFrame], pd.DataFrame]
SPOILS: dict[str, Spoil] = {}


class Tampering(ParquetTables):
    """Parquet tables one of which is spoilt on its way to disk; Dagster makes its own copy of a resource."""

    def handle_output(self, context: dg.OutputContext, obj: pd.DataFrame) -> None:
        spoil = SPOILS.get(context.asset_key.to_user_string(), lambda frame: frame)
        super().handle_output(context, spoil(obj))


@pytest.fixture
def fresh(tmp_path: Path, encoder_root: Path) -> Iterator[Line]:
    """A line of its own that has not run."""
    line = Line.begin(tmp_path, encoder_root)
    with line.environment():
        yield line


def run(line: Line, *more: list[str], **spoils: Spoil) -> tuple[bool, set[str]]:
    """Run the beginning and more; return success and the steps that were started."""
    with line.instance() as instance, pytest.MonkeyPatch.context() as patch:
        for name, spoil in spoils.items():
            patch.setitem(SPOILS, name.replace("__", "/"), spoil)
        observe_source(line.settings(), instance)
        keys = [dg.AssetKey(path) for path in (*BEGINNING, *more)]
        done = line.execute(instance, keys, {"io_manager": Tampering(root=str(line.folders.root))})
    started = {one.step_key for one in done.all_events if one.event_type_value == "STEP_START" and one.step_key}
    return done.success, started


def due(line: Line) -> dict[str, tuple[str, ...]]:
    with line.instance() as instance:
        return {key.to_user_string(): one.reasons for key, one in due_assets(build_defs(), instance).items()}


def test_a_lost_row_stops_the_line_behind_the_clean_table(fresh: Line) -> None:
    """The check once stood on the quarantine, which nothing depends on: it failed, and the line went on."""
    text = ["features", "text"]
    passed, started = run(fresh, text, tickets__clean=lambda frame: frame.iloc[1:])
    assert not passed
    assert "features__text" not in started
    assert due(fresh)["tickets/clean"] == ("its check counts_add_up did not pass",)
    passed, started = run(fresh, text)
    assert passed
    assert "features__text" in started
    assert "tickets/clean" not in due(fresh)


def test_a_parted_family_stops_the_line_before_any_search(fresh: Line) -> None:
    def part(split: pd.DataFrame) -> pd.DataFrame:
        related = split[split.duplicated("family_id", keep=False) & (split["side"] == "train")]
        spoilt = split.copy()
        spoilt.loc[related.index[0], ["side", "fold"]] = ["holdout", -1]
        return spoilt

    behind = (["features", "text"], ["models", "split"], ["models", "search_queue"])
    passed, started = run(fresh, *behind, models__split=part)
    assert not passed
    assert "models__split_families_stay_whole" in started
    assert "models__search_queue" not in started
    assert due(fresh)["models/split"] == ("its check families_stay_whole did not pass",)


def test_other_targets_on_the_same_root_are_refused_by_both_hashes(fresh: Line) -> None:
    assert run(fresh)[0]
    before = fresh.settings().active.identity()["targets"]
    kept = fresh.table("tickets", "clean")
    changed = SETTINGS.replace('targets.priority.column = "priority"\n', "")
    (fresh.folder / "ticket_assets.toml").write_text(changed)
    after = fresh.settings().active.identity()["targets"]
    with fresh.instance() as instance:
        done = fresh.execute(instance, [dg.AssetKey(path) for path in BEGINNING])
    failures = [one.event_specific_data.error for one in done.all_events if one.is_step_failure]
    assert not done.success
    assert f"targets was {before}, is {after}" in failures[0].to_string()
    pd.testing.assert_frame_equal(fresh.table("tickets", "clean"), kept)


def test_a_source_that_is_not_there_ends_the_command_with_its_path(fresh: Line) -> None:
    done = command_line(fresh, "run", "--source", "absent.parquet")
    assert done.returncode == 2
    assert f"no ticket file at {fresh.folder / 'absent.parquet'}: set source.path" in done.stdout


def test_a_source_that_is_no_parquet_fails_the_run_with_its_reason(fresh: Line) -> None:
    fresh.source.write_bytes(b"not a table")
    done = command_line(fresh, "run")
    assert done.returncode == 1
    assert "cannot read" in done.stdout and "tickets.parquet" in done.stdout
    assert "mend the cause and run the same command again" in done.stdout
    assert "tickets/clean: started" not in done.stdout


def test_a_profile_that_does_not_exist_ends_the_command_with_those_that_do(
    fresh: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in ("run", "report", "serve", "home", "settings"):
        assert main([command, "--profile", "nobody"]) == 2
        assert f"profile = 'nobody' is not among the profiles ({PROFILE})" in capsys.readouterr().err


def test_the_settings_in_force_are_printed_as_json(fresh: Line, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings"]) == 0
    printed = capsys.readouterr().out
    assert type(fresh.settings()).model_validate_json(printed) == fresh.settings()


def test_home_prints_a_folder_that_holds_the_shipped_instance(fresh: Line, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["home"]) == 0
    folder = Path(capsys.readouterr().out.strip())
    assert folder == fresh.folders.root / "dagster"
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        assert not instance.telemetry_enabled


def test_a_report_before_any_run_says_what_to_do(fresh: Line, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report"]) == 0
    assert capsys.readouterr().out == f"profile {PROFILE} has no evaluation yet: make run PROFILE={PROFILE}\n"
