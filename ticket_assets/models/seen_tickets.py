"""Which tickets models may have been trained on already, and which are held out since they arrived: names, by split.

Belongs here: both lists, keeping them, erasing from them.
Does not belong here: which side a ticket goes to (split.py), who was trained on in one version (trained_rows.py).

A ticket that was once on the training side is never held out later: a champion may know it. One that was once held out
as recent is never trained on: a score on it would be no promise any more. Neither follows from the tickets of today
alone, since families grow and merge; so it is written down.
"""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from ticket_assets.models.neighbours import row_names
from ticket_assets.storage import write_text

FILE = "seen.json"


@dataclass(frozen=True)
class SeenTickets:
    """Names (`row_names`) of tickets.

    Attributes:
        others: those that were there when the hold-out was frozen, and those that came since and were not held out.
        recent: those that came since and were held out.
    """

    others: frozenset[str] = frozenset()
    recent: frozenset[str] = frozenset()

    @classmethod
    def load(cls, folder: Path) -> "SeenTickets | None":
        """Of a folder; None where no split was made yet by a version that keeps them: all tickets are old ones then."""
        path = folder / FILE
        if not path.exists():
            return None
        raw = json.loads(path.read_text(encoding="ascii"))
        return cls(frozenset(raw["others"]), frozenset(raw["recent"]))

    def save(self, folder: Path) -> None:
        """Write both lists atomically."""
        write_text(folder / FILE, json.dumps({"others": sorted(self.others), "recent": sorted(self.recent)}))

    def and_those_of(self, split: pd.DataFrame, recent_side: str) -> "SeenTickets":
        """With the tickets of a split; one that was held out stays among these, whatever its side is now."""
        names = pd.Series(names_of(split["ticket_id"]), index=split.index, dtype="object")
        recent = self.recent | {*names[split["side"] == recent_side]}
        return SeenTickets(self.others | ({*names} - recent), recent)

    def without(self, ticket_ids: Collection[str]) -> "SeenTickets":
        """Without some tickets."""
        gone = {*names_of(ticket_ids)}
        return replace(self, others=self.others - gone, recent=self.recent - gone)


def names_of(ticket_ids: Iterable[str]) -> list[str]:
    """The name of each ticket."""
    return [one.decode() for one in row_names(ticket_ids).tolist()]


def erase_seen(folder: Path, ticket_ids: Collection[str]) -> int:
    """Take tickets out of the lists of a folder; return how many went."""
    seen = SeenTickets.load(folder)
    if seen is None:
        return 0
    left = seen.without(ticket_ids)
    if left != seen:
        left.save(folder)
    return len(seen.others) + len(seen.recent) - len(left.others) - len(left.recent)
