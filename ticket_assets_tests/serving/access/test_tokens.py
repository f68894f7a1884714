"""Tokens: what is refused of them."""

import base64
import json
import stat
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from ticket_assets.serving.access.policy import Scope
from ticket_assets.serving.access.private_file import AccessFileError
from ticket_assets.serving.access.refusal import Refusal
from ticket_assets.serving.access.settings import AccessSettings
from ticket_assets.serving.access.tokens import AUDIENCE, ISSUER, REQUIRED, Tokens, open_tokens
from ticket_assets.serving.access.users import User
from ticket_assets_tests.serving.access.conftest import NOW, Desk

SECRET = "s" * 48
TOKENS = Tokens(SECRET, minutes=60)
ANNA = User("anna", "$argon2id$", frozenset({Scope.PREDICT}), NOW, stamp="stamp")


def encoded(part: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def claims(**others: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    made = {
        **{"iss": ISSUER, "aud": AUDIENCE, "sub": "anna", "jti": "1", "iat": now, "nbf": now},
        **{"exp": now + timedelta(minutes=5), "scopes": ["predict"], "stamp": "stamp"},
    }
    return {name: value for name, value in {**made, **others}.items() if value is not None}


def signed(secret: str = SECRET, algorithm: str = "HS256", **others: Any) -> str:
    return jwt.encode(claims(**others), secret, algorithm=algorithm)


def refused(token: str) -> Refusal:
    with pytest.raises(Refusal) as caught:
        TOKENS.verify(token)
    assert caught.value.status == 401
    return caught.value


def test_a_token_says_who_signed_in_and_with_which_scopes() -> None:
    said = TOKENS.verify(TOKENS.issue(ANNA))
    assert (said.user, said.stamp, said.scopes) == ("anna", "stamp", {Scope.PREDICT})
    assert TOKENS.issue(ANNA) != TOKENS.issue(ANNA)


def test_a_token_is_good_for_its_time() -> None:
    """And some seconds more, for clocks that differ."""
    for minutes, is_good in ((59, True), (61, False)):
        issued = Tokens(SECRET, 60, lambda minutes=minutes: datetime.now(UTC) - timedelta(minutes=minutes)).issue(ANNA)
        if is_good:
            assert TOKENS.verify(issued).user == "anna"
        else:
            assert refused(issued).code == "token_expired"
    assert refused(signed(nbf=datetime.now(UTC) + timedelta(minutes=1))).code == "unauthenticated"


@pytest.mark.parametrize("name", REQUIRED)
def test_a_token_without_a_claim_is_refused(name: str) -> None:
    TOKENS.verify(signed())
    refused(signed(**{name: None}))


@pytest.mark.parametrize(
    "others",
    [
        {"aud": "another"},
        {"iss": "another"},
        {"stamp": None},
        {"stamp": 7},
        {"scopes": None},
        {"scopes": "admin"},
    ],
)
def test_a_token_of_something_else_is_refused(others: dict[str, Any]) -> None:
    refused(signed(**others))


def test_scopes_that_are_none_open_nothing() -> None:
    assert TOKENS.verify(signed(scopes=["root", 7, "predict"])).scopes == {Scope.PREDICT}


def test_another_secret_s_token_is_refused() -> None:
    refused(signed("t" * 48))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "HS384", "HS512", "RS256", "ES256"])
def test_the_algorithm_is_not_the_token_s_choice(algorithm: str) -> None:
    body = {**claims(), **{name: int(datetime.now(UTC).timestamp()) + 60 * late for name, late in LATE.items()}}
    for signature in ("", "AAAA"):
        refused(f"{encoded({'alg': algorithm, 'typ': 'JWT'})}.{encoded(body)}.{signature}")
    if algorithm.startswith("HS"):
        refused(signed("s" * 64, algorithm))


LATE = {"iat": -1, "nbf": -1, "exp": 5}


@pytest.mark.parametrize("place", [5, 60, -5])
def test_a_token_with_one_letter_changed_is_refused(place: int) -> None:
    token = TOKENS.issue(ANNA)
    other = "A" if token[place] != "A" else "B"
    refused(token[:place] + other + token[place:][1:])


def test_scopes_cannot_be_written_into_a_token() -> None:
    head, body, signature = TOKENS.issue(ANNA).split(".")
    said = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    refused(f"{head}.{encoded({**said, 'scopes': ['admin']})}.{signature}")


@given(st.text(max_size=200))
def test_whatever_is_sent_for_a_token_is_refused_and_nothing_worse(text: str) -> None:
    refused(text)
    refused(f"{text}.{text}.{text}")


def test_a_token_of_megabytes_is_not_looked_into() -> None:
    refused(signed(jti="x" * 5000))


def test_the_secret_is_made_once_beside_the_users_and_for_their_owner(desk: Desk) -> None:
    one, other = (open_tokens(desk.settings()) for _ in range(2))
    assert one is not None
    assert other is not None
    path = desk.folder / "token_secret"
    assert one.secret == other.secret == path.read_text()
    assert len(one.secret) >= 64
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert one.secret not in repr(one)


def test_a_secret_may_come_from_the_settings_or_a_file(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("f" * 40 + "\n")
    for others, expected in (
        ({"token_secret": "e" * 40}, "e" * 40),
        ({"token_secret_file": tmp_path / "secret"}, "f" * 40),
    ):
        found = open_tokens(desk.settings(**others))
        assert found is not None
        assert found.secret == expected
    assert open_tokens(AccessSettings(token_secret=SecretStr(SECRET))) is None, "nobody can sign in"


def test_a_secret_that_is_weak_or_missing_is_refused_and_not_shown(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("weak-secret")
    with pytest.raises(AccessFileError, match="less than 32 bytes") as weak:
        open_tokens(desk.settings(token_secret_file=tmp_path / "secret"))
    assert "weak-secret" not in str(weak.value)
    with pytest.raises(AccessFileError, match=r"cannot be read or made at .*gone .*TOKEN_SECRET_FILE"):
        open_tokens(desk.settings(token_secret_file=tmp_path / "gone"))
