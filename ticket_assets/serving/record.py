"""The record of decisions, one line per challenger: reading it.

Belongs here: its file, and what it says to somebody who finds no champion.
Does not belong here: deciding (models/promotion.py), writing a line (succession.py), files of records as such
(storage.py).
"""

from pathlib import Path

from ticket_assets.storage import Records, read_records

RECORD = "promotions.jsonl"


def decisions(folder: Path) -> Records:
    """All decisions of a profile, oldest first, from the folder of its records."""
    return read_records(folder / RECORD)


def why_no_champion(folder: Path) -> str:
    """What to tell people who find no champion: the last challenger was refused, or there was none."""
    taken = decisions(folder).whole
    if not taken:
        return "no champion yet: models/champion has judged no challenger"
    return f"no champion yet: the challenger was refused because {str(taken[-1]['reason']).removeprefix('refused: ')}"
