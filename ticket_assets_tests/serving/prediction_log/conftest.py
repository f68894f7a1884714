"""The two databases: SQLite in a file, and a real Postgres server, which the tests of faults stop and start."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from ticket_assets.serving.prediction_log.log import PredictionLog
from ticket_assets.serving.prediction_log.schema import store_of
from ticket_assets.serving.prediction_log.settings import PredictionLogSettings
from ticket_assets_tests.postgres import postgres, server  # noqa: F401  # fixtures
from ticket_assets_tests.serving.prediction_log.desk import settings


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
