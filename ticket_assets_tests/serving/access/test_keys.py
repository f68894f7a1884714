"""API keys: what is kept of them, how they are recognised."""

import hmac
import json
import re
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from ticket_assets.serving.access.keys import (
    KeyNameError,
    add_key,
    as_variable,
    digest_of,
    find,
    keys_from_variable,
    new_key,
    revoke_key,
    stored_keys,
)
from ticket_assets.serving.access.limits import Rate
from ticket_assets.serving.access.policy import Scope
from ticket_assets.serving.access.private_file import AccessFileError
from ticket_assets_tests.serving.access.conftest import NOW


def test_a_key_is_random_recognisable_and_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "access" / "keys.json"
    (one, kept), (other, _) = (new_key("crm", [Scope.PREDICT], NOW) for _ in range(2))
    add_key(path, kept)
    assert one != other
    assert re.fullmatch(r"ta_[A-Za-z0-9_-]{43}", one)  # base64url of 32 bytes
    assert one.removeprefix("ta_") not in path.read_text()
    assert stored_keys(path) == (kept,)


def test_the_file_is_its_owner_s_alone(tmp_path: Path) -> None:
    path = tmp_path / "access" / "keys.json"
    add_key(path, new_key("crm", [Scope.PREDICT], NOW)[1])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    revoke_key(path, "crm")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_was_kept_of_a_key_comes_back_whole(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    _, kept = new_key("crm", [Scope.ADMIN, Scope.PREDICT], NOW, NOW + timedelta(days=1), Rate(0.5, 3))
    add_key(path, kept)
    assert stored_keys(path) == (kept,)


def test_the_key_that_was_sent_is_found_and_no_other() -> None:
    made = [new_key(name, [Scope.PREDICT], NOW) for name in ("a", "b", "c")]
    keys = tuple(kept for _, kept in made)
    assert [find(keys, key) for key, _ in made] == list(keys)
    assert find(keys, made[0][0][:-1]) is None
    assert find(keys, "ta_") is None
    assert find(keys, "\udcff") is None


def test_every_key_is_compared_in_constant_time_wherever_the_match_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its structure: a measurement of nanoseconds would say nothing on a busy machine."""
    made = [new_key(name, [Scope.PREDICT], NOW) for name in ("a", "b", "c")]
    keys = tuple(kept for _, kept in made)
    compared: list[tuple[str, str]] = []
    real = hmac.compare_digest

    def noted(one: str, other: str) -> bool:
        compared.append((one, other))
        return real(one, other)

    monkeypatch.setattr(hmac, "compare_digest", noted)
    for sent in (made[0][0], made[2][0], "ta_nobody's"):
        compared.clear()
        find(keys, sent)
        assert compared == [(key.digest, digest_of(sent)) for key in keys]


def test_a_name_is_given_once(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    add_key(path, new_key("crm", [Scope.PREDICT], NOW)[1])
    with pytest.raises(KeyNameError, match="there is a key crm already"):
        add_key(path, new_key("crm", [Scope.PREDICT], NOW)[1])


def test_a_revoked_key_keeps_its_name(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    add_key(path, new_key("crm", [Scope.PREDICT], NOW)[1])
    assert revoke_key(path, "crm").state(NOW) == "revoked"
    assert [key.state(NOW) for key in stored_keys(path)] == ["revoked"]
    with pytest.raises(KeyNameError, match="there is no key erp; there is crm"):
        revoke_key(path, "erp")


def test_a_key_expires_at_its_moment() -> None:
    _, kept = new_key("crm", [Scope.PREDICT], NOW, NOW + timedelta(hours=1))
    assert kept.state(NOW + timedelta(minutes=59)) == "in force"
    assert kept.state(NOW + timedelta(hours=1)) == "expired"


@pytest.mark.parametrize("name", ["", "a b", "-a", "a\n", "ä", "x" * 65, "a:b"])
def test_a_name_that_would_spoil_a_log_or_a_variable_is_refused(name: str) -> None:
    with pytest.raises(KeyNameError, match="a key cannot be named"):
        new_key(name, [Scope.PREDICT], NOW)


def test_keys_travel_in_a_variable_as_hashes() -> None:
    key, kept = new_key("crm", [Scope.PREDICT, Scope.FEEDBACK], NOW)
    other = new_key("erp", [Scope.ADMIN], NOW)[1]
    read = keys_from_variable(f"{as_variable(kept)}\n  {as_variable(other)}\n")
    assert [(one.name, one.scopes) for one in read] == [("crm", kept.scopes), ("erp", other.scopes)]
    assert find(read, key) == read[0]
    assert keys_from_variable("") == ()


@pytest.mark.parametrize(
    "entry", ["crm", "crm:predict", "crm:predict:ab", "crm:all:" + "0" * 64, ":predict:" + "0" * 64]
)
def test_a_variable_that_holds_no_keys_is_refused_without_being_shown(entry: str) -> None:
    with pytest.raises(AccessFileError, match=r"key 1 of TICKET_ASSETS_ACCESS__KEYS is not name") as refused:
        keys_from_variable(entry)
    assert "0" * 64 not in str(refused.value)


def test_a_key_itself_in_the_variable_is_refused_and_not_shown() -> None:
    key, _ = new_key("crm", [Scope.PREDICT], NOW)
    with pytest.raises(AccessFileError) as refused:
        keys_from_variable(f"crm:predict:{key}")
    assert key not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"keys": 1}', '{"keys": [1]}', '{"keys": [{"name": "a", "digest": "b"}]}', "\x00"],
)
def test_a_file_that_is_none_of_keys_is_refused_by_its_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(text)
    with pytest.raises(AccessFileError, match=r"keys\.json: this is no file of keys"):
        stored_keys(path)


def test_two_keys_of_one_name_are_refused(tmp_path: Path) -> None:
    """Revoking one of them would leave the other."""
    path = tmp_path / "keys.json"
    add_key(path, new_key("crm", [Scope.PREDICT], NOW)[1])
    record = json.loads(path.read_text())["keys"][0]
    path.write_text(json.dumps({"keys": [record, record]}))
    with pytest.raises(AccessFileError, match="two keys have one name"):
        stored_keys(path)
