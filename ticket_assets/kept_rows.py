"""Results that are kept per row, so that only rows not met before cost anything.

Belongs here: what a pure function made of each row, by a digest of what it was made from; one Parquet file.
Does not belong here: which function (tickets/kept_texts.py), rows that assets hand on
(tables.py).

A kept file is never needed: where it is missing, damaged, or was made by other code or settings, everything is made
again. It holds the rows of the last filling and no others, so that what left the tickets leaves it too.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ticket_assets.storage import replacing

KEY = "_key"
_MADE_BY = b"made_by"


@dataclass(frozen=True)
class Filled:
    """One result per key.

    Attributes:
        rows: in the order of the keys, columns of the schema.
        made: rows whose result was not known before.
        before: rows whose result was.
    """

    rows: pa.Table
    made: int
    before: int


@dataclass(frozen=True)
class KeptRows:
    """A file of results.

    Attributes:
        path: of the file.
        made_by: digest of the code and the settings that its results follow from, apart from their rows.
        schema: columns of a result; large_string for texts, of which an ordinary column holds 2 GB.
    """

    path: Path
    made_by: str
    schema: pa.Schema

    def fill(self, keys: Sequence[str], make: Callable[[list[int]], Mapping[str, Sequence[Any]]]) -> Filled:
        """The result of each key; of equal keys one is made, and those that are not asked for are forgotten.

        Args:
            keys: n digests of what the results are made from.
            make: given positions of keys, their results by column.
        """
        known, wanted = self._load(), pd.Index(keys, dtype="object")
        distinct = wanted.drop_duplicates()
        before = pd.Index(known[KEY].to_pylist(), dtype="object")
        is_known = wanted.isin(before)
        missing = (~is_known & ~wanted.duplicated()).nonzero()[0].tolist()
        if missing:
            made = pa.table({KEY: [keys[one] for one in missing], **make(missing)}, schema=known.schema)
            known = pa.concat_tables([known, made])
        if missing or len(distinct) < len(before):
            held = pd.Index(known[KEY].to_pylist(), dtype="object")
            known = known.take(pa.array(held.get_indexer(distinct)))
            self._save(known)
        held = pd.Index(known[KEY].to_pylist(), dtype="object")
        rows = known.take(pa.array(held.get_indexer(wanted))).drop_columns([KEY])
        return Filled(rows, int((~is_known).sum()), int(is_known.sum()))

    @property
    def _own(self) -> pa.Schema:
        return pa.schema([pa.field(KEY, pa.string()), *self.schema], metadata={_MADE_BY: self.made_by})

    def _load(self) -> pa.Table:
        try:
            # Every page has a checksum, or a flipped bit would be another text.
            kept = pq.read_table(self.path, page_checksum_verification=True)
        except (OSError, pa.ArrowException):  # missing or damaged
            return self._own.empty_table()
        return kept if kept.schema.equals(self._own, check_metadata=True) else self._own.empty_table()

    def _save(self, rows: pa.Table) -> None:
        with replacing(self.path) as temporary:
            pq.write_table(rows, temporary, compression="zstd", write_page_checksum=True)
