"""The snapshot column by column, for those who look at many columns and at few at a time.

Belongs here: reading one column when it is asked for.
Does not belong here: reading rows (snapshot.py).
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import duckdb
import pandas as pd

from ticket_assets.tickets.batches import batches
from ticket_assets.tickets.snapshot import read_snapshot
from ticket_assets.tickets.statements import types_of, union


@dataclass(frozen=True)
class SnapshotColumns:
    """Columns of all rows in order of ingestion; no more of them is in memory than is held outside.

    Attributes:
        folder: of the snapshot, which has rows.
    """

    folder: Path

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Their names."""
        with duckdb.connect() as engine:
            return tuple(types_of(engine, union(batches(self.folder))))

    def __getitem__(self, name: str) -> pd.Series:
        """One column."""
        return read_snapshot(self.folder, {name})[name]
