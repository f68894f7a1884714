"""The settings: which databases may be named, and that nothing of a password is ever shown."""

from pathlib import Path

import pytest
from pydantic import ValidationError
from sqlalchemy import create_engine

from ticket_assets.serving.prediction_log.engine import told
from ticket_assets.serving.prediction_log.log import PredictionLog
from ticket_assets.serving.prediction_log.settings import PredictionLogSettings
from ticket_assets_tests.serving.prediction_log.desk import logged, settings
from ticket_assets_tests.test_imports import TRAINING_SIDE, loaded_by

SECRET = "hunter%402"  # hunter@2


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg2"])
def test_postgres_is_used_through_psycopg2_however_it_is_written(tmp_path: Path, scheme: str) -> None:
    url = settings(tmp_path, f"{scheme}://u:{SECRET}@h/d").database
    assert (url.drivername, url.password) == ("postgresql+psycopg2", "hunter@2")


def test_without_a_url_the_log_is_a_file_in_its_folder(tmp_path: Path) -> None:
    assert settings(tmp_path).database.database == str(tmp_path / "prediction_log.db")


@pytest.mark.parametrize(
    "url",
    [f"mysql://u:{SECRET}@h/d", f"postgresql+asyncpg://u:{SECRET}@h/d", "sqlite://", "sqlite:///:memory:", SECRET],
)
def test_another_database_is_refused_without_showing_the_url(tmp_path: Path, url: str) -> None:
    with pytest.raises(ValidationError) as caught:
        settings(tmp_path, url)
    assert "hunter" not in f"{caught.value!s} {caught.value!r}"
    assert "sqlite" in str(caught.value) or "SQLite" in str(caught.value)


def test_a_password_is_in_no_repr_and_no_error(tmp_path: Path) -> None:
    wanted = settings(tmp_path, f"postgresql://u:{SECRET}@/d?host={tmp_path}&sslpassword=secret2")
    error = RuntimeError("dsn postgresql://u:hunter%402@h: hunter@2 is wrong,\n secret2 as well")
    assert told(error, wanted) == "dsn postgresql://u:***@h: *** is wrong, *** as well"
    assert "hunter" not in f"{wanted!r} {wanted!s} {wanted.model_dump()} {create_engine(wanted.database)!r}"


def test_a_store_that_cannot_be_reached_says_why_without_the_password(tmp_path: Path) -> None:
    log = PredictionLog.open(settings(tmp_path, f"postgresql://u:{SECRET}@/d?host={tmp_path}"))
    state = log.state()
    assert state.status == "down"
    assert state.down_since is not None
    assert state.last_error is not None
    assert str(tmp_path) in state.last_error
    assert "hunter" not in state.last_error
    log.close()


@pytest.mark.parametrize(
    ("field", "value"), [("batch_rows", 0), ("flush_seconds", 0), ("retention_days", 0), ("durability", "some")]
)
def test_settings_out_of_bounds_are_named(tmp_path: Path, field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        PredictionLogSettings(**{"folder": tmp_path, field: value})


def test_the_log_loads_nothing_of_the_training_side_and_migrations_only_when_they_run() -> None:
    loaded = loaded_by("import ticket_assets.serving.prediction_log.log, ticket_assets.serving.prediction_log.erasure")
    assert not loaded & {*TRAINING_SIDE, "alembic", "psycopg2"}


def test_what_the_log_keeps_is_for_nobody_else_to_read(tmp_path: Path) -> None:
    log = PredictionLog.open(settings(tmp_path / "log", flush_seconds=60))
    logged(log)
    files = [path for path in (tmp_path / "log").rglob("*") if path.is_file() and not path.name.startswith("clock-")]
    assert {path.suffix for path in files} >= {".db", ".journal", ".lock"}
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert log.close()
