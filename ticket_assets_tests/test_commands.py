"""What the commands say where there is nothing to work on, or something is wrong with what they were given."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest
from mlflow import MlflowClient

from ticket_assets.__main__ import COMMANDS, OF_A_FILLED_ROOT, main
from ticket_assets.automation.interrupted import PROCESS_TAG
from ticket_assets.automation.runs import LINE
from ticket_assets.commands.instance import alone
from ticket_assets.definitions import build_defs
from ticket_assets.models.registry import require_experiment
from ticket_assets.resources.tracking import mlflow_uri
from ticket_assets.serving.bento import bento_folder, bento_tag
from ticket_assets.serving.store import Champion, write_champion
from ticket_assets.state import STATE_VERSION, open_root, write_state
from ticket_assets.tables import write_parquet
from ticket_assets.tickets.sources.contract import SourceError
from ticket_assets.tickets.sources.places import local_files
from ticket_assets_tests.line import PROFILE, Line

GIVEN = {"mend": ["--file", "mended.csv"], "score": ["--file", "backlog.csv"]}


@pytest.fixture
def empty(tmp_path: Path, encoder_root: Path):
    """A line that never ran, as the active profile."""
    line = Line.begin(tmp_path, encoder_root)
    with line.environment():
        yield line


@pytest.mark.parametrize("command", sorted(OF_A_FILLED_ROOT))
def test_on_a_profile_that_never_ran_a_command_says_so_and_begins_no_state(
    empty: Line, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """`unpin` froze the identity of a profile that its user was still setting up."""
    before = sorted(empty.folders.root.iterdir())
    assert main([command, *GIVEN.get(command, [])]) == 2
    assert capsys.readouterr().err == "profile tiny has nothing yet: make run PROFILE=tiny\n"
    assert sorted(empty.folders.root.iterdir()) == before


@pytest.mark.parametrize("command", sorted(OF_A_FILLED_ROOT - {"serve"}))
def test_state_of_a_newer_version_is_refused_by_every_command(
    empty: Line, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    write_state(empty.folders, STATE_VERSION + 1)
    assert main([command, *GIVEN.get(command, [])]) == 2
    assert "written by a newer version" in capsys.readouterr().err


def test_a_command_that_changes_state_waits_for_nobody_and_names_who_is_at_work(
    empty: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    """An erasure beside a run proved that nothing was left, and the run wrote it back."""
    write_state(empty.folders, STATE_VERSION)
    with alone(empty.settings()):
        assert main(["erase", "--id", "T-1"]) == 1
    assert "profile tiny is being changed by process " in capsys.readouterr().err


def test_a_champion_whose_bento_is_gone_is_not_served_and_the_way_back_is_named(
    empty: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    write_state(empty.folders, STATE_VERSION)
    write_champion(empty.folders.bundles, Champion(1, "0123456789abcdef", "2026-01-02T03:04:05+00:00"))
    assert main(["serve"]) == 2
    assert "the champion's bento is not built yet: make run PROFILE=tiny builds it" in capsys.readouterr().err


def test_a_table_in_a_folder_that_is_not_there_is_refused_before_anything_is_written(
    empty: Line, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    write_state(empty.folders, STATE_VERSION)
    write_parquet(empty.folders.quarantine, pd.DataFrame({"reason": ["empty_text"]}))
    assert main(["quarantine", "--file", str(tmp_path / "mistyped" / "out.csv")]) == 2
    assert "mistyped is no folder; name one that is there" in capsys.readouterr().err
    assert not (tmp_path / "mistyped").exists()


def test_hours_that_are_no_number_are_refused_with_what_to_write(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["rollback", "--hours", "soon"])
    assert "'soon' is no number of hours: write 72, or 0 for no pin" in capsys.readouterr().err


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_the_help_of_every_command_ends_in_an_example(capsys: pytest.CaptureFixture[str], command: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    told = " ".join(capsys.readouterr().out.split())
    assert f"example: python -m ticket_assets {command} --profile " in told


def test_two_stars_that_do_not_stand_alone_are_refused_with_those_that_do(tmp_path: Path) -> None:
    """Before Python 3.13 it was a stack trace."""
    (tmp_path / "a.csv").write_text("x\n1\n")
    try:
        found = local_files(tmp_path / "**.csv")
    except SourceError as error:
        assert "write **/*.csv for all folders below" in str(error)
    else:
        assert [path.name for path in found] == ["a.csv"]


def test_the_settings_in_force_are_those_of_the_profile_that_is_asked_and_all_on_request(
    empty: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    """They came with those of every other profile, among which one had to find one's own."""
    file = empty.folder / "ticket_assets.toml"
    other = '[profiles.other]\nsource.path = "b.csv"\ncolumns.body = "b"\ntargets.queue.column = "q"\n'
    file.write_text(file.read_text() + other)
    for asked, more, profile, printed in (
        ([], [], "tiny", {"tiny"}),
        (["--profile", "other"], [], "other", {"other"}),
        (["--profile", "other"], ["--all"], "other", {"tiny", "other"}),
    ):
        assert main(["settings", *asked, *more]) == 0
        told = json.loads(capsys.readouterr().out)
        assert (told["profile"], set(told["profiles"])) == (profile, printed)
        assert told["profiles"][profile] == empty.settings().active.model_dump(mode="json")


