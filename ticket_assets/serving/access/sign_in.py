"""Signing in: a name and a password for a token.

Belongs here: the order of the checks, how often somebody may try.
Does not belong here: hashing (users.py), tokens (tokens.py), the page (http_login.py).
"""

import asyncio
import logging
from dataclasses import dataclass

from ticket_assets.serving.access.guard import Guard, network_of
from ticket_assets.serving.access.limits import Limiter, Rate
from ticket_assets.serving.access.private_file import AccessFileError
from ticket_assets.serving.access.refusal import Refusal
from ticket_assets.serving.access.users import Passwords, User, renew_hash

# Failures: per name, where a slow guesser comes from many addresses, and per address, where one guesses many names.
PER_NAME = Rate(1 / 60, 10)
PER_ADDRESS = Rate(1 / 10, 20)
# Each check takes 64 MiB and some tens of milliseconds of a core.
CHECKS_AT_ONCE = 2
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SignedIn:
    """A token and for how many seconds it is good."""

    token: str
    seconds: int
    user: User


class SignIn:
    """Checks passwords and hands out tokens; every failure looks and takes the same."""

    def __init__(self, guard: Guard, passwords: Passwords | None = None) -> None:
        self._guard, self._passwords = guard, passwords or Passwords()
        self._failures = Limiter(guard.clock)
        self._checks = asyncio.Semaphore(CHECKS_AT_ONCE)

    async def sign_in(self, name: str, password: str, address: str) -> SignedIn:
        """A token for a name and its password.

        Raises:
            Refusal: 401 for whatever is wrong of the two, and for a disabled user; 404 where nobody can sign in;
                429 after too many failures.
        """
        tokens = self._guard.tokens
        if tokens is None:
            raise Refusal(404, "nobody signs in here: this service has no users, only keys")
        name = name.strip().lower()
        buckets = ((f"name:{name[:64]}", PER_NAME), (f"address:{network_of(address)}", PER_ADDRESS))
        self._try(buckets)
        user = self._guard.users().get(name)
        async with self._checks:
            fits = await asyncio.to_thread(self._passwords.fits, user, password)
        if user is None or not fits or user.disabled:
            raise Refusal(401, "name or password is wrong, or the account is disabled", "sign_in_failed")
        for bucket, rate in buckets:
            self._failures.give_back(bucket, rate)
        await self._renew(user, password)
        return SignedIn(tokens.issue(user), tokens.minutes * 60, user)

    def _try(self, buckets: tuple[tuple[str, Rate], ...]) -> None:
        """Count a try before it is checked, so that many at once are no more than many in a row."""
        for number, (bucket, rate) in enumerate(buckets):
            grant = self._failures.take(bucket, rate)
            if not grant.allowed:
                for taken, its_rate in buckets[:number]:
                    self._failures.give_back(taken, its_rate)
                wait = grant.retry_after
                raise Refusal(429, f"too many failed tries: try again in {wait} s", headers={"retry-after": str(wait)})

    async def _renew(self, user: User, password: str) -> None:
        path = self._guard.settings.users_file
        if path is None or not self._passwords.is_outdated(user):
            return
        try:
            await asyncio.to_thread(renew_hash, path, user, password, self._passwords)
        except (OSError, AccessFileError) as error:  # a file that is only mounted for reading; signing in goes on
            log.warning("the password hash of %s stays outdated: %s", user.name, type(error).__name__)
