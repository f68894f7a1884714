"""Signing in over real HTTP, and what a guesser meets."""

import pytest
from argon2 import PasswordHasher

from ticket_assets.serving.access.guard import Guard
from ticket_assets.serving.access.policy import Scope
from ticket_assets.serving.access.settings import AccessSettings
from ticket_assets.serving.access.sign_in import PER_ADDRESS, PER_NAME
from ticket_assets.serving.access.users import Passwords, set_disabled, stored_users
from ticket_assets_tests.serving.access.conftest import PASSWORD, Clock, Desk
from ticket_assets_tests.serving.access.site import site

WRONG = "wrong, and long enough"


def entry(name: str, password: str) -> dict[str, str]:
    return {"name": name, "password": password}


def test_a_name_and_its_password_give_a_token_that_opens_the_door(desk: Desk) -> None:
    desk.user("anna", [Scope.PREDICT])
    with site(desk.guard(token_minutes=5), passwords=desk.passwords) as here:
        answered = here.ask("/login", entry(" Anna ", PASSWORD))
        said = answered.json()
        assert (said["name"], said["scopes"], said["expires_in"], said["token_type"]) == (
            "anna",
            ["predict"],
            300,
            "Bearer",
        )
        assert answered.headers["cache-control"] == "no-store"
        asked = here.ask("/predict", {"body": "x"}, authorization=f"Bearer {said['token']}")
        assert asked.status == 200
    assert [line["caller"] for line in here.requests()] == [None, "user:anna"]
    assert said["token"] not in here.log.getvalue()
    assert PASSWORD not in here.log.getvalue()


def test_a_wrong_password_an_unknown_name_and_a_disabled_account_look_the_same(desk: Desk) -> None:
    desk.user("anna")
    desk.user("bert")
    set_disabled(desk.settings().users_file, "bert", True)
    with site(desk.guard(), passwords=desk.passwords) as here:
        told = [
            here.ask("/login", entry(*one), x_request_id="r")
            for one in (("anna", WRONG), ("nobody", PASSWORD), ("bert", PASSWORD))
        ]
    assert {one.status for one in told} == {401}
    assert len({one.content for one in told}) == 1
    assert told[0].error["code"] == "sign_in_failed"


def test_a_guesser_of_one_name_is_held_up_wherever_the_guesses_come_from(desk: Desk, clock: Clock) -> None:
    desk.user("anna")
    with site(desk.guard(), passwords=desk.passwords) as here:
        for _ in range(PER_NAME.burst):
            assert here.ask("/login", entry("anna", WRONG)).status == 401
        held_up = here.ask("/login", entry("anna", PASSWORD))
        assert (held_up.status, held_up.headers["retry-after"]) == (429, "60")
        clock.seconds += 60
        assert here.ask("/login", entry("anna", PASSWORD)).status == 200


def test_a_guesser_of_many_names_is_held_up_by_the_address(desk: Desk) -> None:
    with site(desk.guard(), passwords=desk.passwords) as here:
        desk.user("anna")
        for number in range(PER_ADDRESS.burst):
            assert here.ask("/login", entry(f"user{number}", PASSWORD)).status == 401
        assert here.ask("/login", entry("anna", PASSWORD)).status == 429


def test_who_knows_the_password_is_never_held_up(desk: Desk) -> None:
    desk.user("anna")
    with site(desk.guard(), passwords=desk.passwords) as here:
        assert {here.ask("/login", entry("anna", PASSWORD)).status for _ in range(PER_ADDRESS.burst + 5)} == {200}


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({}, "name"),
        ({"name": "anna"}, "password"),
        ({"name": "", "password": PASSWORD}, "name"),
        ({"name": 7, "password": PASSWORD}, "name"),
        ({"name": "anna", "password": ["x"]}, "password"),
        ({"name": "anna", "password": PASSWORD, "more": 1}, "more"),
    ],
)
def test_what_is_no_name_and_password_is_refused_with_the_field(
    desk: Desk, said: dict[str, object], field: str
) -> None:
    desk.user("anna")
    with site(desk.guard(), passwords=desk.passwords) as here:
        refused = here.ask("/login", said)
    assert (refused.status, refused.error["field"]) == (400, field)
    assert PASSWORD not in refused.content.decode()


def test_without_users_nobody_signs_in(desk: Desk) -> None:
    with site(Guard(AccessSettings()), passwords=desk.passwords) as here:
        refused = here.ask("/login", entry("anna", PASSWORD))
        assert (refused.status, refused.error["message"]) == (
            404,
            "nobody signs in here: this service has no users, only keys",
        )


def test_signing_in_renews_an_outdated_hash(desk: Desk, clock: Clock) -> None:
    desk.user("anna")
    path = desk.settings().users_file
    dearer = Passwords(PasswordHasher(time_cost=2, memory_cost=64, parallelism=1))
    with site(desk.guard(), passwords=dearer) as here:
        token = here.ask("/login", entry("anna", PASSWORD)).json()["token"]
        assert not dearer.is_outdated(stored_users(path)["anna"])
        clock.seconds += 1
        assert here.ask("/predict", {}, authorization=f"Bearer {token}").status == 200
        assert here.ask("/login", entry("anna", PASSWORD)).status == 200


def test_users_that_are_only_mounted_for_reading_sign_in_all_the_same(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.user("anna")

    def read_only(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("ticket_assets.serving.access.sign_in.renew_hash", read_only)
    with site(desk.guard(), passwords=Passwords(PasswordHasher(time_cost=2, memory_cost=64, parallelism=1))) as here:
        assert here.ask("/login", entry("anna", PASSWORD)).status == 200
    assert any("the password hash of anna stays outdated: OSError" in line["message"] for line in here.lines())
