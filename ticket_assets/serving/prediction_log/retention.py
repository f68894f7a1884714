"""What is older than the settings keep is deleted, little by little.

Belongs here: deleting by age, in transactions that are short.
Does not belong here: when (drain.py), erasing a person's tickets (erasure.py).

Changes of the switch are kept: they say under which rule answers were served, and nothing of any ticket.
"""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Engine, Table, select

from ticket_assets.serving.prediction_log.engine import writing
from ticket_assets.serving.prediction_log.tables import (
    corrections,
    feedback,
    prediction_targets,
    predictions,
    rejected,
    shadow_answers,
)

AT_ONCE = 500


def forget(engine: Engine, before: datetime, at_once: int = AT_ONCE) -> Iterator[int]:
    """Delete predictions from before an instant with their corrections, and what was rejected before it.

    Args:
        engine: of the store.
        before: UTC.
        at_once: rows per transaction, so that no writer waits long.

    Yields:
        After each transaction, how many predictions it deleted.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the store is down; what was deleted so far stays deleted.
    """
    while ids := _some(engine, predictions, predictions.c.at < before, at_once):
        with writing(engine) as connection:
            deleted = delete_predictions(connection, ids)
        yield deleted
    # Corrections of predictions that never were written; the others went with theirs.
    orphans = [(table, _orphans(table, before)) for table in (feedback, corrections)]
    for table, old in (*orphans, (rejected, rejected.c.at < before)):
        while ids := _some(engine, table, old, at_once):
            with writing(engine) as connection:
                connection.execute(table.delete().where(table.c.id.in_(ids)))
            yield 0


def delete_predictions(connection: Connection, ids: list[str]) -> int:
    """Delete predictions with all that hangs on them; return how many there were."""
    for table in (feedback, corrections):
        connection.execute(table.delete().where(table.c.prediction_id.in_(ids)))
    for table in (prediction_targets, shadow_answers):
        connection.execute(table.delete().where(table.c.prediction_id.in_(ids)))
    return connection.execute(predictions.delete().where(predictions.c.id.in_(ids))).rowcount


def _orphans(table: Table, before: datetime) -> ColumnElement[bool]:
    there = select(predictions.c.id).where(predictions.c.id == table.c.prediction_id).exists()
    return (table.c.at < before) & ~there


def _some(engine: Engine, table: Table, which: ColumnElement[bool], at_once: int) -> list[str]:
    with engine.connect() as connection:
        return list(connection.execute(select(table.c.id).where(which).order_by(table.c.at).limit(at_once)).scalars())
