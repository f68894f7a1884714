"""The report of what acting did: how often answers were acted upon, and how often that was right.

Belongs here: counting per target and label, the interval of an accuracy, when the switch was on, as text and JSON.
Does not belong here: the switch (the service), the promise it is held against (models/thresholds.py).

Accuracy is that of the answers that somebody corrected or confirmed; people who only correct what is wrong make it look
worse than it is, which is why the share without feedback stands beside it.
"""

import math
from dataclasses import dataclass
from datetime import datetime
from statistics import NormalDist

from sqlalchemy import Connection, Engine, and_, case, func, select

from ticket_assets.serving.prediction_log.queries import current_corrections
from ticket_assets.serving.prediction_log.tables import events, prediction_targets, predictions

ACT = "act"
CONFIDENCE = 0.95


@dataclass(frozen=True)
class ActedLabel:
    """What acting upon one label of one target did.

    Attributes:
        target: name.
        label: that was acted upon.
        acted: answers.
        with_feedback: of them somebody gave a label.
        corrected: of these, another one.
    """

    target: str
    label: str
    acted: int
    with_feedback: int
    corrected: int

    @property
    def accuracy(self) -> float | None:
        """Among those with feedback, 0..1."""
        return (self.with_feedback - self.corrected) / self.with_feedback if self.with_feedback else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Of the accuracy, at CONFIDENCE."""
        return wilson(self.with_feedback - self.corrected, self.with_feedback) if self.with_feedback else None

    @property
    def without_feedback(self) -> float:
        """Share of those acted upon, 0..1."""
        return 1 - self.with_feedback / self.acted


@dataclass(frozen=True)
class Switched:
    """The switch was turned: when, to what, by whom, why."""

    at: datetime
    on: bool
    who: str
    why: str


@dataclass(frozen=True)
class ActedReport:
    """What acting did since an instant.

    Attributes:
        since: UTC.
        labels: by target and label.
        switched: since then, oldest first, and before them the last one before.
    """

    since: datetime
    labels: tuple[ActedLabel, ...]
    switched: tuple[Switched, ...]


def acted(engine: Engine, since: datetime) -> ActedReport:
    """Report what acting did since an instant.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the store is down.
    """
    with engine.connect() as connection:
        return ActedReport(since, _labels(connection, since), _switched(connection, since))


def wilson(right: int, total: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Interval of a share (Wilson 1927), within 0..1 also where all or none are right.

    Args:
        right: how many.
        total: of how many, at least 1.
        confidence: that the interval holds the true share.
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, weight = right / total, z * z / total
    middle = (share + weight / 2) / (1 + weight)
    half = z * math.sqrt(share * (1 - share) / total + weight / (4 * total)) / (1 + weight)
    return max(0.0, middle - half), min(1.0, middle + half)


def _labels(connection: Connection, since: datetime) -> tuple[ActedLabel, ...]:
    answered, now = prediction_targets.c, current_corrections()
    joined = prediction_targets.join(predictions, predictions.c.id == answered.prediction_id).outerjoin(
        now, and_(now.c.prediction_id == answered.prediction_id, now.c.target == answered.target)
    )
    wrong = func.coalesce(func.sum(case((now.c.label != answered.label, 1), else_=0)), 0)
    asked = (
        select(answered.target, answered.label, func.count(), func.count(now.c.label), wrong)
        .select_from(joined)
        .where(answered.served_band == ACT, predictions.c.at >= since)
        .group_by(answered.target, answered.label)
        .order_by(answered.target, answered.label)
    )
    return tuple(ActedLabel(*row) for row in connection.execute(asked))


def _switched(connection: Connection, since: datetime) -> tuple[Switched, ...]:
    asked = select(events.c.at, events.c.detail).where(events.c.name == ACT)
    in_order = (events.c.moment, events.c.seq)
    before = connection.execute(asked.where(events.c.at < since).order_by(*(one.desc() for one in in_order)).limit(1))
    after = connection.execute(asked.where(events.c.at >= since).order_by(*in_order))
    return tuple(Switched(row.at, **row.detail) for row in (*before, *after))
