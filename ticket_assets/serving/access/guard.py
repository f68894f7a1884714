"""The guard: who asks, may they, not too often. The same for both transports.

Belongs here: credentials to a caller, a caller's scope and rate.
Does not belong here: headers of HTTP (http.py), metadata of gRPC (grpc.py), passwords (sign_in.py).
"""

import ipaddress
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn

from ticket_assets.serving.access.capacity import Work
from ticket_assets.serving.access.current import note_caller
from ticket_assets.serving.access.keys import PREFIX, Keys, find, keys_from_text, keys_from_variable
from ticket_assets.serving.access.limits import Grant, Limiter, Rate
from ticket_assets.serving.access.policy import Need, Policy, Scope
from ticket_assets.serving.access.private_file import WatchedFile
from ticket_assets.serving.access.refusal import Refusal
from ticket_assets.serving.access.settings import AccessSettings
from ticket_assets.serving.access.tokens import Tokens, open_tokens
from ticket_assets.serving.access.users import Users, users_from_text

CHALLENGE = {"www-authenticate": 'Bearer realm="ticket-assets"'}
HOW_TO_SEND = "send a key as `Authorization: Bearer ta_…` or `X-API-Key: ta_…`"
HOW_TO_MAKE = "no key is set, so nobody may ask: python -m ticket_assets keys add --name NAME --scopes predict"
# Without credentials where auth is open: what can only be asked. Switching models wants somebody who answers for it.
OPEN_SCOPES = frozenset({Scope.PREDICT, Scope.FEEDBACK})


@dataclass(frozen=True)
class Caller:
    """Who asks.

    Attributes:
        name: `key:crm`, `user:anna` or `anonymous`; stands in logs.
        bucket: whose rate counts.
        scopes: what the caller may do.
        rate: of its own; None: the settings'.
    """

    name: str
    bucket: str
    scopes: frozenset[Scope]
    rate: Rate | None = None


@dataclass(frozen=True)
class Admission:
    """A request that may go on: whose it is, and what the rate says where there is one."""

    caller: Caller | None = None
    grant: Grant | None = None


