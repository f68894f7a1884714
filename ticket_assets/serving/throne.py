"""The throne: alias, pointer and record of one profile, moved together by one process at a time.

Belongs here: the order of a move, the lock around it, mending what a killed process left half done.
Does not belong here: who moves (succession.py, rollback.py), reading the record (chronicle.py), the pointer (store.py).

The order is record, alias, pointer. The pointer is what serves and so the truth: a process that dies between any two of
them leaves the old champion serving; whoever comes next puts the alias back and records that the move was broken off.
"""

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ticket_assets.models.registry import Registry
from ticket_assets.profile import PromotionSettings
from ticket_assets.serving.chronicle import Chronicle
from ticket_assets.serving.record import RECORD, Event
from ticket_assets.serving.store import Champion, write_champion
from ticket_assets.storage import append_record
from ticket_assets.tickets.taxonomy import Taxonomy

LOCK = ".throne.lock"


class ThroneError(RuntimeError):
    """The champion was changed by somebody else meanwhile."""


@dataclass(frozen=True)
class Court:
    """Where a succession takes place: bundle store, encoders, records, registry, rules, who was trained on, how labels
    changed.
    """

    bundles: Path
    encoders: Path
    records: Path
    registry: Registry
    rules: PromotionSettings
    seed: int
    threads: int
    trained: Path
    taxonomies: Mapping[str, Taxonomy] = field(default_factory=dict)


@contextmanager
def throne(court: Court) -> Iterator[Chronicle]:
    """Alone with the throne, mended; yields how things stand."""
    court.records.mkdir(parents=True, exist_ok=True)
    with (court.records / LOCK).open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        _mend(court)
        yield Chronicle.read(court.records, court.bundles)


def require_unmoved(standing: Chronicle, before: Champion | None) -> None:
    """Refuse to move a champion other than the one that was looked at.

    Raises:
        ThroneError: naming both.
    """
    if standing.champion != before:
        was, now = (f"v{one.version}" if one else "nobody" for one in (before, standing.champion))
        raise ThroneError(f"the champion was {was} and is {now} now: somebody else moved it; do it again")


def record(court: Court, standing: Chronicle, event: Event, at: datetime, **told: Any) -> dict[str, Any]:
    """Append a line to the record; return it."""
    before = standing.champion.version if standing.champion else None
    line = {"event": event.value, "at": instant(at), "champion_before": before, **told}
    append_record(court.records / RECORD, line)
    return line


def seat(court: Court, champion: Champion) -> None:
    """Move alias and pointer, after the record and in this order."""
    court.registry.crown(champion.version)
    write_champion(court.bundles, champion)


def instant(moment: datetime) -> str:
    """As records and pointer write it: ISO 8601, UTC, seconds."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def _mend(court: Court) -> None:
    standing = Chronicle.read(court.records, court.bundles)
    unfinished, champion = standing.broken_off, standing.champion
    if unfinished is None:
        return
    if champion and court.registry.bundle_of(champion.version) is not None:
        court.registry.crown(champion.version)
    else:
        court.registry.uncrown()
    who = f"v{champion.version} serves on" if champion else "nobody is champion"
    reason = f"the move to v{unfinished.version} was broken off before the pointer moved: {who}"
    record(court, standing, Event.BROKEN_OFF, datetime.now(UTC), reason=reason)
