"""Migrations: they end in exactly the tables that the code uses, and two workers may start at once."""

import threading

import pytest
from sqlalchemy import Engine, inspect, text

from ticket_assets.serving.prediction_log.engine import make_engine, writing
from ticket_assets.serving.prediction_log.log import PredictionLog
from ticket_assets.serving.prediction_log.schema import SchemaError, migrate
from ticket_assets.serving.prediction_log.settings import PredictionLogSettings
from ticket_assets.serving.prediction_log.tables import corrections, metadata, prediction_targets
from ticket_assets_tests.serving.prediction_log.desk import PATIENCE, count, ids, logged, rows


def test_migrations_end_in_exactly_the_tables_that_the_code_uses(engine: Engine) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_migrating_down_leaves_nothing_and_up_again_everything(engine: Engine) -> None:
    migrate(engine, "base")
    assert {*inspect(engine).get_table_names()} <= {"alembic_version"}
    migrate(engine)
    assert {*metadata.tables} < {*inspect(engine).get_table_names()}


def test_what_was_logged_survives_each_step_up_and_down(wanted: PredictionLogSettings, engine: Engine) -> None:
    log = PredictionLog.open(wanted)
    told = [logged(log, claimed_language="fr") for _ in range(3)]
    log.give_feedback(told[0], {"queue": "network", "type": "incident"}, reviewer="ada", idempotency_key="k")
    assert log.close(PATIENCE)
    (before,) = rows(engine, corrections)
    migrate(engine, "0001")
    assert "claimed_language" not in {column["name"] for column in inspect(engine).get_columns("predictions")}
    migrate(engine)
    assert (ids(engine), count(engine, prediction_targets)) == (told, 6)
    assert rows(engine, corrections) == [before]
    again = PredictionLog.open(wanted)
    found = again.find(told[0])
    assert found is not None
    assert found.answer.claimed_language is None  # the step down took it
    assert again.close()


def test_workers_may_start_at_once_on_an_empty_database(wanted: PredictionLogSettings) -> None:
    engines = [make_engine(wanted) for _ in range(6)]
    gate = threading.Barrier(len(engines))
    faults: list[BaseException] = []

    def start(engine: Engine) -> None:
        gate.wait()
        try:
            migrate(engine)
        except BaseException as fault:  # noqa: BLE001 - shown below
            faults.append(fault)

    threads = [threading.Thread(target=start, args=(engine,)) for engine in engines]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert faults == []
    assert {*metadata.tables} < {*inspect(engines[0]).get_table_names()}
    for engine in engines:
        engine.dispose()


def test_a_database_of_a_newer_version_is_refused_by_name(engine: Engine, wanted: PredictionLogSettings) -> None:
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaError, match="at schema 9999, this code knows up to 0003"):
        PredictionLog.open(wanted)
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0003'"))
    log = PredictionLog.open(wanted)
    logged(log)
    assert log.close()


def test_a_broken_migration_leaves_the_database_as_it_was(wanted: PredictionLogSettings) -> None:
    engine = make_engine(wanted)
    wanted.folder.mkdir(parents=True, exist_ok=True)
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE rejected (id INTEGER)"))  # the last table it would make
    with pytest.raises(Exception, match="rejected"):
        migrate(engine)
    assert inspect(engine).get_table_names() == ["rejected"]
    engine.dispose()


def test_sqlite_writes_ahead(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
