"""State of another version of the project: upgraded step by step where that is known, else refused with what to do."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from ticket_assets.__main__ import main
from ticket_assets.profile import ColumnSettings, Profile, TargetSettings
from ticket_assets.serving import upgrade as upgrading
from ticket_assets.serving.upgrade import Old, champion_faults, upgrade
from ticket_assets.source_settings import SourceSettings
from ticket_assets.state import STATE_VERSION, StateError, open_root, plan_of_erasure, read_state, write_state
from ticket_assets.storage import IdentityError, ProfileFolders
from ticket_assets_tests.line import Line

PROFILE = Profile(
    source=SourceSettings(path="tickets/today.csv"),
    columns=ColumnSettings(id="id", subject="subject", body="body"),
    targets={"queue": TargetSettings(column="queue")},
)


def first_identity(path: str) -> dict[str, str]:
    """As the first versions made it, whose source settings were kind, path, rows and seed."""
    source = {"kind": "files", "path": path, "rows": 3000, "seed": 7}
    columns = {"body": "body", "subject": "subject", "id": "id", "created_at": None}
    told = json.dumps({"source": source, "columns": columns}, sort_keys=True)
    return {**PROFILE.identity(), "source": hashlib.sha256(told.encode()).hexdigest()[:12]}


@pytest.fixture
def folders(tmp_path: Path) -> ProfileFolders:
    """A root as the first versions left it: identity with a path, a candidate whose neighbours have no names."""
    made = ProfileFolders(tmp_path / "mydesk")
    made.require_identity(first_identity("tickets/today.csv"))
    for target, names in (("queue", {}), ("type", {"names": np.array([b"0123456789abcdef"])})):
        folder = made.candidates / target / "abc"
        (folder / "winner").mkdir(parents=True)
        np.savez(folder / "winner" / "neighbours.npz", y=np.arange(3), **names)
        folder.with_name("latest").write_text("abc")
    return made


def old(folders: ProfileFolders, *paths: str | None) -> Old:
    return Old(folders, PROFILE, paths or (None, "tickets/today.csv"))


def test_a_root_of_the_first_versions_becomes_todays(folders: ProfileFolders) -> None:
    with pytest.raises(
        StateError, match=r"earlier version .* \(state 0; this one writes 2\): make upgrade PROFILE=mydesk"
    ):
        open_root(folders, PROFILE.identity())
    done = upgrade(old(folders))
    assert done == [
        "state 1: the identity no longer holds where the source lies",
        "state 2: 1 candidates of an earlier version removed; the next run trains others",
    ]
    open_root(folders, PROFILE.identity())
    assert not list((folders.candidates / "queue").iterdir())
    assert len(list((folders.candidates / "type").iterdir())) == 2
    assert upgrade(old(folders)) == [] and read_state(folders) == STATE_VERSION


def test_a_root_of_yesterday_whose_identity_is_todays_keeps_it(folders: ProfileFolders) -> None:
    (folders.root / "identity.json").write_text(json.dumps(PROFILE.identity()))
    assert upgrade(old(folders))[0] == "state 1: the root has a version"
    open_root(folders, PROFILE.identity())


def test_an_upgrade_lets_no_other_source_in(folders: ProfileFolders) -> None:
    with pytest.raises(StateError, match=r"knew its source by a path, and by none of others.csv: name the path"):
        upgrade(old(folders, "others.csv"))
    assert read_state(folders) == 0
    assert upgrade(old(folders))
    with pytest.raises(IdentityError, match="another profile's state"):
        open_root(folders, {**PROFILE.identity(), "source": "another"})


@pytest.mark.parametrize("broken", [1, 2])
def test_an_upgrade_that_was_killed_goes_on_where_it_stopped(
    broken: int, folders: ProfileFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(_: Old) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setitem(upgrading.MIGRATIONS, broken, killed)
        with pytest.raises(KeyboardInterrupt):
            upgrade(old(folders))
    assert read_state(folders) == broken - 1
    with pytest.raises(StateError, match="make upgrade"):
        open_root(folders, PROFILE.identity())
    assert len(upgrade(old(folders))) == STATE_VERSION + 1 - broken
    open_root(folders, PROFILE.identity())


@pytest.mark.parametrize("version", [1, 2])
def test_each_step_may_be_done_twice(version: int, folders: ProfileFolders) -> None:
    upgrade(old(folders))
    before = {path: path.read_bytes() for path in folders.root.rglob("*") if path.is_file()}
    list(upgrading.MIGRATIONS[version](old(folders)))
    assert {path: path.read_bytes() for path in folders.root.rglob("*") if path.is_file()} == before


def test_a_fresh_root_has_todays_state_before_it_has_an_identity(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = ProfileFolders(tmp_path / "fresh")
    assert upgrade(old(fresh)) == [] and not fresh.root.exists()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ProfileFolders, "require_identity", killed)
        with pytest.raises(KeyboardInterrupt):
            open_root(fresh, PROFILE.identity())
    open_root(fresh, PROFILE.identity())
    assert read_state(fresh) == STATE_VERSION


def test_a_root_of_a_newer_version_is_refused_by_all_that_would_write_it(folders: ProfileFolders) -> None:
    write_state(folders, STATE_VERSION + 1)
    before = sorted(folders.root.rglob("*"))
    for act in (lambda: upgrade(old(folders)), lambda: open_root(folders, PROFILE.identity())):
        with pytest.raises(StateError, match=rf"newer version .*state {STATE_VERSION + 1}; .*install that version"):
            act()
    assert sorted(folders.root.rglob("*")) == before


def test_while_an_erasure_is_not_finished_nothing_else_goes_on(folders: ProfileFolders) -> None:
    upgrade(old(folders))
    plan_of_erasure(folders.root).write_text("{}")
    with pytest.raises(StateError, match=r"an erasure was broken off .* make erase PROFILE=mydesk YES=1"):
        open_root(folders, PROFILE.identity())


@pytest.fixture
def line(tmp_path: Path) -> Line:
    return Line.begin(tmp_path)


def test_the_commands_tell_what_they_did_and_what_they_refuse(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    with line.environment():
        line.folders.require_identity(line.settings().active.identity())
        assert main(["erase", "--id", "T-1"]) == 2
        assert "make upgrade PROFILE=tiny" in capsys.readouterr().err
        assert main(["upgrade"]) == 0
        assert "state 1: the root has a version\nstate 2: 0 candidates" in capsys.readouterr().out
        assert main(["upgrade"]) == 0
        assert capsys.readouterr().out == f"nothing to do: the state is of this version (state {STATE_VERSION})\n"
        write_state(line.folders, STATE_VERSION + 1)
        for command in (["upgrade"], ["run"], ["erase", "--id", "T-1"]):
            assert main(command) == 2
            assert "newer version" in capsys.readouterr().err


def test_a_champion_of_an_earlier_contract_or_cleaning_is_named_and_the_run_trains_another(
    line: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    from ticket_assets.serving.bundle import write_bundle
    from ticket_assets.serving.store import Champion, write_champion
    from ticket_assets_tests.serving.conftest import toy_fields, toy_model

    bundles = line.folders.bundles
    assert champion_faults(line.folders) == []
    made = write_bundle(bundles, [toy_model()], toy_fields(), "a card")
    write_champion(bundles, Champion(1, made.id, "2026-01-01"))
    assert champion_faults(line.folders) == []
    cleaned = write_bundle(bundles, [toy_model()], {**toy_fields(), "cleaning": "1"}, "a card")
    write_champion(bundles, Champion(2, cleaned.id, "2026-01-01"))
    (fault,) = champion_faults(line.folders)
    assert "its cleaning is version 1" in fault and "train again" in fault
    raw = json.loads((bundles / made.id / "bundle.json").read_text())
    shutil.copytree(bundles / made.id, bundles / "old")
    (bundles / "old" / "bundle.json").write_text(json.dumps({**raw, "contract": 1}))
    write_champion(bundles, Champion(3, "old", "2026-01-01"))
    assert champion_faults(line.folders) == ["old: contract 1, this code reads 3"]
    with line.environment():
        open_root(line.folders, line.settings().active.identity())
        assert main(["erase", "--id", "T-1"]) == 2
        assert "cannot be searched for tickets" in capsys.readouterr().err
        assert main(["upgrade"]) == 0
        assert "the champion does not answer with this code (old: contract 1" in capsys.readouterr().out


def test_what_is_asked_of_erase_must_make_sense(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    with line.environment():
        assert main(["erase", "--id", "T-1"]) == 0
        assert "holds no tickets" in capsys.readouterr().out
        open_root(line.folders, line.settings().active.identity())
        for arguments, told in (
            ([], "name the tickets"),
            (["--column", "x"], "--column and --value go together"),
            (["--match", " "], "--match is empty"),
            (["--ids", str(line.folder / "absent")], "cannot be read"),
        ):
            assert main(["erase", *arguments]) == 2
            assert told in capsys.readouterr().err
