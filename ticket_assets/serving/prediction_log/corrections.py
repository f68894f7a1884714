"""What training reads of the log: every correction with what was answered, to which ticket, and by whom it was given.

Belongs here: reading them all, superseded ones included, and the fingerprint that tells when there is something new.
Does not belong here: which of them hold and what becomes of them (tickets/feedback.py), taking them in (feedback.py).

A correction leaves with its prediction: what the log's retention deletes, or an erasure, leaves training too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, func, select

from ticket_assets.serving.prediction_log.tables import feedback, prediction_targets, predictions

NOTHING = "none"
"""The fingerprint of a log without corrections."""


@dataclass(frozen=True)
class Correction:
    """One target of one correction.

    Attributes:
        correction_id: of the correction, which may name several targets.
        prediction_id: of the answer.
        target: that was corrected.
        label: that is right.
        predicted: label that was answered; None where the answer had no such target.
        at: when it came, UTC.
        moment: its place among other corrections of the answer (clock.py).
        key: name of the API key it came with.
        reviewer: who corrected, as the sender says.
        bundle: that answered.
        model_version: of the registry, as text.
        predicted_at: when it was answered, UTC.
        transport: how it was asked for; "score" is no live traffic.
        ticket_id: of the desk, if it was told.
        subject: as the log keeps it: masked, plain, or nothing.
        body: likewise.
        context: columns beside the text.
    """

    correction_id: str
    prediction_id: str
    target: str
    label: str
    predicted: str | None
    at: datetime
    moment: int
    key: str | None
    reviewer: str | None
    bundle: str
    model_version: str | None
    predicted_at: datetime
    transport: str
    ticket_id: str | None
    subject: str
    body: str
    context: Mapping[str, str | None]


def corrections_in(engine: Engine) -> list[Correction]:
    """All corrections of answers that the log has, in the order in which they hold: the last of a target holds.

    One whose answer still waits in a journal comes with the next reading.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the store is down.
    """
    given, answered, answers = feedback.c, predictions.c, prediction_targets.c
    joined = feedback.join(predictions, answered.id == given.prediction_id).outerjoin(
        prediction_targets, (answers.prediction_id == given.prediction_id) & (answers.target == given.target)
    )
    asked = select(
        given.id.label("correction_id"),
        *(given.prediction_id, given.target, given.label, answers.label.label("predicted")),
        *(given.at, given.moment, given.key, given.reviewer, answered.bundle, answered.model_version),
        answered.at.label("predicted_at"),
        *(answered.transport, answered.ticket_id, answered.subject, answered.body, answered.context),
    ).select_from(joined)
    with engine.connect() as connection:
        rows = connection.execute(asked.order_by(given.prediction_id, given.target, given.moment, given.seq))
        return [Correction(**row._mapping) for row in rows]


def fingerprint(engine: Engine) -> str:
    """Another text whenever `corrections_in` reads something else; cheap enough to ask before each run.

    Corrections are only ever added, each with a larger number, or deleted with their answer.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the store is down.
    """
    joined = feedback.join(predictions, predictions.c.id == feedback.c.prediction_id)
    asked = select(func.count(), func.max(feedback.c.seq), func.sum(feedback.c.seq)).select_from(joined)
    with engine.connect() as connection:
        count, last, total = connection.execute(asked).one()
    return f"{count}-{last}-{total}" if count else NOTHING
