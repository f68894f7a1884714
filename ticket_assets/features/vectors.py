"""The vector table: one LanceDB row per ticket, encoded once per text and encoder.

Belongs here: what is missing, upserts in batches, reading vectors in a given order, the version of the content.
Does not belong here: computing a vector (encoder.py).
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ticket_assets.features.encoder import Encoder
from ticket_assets.storage import digest

TABLE = "tickets"
UPSERT_ROWS = 1024
INDEXED_FROM = 10_000
TIDY_ATTEMPTS = 5
# Without a declared key, two upserts of one new id at a time leave two rows and no error.
_KEY = {"lance-schema:unenforced-primary-key:position": "1"}


@dataclass(frozen=True)
class Encoding:
    """What one filling of the table did."""

    encoded: int
    kept: int
    removed: int
    version: str


class VectorTable:
    """Vectors of one encoder, keyed by ticket id.

    A row whose text hash is still the ticket's is kept, so a killed run goes on where it stopped.

    Args:
        folder: of the LanceDB database.
        encoder_id: names the table, so that vectors of two encoders never meet.
        dimensions: of a vector.
    """

    def __init__(self, folder: Path, encoder_id: str, dimensions: int) -> None:
        import lancedb

        self.encoder_id = encoder_id
        self._dimensions = dimensions
        folder.mkdir(parents=True, exist_ok=True)
        database = lancedb.connect(folder)
        schema = pa.schema(
            [
                pa.field("ticket_id", pa.string(), nullable=False, metadata=_KEY),
                pa.field("text_hash", pa.string(), nullable=False),
                pa.field("vector", pa.list_(pa.float32(), dimensions), nullable=False),
            ]
        )
        name = f"{TABLE}-{encoder_id}"
        if not (folder / f"{name}.lance").exists():
            _create(folder, name, schema)
        self._table: Any = database.open_table(name)

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
            progress: called with (encoded, to encode) after each batch, which is also the checkpoint.

        Raises:
            ValueError: another encoder than this table's, or an id that stands twice.
        """
        if encoder.encoder_id != self.encoder_id:
            raise ValueError(f"this table holds vectors of {self.encoder_id}, not of {encoder.encoder_id}")
        known = self._known()
        wanted = dict(zip(ticket_ids, text_hashes, strict=True))
        if len(wanted) != len(ticket_ids):
            raise ValueError(f"{len(ticket_ids) - len(wanted)} of {len(ticket_ids)} ticket ids stand twice")
        stale = [row for row, (one, its) in enumerate(wanted.items()) if known.get(one) != its]
        # Texts of like length take like time, which keeps the progress honest.
        stale.sort(key=lambda row: len(texts[row]))
        for start in range(0, len(stale), UPSERT_ROWS):
            rows = stale[start : start + UPSERT_ROWS]
            vectors = encoder.encode([texts[row] for row in rows])
            self._upsert([ticket_ids[row] for row in rows], [text_hashes[row] for row in rows], vectors)
            progress(start + len(rows), len(stale))
        gone = [one for one in known if one not in wanted]
        for start in range(0, len(gone), UPSERT_ROWS):
            listed = ", ".join("'" + one.replace("'", "''") + "'" for one in gone[start : start + UPSERT_ROWS])
            self._table.delete(f"ticket_id IN ({listed})")
        if stale or gone:
            self._tidy()
        return Encoding(len(stale), len(wanted) - len(stale), len(gone), self.version(ticket_ids, text_hashes))

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
        flat = table.column("vector").combine_chunks().flatten().to_numpy(zero_copy_only=False)
        vectors = flat.reshape(-1, self._dimensions)
        return np.ascontiguousarray(vectors[[place[one] for one in ticket_ids]], dtype=np.float32)

    def _known(self) -> dict[str, str]:
        columns = self._table.search().select(["ticket_id", "text_hash"]).limit(None).to_arrow()
        return dict(zip(columns["ticket_id"].to_pylist(), columns["text_hash"].to_pylist(), strict=True))

    def _upsert(self, ids: Sequence[str], hashes: Sequence[str], vectors: np.ndarray) -> None:
        rows = pa.table(
            {"ticket_id": list(ids), "text_hash": list(hashes), "vector": _fixed(vectors)},
            schema=self._table.schema,
        )
        self._table.merge_insert("ticket_id").when_matched_update_all().when_not_matched_insert_all().execute(rows)

    def _tidy(self) -> None:
        """Merge the fragments of the upserts; index the key from a size where a scan begins to cost."""
        from lancedb.index import BTree

        for left in reversed(range(TIDY_ATTEMPTS)):
            try:
                if self._table.count_rows() >= INDEXED_FROM and not self._table.list_indices():
                    self._table.create_index("ticket_id", config=BTree())
                self._table.optimize()
                return
            except RuntimeError as error:  # another process tidies the same table: look at what it left, go on
                if not left or "commit conflict" not in str(error):
                    raise
                self._table.checkout_latest()


def _create(folder: Path, name: str, schema: pa.Schema) -> None:
    """Make an empty table elsewhere and move it here whole: made in one place, two overwrite each other."""
    import lancedb

    with tempfile.TemporaryDirectory(dir=folder, prefix=".new-") as draft:
        lancedb.connect(draft).create_table(name, schema=schema)
        made, target = Path(draft, f"{name}.lance"), folder / f"{name}.lance"
        try:
            made.rename(target)
        except OSError:  # another was first
            if not target.exists():
                raise


def _fixed(vectors: np.ndarray) -> Any:
    return pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1), pa.float32()), vectors.shape[1])
