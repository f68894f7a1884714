"""The vector table: one LanceDB row per ticket, encoded once per text and encoder.

Belongs here: what is missing, upserts in batches, reading vectors in a given order, the nearest tickets, the version of
the content.
Does not belong here: computing a vector (encoder.py), making the table, its indices, what is kept of old versions
(vector_storage.py).
"""

import time
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa

from ticket_assets.features.encoder import Encoder
from ticket_assets.features.vector_storage import KEPT, VECTOR, open_table, tidy
from ticket_assets.storage import digest

UPSERT_ROWS = 1024
# Parts of an IVF index that a query looks into. All neighbours are found with less, but a miss is not told from none.
PROBES = 64


@dataclass(frozen=True)
class Encoding:
    """What one filling of the table did; `seconds` is the time that encoding took."""

    encoded: int
    kept: int
    removed: int
    version: str
    seconds: float = 0.0


class VectorTable:
    """Vectors of one encoder, keyed by ticket id.

    A row whose text hash is still the ticket's is kept, so a killed run goes on where it stopped.

    Args:
        folder: of the LanceDB database.
        encoder_id: names the table, so that vectors of two encoders never meet.
        dimensions: of a vector.
    """

    def __init__(self, folder: Path, encoder_id: str, dimensions: int) -> None:
        self.encoder_id = encoder_id
        self._dimensions = dimensions
        self._table: Any = open_table(folder, encoder_id, dimensions)
        self._kept_as: str | None = None

    def fill(
        self,
        ticket_ids: Sequence[str],
        text_hashes: Sequence[str],
        texts: Sequence[str],
        encoder: Encoder,
        progress: Callable[[int, int], None],
    ) -> Encoding:
        """Encode what is missing or changed, remove what is gone.

        Args:
            ticket_ids: n ids, unique.
            text_hashes: n hashes of the texts.
            texts: n cleaned texts.
            encoder: of this table's encoder id.
            progress: called with (encoded, to encode) as it goes; what was told at the end of a batch is stored.

        Raises:
            ValueError: another encoder than this table's, an id that stands twice, or a kept version.
        """
        if encoder.encoder_id != self.encoder_id:
            raise ValueError(f"this table holds vectors of {self.encoder_id}, not of {encoder.encoder_id}")
        if self._kept_as is not None:
            raise ValueError(f"these vectors are kept as {self._kept_as} was fed by them: they are to be read alone")
        known = self._known()
        wanted = dict(zip(ticket_ids, text_hashes, strict=True))
        if len(wanted) != len(ticket_ids):
            raise ValueError(f"{len(ticket_ids) - len(wanted)} of {len(ticket_ids)} ticket ids stand twice")
        stale = [row for row, (one, its) in enumerate(wanted.items()) if known.get(one) != its]
        seconds = 0.0
        for start in range(0, len(stale), UPSERT_ROWS):
            rows, begun = stale[start : start + UPSERT_ROWS], time.perf_counter()
            vectors = encoder.encode([texts[row] for row in rows], _further(progress, start, len(stale)))
            seconds += time.perf_counter() - begun
            self._upsert([ticket_ids[row] for row in rows], [text_hashes[row] for row in rows], vectors)
            progress(start + len(rows), len(stale))
        gone = [one for one in known if one not in wanted]
        for start in range(0, len(gone), UPSERT_ROWS):
            self._table.delete(f"ticket_id IN ({_listed(gone[start : start + UPSERT_ROWS])})")
        if stale or gone:
            tidy(self._table)
        version = self.version(ticket_ids, text_hashes)
        return Encoding(len(stale), len(wanted) - len(stale), len(gone), version, seconds)

    def version(self, ticket_ids: Sequence[str], text_hashes: Sequence[str]) -> str:
        """Data version: which texts, by which encoder; a vector follows from both."""
        return digest(
            [
                self.encoder_id,
                *(f"{one} {its}" for one, its in sorted(zip(ticket_ids, text_hashes, strict=True))),
            ]
        )

    def read(self, ticket_ids: Sequence[str]) -> np.ndarray:
        """Vectors float32 (n, dimensions) in the order asked for.

        Raises:
            KeyError: an id has no vector.
        """
        table = self._table.to_arrow()
        place = {one: row for row, one in enumerate(table.column("ticket_id").to_pylist())}
        missing = [one for one in ticket_ids if one not in place]
        if missing:
            raise KeyError(
                f"{len(missing)} tickets have no vector, among them {missing[0]}: materialise features/embeddings"
            )
        flat = table.column(VECTOR).combine_chunks().flatten().to_numpy(zero_copy_only=False)
        vectors = flat.reshape(-1, self._dimensions)
        return np.ascontiguousarray(vectors[[place[one] for one in ticket_ids]], dtype=np.float32)

    def similar(self, vector: np.ndarray, k: int, among: Sequence[str] | None = None) -> list[tuple[str, float]]:
        """The k tickets whose vectors point most nearly the same way, nearest first.

        Args:
            vector: float32 (dimensions,).
            k: at most so many.
            among: ids to choose from; None for all.

        Returns:
            Ticket id and cosine, float in [-1, 1].
        """
        if among is None:
            return nearest_rows(self._table, vector, k)
        return nearest_rows(self._table, vector, k, f"ticket_id IN ({_listed(among)})" if among else "false")

    def facts(self) -> dict[str, Any]:
        """What the table holds now: rows, LanceDB's version of it, indices, the names its versions are kept under."""
        return {
            "rows": self._table.count_rows(),
            "table_version": self._table.version,
            "indices": sorted(
                f"{index.index_type} on {', '.join(index.columns)}" for index in self._table.list_indices()
            ),
            "kept_versions": sorted(self.kept()),
        }

    def keep(self, name: str, like: str | None = None) -> int:
        """Keep the table as it is now under a name, such as a bundle's id; return LanceDB's version of it.

        What has the name already keeps it: a bundle that is made again was fed by the same rows.

        A branch, not a tag: clean-up refuses to run at all once a tagged version has come of age, while what a branch
        began from is spared and the rest goes.

        Args:
            name: to keep it under.
            like: keep what is kept under this name, rather than the table as it is now.

        Raises:
            KeyError: nothing is kept under the name to be like.
        """
        branches = self._table.branches
        if KEPT + name not in branches.list():
            branches.create(KEPT + name, from_version=None if like is None else self._version_kept(like))
        return self._version_kept(name)

    def kept(self) -> tuple[str, ...]:
        """Names under which versions are kept."""
        return tuple(one.removeprefix(KEPT) for one in self._table.branches.list() if one.startswith(KEPT))

    def forget(self, name: str) -> None:
        """Let go of a kept version; the next clean-up frees its space. KeyError where none is kept by that name."""
        self._version_kept(name)
        self._table.branches.delete(KEPT + name)

    def as_of(self, name: str) -> Self:
        """The table as it was kept under a name, to be read. KeyError where none is kept by that name."""
        version, then = self._version_kept(name), copy(self)
        then._table = self._table.branches.checkout(KEPT + name, version)
        then._kept_as = name
        return then

    def _version_kept(self, name: str) -> int:
        if name not in self.kept():
            raise KeyError(f"no version is kept as {name!r}; there are {', '.join(sorted(self.kept())) or 'none'}")
        return int(self._table.branches.list()[KEPT + name]["parent_version"])

    def _known(self) -> dict[str, str]:
        columns = self._table.search().select(["ticket_id", "text_hash"]).limit(None).to_arrow()
        return dict(zip(columns["ticket_id"].to_pylist(), columns["text_hash"].to_pylist(), strict=True))

    def _upsert(self, ids: Sequence[str], hashes: Sequence[str], vectors: np.ndarray) -> None:
        rows = pa.table(
            {"ticket_id": list(ids), "text_hash": list(hashes), VECTOR: _fixed(vectors)},
            schema=self._table.schema,
        )
        self._table.merge_insert("ticket_id").when_matched_update_all().when_not_matched_insert_all().execute(rows)


def nearest_rows(table: Any, vector: np.ndarray, k: int, where: str | None = None) -> list[tuple[str, float]]:
    """Ids and cosines of the k rows of a LanceDB table that are nearest to a vector float32 (dimensions,)."""
    query = table.search(vector, vector_column_name=VECTOR).distance_type("cosine").nprobes(PROBES).limit(k)
    if where is not None:
        query = query.where(where, prefilter=True)
    found = query.select(["ticket_id", "_distance"]).to_arrow()
    cosines = (1 - one for one in found["_distance"].to_pylist())
    return list(zip(found["ticket_id"].to_pylist(), cosines, strict=True))


def _further(progress: Callable[[int, int], None], start: int, total: int) -> Callable[[int], None]:
    """Counts within a batch as counts of the whole."""
    return lambda done: progress(start + done, total)


def _listed(ids: Sequence[str]) -> str:
    return ", ".join("'" + one.replace("'", "''") + "'" for one in ids)


def _fixed(vectors: np.ndarray) -> Any:
    return pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1), pa.float32()), vectors.shape[1])
