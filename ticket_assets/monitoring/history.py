"""The history: one record per judged window, appended once, from which decisions are made.

Belongs here: putting together what was found of a window, appending it, reading the history.
Does not belong here: finding it (judging.py), deciding (decision.py), drawing (trend_plot.py).
"""

import fcntl
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine, func, select

from ticket_assets.monitoring import judged as files
from ticket_assets.monitoring.judged import Judged, judged_windows, read_judged
from ticket_assets.monitoring.verdict import WindowRecord
from ticket_assets.serving.prediction_log.tables import feedback
from ticket_assets.storage import append_record, read_records

HISTORY = "history.jsonl"
_LOCK = ".history.lock"


def read_history(monitoring: Path) -> tuple[WindowRecord, ...]:
    """All records, oldest first.

    Raises:
        RecordError: a line is none.
    """
    return tuple(WindowRecord.from_dict(one) for one in read_records(monitoring / HISTORY).whole)


def append_windows(
    monitoring: Path, bundle: str, since: str, feedback_rows: int, former: Collection[str] = ()
) -> tuple[WindowRecord, ...]:
    """Append the windows of a champion that are judged and not recorded yet; return the records that were added.

    Args:
        monitoring: folders.monitoring.
        bundle: the champion.
        since: when it took its seat, ISO 8601.
        feedback_rows: corrections until now that it has not seen.
        former: ids that its bundle had before erasures.
    """
    with _alone(monitoring):
        known = {one.window for one in read_history(monitoring)}
        added = []
        for drift in judged_windows(monitoring, files.SUMMARY, bundle, since, former):
            scores = read_judged(monitoring, files.PERFORMANCE, drift.window.id)
            if drift.window.id in known or scores is None:
                continue
            added.append(record(drift, scores, feedback_rows))
            append_record(monitoring / HISTORY, added[-1].as_dict())
        return tuple(added)


def record(drift: Judged, scores: Judged, feedback_rows: int) -> WindowRecord:
    """What decisions know of a window."""
    window = drift.window
    return WindowRecord(
        window=window.id,
        number=window.number,
        bundle=window.bundle,
        version=window.version,
        since=window.first.at,
        until=window.last.at,
        rows=window.rows,
        verdicts={**drift.verdicts, **scores.verdicts},
        reasons=(*drift.reasons, *scores.reasons),
        performance=scores.told["performance"],
        by_hand=scores.told["by_hand"],
        feedback_rows=feedback_rows,
    )


def unseen_feedback(engine: Engine, since: datetime) -> int:
    """Predictions that somebody corrected, or confirmed, after the champion took its seat: it cannot have seen that."""
    asked = select(func.count(func.distinct(feedback.c.prediction_id))).where(feedback.c.at > since)
    with engine.connect() as connection:
        return int(connection.execute(asked).scalar_one())


@contextmanager
def _alone(monitoring: Path) -> Iterator[None]:
    """Two runs at a time must not both find a window missing."""
    monitoring.mkdir(parents=True, exist_ok=True)
    with (monitoring / _LOCK).open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
