"""Quarantined rows as people see them: why each is there, a sample without personal data, a table to mend.

Belongs here: words and columns of that.
Does not belong here: which rows are quarantined (curation.py), the table as a file (spreadsheet.py), what comes back
from people (mending.py).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ticket_assets.profile import ColumnSettings, TargetSettings
from ticket_assets.tickets.curation import (
    DROPPED_ON_PURPOSE,
    EMPTY_TEXT,
    REASONS,
    SOURCE_REASON,
    UNDECIDED_SPLIT,
    UNREADABLE,
)
from ticket_assets.tickets.identity import strings, texts
from ticket_assets.tickets.masking import KINDS, mask
from ticket_assets.tickets.replay import Replay
from ticket_assets.tickets.sources.contract import (
    ACTION,
    FAULT,
    FILE,
    LINE,
    MENDED_FROM,
    REASON,
    ROW,
    TEXT,
    WHY,
    SourceError,
)
from ticket_assets.tickets.spreadsheet import SUFFIXES, read_table, said_by, write_table

SAMPLED = 3
_SHOWN = 160  # characters of a sampled row


@dataclass(frozen=True)
class Written:
    """A table for people: its rows, and those left out because they were mended since the last run."""

    rows: int
    mended_since: int


def row_ids(quarantine: pd.DataFrame) -> list[str]:
    """What to call each quarantined row: the hash of the source's row, however often it was mended."""
    own = quarantine["_row_hash"].astype(str)
    if MENDED_FROM not in quarantine:
        return list(own)
    return [root or hashed for root, hashed in zip(texts(quarantine[MENDED_FROM]), own, strict=True)]


def count_reasons(quarantine: pd.DataFrame) -> dict[str, int]:
    """Rows per reason, reasons without a row included."""
    found = quarantine["reason"].value_counts()
    return {reason: int(found.get(reason, 0)) for reason in sorted(REASONS)}


def whys(quarantine: pd.DataFrame, targets: Mapping[str, TargetSettings]) -> list[str]:
    """Per row what is wrong with it, with the values that are."""
    faults = strings(quarantine, FAULT)
    named = {
        target.column: SOURCE_REASON if target.column == "reason" else target.column for target in targets.values()
    }
    given = {column: strings(quarantine, place) for column, place in named.items()}
    told = []
    for at, reason in enumerate(quarantine["reason"]):
        if reason == UNREADABLE:
            told.append(faults[at])
        elif reason in (DROPPED_ON_PURPOSE, EMPTY_TEXT):
            told.append(REASONS[reason])
        else:
            labels = [_label(column, values[at], reason) for column, values in given.items()]
            told.append("; ".join(labels))
    return told


def _label(column: str, value: str, reason: str) -> str:
    if not value:
        return f"{column} is empty"
    return f"{column} = {value!r} " + ("was split" if reason == UNDECIDED_SPLIT else "is no known label")


def sample_rows(
    quarantine: pd.DataFrame, columns: ColumnSettings, targets: Mapping[str, TargetSettings], most: int = SAMPLED
) -> list[dict[str, Any]]:
    """The first rows of each reason, for a page that many see: every kind of personal data that is found is masked.

    Names are found only behind a greeting or above a sign-off, and postal addresses not at all.
    """
    first = quarantine.groupby("reason", sort=True).head(most).sort_values("reason", kind="stable")
    said = zip(*(strings(first, columns.subject), strings(first, columns.body), strings(first, TEXT)), strict=True)
    places = zip(strings(first, FILE), strings(first, LINE), strict=True)
    return [
        {
            "row": row,
            "reason": reason,
            "why": _masked(why),
            "where": ", line ".join(filter(None, place)),
            "says": _masked(" | ".join(filter(None, parts))),
        }
        for row, reason, why, place, parts in zip(
            row_ids(first), first["reason"], whys(first, targets), places, said, strict=True
        )
    ]


def write_quarantine(
    path: Path, quarantine: pd.DataFrame, folder: Path, targets: Mapping[str, TargetSettings]
) -> Written:
    """Write the rows as they stand in the snapshot, one line each, as CSV or Parquet by the path's ending.

    Args:
        path: of the table.
        quarantine: content of `tickets/quarantine`.
        folder: of the snapshot.
        targets: whose labels tell why a row is there.

    Raises:
        SourceError: the path ends in neither.
    """
    ids = row_ids(quarantine)
    with Replay(folder) as replay:
        states = replay.states(ids)
        columns = list(replay.columns)
    seen = set(quarantine["_row_hash"].astype(str))
    open_rows = [at for at, row in enumerate(ids) if states[row].latest in seen]
    told = whys(quarantine, targets)
    extra = {name: strings(quarantine, name) for name in (FILE, LINE, TEXT)}

    def lines() -> Iterator[Sequence[str | None]]:
        for at in open_rows:
            values = states[ids[at]].standing
            ours = (ids[at], None, quarantine["reason"].iloc[at], told[at], extra[FILE][at], extra[LINE][at])
            yield [*ours, *(values[column] for column in columns), extra[TEXT][at]]

    write_table(path, [ROW, ACTION, REASON, WHY, FILE, LINE, *columns, TEXT], lines())
    return Written(len(open_rows), len(ids) - len(open_rows))


def _masked(text: str, kinds: Collection[str] = KINDS) -> str:
    masked = as_shown(text, kinds)
    return masked if len(masked) <= _SHOWN else masked[: _SHOWN - 1] + "…"


def as_shown(text: str, kinds: Collection[str] = KINDS) -> str:
    """A text in one line and masked, as samples show it; they cut it too."""
    # Blanks collapsed first, as masking reads them; cut last, or half an address would look like none.
    return mask("\n".join(" ".join(line.split()) for line in text.splitlines()), kinds).replace("\n", " ")


def erase_from_exports(folder: Path, rows: Collection[str]) -> int:
    """Rewrite the tables for people in a folder without these rows, edited since or not; return how many went.

    One that cannot be read any more stays as it is: whoever proves that the rows are erased finds what it says of them.
    """
    went = 0
    for path in sorted(one for ending in SUFFIXES for one in folder.glob(f"*{ending}")):
        try:
            table = read_table(path)
        except SourceError:
            continue
        left = [row for row in table if row.cells.get(ROW) not in rows]
        if len(left) < len(table):
            names = list(table[0].cells)
            write_table(path, names, [[said_by(row.cells[name]) for name in names] for row in left])
            went += len(table) - len(left)
    return went
