"""Users of the console: name, password, scopes.

Belongs here: what is kept of a user, checking a password, changing the file.
Does not belong here: signing in (sign_in.py), tokens (tokens.py), the command (commands/users.py).

Passwords are kept as argon2id, with the parameters of RFC 9106's low-memory choice (64 MiB, 3 passes), which are
argon2-cffi's defaults; a hash with other parameters is made anew at the next sign-in.
"""

import json
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ticket_assets.serving.access.policy import Scope
from ticket_assets.serving.access.private_file import AccessFileError, changing, write_private

if TYPE_CHECKING:
    from argon2 import PasswordHasher

NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 1024  # hashing more is work that a stranger could order


class UserError(ValueError):
    """A user has no such name, or it is taken, or the password will not do; never shows a password."""


@dataclass(frozen=True)
class User:
    """What is kept of a user.

    Attributes:
        name: in lower case; stands in logs.
        password_hash: argon2id.
        scopes: what the user may do.
        created: when; UTC.
        stamp: random, another one after every change of password or disabling: tokens carry it, and one with another
            stamp is refused, also one of a deleted user whose name was given again.
        disabled: whether the user may neither sign in nor use a token.
    """

    name: str
    password_hash: str = field(repr=False)
    scopes: frozenset[Scope]
    created: datetime
    stamp: str = field(repr=False, default_factory=lambda: secrets.token_hex(16))
    disabled: bool = False


Users = Mapping[str, User]


class Passwords:
    """Hashing and checking."""

    def __init__(self, hasher: "PasswordHasher | None" = None) -> None:
        if hasher is None:
            from argon2 import PasswordHasher

            hasher = PasswordHasher()
        self._hasher = hasher

    @cached_property
    def _nobodys(self) -> str:
        return self._hasher.hash(secrets.token_hex(16))

    def hash(self, password: str) -> str:
        """Argon2id of a password.

        Raises:
            UserError: it is too short or too long.
        """
        if len(password) < SHORTEST_PASSWORD:
            raise UserError(f"a password has at least {SHORTEST_PASSWORD} characters")
        if len(password.encode()) > LONGEST_PASSWORD:
            raise UserError(f"a password has at most {LONGEST_PASSWORD} bytes")
        return self._hasher.hash(password)

    def fits(self, user: User | None, password: str) -> bool:
        """Whether it is the user's password; of nobody it takes as long to say no."""
        from argon2.exceptions import InvalidHashError, VerificationError

        try:
            encoded = password.encode()[: LONGEST_PASSWORD + 1]
            self._hasher.verify(user.password_hash if user else self._nobodys, encoded)
        except (VerificationError, InvalidHashError, UnicodeEncodeError):
            return False
        return user is not None and len(encoded) <= LONGEST_PASSWORD

    def is_outdated(self, user: User) -> bool:
        """Whether the hash was made with other parameters than these."""
        return self._hasher.check_needs_rehash(user.password_hash)


def new_user(name: str, password: str, scopes: Iterable[Scope], passwords: Passwords, now: datetime) -> User:
    """A user.

    Raises:
        UserError: the name cannot be one, or the password will not do.
    """
    if not NAME.fullmatch(name):
        raise UserError(
            f"a user cannot be named {name!r}: up to 64 small letters, digits and . _ @ -, the first no sign"
        )
    return User(name, passwords.hash(password), frozenset(scopes), now)


def require_free(path: Path, name: str) -> None:
    """Refuse a name that somebody has.

    Raises:
        UserError: there is a user of that name.
        AccessFileError: the file is none of users.
    """
    if name in stored_users(path):
        raise UserError(f"there is a user {name} already: `users password` sets another password")


def add_user(path: Path, user: User) -> None:
    """Keep a new user.

    Raises:
        UserError: there is one of that name.
        AccessFileError: the file is none of users.
    """
    with changing(path):
        require_free(path, user.name)
        write_private(path, users_as_text({**stored_users(path), user.name: user}))


def _change(path: Path, name: str, **changes: Any) -> None:
    """Keep a user with other attributes, and another stamp, so that tokens from before are refused."""
    with changing(path):
        users = stored_users(path)
        if name not in users:
            raise UserError(f"there is no user {name}; there is {', '.join(sorted(users)) or 'none'}")
        changed = replace(users[name], **changes, stamp=secrets.token_hex(16))
        write_private(path, users_as_text({**users, name: changed}))


def set_disabled(path: Path, name: str, disabled: bool) -> None:
    """Refuse a user's sign-in and tokens from now on, or allow sign-in again.

    Raises:
        UserError: there is none of that name.
        AccessFileError: the file is none of users.
    """
    _change(path, name, disabled=disabled)


def set_password(path: Path, name: str, password: str, passwords: Passwords) -> None:
    """Set another password; tokens from before are refused from now on.

    Raises:
        UserError: there is no such user, or the password will not do.
    """
    _change(path, name, password_hash=passwords.hash(password))


def renew_hash(path: Path, user: User, password: str, passwords: Passwords) -> None:
    """Keep the same password hashed with today's parameters; tokens stay good.

    Only where nobody changed it meanwhile: the hash of a former password must not come back.
    """
    with changing(path):
        users = stored_users(path)
        if user.name in users and users[user.name].password_hash == user.password_hash:
            renewed = replace(users[user.name], password_hash=passwords.hash(password))
            write_private(path, users_as_text({**users, user.name: renewed}))


def stored_users(path: Path) -> dict[str, User]:
    """The users of a file; none where there is no file.

    Raises:
        AccessFileError: the file is none of users.
    """
    try:
        return users_from_text(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except AccessFileError as error:
        raise AccessFileError(f"{path}: {error}") from error


def users_as_text(users: Users) -> str:
    """As a file holds them."""
    records = [
        {**vars(user), "scopes": sorted(user.scopes), "created": user.created.isoformat()} for user in users.values()
    ]
    return json.dumps({"users": records}, indent=2) + "\n"


def users_from_text(text: str) -> dict[str, User]:
    """Of what `users_as_text` wrote.

    Raises:
        AccessFileError: it is something else.
    """
    try:
        users = [_from_record(record) for record in json.loads(text)["users"]]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        kind = type(error).__name__
        raise AccessFileError(f"this is no file of users ({kind}): make one with `users add`") from error
    return {user.name: user for user in users}


def _from_record(record: dict[str, Any]) -> User:
    return User(
        name=str(record["name"]),
        password_hash=str(record["password_hash"]),
        scopes=frozenset(Scope(scope) for scope in record["scopes"]),
        created=datetime.fromisoformat(record["created"]).astimezone(UTC),
        stamp=str(record["stamp"]),
        disabled=bool(record["disabled"]),
    )
