"""Mendings that go on with their row when the source says it with other columns, and those that it spoke after.

Belongs here: which new row of the source is a mended one that came wider or narrower, which mendings no longer stand.
Does not belong here: writing mendings (replay.py), which rows are new (due_rows.py), what people wrote (mending.py).

A row is known by the hash of all that it says. A column that the source gets, or that the settings reach into a nested
one for, gives every row another hash, and what was mended would come back broken, as a later version of its ticket.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow.parquet as pq

from ticket_assets.profile import ColumnSettings
from ticket_assets.tickets.batches import CARRIED_BATCH
from ticket_assets.tickets.ledger import owned
from ticket_assets.tickets.replay import Edit, Replay, State
from ticket_assets.tickets.sources.contract import DROPPED, MENDED_FROM
from ticket_assets.tickets.statements import types_of


@dataclass(frozen=True)
class Fates:
    """What became of the mendings of a snapshot.

    Attributes:
        mended: rows that stand as they were mended.
        overruled: hashes of the source's rows whose mending, or setting aside, stands before a later row of the ticket
            that nobody mended: the source has spoken again, and its word is in force.
    """

    mended: int = 0
    overruled: tuple[str, ...] = ()


def fates(standing: pd.DataFrame, columns: ColumnSettings) -> Fates:
    """Look at the rows of `replay.standing_rows`, with the columns that tell whose ticket each is."""
    if MENDED_FROM not in standing:
        return Fates()
    owners = pd.Series(owned(standing, columns), index=standing.index, dtype="object")
    mended = standing[MENDED_FROM].notna()
    followed = owners.notna() & owners.duplicated(keep="last")
    ends_mended = owners.map(mended[owners.notna() & ~followed].groupby(owners).last()).eq(True)
    overruled = mended & followed & ~ends_mended
    stands = mended & ~followed & standing[DROPPED].isna()
    return Fates(int(stands.sum()), tuple(standing.loc[overruled, MENDED_FROM]))


def carry(
    engine: duckdb.DuckDBPyConnection, pending: Path, target: Path, columns: ColumnSettings, now: datetime
) -> int:
    """Write the mendings of rows that a reading says anew with other columns, before the rows; return how many.

    Killed before the rows are in their place, the mendings wait for them, and are not written twice.

    Args:
        engine: of the reading (see due_rows.py), with what was `known` before.
        pending: the file with the rows to append.
        target: the batch that it will be.
        columns: that tell whose ticket a row is. A row with neither id nor text is nobody's, and no other row is it.
        now: time of the reading, UTC.
    """
    if MENDED_FROM not in types_of(engine, "known"):
        return 0
    unsaid = f"SELECT DISTINCT {MENDED_FROM} FROM known ANTI JOIN hashed ON {MENDED_FROM} = hashed._row_hash"
    roots = [row[0] for row in engine.execute(f"{unsaid} WHERE {MENDED_FROM} IS NOT NULL").fetchall()]
    if not roots:
        return 0
    telling = [one for one in (columns.id, columns.subject, columns.body) if one]
    with Replay(target.parent, pending) as replay:
        edits = _edits(replay, replay.alike(roots, target.stem, telling), _columns_in(pending, target), telling)
        if edits:
            replay.write(edits, now, CARRIED_BATCH)
    return len(edits)


def _edits(
    replay: Replay,
    pairs: Sequence[tuple[str, str]],
    columns_in: Callable[[str], frozenset[str]],
    telling: Collection[str],
) -> list[Edit]:
    """What is to stand in the place of the second rows, where the first ones were mended and they are the same."""
    states = replay.states(row for pair in pairs for row in pair)
    lies_in = replay.batch_of(row for pair in pairs for row in pair)
    found: dict[str, Edit] = {}
    taken = set[str]()
    for root, row in pairs:
        before, now = states[root], states[row]
        if row in found or root in taken or now.mendings:
            continue
        changed = {one: said for one, said in before.standing.items() if said != before.source[one]}
        if (changed or before.is_dropped) and _is_said_again(
            before, now, changed, columns_in(lies_in[root]) & columns_in(lies_in[row]) & {*replay.columns}, telling
        ):
            taken.add(root)
            found[row] = Edit(row, 0, changed, before.is_dropped, keeps_fault=False, nth=1)
    return list(found.values())


def _is_said_again(
    before: State, now: State, changed: Mapping[str, str | None], shared: Collection[str], telling: Collection[str]
) -> bool:
    """Whether a row says what a mended one said: all of it, nothing else in what was mended, the same text.

    Of a row that was set aside nobody knows what was wrong with it: a value where it had none is another row.
    """
    asked = {one for one in shared if before.is_dropped or before.source[one] is not None}
    return all(before.source[one] == now.source[one] for one in {*asked, *({*changed, *telling} & {*shared})})


def _columns_in(pending: Path, target: Path) -> Callable[[str], frozenset[str]]:
    """Name of a batch to its columns; that of the target to those of the file that will be it."""

    @cache
    def columns(batch: str) -> frozenset[str]:
        path = pending if batch == target.stem else target.with_name(f"{batch}.parquet")
        return frozenset(pq.read_schema(path).names)

    return columns