def test_the_settings_are_printed_without_passwords(
    empty: Line, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TICKET_ASSETS_OPTUNA_STORAGE_URL", "postgresql://anna:verysecret@db/optuna")
    monkeypatch.setenv("TICKET_ASSETS_MLFLOW_TRACKING_URI", "https://anna:verysecret@mlflow.example.com")
    assert main(["settings"]) == 0
    printed = capsys.readouterr().out
    assert "verysecret" not in printed
    assert json.loads(printed)["optuna_storage_url"] == "postgresql://anna:***@db/optuna"


def test_an_erasure_ends_what_a_killed_run_left_open_in_dagster_and_in_mlflow(
    empty: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    """The MLflow run stayed RUNNING for ever: the next `run` finds a Dagster run that is ended, and goes on."""
    settings = empty.settings()
    open_root(empty.folders, settings.active.identity())
    require_experiment(mlflow_uri(settings), PROFILE, empty.folders.artifacts)
    client = MlflowClient(tracking_uri=mlflow_uri(settings))
    experiment = client.get_experiment_by_name(PROFILE)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with empty.instance() as instance:
        job, tags = build_defs(settings).resolve_job_def(LINE), {PROCESS_TAG: f"{socket.gethostname()}:{gone.pid}"}
        run = instance.create_run_for_job(job, tags=tags, status=dg.DagsterRunStatus.STARTED).run_id
    assert experiment is not None
    left = client.create_run(experiment.experiment_id, tags={"dagster_run_id": run}).info.run_id
    assert main(["erase", "--id", "T-nobody"]) == 0
    assert "no such ticket is found anywhere" in capsys.readouterr().out
    assert client.get_run(left).info.status == "KILLED"
    with empty.instance() as instance:
        ended = instance.get_run_by_id(run)
    assert ended is not None and ended.status is dg.DagsterRunStatus.FAILURE


def test_serving_on_a_port_that_is_taken_names_it_and_the_way_to_another(
    empty: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    """`make ui` and `make serve` share 3000, and BentoML told it in a stack trace."""
    open_root(empty.folders, empty.settings().active.identity())
    champion = Champion(1, "b" * 16, "2026-01-01")
    write_champion(empty.folders.bundles, champion)
    bento_folder(empty.folders.bentos, bento_tag(PROFILE, champion)).mkdir(parents=True)
    with socket.socket() as ui:
        ui.bind(("127.0.0.1", 0))
        ui.listen()
        port = ui.getsockname()[1]
        assert main(["serve", "--port", str(port)]) == 2
    told = capsys.readouterr().err
    assert told == f"port {port} is taken (`make ui` has 3000 too): PORT={port + 1} make serve PROFILE=tiny\n"
