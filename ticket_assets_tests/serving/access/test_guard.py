"""Who is let in, with what, and what the others are told."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ticket_assets.serving.access.guard import Caller, Guard, network_of, sent_credential
from ticket_assets.serving.access.keys import as_variable, new_key, revoke_key
from ticket_assets.serving.access.limits import Rate
from ticket_assets.serving.access.policy import UNKNOWN, Need, Scope
from ticket_assets.serving.access.refusal import Refusal
from ticket_assets.serving.access.settings import AccessSettings
from ticket_assets.serving.access.users import set_disabled, set_password, stored_users, users_as_text
from ticket_assets_tests.serving.access.conftest import NOW, Clock, Desk

PREDICT, FEEDBACK, ADMIN = (Need(scope) for scope in Scope)


def asked(guard: Guard, credential: str | None, need: Need = PREDICT, address: str = "10.0.0.1") -> Caller | None:
    return guard.admit([f"Bearer {credential}"] if credential else [], [], need, address).caller


def refused(guard: Guard, credential: str | None, need: Need = PREDICT, address: str = "10.0.0.1") -> Refusal:
    with pytest.raises(Refusal) as caught:
        asked(guard, credential, need, address)
    return caught.value


def token_of(desk: Desk, guard: Guard, name: str = "anna") -> str:
    assert guard.tokens is not None
    return guard.tokens.issue(stored_users(desk.settings().users_file)[name])


def test_with_nothing_set_everything_guarded_is_closed_and_the_way_to_a_key_is_told() -> None:
    guard = Guard(AccessSettings())
    for need in (PREDICT, FEEDBACK, ADMIN):
        refusal = refused(guard, None, need)
        assert refusal.status == 401
        assert "python -m ticket_assets keys add" in refusal.message
        assert refusal.headers["www-authenticate"].startswith("Bearer")
    assert guard.admit([], [], Need(None), "10.0.0.1").caller is None


def test_open_must_be_written_and_opens_what_can_only_be_asked() -> None:
    guard = Guard(AccessSettings(auth="open"))
    assert asked(guard, None) == asked(guard, None, FEEDBACK)
    assert refused(guard, None, ADMIN).status == 401
    with pytest.raises(ValidationError):
        AccessSettings.model_validate({"auth": "opened"})


def test_where_it_is_open_a_credential_that_is_shown_must_be_good(desk: Desk) -> None:
    """A client that means to be somebody must not be taken for nobody without being told."""
    key = desk.key("ops", Scope.ADMIN)
    guard = desk.guard(auth="open")
    assert refused(guard, key + "x").status == 401
    caller = asked(guard, key, ADMIN)
    assert caller is not None
    assert caller.name == "key:ops"


def test_a_key_opens_its_scopes_and_no_others(desk: Desk) -> None:
    key = desk.key("crm", Scope.PREDICT)
    guard = desk.guard()
    caller = asked(guard, key)
    assert caller is not None
    assert (caller.name, caller.scopes) == ("key:crm", {Scope.PREDICT})
    refusal = refused(guard, key, FEEDBACK)
    assert (refusal.status, refusal.message) == (403, "this needs the scope feedback; key:crm has predict")


def test_admin_does_not_contain_the_others(desk: Desk) -> None:
    key = desk.key("ops", Scope.ADMIN)
    assert refused(desk.guard(), key).status == 403


def test_a_revoked_key_is_refused_without_a_restart(desk: Desk, clock: Clock) -> None:
    key = desk.key("crm", Scope.PREDICT)
    guard = desk.guard()
    asked(guard, key)
    revoke_key(desk.settings().keys_file, "crm")
    clock.seconds += 1
    assert refused(guard, key).code == "key_revoked"


def test_a_new_key_is_good_without_a_restart(desk: Desk, clock: Clock) -> None:
    guard = desk.guard()
    key = desk.key("crm", Scope.PREDICT)
    clock.seconds += 1
    assert asked(guard, key)


def test_an_expired_key_is_refused_as_such(desk: Desk, clock: Clock) -> None:
    key = desk.key("crm", Scope.PREDICT, expires=NOW + timedelta(minutes=1))
    guard = desk.guard()
    asked(guard, key)
    clock.seconds += 60
    assert refused(guard, key).code == "key_expired"


def test_a_key_may_come_from_a_variable() -> None:
    key, kept = new_key("crm", [Scope.PREDICT], NOW)
    guard = Guard(AccessSettings.model_validate({"keys": as_variable(kept)}))
    assert asked(guard, key)
    assert refused(guard, key[:-1] + "!").status == 401


def test_a_user_s_token_opens_what_the_user_may_now(desk: Desk) -> None:
    desk.user("anna", [Scope.PREDICT, Scope.ADMIN])
    guard = desk.guard()
    caller = asked(guard, token_of(desk, guard), ADMIN)
    assert caller is not None
    assert caller.name == "user:anna"


def test_a_scope_that_was_taken_from_a_user_is_gone_from_tokens_too(desk: Desk, clock: Clock) -> None:
    desk.user("anna", [Scope.PREDICT, Scope.ADMIN])
    guard, path = desk.guard(), desk.settings().users_file
    token = token_of(desk, guard)
    users = stored_users(path)
    path.write_text(users_as_text({"anna": replace(users["anna"], scopes=frozenset({Scope.PREDICT}))}))
    clock.seconds += 1
    assert asked(guard, token)
    assert refused(guard, token, ADMIN).status == 403


def test_a_disabled_user_s_token_is_refused_at_once(desk: Desk, clock: Clock) -> None:
    desk.user()
    guard = desk.guard()
    token = token_of(desk, guard)
    asked(guard, token)
    set_disabled(desk.settings().users_file, "anna", True)
    clock.seconds += 1
    assert refused(guard, token).code == "token_revoked"
    set_disabled(desk.settings().users_file, "anna", False)
    clock.seconds += 1
    assert refused(guard, token).code == "token_revoked", "what was issued before stays refused"


def test_a_token_from_before_another_password_is_refused(desk: Desk, clock: Clock) -> None:
    desk.user()
    guard = desk.guard()
    token = token_of(desk, guard)
    set_password(desk.settings().users_file, "anna", "another long password", desk.passwords)
    clock.seconds += 1
    assert refused(guard, token).code == "token_revoked"


def test_a_deleted_user_s_token_is_refused_also_when_the_name_is_given_again(desk: Desk, clock: Clock) -> None:
    desk.user()
    guard = desk.guard()
    token = token_of(desk, guard)
    desk.settings().users_file.unlink()
    clock.seconds += 1
    assert refused(guard, token).code == "token_revoked"
    desk.user()
    clock.seconds += 1
    assert refused(guard, token).code == "token_revoked"


def test_a_token_means_nothing_where_nobody_signs_in(desk: Desk) -> None:
    desk.user()
    token = token_of(desk, desk.guard())
    assert "is no key" in refused(Guard(AccessSettings()), token).message


def test_what_is_not_in_the_table_is_not_there_but_for_admins(desk: Desk) -> None:
    guard = desk.guard()
    assert guard.policy.of_path("/forgotten") == UNKNOWN
    predict, admin = desk.key("crm", Scope.PREDICT), desk.key("ops", Scope.ADMIN)
    clock = desk.clock
    clock.seconds += 1
    assert {refused(guard, credential, UNKNOWN).status for credential in (None, predict, "nonsense")} == {404}
    assert asked(guard, admin, UNKNOWN)


def test_too_often_is_refused_with_how_long_to_wait_per_key(desk: Desk, clock: Clock) -> None:
    hasty, calm = desk.key("hasty", Scope.PREDICT), desk.key("calm", Scope.PREDICT)
    guard = desk.guard(requests_per_second=0.5, burst=2)
    for _ in range(2):
        asked(guard, hasty)
    refusal = refused(guard, hasty)
    assert (refusal.status, refusal.headers["retry-after"]) == (429, "2")
    assert asked(guard, calm)
    clock.seconds += 2
    assert asked(guard, hasty)


def test_a_key_may_have_a_rate_of_its_own(desk: Desk) -> None:
    importer = desk.key("importer", Scope.PREDICT, rate=Rate(0, 1))
    slow = desk.key("slow", Scope.PREDICT, rate=Rate(0.1, 1))
    guard = desk.guard(requests_per_second=1, burst=3)
    assert all(asked(guard, importer) for _ in range(50))
    asked(guard, slow)
    assert refused(guard, slow).status == 429


def test_refused_requests_count_too(desk: Desk) -> None:
    key = desk.key("crm", Scope.PREDICT)
    guard = desk.guard(requests_per_second=0.1, burst=2)
    assert [refused(guard, key, ADMIN).status for _ in range(3)] == [403, 403, 429]


def test_processes_grant_their_share(desk: Desk) -> None:
    key = desk.key("crm", Scope.PREDICT)
    guard = desk.guard(requests_per_second=0.1, burst=8, workers=4)
    assert [asked(guard, key) is not None for _ in range(2)] == [True, True]
    assert refused(guard, key).status == 429


def test_without_credentials_an_address_has_the_rate() -> None:
    guard = Guard(AccessSettings(auth="open", requests_per_second=0.1, burst=1))
    asked(guard, None, address="2001:db8::1")
    assert refused(guard, None, address="2001:db8::2").status == 429, "one subscriber has the whole /64"
    assert asked(guard, None, address="2001:db8:0:1::1")


@pytest.mark.parametrize(
    ("address", "whose"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("2001:db8::5", "2001:db8::/64"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("unix:", "unix:"),
        ("", ""),
    ],
)
def test_whom_an_address_stands_for(address: str, whose: str) -> None:
    assert network_of(address) == whose


@pytest.mark.parametrize(
    ("authorizations", "keys", "found"),
    [
        ([], [], None),
        (["Bearer ta_x"], [], "ta_x"),
        (["bearer   ta_x "], [], "ta_x"),
        ([], ["ta_x"], "ta_x"),
        (["Bearer ta_x"], ["ta_x"], "ta_x"),
    ],
)
def test_a_credential_comes_in_either_header(authorizations: list[str], keys: list[str], found: Any) -> None:
    assert sent_credential(authorizations, keys) == found


@pytest.mark.parametrize(
    ("authorizations", "keys"),
    [
        (["Basic dXNlcjpwYXNz"], []),
        (["Bearer"], []),
        (["Bearer "], []),
        (["ta_x"], []),
        (["Bearer ta_x", "Bearer ta_y"], []),
        (["Bearer ta_x"], ["ta_y"]),
        ([], ["ta_x", "ta_y"]),
    ],
)
def test_another_scheme_or_two_credentials_are_refused(authorizations: list[str], keys: list[str]) -> None:
    with pytest.raises(Refusal) as caught:
        sent_credential(authorizations, keys)
    assert caught.value.status == 401


@given(st.lists(st.text(), max_size=3), st.lists(st.text(), max_size=3), st.text())
def test_whatever_the_headers_hold_is_a_refusal_and_nothing_worse(
    authorizations: list[str], keys: list[str], address: str
) -> None:
    guard = Guard(AccessSettings())
    with pytest.raises(Refusal) as caught:
        guard.admit(authorizations, keys, PREDICT, address)
    assert caught.value.status == 401
