"""Quarantined rows that come back from people: checked line by line, and replayed into the snapshot.

Belongs here: what an edited table says of each row, what is wrong with it, what becomes of rows left as they were.
Does not belong here: the table as a file (spreadsheet.py), writing rows and where they stand (replay.py), why a row is
in quarantine (curation.py, quarantine.py).
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ticket_assets.profile import ColumnSettings
from ticket_assets.tickets.carried_mendings import fates
from ticket_assets.tickets.replay import Edit, Replay, State, standing_rows
from ticket_assets.tickets.snapshot import read_snapshot
from ticket_assets.tickets.sources.contract import ACTION, OUR_COLUMNS, ROW
from ticket_assets.tickets.spreadsheet import EditedRow, read_table, safe_cell, said_by

DROP, KEEP = "drop", "keep"
ACTIONS = ("", DROP, KEEP)
_MOST_TOLD = 20


class MendingError(ValueError):
    """The edited table cannot be replayed; the message has a line for each thing that is wrong."""


@dataclass(frozen=True)
class Mending:
    """What became of the rows of an edited table.

    Attributes:
        mended: rows that now say something else.
        dropped: rows set aside on purpose.
        kept: dropped rows taken back as they were.
        left: rows that say what they said.
        columns: column to how many rows changed it: a spreadsheet that rewrites dates or ids shows here.
        overruled: of the changed rows, those after which the source has said another row of the ticket; it is in force.
    """

    mended: int
    dropped: int
    kept: int
    left: int
    columns: dict[str, int]
    overruled: int = 0


def mend(
    path: Path, folder: Path, columns: ColumnSettings, quarantined: Collection[str], now: datetime | None = None
) -> Mending:
    """Replay the rows of an edited table that differ from what they were.

    The same table a second time changes nothing. A row that is not in the table, or says what the source or its last
    mending says, is left as it is. Nothing is written where anything is wrong.

    Args:
        path: of the table, as `quarantine` wrote it and people edited it.
        folder: of the snapshot.
        columns: that tell whose ticket a row is.
        quarantined: hashes of the source's rows in quarantine; those mended earlier may be mended again.
        now: time of the mending, UTC; the clock when None.

    Raises:
        MendingError: naming line, field, value and fix of each thing that is wrong.
        SourceError: the table cannot be read.
    """
    table = read_table(path)
    with Replay(folder) as replay:
        names = _columns(table, path.name, list(replay.columns))
        states = replay.states(row.cells[ROW] or "" for row in table)
        wrong = _wrong_rows(table, states, quarantined)
        edits = [] if wrong else [edit for row in table if (edit := _edit(row, names, states[row.cells[ROW] or ""]))]
        wrong += [
            (line, f"{column} is {kind}, and its new value is none: mend the value")
            for line, column, kind in replay.misfits(edits)
        ]
        if wrong:
            raise MendingError("\n".join(_told(path.name, sorted(wrong))))
        if edits:
            replay.write(edits, now or datetime.now(UTC))
    told = {one for one in (columns.id, columns.subject, columns.body) if one}
    overruled = {*fates(standing_rows(read_snapshot(folder, told)), columns).overruled} if edits else set[str]()
    return _counted(table, edits, len(overruled & {edit.row for edit in edits}))


def _columns(table: Sequence[EditedRow], file: str, columns: Sequence[str]) -> dict[str, str]:
    """Column of the table to column of the source."""
    if not table:
        raise MendingError(f"{file} holds no row: give the table that `quarantine` wrote, with the rows to mend")
    present = list(table[0].cells)
    if ROW not in present:
        raise MendingError(f"{file} has no column {ROW}, which tells the rows: leave it as `quarantine` wrote it")
    known = {name.strip(): name for name in columns}
    strange = [name for name in present if name not in OUR_COLUMNS and name.strip() not in known]
    if strange:
        raise MendingError(f"{file}: column {strange[0]!r} is none of the source's ({', '.join(columns)}): take it out")
    return {name: known[name.strip()] for name in present if name not in OUR_COLUMNS}


def _wrong_rows(
    table: Sequence[EditedRow], states: Mapping[str, State], quarantined: Collection[str]
) -> list[tuple[int, str]]:
    known, first, wrong = set(quarantined), dict[str, int](), []
    for row in table:
        named, action = row.cells[ROW], row.cells.get(ACTION) or ""
        if named is None:
            wrong.append((row.line, f"{ROW} is empty: give each line the one that `quarantine` wrote"))
        elif named in first:
            wrong.append((row.line, f"{ROW} = {named!r} stands on line {first[named]} too: keep one of them"))
        elif named not in states or not (named in known or states[named].is_mended):
            wrong.append((row.line, f"{ROW} = {named!r} is not in the quarantine: take the line out"))
        if named is not None:
            first.setdefault(named, row.line)
        if action.strip().lower() not in ACTIONS:
            wrong.append((row.line, f"{ACTION} = {action!r}: leave it empty, or write {DROP} or {KEEP}"))
    return wrong


def _edit(row: EditedRow, names: Mapping[str, str], state: State) -> Edit | None:
    """What a line asks for; None where it asks for nothing new."""
    action = (row.cells.get(ACTION) or "").strip().lower()
    changed = _changes(row, names, state.standing)
    if not _changes(row, names, state.source):
        changed = {}  # left as it was written out, whatever others mended since
    if action == DROP:
        is_new = bool(changed) or not state.is_dropped
    else:
        is_new = bool(changed) or (action == KEEP and state.is_dropped)
    if not is_new:
        return None
    return Edit(
        row=row.cells[ROW] or "",
        line=row.line,
        changed=changed,
        is_dropped=action == DROP,
        keeps_fault=not changed,
        nth=state.mendings + 1,
    )


def _changes(row: EditedRow, names: Mapping[str, str], before: Mapping[str, str | None]) -> dict[str, str | None]:
    """Columns whose cell is another than the one that was written out, with what it says."""
    return {
        column: said_by(row.cells[name])
        for name, column in names.items()
        if _as_compared(row.cells[name]) != _as_compared(safe_cell(before[column]))
    }


def _as_compared(cell: str | None) -> str:
    """A cell without what programs change in it: the kind of its line breaks, blanks around it."""
    return (cell or "").replace("\r\n", "\n").replace("\r", "\n").strip()


def _told(file: str, wrong: Sequence[tuple[int, str]]) -> list[str]:
    lines = [f"{file}, line {line}: {what}" for line, what in wrong[:_MOST_TOLD]]
    return [*lines, f"and {len(wrong) - _MOST_TOLD} more"] if len(wrong) > _MOST_TOLD else lines


def _counted(table: Sequence[EditedRow], edits: Sequence[Edit], overruled: int) -> Mending:
    dropped = sum(edit.is_dropped for edit in edits)
    kept = sum(not edit.is_dropped and not edit.changed for edit in edits)
    columns = Counter(column for edit in edits for column in edit.changed)
    return Mending(len(edits) - dropped - kept, dropped, kept, len(table) - len(edits), dict(columns), overruled)
