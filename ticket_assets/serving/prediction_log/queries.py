"""What monitoring reads of the log: predictions between two instants, with their corrections.

Belongs here: streaming them page by page, the current correction of a target.
Does not belong here: what is made of them (acted.py, monitoring), writing (rows.py).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, Subquery, func, select, tuple_

from ticket_assets.serving.prediction_log.records import PredictionRecord
from ticket_assets.serving.prediction_log.rows import as_record
from ticket_assets.serving.prediction_log.tables import feedback, prediction_targets, predictions

PAGE = 500


@dataclass(frozen=True)
class Reviewed:
    """A prediction, and the current corrections: target to label, without the targets that nobody corrected."""

    prediction: PredictionRecord
    corrected: Mapping[str, str]


def current_corrections() -> Subquery:
    """Per prediction and target the label that holds now: columns prediction_id, target, label."""
    newest = func.row_number().over(
        partition_by=(feedback.c.prediction_id, feedback.c.target),
        order_by=(feedback.c.moment.desc(), feedback.c.seq.desc()),
    )
    ranked = select(feedback.c.prediction_id, feedback.c.target, feedback.c.label, newest.label("rank")).subquery()
    its = (ranked.c.prediction_id, ranked.c.target, ranked.c.label)
    return select(*its).where(ranked.c.rank == 1).subquery("current")


def history(engine: Engine, prediction_id: str) -> list[tuple[str, str]]:
    """All corrections of a prediction as pairs of target and label, oldest first."""
    asked = select(feedback.c.target, feedback.c.label).where(feedback.c.prediction_id == prediction_id)
    with engine.connect() as connection:
        rows = connection.execute(asked.order_by(feedback.c.moment, feedback.c.seq))
        return [(row.target, row.label) for row in rows]


def between(engine: Engine, since: datetime, until: datetime, page: int = PAGE) -> Iterator[Reviewed]:
    """Predictions from `since` on and before `until`, by time and id, a page in memory at a time.

    Args:
        engine: of the store (engine.make_engine).
        since: UTC, included.
        until: UTC, not included.
        page: predictions per query; between two pages nothing is held open.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the store is down.
    """
    key = tuple_(predictions.c.at, predictions.c.id)
    asked = select(predictions).where(predictions.c.at >= since, predictions.c.at < until)
    asked = asked.order_by(predictions.c.at, predictions.c.id).limit(page)
    following = asked
    while True:
        with engine.connect() as connection:
            rows = connection.execute(following).all()
            ids = [row.id for row in rows]
            targets, corrected = _targets(connection, ids), _corrections(connection, ids)
        for row in rows:
            yield Reviewed(as_record(row, targets[row.id]), corrected[row.id])
        if len(rows) < page:
            return
        # By key rather than by offset: what is written or deleted meanwhile moves nothing.
        last = tuple_(rows[-1].at, rows[-1].id, types=(predictions.c.at.type, predictions.c.id.type))
        following = asked.where(key > last)


def _targets(connection: Connection, ids: Sequence[str]) -> dict[str, list[Row[Any]]]:
    found: dict[str, list[Row[Any]]] = {one: [] for one in ids}
    its = prediction_targets.c
    for row in connection.execute(select(prediction_targets).where(its.prediction_id.in_(ids)).order_by(its.target)):
        found[row.prediction_id].append(row)
    return found


def _corrections(connection: Connection, ids: Sequence[str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {one: {} for one in ids}
    asked = select(feedback).where(feedback.c.prediction_id.in_(ids)).order_by(feedback.c.moment, feedback.c.seq)
    for row in connection.execute(asked):
        found[row.prediction_id][row.target] = row.label  # the last one holds
    return found
