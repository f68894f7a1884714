"""The tables of the store, as the code reads and writes them; the migrations end in exactly these.

Belongs here: columns, keys, indexes.
Does not belong here: how a database gets there (migrations/), statements (store.py, feedback.py, queries.py).

No foreign key from feedback to predictions: a correction that came through another worker may be written before the
prediction that still waits in its journal.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

# SQLite counts up by itself only where the key is an INTEGER.
Serial = BigInteger().with_variant(Integer, "sqlite")


class UtcDateTime(TypeDecorator[datetime]):
    """An instant with its zone, also on SQLite, which knows none."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC; SQLite sorts the text that it keeps."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """In UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def _text(name: str, **more: Any) -> Column[str]:
    return Column(name, Text, **more)


predictions = Table(
    "predictions",
    metadata,
    _text("id", primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("moment", BigInteger, nullable=False),
    _text("ticket_id"),
    _text("transport", nullable=False),
    _text("bundle", nullable=False),
    _text("model_version"),
    _text("key"),
    _text("request_id"),
    _text("language"),
    _text("subject", nullable=False),
    _text("body", nullable=False),
    Column("context", JSON, nullable=False),
    _text("claimed_language"),
    _text("arm"),
    Index(None, "at", "id"),
    Index(None, "ticket_id"),
    Index(None, "key", "at"),
)

prediction_targets = Table(
    "prediction_targets",
    metadata,
    Column("prediction_id", Text, ForeignKey("predictions.id", ondelete="CASCADE"), primary_key=True),
    _text("target", primary_key=True),
    _text("label", nullable=False),
    Column("probability", Float),
    _text("band", nullable=False),
    _text("served_band", nullable=False),
    Column("probabilities", JSON, nullable=False),
)

# What a challenger would have answered; nobody was told (shadows.py).
shadow_answers = Table(
    "shadow_answers",
    metadata,
    Column("prediction_id", Text, ForeignKey("predictions.id", ondelete="CASCADE"), primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    _text("bundle", primary_key=True),
    _text("target", primary_key=True),
    _text("label", nullable=False),
    Column("probability", Float),
    _text("model_version"),
    Index(None, "bundle", "at"),
)

feedback = Table(
    "feedback",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    _text("id", nullable=False),
    _text("prediction_id", nullable=False),
    _text("target", nullable=False),
    _text("label", nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("moment", BigInteger, nullable=False),
    _text("key"),
    _text("reviewer"),
    _text("comment"),
    UniqueConstraint("id", "target"),
    Index(None, "prediction_id", "target", "moment", "seq"),
    Index(None, "at"),
    sqlite_autoincrement=True,
)

# What was taken, as it was given, also where it changed no label: so an id that was used is known.
corrections = Table(
    "corrections",
    metadata,
    _text("id", primary_key=True),
    _text("prediction_id", nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("labels", JSON, nullable=False),
    _text("reviewer"),
    _text("comment"),
    Index(None, "prediction_id"),
    Index(None, "at"),
)

events = Table(
    "events",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    _text("id", nullable=False, unique=True),
    Column("at", UtcDateTime, nullable=False),
    Column("moment", BigInteger, nullable=False),
    _text("name", nullable=False),
    Column("detail", JSON, nullable=False),
    Index(None, "name", "at"),
    sqlite_autoincrement=True,
)

rejected = Table(
    "rejected",
    metadata,
    _text("id", primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    _text("kind", nullable=False),
    _text("reason", nullable=False),
    _text("line", nullable=False),
    Index(None, "at"),
)
