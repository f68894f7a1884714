"""The schema of the store: brought up to date at start, by one process at a time.

Belongs here: running the migrations under a lock, refusing a database that is newer than the code, a reader's engine.
Does not belong here: the tables (tables.py), the revisions (migrations/versions).
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from ticket_assets.serving.prediction_log.engine import LOCKED_SECONDS, StoreDownError, make_engine, told, writing
from ticket_assets.serving.prediction_log.settings import PredictionLogSettings

MIGRATIONS = Path(__file__).parent / "migrations"
HEAD = "head"
# Any number that no other program on the same server uses for its own lock.
MIGRATION_LOCK = 0x7469636B65740001
_PAUSE = 0.02


class SchemaError(RuntimeError):
    """The database has a schema that this code does not know."""


def migrate(engine: Engine, revision: str = HEAD) -> None:
    """Bring the database to a revision; nothing to do where it is there.

    Raises:
        SchemaError: it was migrated by a newer version of the code.
        sqlalchemy.exc.SQLAlchemyError: it cannot be reached.
    """
    if engine.dialect.name == "sqlite":
        path = Path(engine.url.database or "")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)  # for nobody else, as long as nobody says otherwise: it holds what tickets say
        _write_ahead(engine)
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
        _migrate(connection, revision)


@contextmanager
def store_of(settings: PredictionLogSettings) -> Iterator[Engine]:
    """An engine on the store, up to date, for who reads or erases.

    Raises:
        SchemaError: it is newer than the code.
        sqlalchemy.exc.SQLAlchemyError: it cannot be reached.
    """
    engine = make_engine(settings)
    try:
        migrate(engine)
        yield engine
    finally:
        engine.dispose()


@contextmanager
def reached(settings: PredictionLogSettings) -> Iterator[Engine]:
    """The same, for who tells people what is wrong with it.

    Raises:
        StoreDownError: it cannot be reached, is no database, or is newer than the code; a line without credentials.
        OSError: what whoever reads it met elsewhere, as a full disk: drivers tell of the database by errors of theirs.
    """
    is_open = False
    try:
        with store_of(settings) as engine:
            is_open = True
            yield engine
    except SchemaError as error:
        raise StoreDownError(str(error)) from None
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        if is_open and isinstance(error, OSError) and not _is_of(error, settings.folder):
            raise
        raise StoreDownError(f"the prediction log cannot be reached: {told(error, settings)}") from None


def _is_of(error: OSError, folder: Path) -> bool:
    """Whether it is of a file in a folder, as of a journal."""
    return isinstance(error.filename, str | Path) and Path(error.filename).is_relative_to(folder)


def _migrate(connection: Connection, revision: str) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    script = ScriptDirectory.from_config(config)
    known = {one.revision for one in script.walk_revisions()}
    (found,) = MigrationContext.configure(connection).get_current_heads() or (None,)
    if found is not None and found not in known:
        raise SchemaError(
            f"the prediction log's database is at schema {found}, this code knows up to {script.get_current_head()}: "
            "it was written by a newer version; run that one, or name another database"
        )
    if revision == HEAD:
        if found != script.get_current_head():
            command.upgrade(config, HEAD)
    else:
        command.downgrade(config, revision)


def _write_ahead(engine: Engine) -> None:
    """Turn the file's write-ahead log on: readers and one writer at a time do not wait for each other.

    Only the very first process of a file changes anything; SQLite does not let others wait for that one by itself.
    """
    until = time.monotonic() + LOCKED_SECONDS
    while True:
        try:
            with engine.connect() as connection:
                raw = connection.connection.driver_connection
                assert raw is not None
                raw.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(_PAUSE)
