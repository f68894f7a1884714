"""The record of decisions and rollbacks, one line each: what kinds of line there are, reading the decisions.

Belongs here: its file, and what it says to somebody who finds no champion.
Does not belong here: deciding (models/promotion.py), writing a line (succession.py, rollback.py), who was champion when
(chronicle.py), files of records as such (storage.py).
"""

from enum import StrEnum
from pathlib import Path
from typing import Any

from ticket_assets.storage import Records, read_records

RECORD = "promotions.jsonl"


class Event(StrEnum):
    """What a line tells. Every line has `at` (ISO 8601, UTC) and `champion_before` (version or null)."""

    DECISION = "decision"  # a challenger was judged: promoted or refused
    SHADOW = "shadow"  # a challenger was judged and passed; live tickets are asked before it may be champion
    ROLLBACK = "rollback"  # the champion was moved back by hand, with its pin
    UNPIN = "unpin"  # a pin was taken off before its time
    BROKEN_OFF = "broken_off"  # a move was recorded, and its process died before the pointer moved


def event(line: dict[str, Any]) -> Event:
    """The kind of a line; those without one are of a time that had decisions alone."""
    return Event(line.get("event", Event.DECISION))


def decisions(folder: Path) -> Records:
    """All decisions of a profile, oldest first, from the folder of its records."""
    read = read_records(folder / RECORD)
    return Records(tuple(line for line in read.whole if event(line) is Event.DECISION), read.torn)


def why_no_champion(folder: Path) -> str:
    """What to tell people who find no champion: the last challenger was refused, or there was none."""
    taken = decisions(folder).whole
    if not taken:
        return "no champion yet: models/champion has judged no challenger"
    return f"no champion yet: the challenger was refused because {str(taken[-1]['reason']).removeprefix('refused: ')}"