class Guard:
    """Lets requests in, or refuses them.

    Args:
        settings: of the guarding.
        policy: which scope what needs.
        clock: monotonic seconds.
        now: the time of day; UTC.

    Raises:
        AccessFileError: a file of keys, users or the token's secret cannot be read.
    """

    def __init__(
        self,
        settings: AccessSettings,
        policy: Policy | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.settings, self.policy = settings, policy or Policy.of(settings)
        self.clock, self._now = clock, now
        self._of_file = WatchedFile[Keys](settings.keys_file, keys_from_text, (), clock) if settings.keys_file else None
        variable = settings.keys.get_secret_value() if settings.keys else ""
        self._of_variable = keys_from_variable(variable)
        self._users = (
            WatchedFile[Users](settings.users_file, users_from_text, {}, clock) if settings.users_file else None
        )
        self.tokens: Tokens | None = open_tokens(settings)
        self._limiter = Limiter(clock)
        self._rate = Rate(settings.requests_per_second, settings.burst)
        self.work = Work(settings.max_in_flight, settings.answer_seconds)

    def keys(self) -> Keys:
        """The keys in force now, of the file and of the variable."""
        return (*self._of_variable, *(self._of_file.now() if self._of_file else ()))

    def users(self) -> Users:
        """The users as their file has them now."""
        return self._users.now() if self._users else {}

    def admit(self, authorizations: Sequence[str], api_keys: Sequence[str], need: Need, address: str) -> Admission:
        """Let a request in.

        Args:
            authorizations: values of the `authorization` header or metadata, as they were sent.
            api_keys: values of `x-api-key`.
            need: what it needs.
            address: of the client, for those who send no credentials.

        Raises:
            Refusal: 401 with a challenge, 403 naming the scope, 404 where the thing is hidden, 429 with Retry-After.
        """
        if need.scope is None:
            return Admission()
        try:
            caller = self._caller(authorizations, api_keys, address, need.scope)
            note_caller(caller.name)
            grant = self._limit(caller)
            if need.scope not in caller.scopes:
                has = ", ".join(sorted(caller.scopes)) or "none"
                raise Refusal(403, f"this needs the scope {need.scope}; {caller.name} has {has}", "scope_missing")
        except Refusal as refusal:
            if need.hidden and refusal.status in {401, 403}:
                raise Refusal(404, "there is no such thing here") from None
            raise
        return Admission(caller, grant)

    def _caller(self, authorizations: Sequence[str], api_keys: Sequence[str], address: str, scope: Scope) -> Caller:
        credential = sent_credential(authorizations, api_keys)
        if credential is None:
            if self.settings.auth == "open" and scope in OPEN_SCOPES:
                return Caller("anonymous", f"address:{network_of(address)}", OPEN_SCOPES)
            # Keys that nobody may know of are none of a stranger's business; that there are none at all is.
            _unauthenticated(HOW_TO_SEND if self.keys() or self.users() else HOW_TO_MAKE)
        if credential.startswith(PREFIX):
            return self._of_key(credential)
        return self._of_token(credential)

    def _of_key(self, sent: str) -> Caller:
        key = find(self.keys(), sent)
        if key is None:
            _unauthenticated(f"the key is not known: {HOW_TO_SEND}" if self.keys() else HOW_TO_MAKE)
        state = key.state(self._now())
        if state != "in force":
            _unauthenticated(f"the key {key.name} is {state}", f"key_{state}")
        return Caller(f"key:{key.name}", f"key:{key.name}", key.scopes, key.rate)

    def _of_token(self, token: str) -> Caller:
        if self.tokens is None:
            _unauthenticated(f"what was sent is no key: {HOW_TO_SEND}")
        try:
            claims = self.tokens.verify(token)
        except Refusal as refusal:
            _unauthenticated(refusal.message, refusal.code)
        user = self.users().get(claims.user)
        if user is None or user.disabled or user.stamp != claims.stamp:
            _unauthenticated("the token is not good any more: sign in again", "token_revoked")
        # A scope that was taken away is gone at once; one that was given comes with the next sign-in.
        return Caller(f"user:{user.name}", f"user:{user.name}", claims.scopes & user.scopes)

    def _limit(self, caller: Caller) -> Grant | None:
        rate = caller.rate or self._rate
        if rate.per_second == 0:
            return None
        grant = self._limiter.take(caller.bucket, rate.shared_by(self.settings.workers))
        if not grant.allowed:
            raise Refusal(
                429,
                f"{caller.name} asks more often than {rate.per_second:g} times a second: "
                f"try again in {grant.retry_after} s",
                headers=grant.headers(),
            )
        return grant


def sent_credential(authorizations: Sequence[str], api_keys: Sequence[str]) -> str | None:
    """The one credential of a request; None where there is none.

    Raises:
        Refusal: 401; it is of another scheme, or there are several, of which a proxy might have checked another one.
    """
    sent = {value.strip() for value in api_keys}
    for value in authorizations:
        scheme, _, credential = value.strip().partition(" ")
        if scheme.lower() != "bearer" or not credential.strip():
            _unauthenticated(f"the Authorization header is not of the scheme Bearer: {HOW_TO_SEND}")
        sent.add(credential.strip())
    if len(sent) > 1:
        _unauthenticated(f"several credentials were sent, and only one can count: {HOW_TO_SEND}")
    return next(iter(sent), None)


def network_of(address: str) -> str:
    """Whom an address stands for: of IPv6 the /64, of which one subscriber has all addresses."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((int(parsed), 64), strict=False))
    return address


def _unauthenticated(message: str, code: str | None = None) -> NoReturn:
    raise Refusal(401, message, code, headers=CHALLENGE)
