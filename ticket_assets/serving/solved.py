"""Solved tickets in LanceDB: the nearest of all that the line has encoded, those after the training among them.

Belongs here: reading the table of an encoder, and the labels in `tickets/clean`, both as they are at that moment.
Does not belong here: when it is asked (endpoint/similar.py), writing either (features/vectors.py, the assets).

Loads lancedb and pyarrow, which nothing else does that answers requests: imported where the settings name one.
Nothing is kept of either file between two questions, so what is erased from one of them is found no more.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ticket_assets.features.vector_storage import open_to_read
from ticket_assets.features.vectors import nearest_rows
from ticket_assets.serving.relatives import SimilarTicket
from ticket_assets.tickets.schema import LABEL_PREFIX

# Some of the nearest have no label yet: so many times more are looked at until there are enough.
FURTHER = 4


class UnfitTableError(RuntimeError):
    """The table, or the labels, are not for this model; the message says what they are for."""


class SolvedTickets:
    """The table of one encoder, and the labels.

    Args:
        table: LanceDB's.
        clean: Parquet of `tickets/clean`.
        targets: whose labels are told.
    """

    def __init__(self, table: Any, clean: Path, targets: Sequence[str]) -> None:
        self._table, self._clean = table, clean
        self._columns = {target: LABEL_PREFIX + target for target in targets}

    @classmethod
    def open(cls, folder: Path, clean: Path, encoder_id: str, targets: Sequence[str]) -> "SolvedTickets":
        """Open the table of an encoder.

        Args:
            folder: of the LanceDB database.
            clean: Parquet of `tickets/clean`.
            encoder_id: of the bundle.
            targets: of the bundle.

        Raises:
            UnfitTableError: it has vectors of another encoder; or there are no labels of the targets.
        """
        try:
            table = open_to_read(folder, encoder_id)
        except FileNotFoundError as error:
            raise UnfitTableError(f"the model asks {encoder_id}, and {error}") from error
        try:
            named = pq.read_schema(clean).names
        except (OSError, pa.ArrowException) as error:
            raise UnfitTableError(f"{clean} cannot be read: {error}") from error
        known = [target for target in targets if LABEL_PREFIX + target in named]
        if not known:
            raise UnfitTableError(f"{clean} has no labels of {', '.join(targets)}, but the columns {', '.join(named)}")
        return cls(table, clean, known)

    def nearest(self, vector: np.ndarray, limit: int) -> list[SimilarTicket]:
        """The solved tickets nearest to a vector float32 (d,), nearest first; one without a label is not solved."""
        wanted = 2 * limit
        while True:
            found = nearest_rows(self._table, vector, wanted)
            labels = self._labels([one for one, _ in found])
            told = [SimilarTicket(one, cosine, labels[one]) for one, cosine in found if labels.get(one)]
            if len(told) >= limit or len(found) < wanted:
                return told[:limit]
            wanted *= FURTHER

    def _labels(self, ticket_ids: Sequence[str]) -> Mapping[str, dict[str, str]]:
        """Ticket id to its labels by target, of those that are clean tickets by now."""
        wanted = ("ticket_id", "in", pa.array(ticket_ids, pa.string()))
        names = ["ticket_id", *self._columns.values()]
        rows = pq.read_table(self._clean, columns=names, filters=[wanted]).to_pylist() if ticket_ids else []
        return {
            row["ticket_id"]: {target: row[name] for target, name in self._columns.items() if row[name] is not None}
            for row in rows
        }
