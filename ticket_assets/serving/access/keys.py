"""API keys: making, keeping, revoking, recognising them.

Belongs here: what a key looks like, what is kept of it, finding the one that was sent.
Does not belong here: what a scope opens (policy.py), reading headers (guard.py), the command (commands/keys.py).

Only sha256 of a key is kept. That is right for 256 random bits, which nobody can guess however fast he hashes; the
slow argon2 of passwords would cost every request tens of milliseconds and protect nothing.
"""

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ticket_assets.serving.access.limits import Rate
from ticket_assets.serving.access.policy import SCOPES, Scope
from ticket_assets.serving.access.private_file import AccessFileError, changing, write_private

PREFIX = "ta_"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class KeyNameError(ValueError):
    """A key has no such name, or it is taken, or there is none of it."""


@dataclass(frozen=True)
class ApiKey:
    """What is kept of a key.

    Attributes:
        name: of whom or what uses it; stands in logs.
        digest: sha256 of the key, in hex.
        scopes: what it opens.
        created: when; UTC.
        expires: from when on it is refused; None: never.
        disabled: whether it is revoked.
        rate: of its own; None: the settings'.
    """

    name: str
    digest: str
    scopes: frozenset[Scope]
    created: datetime | None = None
    expires: datetime | None = None
    disabled: bool = False
    rate: Rate | None = None

    def state(self, now: datetime) -> str:
        """In force, revoked or expired."""
        if self.disabled:
            return "revoked"
        return "expired" if self.expires is not None and now >= self.expires else "in force"


Keys = tuple[ApiKey, ...]


def new_key(
    name: str, scopes: Iterable[Scope], now: datetime, expires: datetime | None = None, rate: Rate | None = None
) -> tuple[str, ApiKey]:
    """A random key, and what is kept of it.

    Raises:
        KeyNameError: the name cannot stand in a log or a variable.
    """
    if not NAME.fullmatch(name):
        raise KeyNameError(f"a key cannot be named {name!r}: up to 64 letters, digits and . _ -, the first no sign")
    key = PREFIX + secrets.token_urlsafe(32)
    return key, ApiKey(name, digest_of(key), frozenset(scopes), now, expires, rate=rate)


def digest_of(key: str) -> str:
    """Sha256 of a key, in hex."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def find(keys: Keys, sent: str) -> ApiKey | None:
    """The key that was sent.

    Every one is compared, and each in constant time: how long it takes tells neither whether one matched nor which.
    """
    digest, found = digest_of(sent), None
    for key in keys:
        if hmac.compare_digest(key.digest, digest):
            found = key
    return found


def add_key(path: Path, key: ApiKey) -> None:
    """Keep a new key.

    Raises:
        KeyNameError: there is one of that name.
        AccessFileError: the file is none of keys.
    """
    with changing(path):
        keys = stored_keys(path)
        if any(one.name == key.name for one in keys):
            raise KeyNameError(f"there is a key {key.name} already: choose another name, or revoke that one")
        write_private(path, keys_as_text((*keys, key)))


def revoke_key(path: Path, name: str) -> ApiKey:
    """Refuse a key from now on; it stays in the list, so that its name in old logs is not somebody else's.

    Raises:
        KeyNameError: there is none of that name.
        AccessFileError: the file is none of keys.
    """
    with changing(path):
        keys = stored_keys(path)
        if name not in {key.name for key in keys}:
            known = ", ".join(key.name for key in keys) or "none"
            raise KeyNameError(f"there is no key {name}; there is {known}")
        revoked = tuple(replace(key, disabled=True) if key.name == name else key for key in keys)
        write_private(path, keys_as_text(revoked))
    return next(key for key in revoked if key.name == name)


def stored_keys(path: Path) -> Keys:
    """The keys of a file; none where there is no file.

    Raises:
        AccessFileError: the file is none of keys.
    """
    try:
        return keys_from_text(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ()
    except AccessFileError as error:
        raise AccessFileError(f"{path}: {error}") from error


def keys_as_text(keys: Keys) -> str:
    """As a file holds them."""
    return json.dumps({"keys": [_as_record(key) for key in keys]}, indent=2) + "\n"


def keys_from_text(text: str) -> Keys:
    """Of what `keys_as_text` wrote.

    Raises:
        AccessFileError: it is something else.
    """
    try:
        return _unique(tuple(_from_record(record) for record in json.loads(text)["keys"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise AccessFileError(f"this is no file of keys ({type(error).__name__}): make one with `keys add`") from error


def keys_from_variable(text: str) -> Keys:
    """Of a variable: `name:scope,scope:sha256` for each key, with white space between them.

    Raises:
        AccessFileError: an entry is none; names its place, not what stands there.
    """
    keys = []
    for number, entry in enumerate(text.split(), start=1):
        name, _, rest = entry.partition(":")
        scopes, _, digest = rest.partition(":")
        unknown = set(scopes.split(",")) - set(SCOPES)
        if not NAME.fullmatch(name) or unknown or not _DIGEST.fullmatch(digest):
            raise AccessFileError(
                f"key {number} of TICKET_ASSETS_ACCESS__KEYS is not name:scope,scope:sha256 (scopes are "
                f"{', '.join(SCOPES)}; the sha256 is what `keys add --print-variable` prints)"
            )
        keys.append(ApiKey(name, digest, frozenset(Scope(scope) for scope in scopes.split(","))))
    return _unique(tuple(keys))


def as_variable(key: ApiKey) -> str:
    """A key as `keys_from_variable` reads it."""
    return f"{key.name}:{','.join(sorted(key.scopes))}:{key.digest}"


def _unique(keys: Keys) -> Keys:
    names = [key.name for key in keys]
    if len(set(names)) < len(names):
        raise AccessFileError("two keys have one name")
    return keys


def _as_record(key: ApiKey) -> dict[str, Any]:
    return {
        "name": key.name,
        "digest": key.digest,
        "scopes": sorted(key.scopes),
        "created": key.created.isoformat() if key.created else None,
        "expires": key.expires.isoformat() if key.expires else None,
        "disabled": key.disabled,
        "rate": [key.rate.per_second, key.rate.burst] if key.rate else None,
    }


def _from_record(record: dict[str, Any]) -> ApiKey:
    digest, name = str(record["digest"]), str(record["name"])
    if not _DIGEST.fullmatch(digest) or not NAME.fullmatch(name):
        raise ValueError("no name or no digest")
    return ApiKey(
        name,
        digest,
        frozenset(Scope(scope) for scope in record["scopes"]),
        _moment(record["created"]),
        _moment(record["expires"]),
        bool(record["disabled"]),
        Rate(float(record["rate"][0]), int(record["rate"][1])) if record["rate"] else None,
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None
