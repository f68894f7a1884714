"""What a retraining is decided from.

Belongs here: the frozen forms of it.
Does not belong here: gathering it (automation/evidence.py), deciding (decision.py), what a window is (verdict.py).
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ticket_assets.monitoring.verdict import WindowRecord


class State(StrEnum):
    """Of a retraining."""

    AT_WORK = "at work"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"  # by hand


@dataclass(frozen=True)
class Retraining:
    """A run of job `retrain`.

    Attributes:
        run: its Dagster id.
        events: what caused it: ids of windows, `feedback-…`, `stale-…`, `order-…`.
        state: how it stands.
        began: when it was asked for (UTC).
        ended: None while it is at work.
    """

    run: str
    events: tuple[str, ...]
    state: State
    began: datetime
    ended: datetime | None = None


@dataclass(frozen=True)
class Order:
    """A retraining that somebody asked for.

    Attributes:
        id: of the order.
        reason: in the words of whoever gave it.
        at: when (UTC).
    """

    id: str
    reason: str
    at: datetime


@dataclass(frozen=True)
class Champion:
    """Who is in the seat: bundle, registry version, since when (UTC)."""

    bundle: str
    version: int
    since: datetime


@dataclass(frozen=True)
class Evidence:
    """All that counts at one moment.

    Attributes:
        now: the moment (UTC).
        champion: None while nobody was promoted.
        windows: of any champion, in any order; those of others are passed over.
        feedback_rows: corrections in `tickets/clean` that the champion has not seen.
        fresh_rows: labelled tickets there that it has not seen, corrections included; None where nothing tells.
        recent_families: families on which a challenger of now could be judged and that the champion has not seen, of
            the target with most of them; None where nothing tells.
        orders: that are not known to be carried out.
        retrainings: all that are remembered, in any order.
        decided_at: when a challenger was judged last, whoever had it made.
        pinned_until: end of the pin of a rollback, None without one.
        in_shadow: version of the challenger that live tickets are asked about, None without one.
        at_work: other runs that make models now.
        behind: data that is not made from the latest of what stands before it.
    """

    now: datetime
    champion: Champion | None
    windows: tuple[WindowRecord, ...] = ()
    feedback_rows: int = 0
    fresh_rows: int | None = None
    recent_families: int | None = None
    orders: tuple[Order, ...] = ()
    retrainings: tuple[Retraining, ...] = ()
    decided_at: datetime | None = None
    pinned_until: datetime | None = None
    in_shadow: int | None = None
    at_work: tuple[str, ...] = ()
    behind: tuple[str, ...] = ()
