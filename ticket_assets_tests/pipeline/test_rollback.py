"""GATE: promote, roll back, hold, promote again: by the command line, on a line that really runs."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ticket_assets.__main__ import main
from ticket_assets.automation.champion import CHAMPION
from ticket_assets.models.candidate import read_candidate
from ticket_assets.models.registry import require_experiment
from ticket_assets.resources.desk import Desk
from ticket_assets.resources.tracking import mlflow_uri
from ticket_assets.serving.bento import bento_tag
from ticket_assets.serving.bundle import write_bundle
from ticket_assets.serving.manifest import FOUND_OUT, BundleManifest
from ticket_assets.serving.record import Event
from ticket_assets.serving.store import Champion, read_champion, require_champion
from ticket_assets.serving.throne import instant, record, seat, throne
from ticket_assets_tests.line import PROFILE, Line
from ticket_assets_tests.pipeline.conftest import command_line

pytestmark = pytest.mark.slow

SUCCEEDED = ("bentoml", "champion.json", "records", "mlflow", "mlflow.db")
REMADE = {"models/champion", "serving/bento", "serving/deployment"}


@pytest.fixture
def line(finished_line: Line, tmp_path: Path) -> Iterator[Line]:
    """The finished line before its promotion, with a bad champion: its labels are turned."""
    ignored = shutil.ignore_patterns(*SUCCEEDED)
    made = Line(Path(shutil.copytree(finished_line.folder, tmp_path / "line", symlinks=True, ignore=ignored)))
    with made.environment():
        crown_a_bad_one(made, finished_line)
        yield made


def crown_a_bad_one(line: Line, finished: Line) -> None:
    folders, court = line.folders, Desk(profile=PROFILE).court()
    good = BundleManifest.read(folders.bundles / require_champion(finished.folders.bundles).bundle)
    models = [read_candidate(folders.candidates / target, 1)[0] for target in good.targets]
    turned = [replace(model, labels=(*model.labels[1:], model.labels[0])) for model in models]
    fields = {name: value for name, value in vars(good).items() if name not in FOUND_OUT}
    bad = write_bundle(folders.bundles, turned, fields, "a card")
    require_experiment(mlflow_uri(line.settings()), PROFILE, folders.artifacts)
    client = court.registry._client
    run = client.create_run(client.get_experiment_by_name(PROFILE).experiment_id).info.run_id
    with throne(court) as standing:
        now, version = datetime.now(UTC), court.registry.register(run, folders.bundles / bad.id, {"bundle": bad.id})
        challenger = {"version": version, "bundle": bad.id}
        record(court, standing, Event.DECISION, now, challenger=challenger, promoted=True, reason="promoted: a test")
        seat(court, Champion(version, bad.id, instant(now)))


def decision(line: Line) -> str:
    with line.instance() as instance:
        event = instance.get_latest_materialization_event(CHAMPION)
    assert event is not None and event.asset_materialization is not None
    return str(event.asset_materialization.metadata["decision"].value)


def test_a_rollback_serves_the_old_bundle_until_its_pin_ends(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    bad = require_champion(line.folders.bundles)
    with line.instance() as instance:
        line.execute(instance, [CHAMPION], raise_on_error=True)
    good = require_champion(line.folders.bundles)
    assert (bad.version, good.version) == (1, 2)

    done = command_line(line, "rollback", "--reason", "wrong queue", "--hours", "1")
    assert done.returncode == 0, done.stdout
    back = require_champion(line.folders.bundles)
    assert (back.version, back.bundle) == (1, bad.bundle)
    tag = bento_tag(PROFILE, back)
    assert f"champion   v1, bundle {bad.bundle} (was v2)" in done.stdout and f"bento      {tag}" in done.stdout
    assert (line.folders.bentos / "bentos" / tag.replace(":", "/") / "bento.yaml").exists(), "serve finds it at once"
    assert line.data_versions()["models/champion"] == bad.bundle

    assert line.bring_up_to_date() == REMADE, "held by the pin, and the bento's check asked its server"
    assert decision(line).startswith("refused: pinned until ") and ": wrong queue; without the pin " in decision(line)
    assert line.data_versions()["serving/bento"] == tag
    assert require_champion(line.folders.bundles) == back
    assert main(["report"]) == 0
    told = capsys.readouterr().out
    assert "pin        pinned until " in told and f"bento      {tag}" in told
    assert line.bring_up_to_date() == set()

    assert main(["unpin", "--reason", "mended"]) == 0
    assert "taken off: pinned until " in capsys.readouterr().out
    assert line.bring_up_to_date() == REMADE
    assert require_champion(line.folders.bundles).bundle == good.bundle
    assert decision(line).startswith("promoted: ")

    assert main(["champion", "--history"]) == 0
    rows = capsys.readouterr().out.splitlines()[1:]
    assert [row[18:30].strip() for row in rows] == [
        *("promoted", "promoted", "rolled back", "refused", "unpinned", "promoted")
    ]


def test_what_cannot_be_ends_the_commands_with_its_reason(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    sitting = read_champion(line.folders.bundles)
    for arguments, status, told in (
        (["rollback"], 1, "v1 is the first champion: there is none before it to roll back to"),
        (["rollback", "--to", "v9"], 1, "there is no registered version v9: name one of v1"),
        (["champion", "--on", "tomorrow"], 2, "'tomorrow' is no date: write 2026-05-01 for a day"),
        (["champion", "--on", "2999-01-01"], 2, "2999-01-01 is still to come"),
        (["unpin"], 0, "nothing is pinned"),
        (["champion", "--on", "2001-01-01"], 0, "no champion on 2001-01-01 (UTC): the first was v1, since "),
        (["champion"], 0, "champion   v1, bundle "),
    ):
        assert main(arguments) == status, arguments
        said = capsys.readouterr()
        assert told in said.out + said.err
    for given in (["--to", "three"], ["--hours", "-1"], ["--hours", "nan"], ["--hours", "soon"]):
        with pytest.raises(SystemExit) as ended:
            main(["rollback", *given])
        assert ended.value.code == 2 and given[1] in capsys.readouterr().err
    assert read_champion(line.folders.bundles) == sitting
    line.folders.require_identity(line.settings().active.identity())
    (line.folders.root / "identity.json").write_text('{"targets": "others", "source": "another"}')
    for command in ("rollback", "unpin"):
        assert main([command]) == 1
        assert "holds another profile's state" in capsys.readouterr().err
