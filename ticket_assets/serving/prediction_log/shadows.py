"""What a challenger would have answered, read beside what was answered: to compare it with the champion.

Belongs here: pairs of both models' answers to one ticket, answers of the arms of A/B.
Does not belong here: the record (shadow_record.py), scoring in the shadow (endpoint/shadow.py), statistics
(models/paired.py), writing (rows.py), answers that somebody was given (queries.py). Nobody else reads this table.

A shadow answer holds no text. It hangs on the answer that was given, and goes with it, by age as by an erasure.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Engine, and_, func, select

from ticket_assets.serving.prediction_log.queries import current_corrections
from ticket_assets.serving.prediction_log.tables import prediction_targets, predictions, shadow_answers

Arm = Literal["champion", "challenger"]


@dataclass(frozen=True)
class Pair:
    """Both models' answers to one ticket, for one target.

    Attributes:
        target: name.
        ticket: id of the desk, or of the answer where the desk told none.
        champion: label that was given.
        challenger: label that the challenger would have given.
        corrected: label that people gave; None where nobody did.
    """

    target: str
    ticket: str
    champion: str
    challenger: str
    corrected: str | None


@dataclass(frozen=True)
class ArmAnswer:
    """An answer that was given while tickets were shared out, for one target.

    Attributes:
        arm: whose ticket it was.
        target: name.
        ticket: id of the desk.
        label: that was given.
        corrected: label that people gave; None where nobody did.
    """

    arm: Arm
    target: str
    ticket: str
    label: str
    corrected: str | None


def pairs_in(engine: Engine, champion: Collection[str], challenger: Collection[str], since: datetime) -> list[Pair]:
    """Pairs of a champion and its challenger, each ticket once: as it was answered last.

    Args:
        engine: of the store.
        champion: ids that the bundle had which answered.
        challenger: ids of the one in the shadow.
        since: UTC; of the answer.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the store is down.
    """
    its, given, asked, now = shadow_answers.c, prediction_targets.c, predictions.c, current_corrections()
    joined = (
        shadow_answers.join(predictions, asked.id == its.prediction_id)
        .join(prediction_targets, and_(given.prediction_id == its.prediction_id, given.target == its.target))
        .outerjoin(now, and_(now.c.prediction_id == its.prediction_id, now.c.target == its.target))
    )
    query = (
        select(its.target, asked.id, asked.ticket_id, given.label, its.label.label("other"), now.c.label.label("right"))
        .select_from(joined)
        .where(asked.bundle.in_(champion), its.bundle.in_(challenger), asked.at >= since)
        .order_by(asked.at, asked.id, its.target)
    )
    with engine.connect() as connection:
        rows = connection.execute(query).all()
    found = {
        (row.target, row.ticket_id or row.id): Pair(
            row.target, row.ticket_id or row.id, row.label, row.other, row.right
        )
        for row in rows
    }
    return list(found.values())


def arms_in(engine: Engine, champion: Collection[str], challenger: Collection[str], since: datetime) -> list[ArmAnswer]:
    """Answers that were given to tickets that were shared out, each ticket once: as it was answered last.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the store is down.
    """
    given, asked, now = prediction_targets.c, predictions.c, current_corrections()
    joined = predictions.join(prediction_targets, given.prediction_id == asked.id).outerjoin(
        now, and_(now.c.prediction_id == asked.id, now.c.target == given.target)
    )
    whose = (asked.arm == "champion") & asked.bundle.in_(champion)
    theirs = (asked.arm == "challenger") & asked.bundle.in_(challenger)
    query = (
        select(asked.arm, given.target, asked.ticket_id, given.label, now.c.label.label("right"))
        .select_from(joined)
        .where(asked.at >= since, whose | theirs)
        .order_by(asked.at, asked.id, given.target)
    )
    with engine.connect() as connection:
        rows = connection.execute(query).all()
    found = {
        (row.target, row.ticket_id): ArmAnswer(row.arm, row.target, row.ticket_id, row.label, row.right) for row in rows
    }
    return list(found.values())


def answered_since(engine: Engine, champion: Collection[str], since: datetime) -> int:
    """How many live tickets a champion answered since an instant, UTC.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the store is down.
    """
    asked = predictions.c
    query = select(func.count()).where(asked.bundle.in_(champion), asked.at >= since, asked.transport != "score")
    with engine.connect() as connection:
        return connection.execute(query).scalar_one()
