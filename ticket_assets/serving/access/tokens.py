"""Tokens of signed-in users.

Belongs here: signing and verifying a JWT, the secret that signs.
Does not belong here: passwords (users.py), whose token is still good (guard.py asks the users file).
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ticket_assets.serving.access.policy import SCOPES, Scope
from ticket_assets.serving.access.private_file import AccessFileError, write_once
from ticket_assets.serving.access.refusal import Refusal
from ticket_assets.serving.access.settings import AccessSettings, require_strong
from ticket_assets.serving.access.users import User

ALGORITHM = "HS256"
ISSUER = "ticket-assets"
AUDIENCE = "ticket-assets-console"
REQUIRED = ("exp", "iat", "nbf", "iss", "aud", "sub", "jti")
LEEWAY = timedelta(seconds=10)
LONGEST = 4096


@dataclass(frozen=True)
class Claims:
    """What a verified token says: the user, the user's stamp, the scopes at sign-in."""

    user: str
    stamp: str
    scopes: frozenset[Scope]


@dataclass(frozen=True)
class Tokens:
    """Signs and verifies, with one secret and one algorithm; what a token says of its algorithm counts for nothing."""

    secret: str = field(repr=False)
    minutes: int
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC), repr=False)

    def issue(self, user: User) -> str:
        """A token of a user who showed the password."""
        import jwt

        now = self.clock()
        claims = {
            **{"iss": ISSUER, "aud": AUDIENCE, "sub": user.name, "jti": secrets.token_hex(16)},
            **{"iat": now, "nbf": now, "exp": now + timedelta(minutes=self.minutes)},
            **{"scopes": sorted(user.scopes), "stamp": user.stamp},
        }
        return jwt.encode(claims, self.secret, algorithm=ALGORITHM)

    def verify(self, token: str) -> Claims:
        """What a token says, once its signature, times, issuer and audience are found right.

        Raises:
            Refusal: 401; says whether it expired, and of anything else only that it is not good.
        """
        import jwt

        wrong = Refusal(401, "the token is not good: sign in again")
        if len(token) > LONGEST:
            raise wrong
        try:
            claims = jwt.decode(
                token,
                self.secret,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                leeway=LEEWAY,
                options={"require": list(REQUIRED)},
            )
        except jwt.ExpiredSignatureError:
            raise Refusal(401, "the token has expired: sign in again", "token_expired") from None
        except (jwt.InvalidTokenError, UnicodeError):
            raise wrong from None
        return _claims(claims, wrong)


def _claims(claims: dict[str, Any], wrong: Refusal) -> Claims:
    stamp, scopes = claims.get("stamp"), claims.get("scopes")
    if not isinstance(stamp, str) or not isinstance(scopes, list):
        raise wrong
    return Claims(claims["sub"], stamp, frozenset(Scope(scope) for scope in scopes if scope in SCOPES))


def open_tokens(settings: AccessSettings) -> Tokens | None:
    """The signer of the settings; None where nobody can sign in.

    The secret is the one that is set, else the one of its file, else one that is made once beside the users file.

    Raises:
        AccessFileError: there is no secret to be read or made; names the settings, shows none.
    """
    if settings.users_file is None:
        return None
    if settings.token_secret is not None:
        return Tokens(settings.token_secret.get_secret_value(), settings.token_minutes)
    path = settings.token_secret_file
    try:
        if path is None:
            path = settings.users_file.with_name("token_secret")
            secret = write_once(path, secrets.token_urlsafe(48))
        else:
            secret = Path(path).read_text(encoding="utf-8").strip()
        return Tokens(require_strong(secret), settings.token_minutes)
    except (OSError, UnicodeDecodeError) as error:
        raise AccessFileError(
            f"the secret of tokens cannot be read or made at {path} ({type(error).__name__}): set "
            "TICKET_ASSETS_ACCESS__TOKEN_SECRET or TICKET_ASSETS_ACCESS__TOKEN_SECRET_FILE"
        ) from error
    except ValueError as error:
        raise AccessFileError(f"{path}: {error}") from None
