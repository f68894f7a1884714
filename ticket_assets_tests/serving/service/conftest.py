"""The whole service: a BentoML server of toy bundles with real keys, a real Postgres, the neighbours' fixtures."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ticket_assets.serving.access.keys import add_key, new_key
from ticket_assets.serving.access.policy import SCOPES
from ticket_assets_tests.postgres import postgres, server
from ticket_assets_tests.serving.endpoint.conftest import ToyStore, _written, store
from ticket_assets_tests.serving.endpoint.server import Server, running
from ticket_assets_tests.serving.service.clients import QUICK

__all__ = ["_written", "postgres", "server", "store"]  # fixtures, found by name


@dataclass(frozen=True)
class Guarded:
    """A service that asks for keys, one that may do all, and the state folder."""

    server: Server
    key: str
    state: Path


@pytest.fixture(scope="module")
def guarded(_written: ToyStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """One for all tests of a file; slow bodies are waited for two seconds, messages have at most 1 MiB."""
    folder = tmp_path_factory.mktemp("guarded")
    key, kept = new_key("stranger", SCOPES, datetime.now(UTC))
    add_key(folder / "keys.json", kept)
    _written.crown(1)
    variables = {
        "TICKET_ASSETS_ACCESS__AUTH": "keys",
        "TICKET_ASSETS_ACCESS__KEYS_FILE": str(folder / "keys.json"),
        "TICKET_ASSETS_ACCESS__BODY_SECONDS": "2",
        "TICKET_ASSETS_ACCESS__ANSWER_SECONDS": "20",
        "TICKET_ASSETS_SERVICE__GRPC__MAX_MESSAGE_BYTES": str(1 << 20),
    }
    with running(_written.root, folder / "state", **variables, **QUICK) as started:
        yield Guarded(started, key, folder / "state")
