"""`keys` and `users` on the command line."""

import io
import json
import os
import pty
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ticket_assets.__main__ import main
from ticket_assets.serving.access.guard import Guard
from ticket_assets.serving.access.keys import stored_keys
from ticket_assets.serving.access.limits import Rate
from ticket_assets.serving.access.policy import Need, Scope
from ticket_assets.serving.access.refusal import Refusal
from ticket_assets.serving.access.settings import AccessSettings
from ticket_assets.serving.access.users import Passwords, stored_users
from ticket_assets_tests.serving.access.conftest import PASSWORD, in_folder

OTHER = "another long password"
PROJECT = Path(__file__).resolve().parents[3]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The access folder of a profile that never ran."""
    monkeypatch.setenv("TICKET_ASSETS_STORAGE_ROOT", str(tmp_path))
    monkeypatch.setenv("TICKET_ASSETS_PROFILE", "demo")
    return tmp_path / "demo" / "access"


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_a_key_is_printed_once_and_opens_a_service_over_the_same_folder(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--name", "crm", "--scopes", "predict,feedback", "--expires", "90d", "--rate", "2.5"]
    assert main(["keys", "add", *given]) == 0
    key = capsys.readouterr().out.strip()
    assert re.fullmatch(r"ta_[A-Za-z0-9_-]{43}", key)
    guard = Guard(in_folder(folder))
    assert guard.admit([], [key], Need(Scope.FEEDBACK), "10.0.0.1").caller
    [kept] = stored_keys(folder / "keys.json")
    assert kept.rate == Rate(2.5, 5)
    assert kept.expires is not None
    assert timedelta(days=89, hours=23) < kept.expires - datetime.now(UTC) <= timedelta(days=90)
    assert main(["keys", "list"]) == 0
    told = capsys.readouterr().out
    assert "crm  in force  feedback,predict  made 20" in told
    assert "2.5/s, burst 5" in told
    assert key not in told
    assert kept.digest not in told


def test_a_revoked_key_is_told_as_that(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "add", "--name", "crm", "--scopes", "predict"]) == 0
    key = capsys.readouterr().out.strip()
    assert main(["keys", "revoke", "--name", "crm"]) == 0
    assert main(["keys", "list"]) == 0
    assert "crm  revoked  predict" in capsys.readouterr().out
    with pytest.raises(Refusal, match="the key crm is revoked"):
        Guard(in_folder(folder)).admit([], [key], Need(Scope.PREDICT), "10.0.0.1")


def test_a_key_for_a_variable_is_kept_nowhere(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "add", "--name", "crm", "--scopes", "predict", "--print-variable"]) == 0
    key, variable = capsys.readouterr().out.split()
    assert not folder.exists()
    guard = Guard(AccessSettings.model_validate({"keys": variable}))
    assert guard.admit([], [key], Need(Scope.PREDICT), "10.0.0.1").caller


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--name", "a b", "--scopes", "predict"], "a key cannot be named 'a b'"),
        (["--name", "a", "--scopes", "root"], "--scopes: 'root' is no scope"),
        (["--name", "a", "--scopes", ""], "--scopes: '' is no scope"),
        (["--name", "a", "--scopes", "predict", "--expires", "soon"], "--expires soon: write 90d"),
        (["--name", "a", "--scopes", "predict", "--expires", "0d"], "--expires 0d: write 90d"),
        (["--name", "a", "--scopes", "predict", "--rate", "-1"], "--rate: requests per second"),
        (["--name", "a", "--scopes", "predict", "--rate", "nan"], "--rate: requests per second"),
        (["--name", "a", "--scopes", "predict", "--burst", "3"], "--burst goes with --rate"),
        (["--name", "a", "--scopes", "predict", "--expires", "1d", "--print-variable"], "--print-variable: such a key"),
    ],
)
def test_a_wrong_argument_is_refused_with_what_to_write(
    folder: Path, capsys: pytest.CaptureFixture[str], given: list[str], said: str
) -> None:
    assert main(["keys", "add", *given]) == 2
    assert said in capsys.readouterr().err
    assert not folder.exists()


@pytest.mark.parametrize("profile", ["demo", "helpdesk"])
def test_where_there_is_nothing_the_way_to_something_is_told_for_the_profile_that_was_asked(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, profile: str
) -> None:
    """The hint named it_service, whatever was asked: a key made as it said opened another service."""
    assert main(["keys", "--profile", profile, "list"]) == main(["users", "--profile", profile, "list"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"no key yet: make keys PROFILE={profile} ARGS='add --name crm --scopes predict,feedback'",
        f"no user yet: make users PROFILE={profile} ARGS='add --name anna --scopes predict,feedback'",
    ]
    assert main(["keys", "revoke", "--name", "crm"]) == 2
    typed(monkeypatch, OTHER)
    assert main(["users", "password", "--name", "anna"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "there is no key crm; there is none",
        "there is no user anna; there is none",
    ]


def test_users_are_added_given_passwords_and_disabled(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(monkeypatch, PASSWORD + "\n")
    assert main(["users", "add", "--name", "anna", "--scopes", "predict,admin"]) == 0
    assert Passwords().fits(stored_users(folder / "users.json")["anna"], PASSWORD)
    typed(monkeypatch, OTHER + "\r\n")
    assert main(["users", "password", "--name", "anna"]) == 0
    assert Passwords().fits(stored_users(folder / "users.json")["anna"], OTHER)
    for action, state in (("disable", "disabled"), ("enable", "in force")):
        assert main(["users", action, "--name", "anna"]) == 0
        capsys.readouterr()
        assert main(["users", "list"]) == 0
        assert f"anna  {state}  admin,predict  made 20" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "scopes", "password", "said"),
    [
        ("anna", "predict", OTHER, "there is a user anna already"),
        ("bert", "predict", "short", "a password has at least 12 characters"),
        ("bert", "predict", "", "a password has at least 12 characters"),
        ("Bert", "predict", OTHER, "a user cannot be named 'Bert'"),
        ("bert", "all", OTHER, "--scopes: 'all' is no scope"),
    ],
)
def test_a_user_that_cannot_be_is_refused(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    scopes: str,
    password: str,
    said: str,
) -> None:
    typed(monkeypatch, PASSWORD)
    assert main(["users", "add", "--name", "anna", "--scopes", "predict"]) == 0
    typed(monkeypatch, password)
    assert main(["users", "add", "--name", name, "--scopes", scopes]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert not password or password not in told
    assert list(stored_users(folder / "users.json")) == ["anna"]


@pytest.mark.parametrize(("again", "status"), [(PASSWORD, 0), (OTHER, 2)])
def test_at_a_terminal_a_password_is_asked_for_twice_and_not_shown(folder: Path, again: str, status: int) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "ticket_assets", "users", "add", "--name", "anna", "--scopes", "predict"]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=PROJECT, start_new_session=True)
    os.close(theirs)
    shown = ""
    for asked, answer in (("password of anna: ", PASSWORD), ("again: ", again)):
        while not shown.endswith(asked):
            shown += os.read(ours, 1000).decode()
        os.write(ours, answer.encode() + b"\n")
    assert process.wait(60) == status
    shown += os.read(ours, 1000).decode()
    os.close(ours)
    assert PASSWORD not in shown
    assert ("added: anna" in shown) is (status == 0)
    assert (folder / "users.json").exists() is (status == 0)


def test_a_file_that_is_none_is_told_and_left_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder.mkdir(parents=True)
    (folder / "keys.json").write_text("mine")
    (folder / "users.json").write_text(json.dumps({"users": 1}))
    assert main(["keys", "add", "--name", "crm", "--scopes", "predict"]) == 2
    assert main(["users", "list"]) == 2
    told = capsys.readouterr().err
    assert "keys.json: this is no file of keys" in told
    assert "users.json: this is no file of users" in told
    assert (folder / "keys.json").read_text() == "mine"
