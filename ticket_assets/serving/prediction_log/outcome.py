"""What the log tells the service: whether a record is kept, and how things stand.

Belongs here: the answers of log.py.
Does not belong here: what is kept (records.py), how it comes about.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True)
class Logged:
    """An answer that is kept: its id may be told, corrections will find it."""

    id: str
    at: datetime


@dataclass(frozen=True)
class NotLogged:
    """An answer that is not kept: it is given without an id, and the log counted it."""

    reason: str


@dataclass(frozen=True)
class Accepted:
    """A correction that is kept.

    Attributes:
        id: of it; the same where the sender gave it the same name.
        seen: whether its prediction was found, and its labels are that model's; else that is found out in writing.
    """

    id: str
    seen: bool


@dataclass(frozen=True)
class LogState:
    """How things stand with the log of this process.

    Attributes:
        status: down: the store does not answer, records wait in the spool; degraded: the last record could not be kept,
            or the last try to write failed, hangs, or found records gone.
        down_since: time of day.
        backlog_records: of this process that the store does not have.
        backlog_bytes: in the spool, of all processes.
        written: records that this process wrote to the store.
        duplicates_skipped: that were there already, corrections that said nothing new, shadow answers of erased ones.
        rejected: that no table took; they are in the table `rejected`, with the reason.
        not_logged: answers given without an id, and corrections refused, as they could not be kept.
        adopted: records of dead processes among those written.
        lost: records whose journal somebody else removed or shortened.
        last_error: of store or spool, without credentials.
    """

    status: Literal["up", "degraded", "down"]
    down_since: datetime | None
    backlog_records: int
    backlog_bytes: int
    written: int
    duplicates_skipped: int
    rejected: int
    not_logged: int
    adopted: int
    lost: int
    last_error: str | None
