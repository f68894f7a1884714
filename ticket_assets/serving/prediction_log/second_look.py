"""A second look at corrections that were set aside because nobody had made their prediction.

Belongs here: finding those whose prediction has come since, from another machine's spool, and writing them.
Does not belong here: setting aside (rows.py), when to look (drain.py).

Two machines on one database do not see each other's spools: after an outage a correction may be written first.
"""

from datetime import datetime

from sqlalchemy import Engine, select

from ticket_assets.serving.prediction_log.engine import writing
from ticket_assets.serving.prediction_log.feedback import NO_NEW_LABELS, UNKNOWN, LabelSets
from ticket_assets.serving.prediction_log.lines import Line, read_line
from ticket_assets.serving.prediction_log.records import FeedbackRecord
from ticket_assets.serving.prediction_log.rows import Written, read_records, write_records
from ticket_assets.serving.prediction_log.tables import predictions, rejected

AT_ONCE = 500


def look_again(
    engine: Engine, since: datetime, at_once: int = AT_ONCE, new_labels: LabelSets = NO_NEW_LABELS
) -> Written:
    """Write corrections that were set aside since an instant, UTC, and whose predictions are known by now.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the store is down.
    """
    done = Written()
    asked = select(rejected.c.id, rejected.c.line).where(
        rejected.c.kind == FeedbackRecord.KIND, rejected.c.reason == UNKNOWN, rejected.c.at >= since
    )
    last = ""
    while True:
        with engine.connect() as connection:
            rows = connection.execute(asked.where(rejected.c.id > last).order_by(rejected.c.id).limit(at_once)).all()
            if not rows:
                return done
            read = {row.id: _record(row.line) for row in rows}
            wanted = {one[0].prediction_id for one in read.values() if one}
            made = {*connection.execute(select(predictions.c.id).where(predictions.c.id.in_(wanted))).scalars()}
        found = {row_id: one for row_id, one in read.items() if one and one[0].prediction_id in made}
        if found:
            with writing(engine) as connection:
                connection.execute(rejected.delete().where(rejected.c.id.in_(found)))
                done += write_records(connection, sorted(found.values(), key=lambda one: one[0].moment), {}, new_labels)
        last = rows[-1].id


def _record(told: str) -> tuple[FeedbackRecord, Line] | None:
    records, _ = read_records([read_line(told.encode() + b"\n")])
    return next(((record, line) for record, line in records if isinstance(record, FeedbackRecord)), None)
