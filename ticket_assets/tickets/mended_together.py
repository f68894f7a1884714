"""Mended rows and the rows that they replace: who goes, goes with both.

Belongs here: which rows of the snapshot tell of one row of the source, and as whose ticket it stands.
Does not belong here: choosing and erasing rows (erasure.py), mending them (mending.py, replay.py).

A row that nobody could read has no ticket, and one whose id was mended has another's. Their text is still of the person
whose ticket the mended row is.
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from ticket_assets.profile import ColumnSettings
from ticket_assets.tickets.batches import mended_batches
from ticket_assets.tickets.ledger import owned, telling
from ticket_assets.tickets.sources.contract import MENDED_FROM
from ticket_assets.tickets.statements import identifier, types_of, union

_ROW = "_row_hash"


@dataclass(frozen=True)
class Mendings:
    """All mendings of a snapshot.

    Attributes:
        rows: in the order in which they were made; row hash, row hash of the source's row, id of its ticket or None.
    """

    rows: tuple[tuple[str, str, Any], ...] = ()

    @classmethod
    def read(cls, folder: Path, columns: ColumnSettings) -> "Mendings":
        """From the folder of the snapshot."""
        found = mended_batches(folder)
        if not found:
            return cls()
        with duckdb.connect() as engine:
            chosen = [_ROW, MENDED_FROM, *telling(columns, types_of(engine, union(found)))]
            listed = ", ".join(map(identifier, chosen))
            said = engine.sql(f"SELECT {listed} FROM {union(found)} ORDER BY _ingested_at, _position")
            rows: pd.DataFrame = said.to_arrow_table().to_pandas(integer_object_nulls=True)
        return cls(tuple(zip(rows[_ROW], rows[MENDED_FROM], owned(rows, columns), strict=True)))

    def tickets_of(self, rows: Collection[str]) -> set[Any]:
        """As whose tickets rows stand now, by their hashes; an earlier mending may have named a stranger's."""
        standing = {root: ticket for _, root, ticket in self.rows}
        roots = {root for row, root, _ in self.rows if row in rows or root in rows}
        return {standing[root] for root in roots} - {None}

    def together(self, tickets: Collection[Any], rows: Collection[str]) -> frozenset[str]:
        """Hashes of the rows, of those that mendings of them or of the tickets replace, and of all their mendings."""
        roots = {root for row, root, ticket in self.rows if ticket in tickets or row in rows or root in rows}
        return frozenset({*rows, *roots, *(row for row, root, _ in self.rows if root in roots)})
