"""Who was champion when, and what is pinned: the record read beside the pointer.

Belongs here: which moves of the record were finished, reigns, the champion before, the pin in force.
Does not belong here: lines of the record (record.py), moving the champion (throne.py), words for people (history.py).

The record tells a move before it is made, the pointer is what serves. So a move counts if the pointer confirms it, or,
where lines follow, the next of them, which says who was champion when it was written. A move that neither confirms was
broken off.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path
from typing import Any

from ticket_assets.serving.record import RECORD, Event, event
from ticket_assets.serving.renamed import as_called_now, renamed
from ticket_assets.serving.store import Champion, read_champion
from ticket_assets.storage import read_records


@dataclass(frozen=True)
class Pin:
    """Nobody is promoted until then (UTC), and why."""

    until: datetime
    reason: str

    def __str__(self) -> str:
        return f"pinned until {stamp(self.until)}: {self.reason}"

    def as_dict(self) -> dict[str, str]:
        """JSON-ready."""
        return {"until": self.until.isoformat(timespec="seconds"), "reason": self.reason}


@dataclass(frozen=True)
class Reign:
    """One champion's time.

    Attributes:
        champion: version, bundle, since when.
        until: when the next one came (UTC); None for the one that serves.
        how: promoted, rolled back, or not on record: the pointer alone knows it.
        why: the reason on record.
        scores: target to score name to value, as the record has them.
    """

    champion: Champion
    until: datetime | None
    how: str
    why: str
    scores: dict[str, dict[str, float]]

    @property
    def since(self) -> datetime:
        """When it began (UTC)."""
        return datetime.fromisoformat(self.champion.since)


@dataclass(frozen=True)
class Chronicle:
    """The record of a profile beside its pointer.

    Attributes:
        lines: of the record, oldest first, with the ids that bundles have now.
        champion: of the pointer, which is the truth.
    """

    lines: tuple[dict[str, Any], ...]
    champion: Champion | None

    @classmethod
    def read(cls, records: Path, bundles: Path) -> "Chronicle":
        """From the folders of a profile's records and bundles, each bundle by the id that it has now.

        So has the pointer: an erasure renames its bundle in the ledger first, and then moves it.
        """
        names, champion = renamed(records), read_champion(bundles)
        lines = tuple(as_called_now(line, names) for line in read_records(records / RECORD).whole)
        return cls(lines, champion and replace(champion, bundle=names.get(champion.bundle, champion.bundle)))

    @property
    def reigns(self) -> tuple[Reign, ...]:
        """All champions in their order; the last one is the pointer's."""
        told = list(self._finished())
        if self.champion and (not told or told[-1].champion != self.champion):
            told.append(Reign(self.champion, None, "not on record", "the pointer alone knows it", {}))
        return tuple(replace(one, until=after.since if after else None) for one, after in zip_longest(told, told[1:]))

    @property
    def broken_off(self) -> Champion | None:
        """Whom the last line moves to, though the pointer never went there."""
        return _moves_to(self.lines[-1]) if self.lines and self.is_broken_off(len(self.lines) - 1) else None

    def is_broken_off(self, place: int) -> bool:
        """Whether a line, by its place, moves to a champion to whom the pointer never went."""
        to = _moves_to(self.lines[place])
        return to is not None and not self._confirmed(place, to)

    @property
    def before(self) -> Champion | None:
        """The champion to roll back to: the one that the present one took over from.

        A promotion goes one up, a rollback down to its target: rolled back from C to B, the next one is A, not C.
        """
        line: list[Champion] = []
        for reign in self.reigns:
            bundles = [one.bundle for one in line]
            if reign.champion.bundle in bundles:
                line = line[: bundles.index(reign.champion.bundle)]
            line.append(reign.champion)
        return line[-2] if len(line) > 1 else None

    def pin(self, now: datetime) -> Pin | None:
        """The pin in force: of the last finished rollback, if its time is not over and nobody took it off."""
        for place in reversed(range(len(self.lines))):
            line = self.lines[place]
            if event(line) is Event.UNPIN:
                return None
            to = _moves_to(line)
            if event(line) is Event.ROLLBACK and to and self._confirmed(place, to):
                given = line["pin"]
                pin = Pin(datetime.fromisoformat(given["until"]), given["reason"]) if given else None
                return pin if pin and pin.until > now else None
        return None

    def _finished(self) -> Iterator[Reign]:
        for place, line in enumerate(self.lines):
            to = _moves_to(line)
            if to and self._confirmed(place, to):
                how = "rolled back" if event(line) is Event.ROLLBACK else "promoted"
                yield Reign(to, None, how, str(line["reason"]), line.get("scores", {}))

    def _confirmed(self, place: int, to: Champion) -> bool:
        if place + 1 < len(self.lines):
            return bool(self.lines[place + 1]["champion_before"] == to.version)
        return self.champion == to


def _moves_to(line: dict[str, Any]) -> Champion | None:
    """Whom a line makes champion, if it does."""
    if event(line) is Event.ROLLBACK:
        return Champion(**line["champion"], since=line["at"])
    if event(line) is Event.DECISION and line["promoted"]:
        return Champion(**line["challenger"], since=line["at"])
    return None


def stamp(moment: datetime) -> str:
    """A moment for people."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
