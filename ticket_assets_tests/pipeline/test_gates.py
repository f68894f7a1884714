"""What stops the line: failing checks, another identity, a source that cannot be read."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest

from ticket_assets.__main__ import main
from ticket_assets.automation.recorded import recorded
from ticket_assets.automation.source import observe_source, remember_source
from ticket_assets.automation.staleness import due_assets
from ticket_assets.definitions import build_defs
from ticket_assets.models.split import Holdout
from ticket_assets.resources.parquet import ParquetTables
from ticket_assets_tests.line import PROFILE, SETTINGS, Line
from ticket_assets_tests.pipeline.conftest import command_line

BEGINNING = [["tickets", "raw"], ["tickets", "feedback"], ["tickets", "clean"], ["tickets", "quarantine"]]


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


def test_a_body_that_holds_the_answer_under_another_name_stops_the_line_at_the_features(fresh: Line) -> None:
    """The guard looked at the context alone: a thread with its answer in it, read as the body, went through."""
    tickets = pd.read_parquet(fresh.source)
    thread = tickets["body"] + "\n" + tickets["answer"].fillna("")
    tickets.assign(thread=thread).to_parquet(fresh.source)
    (fresh.folder / "ticket_assets.toml").write_text(SETTINGS.replace('body = "body"', 'body = "thread"'))
    with fresh.instance() as instance:
        observe_source(fresh.settings(), instance)
        keys = [dg.AssetKey(path) for path in (*BEGINNING, ["features", "text"])]
        done = fresh.execute(instance, keys)
    failures = {one.step_key: one.event_specific_data.error for one in done.all_events if one.is_step_failure}
    assert list(failures) == ["features__text"]
    assert "'thread' contains 'answer', which is known only at resolution" in failures["features__text"].to_string()


def test_other_targets_on_the_same_root_are_refused_by_what_changed(fresh: Line) -> None:
    assert run(fresh)[0]
    kept = fresh.table("tickets", "clean")
    changed = "".join(line for line in SETTINGS.splitlines(keepends=True) if "targets.priority" not in line)
    (fresh.folder / "ticket_assets.toml").write_text(changed)
    with fresh.instance() as instance:
        done = fresh.execute(instance, [dg.AssetKey(path) for path in BEGINNING])
    failures = [one.event_specific_data.error for one in done.all_events if one.is_step_failure]
    assert not done.success
    assert 'targets.priority.column was "priority", is not there' in failures[0].to_string()
    pd.testing.assert_frame_equal(fresh.table("tickets", "clean"), kept)


def test_the_command_refuses_a_root_of_other_targets_before_any_run(fresh: Line) -> None:
    """It began a run, and read the source, before a step said so."""
    fresh.folders.require_identity({**fresh.settings().active.identity(), "targets": "others"})
    done = command_line(fresh, "run")
    assert done.returncode == 2
    assert f"{fresh.folders.root} holds another profile's state (targets was others, is " in done.stdout
    assert "give the changed profile a new name, or remove that folder" in done.stdout
    assert "due: " not in done.stdout


def given_once(line: Line, path: Path) -> None:
    """What `--source` leaves behind: its variable is gone with its process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(f"TICKET_ASSETS_PROFILES__{PROFILE.upper()}__SOURCE__PATH", str(path))
        with line.instance() as instance:
            observe_source(line.settings(), instance)
        remember_source(line.settings())


def test_the_ui_materialises_from_a_source_that_the_command_was_given_once(fresh: Line) -> None:
    """It has definitions and instance and no environment: the step failed, and the asset looked out of date."""
    given_once(fresh, fresh.source.rename(fresh.folder / "given.parquet"))
    keys = [dg.AssetKey(path) for path in BEGINNING]
    with fresh.instance() as instance:
        assert fresh.execute(instance, keys).success
    assert not set(due(fresh)) & {key.to_user_string() for key in keys}
    assert len(fresh.table("tickets", "clean")) > 300


def test_a_remembered_source_that_is_gone_ends_the_command_with_the_way_back(fresh: Line) -> None:
    given = fresh.source.rename(fresh.folder / "given.parquet")
    given_once(fresh, given)
    given.unlink()
    done = command_line(fresh, "run")
    assert done.returncode == 2
    assert f"no ticket file at {given}" in done.stdout
    assert "this source was given to an earlier run; give another, or remove " in done.stdout
    assert "due: " not in done.stdout


def test_a_line_that_never_comes_to_rest_ends_the_command_with_what_is_due(fresh: Line) -> None:
    """After the last round it printed the report and returned 0, as if all were up to date."""
    code = (
        "import sys, ticket_assets.__main__ as command; command.run.ROUNDS = 0; "
        "sys.exit(command.main(['run', '--source', 'tickets.parquet']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=fresh.variables, cwd=fresh.folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    [said] = [line for line in done.stderr.splitlines() if line.startswith("still due after 0 runs: ")]
    assert "features/embeddings, features/text, models/candidate_priority" in said
    assert "serving/bento" in said and "tickets/source" not in said
    assert done.stdout == ""


def test_a_source_for_a_profile_that_makes_its_own_is_refused(fresh: Line, capsys: pytest.CaptureFixture[str]) -> None:
    """It was taken, and nothing of it read."""
    path = fresh.folder / "ticket_assets.toml"
    path.write_text(SETTINGS.replace('{ kind = "files", path = "tickets.parquet" }', '{ kind = "sample" }'))
    assert main(["run", "--source", "mine.csv"]) == 2
    assert "--source mine.csv: profile tiny generates its tickets" in capsys.readouterr().err


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


def test_a_hold_out_that_is_not_the_latest_by_today_s_dates_is_doubted_in_its_record(fresh: Line) -> None:
    split = ["models", "split"]
    assert run(fresh, split)[0]
    assert "doubt" not in recorded(fresh.folders.root / "dagster", ["models/split"])["models/split"]
    frozen = Holdout.load(fresh.folders.split / "holdout.json")
    tickets = fresh.table("tickets", "clean").sort_values("created_at")
    families = tickets["family_id"].drop_duplicates().head(30)
    earliest = tuple(sorted(tickets.loc[tickets["family_id"].isin(families), "ticket_id"]))
    replace(frozen, ticket_ids=earliest).save(fresh.folders.split / "holdout.json")
    assert run(fresh, split)[0]
    doubt = recorded(fresh.folders.root / "dagster", ["models/split"])["models/split"]["doubt"]
    assert doubt.endswith("to hold out the latest, give the profile a new name or remove its whole folder")


def test_a_hold_out_share_that_changed_since_the_freezing_stops_the_line_with_both_values(fresh: Line) -> None:
    """It was ignored: the hold-out is frozen, and nobody was told."""
    split = ["models", "split"]
    assert run(fresh, split)[0]
    changed = SETTINGS.replace("split.max_class_shift = 0.3", "split = { max_class_shift = 0.3, holdout_share = 0.3 }")
    (fresh.folder / "ticket_assets.toml").write_text(changed)
    with fresh.instance() as instance:
        done = fresh.execute(instance, [dg.AssetKey(split)])
    failures = [one.event_specific_data.error for one in done.all_events if one.is_step_failure]
    assert not done.success
    assert (
        "holdout.json was frozen with other settings (split.holdout_share was 0.15, is 0.3)" in failures[0].to_string()
    )
    assert due(fresh)["models/split"]
