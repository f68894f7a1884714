"""Users and their passwords."""

import json
import stat
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from ticket_assets.serving.access.policy import Scope
from ticket_assets.serving.access.private_file import AccessFileError
from ticket_assets.serving.access.users import (
    Passwords,
    UserError,
    add_user,
    new_user,
    renew_hash,
    set_disabled,
    set_password,
    stored_users,
)
from ticket_assets_tests.serving.access.conftest import NOW, PASSWORD, Desk


def path_of(desk: Desk) -> Path:
    path = desk.settings().users_file
    assert path is not None
    return path


def test_a_password_is_kept_as_argon2id_with_the_parameters_of_the_rfc(desk: Desk) -> None:
    add_user(path_of(desk), new_user("anna", PASSWORD, [Scope.PREDICT], Passwords(), NOW))
    text = path_of(desk).read_text()
    assert PASSWORD not in text
    assert "$argon2id$v=19$m=65536,t=3,p=4$" in text
    assert stat.S_IMODE(path_of(desk).stat().st_mode) == 0o600


def test_only_the_password_fits(desk: Desk) -> None:
    desk.user()
    user = stored_users(path_of(desk))["anna"]
    assert desk.passwords.fits(user, PASSWORD)
    assert not desk.passwords.fits(user, PASSWORD + " ")
    assert not desk.passwords.fits(user, "")
    assert not desk.passwords.fits(user, "\ud800")
    assert not desk.passwords.fits(user, "x" * 2_000_000)


def test_of_nobody_a_password_is_hashed_as_well(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the time of an answer would tell which names there are."""
    verified: list[str] = []
    real = PasswordHasher.verify

    def noted(self: PasswordHasher, kept: str, password: bytes) -> bool:
        verified.append(kept)
        return real(self, kept, password)

    monkeypatch.setattr(PasswordHasher, "verify", noted)
    assert not desk.passwords.fits(None, PASSWORD)
    desk.user()
    desk.passwords.fits(stored_users(path_of(desk))["anna"], "wrong")
    nobodys, annas = (kept.rsplit("$", 2)[0] for kept in verified)
    assert nobodys == annas, "the same parameters, so the same time"


def test_a_hash_that_is_none_lets_nobody_in(desk: Desk) -> None:
    desk.user()
    path_of(desk).write_text(path_of(desk).read_text().replace("$argon2id$", "$none$"))
    assert not desk.passwords.fits(stored_users(path_of(desk))["anna"], PASSWORD)


@pytest.mark.parametrize("password", ["", "elevenchars", "x" * 1025])
def test_a_password_that_will_not_do_is_refused_and_not_shown(desk: Desk, password: str) -> None:
    with pytest.raises(UserError, match="a password has at") as refused:
        desk.user(password=password)
    assert not password or password not in str(refused.value)


@pytest.mark.parametrize("name", ["", "Anna", "a b", "-a", "a\n", "x" * 65])
def test_a_name_that_cannot_be_one_is_refused(desk: Desk, name: str) -> None:
    with pytest.raises(UserError, match="a user cannot be named"):
        desk.user(name)


def test_a_name_is_given_once_and_asked_for_in_vain(desk: Desk) -> None:
    desk.user()
    with pytest.raises(UserError, match="there is a user anna already"):
        desk.user()
    for change in (
        lambda: set_password(path_of(desk), "bert", PASSWORD, desk.passwords),
        lambda: set_disabled(path_of(desk), "bert", True),
    ):
        with pytest.raises(UserError, match="there is no user bert; there is anna"):
            change()


def test_another_password_or_disabling_makes_another_stamp(desk: Desk) -> None:
    desk.user()
    stamps = [stored_users(path_of(desk))["anna"].stamp]
    set_password(path_of(desk), "anna", "another long password", desk.passwords)
    stamps.append(stored_users(path_of(desk))["anna"].stamp)
    set_disabled(path_of(desk), "anna", True)
    changed = stored_users(path_of(desk))["anna"]
    stamps.append(changed.stamp)
    assert len(set(stamps)) == 3
    assert changed.disabled
    assert desk.passwords.fits(changed, "another long password")


def test_a_hash_is_renewed_when_the_parameters_change_and_tokens_stay_good(desk: Desk) -> None:
    desk.user()
    before = stored_users(path_of(desk))["anna"]
    dearer = Passwords(PasswordHasher(time_cost=2, memory_cost=64, parallelism=1))
    assert not desk.passwords.is_outdated(before)
    assert dearer.is_outdated(before)
    renew_hash(path_of(desk), before, PASSWORD, dearer)
    after = stored_users(path_of(desk))["anna"]
    assert not dearer.is_outdated(after)
    assert dearer.fits(after, PASSWORD)
    assert after.stamp == before.stamp


def test_a_former_password_does_not_come_back_by_being_renewed(desk: Desk) -> None:
    desk.user()
    before = stored_users(path_of(desk))["anna"]
    set_password(path_of(desk), "anna", "another long password", desk.passwords)
    renew_hash(path_of(desk), before, PASSWORD, desk.passwords)
    assert desk.passwords.fits(stored_users(path_of(desk))["anna"], "another long password")


@pytest.mark.parametrize("text", ["", "[]", '{"users": [{}]}', '{"users": 7}'])
def test_a_file_that_is_none_of_users_is_refused_by_its_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "users.json"
    path.write_text(text)
    with pytest.raises(AccessFileError, match=r"users\.json: this is no file of users"):
        stored_users(path)


def test_a_user_does_not_show_hash_or_stamp(desk: Desk) -> None:
    desk.user()
    user = stored_users(path_of(desk))["anna"]
    record = json.loads(path_of(desk).read_text())["users"][0]
    assert record["password_hash"] == user.password_hash
    assert user.password_hash not in repr(user)
    assert user.stamp not in repr(user)
