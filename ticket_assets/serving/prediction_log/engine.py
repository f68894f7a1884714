"""Connections to the store, on SQLite and on Postgres.

Belongs here: engines, SQLite's pragmas, telling a store that is down from a record that it refuses.
Does not belong here: the schema (schema.py), statements (store.py).
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    ProgrammingError,
    SQLAlchemyError,
    StatementError,
)

from ticket_assets.serving.prediction_log.settings import PredictionLogSettings

CONNECT_SECONDS = 3
# Behind another writer; a batch of it takes milliseconds.
LOCKED_SECONDS = 30
STATEMENT_SECONDS = 60
WRITES = "log_writes"
# What one record can bring about: data exception, integrity constraint, program limit (a value too long for an index).
_OF_A_RECORD = ("22", "23", "54")


class StoreDownError(RuntimeError):
    """The store cannot be reached, does not answer or is of a newer version; the message holds no credentials."""


def make_engine(settings: PredictionLogSettings) -> Engine:
    """An engine of the settings' database; nothing is connected yet."""
    url = settings.database
    if url.drivername == "sqlite":
        engine = create_engine(url, connect_args={"timeout": LOCKED_SECONDS})
        _prepare_sqlite(engine, "FULL" if settings.durability == "disk" else "NORMAL")
        return engine
    options = f"-c statement_timeout={STATEMENT_SECONDS}s -c lock_timeout={LOCKED_SECONDS}s -c timezone=UTC"
    # Keepalives: a host that is gone without a word is noticed all the same.
    alive = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 30_000}
    arguments: dict[str, Any] = {"connect_timeout": CONNECT_SECONDS, "options": options, **alive}
    given = {name: value for name, value in arguments.items() if name not in url.query}
    return create_engine(url, connect_args=given, pool_pre_ping=True, pool_size=2, max_overflow=8)


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes; on SQLite it waits for its turn at the beginning, as later it may not."""
    with engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
        yield connection


def is_of_a_record(error: Exception) -> bool:
    """Whether an error of writing is the fault of what was written rather than of the store.

    Where in doubt it is: what is refused is written to the same store, and a store that is broken refuses that too.
    """
    if isinstance(error, DBAPIError):
        code = str(getattr(error.orig, "pgcode", None) or "")
        # Without a code: the driver does not know the type of a value.
        by_driver = (
            isinstance(error, ProgrammingError | InterfaceError) and not code and not error.connection_invalidated
        )
        return isinstance(error, DataError | IntegrityError) or by_driver or code.startswith(_OF_A_RECORD)
    if isinstance(error, SQLAlchemyError):
        return isinstance(error, StatementError)  # a value could not be bound
    return isinstance(error, TypeError | ValueError | OverflowError)


def told(error: BaseException, settings: PredictionLogSettings) -> str:
    """What an error says, in one line, without SQL, values and credentials."""
    inner = getattr(error, "orig", None) or error
    text = " ".join(str(inner).split()) or type(inner).__name__
    return settings.without_secrets(text)


def _prepare_sqlite(engine: Engine, synchronous: str) -> None:
    # Python's driver begins transactions late; these are begun by hand, so that a writer waits instead of failing.
    @event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        # What is erased or past its time is overwritten in the file.
        connection.execute("PRAGMA secure_delete = ON")

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        writes = connection.get_execution_options().get(WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
