"""A clock that is set by hand, keys and users in a folder of their own."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from ticket_assets.serving.access.guard import Guard
from ticket_assets.serving.access.keys import add_key, new_key
from ticket_assets.serving.access.limits import Rate
from ticket_assets.serving.access.policy import Scope
from ticket_assets.serving.access.settings import AccessSettings, keys_file, users_file
from ticket_assets.serving.access.users import Passwords, add_user, new_user

PASSWORD = "correct horse battery staple"
NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


class Clock:
    """Monotonic seconds and the time of day, moved by the test alone."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds

    def today(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds - 1000)


def in_folder(folder: Path, **others: object) -> AccessSettings:
    """With keys and users of a folder."""
    return AccessSettings.model_validate({"keys_file": keys_file(folder), "users_file": users_file(folder), **others})


class Desk:
    """An access folder, and guards over it."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.folder, self.clock = folder, clock
        # argon2id all the same, at a price that a test can pay
        self.passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))

    def settings(self, **others: object) -> AccessSettings:
        return in_folder(self.folder, **others)

    def key(self, name: str, *scopes: Scope, expires: datetime | None = None, rate: Rate | None = None) -> str:
        key, kept = new_key(name, scopes, NOW, expires, rate)
        add_key(self.settings().keys_file, kept)
        return key

    def user(self, name: str = "anna", scopes: Iterable[Scope] = (Scope.PREDICT,), password: str = PASSWORD) -> None:
        add_user(self.settings().users_file, new_user(name, password, scopes, self.passwords, NOW))

    def guard(self, **others: object) -> Guard:
        return Guard(self.settings(**others), clock=self.clock, now=self.clock.today)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(tmp_path: Path, clock: Clock) -> Desk:
    return Desk(tmp_path / "access", clock)


@pytest.fixture
def run():
    """Run a coroutine to its end."""
    return asyncio.run
