"""How the vector table lies on disk: its columns, its indices, compaction, clean-up of old versions.

Belongs here: making and opening the LanceDB table, tidying it after a change.
Does not belong here: which rows are in it and what they mean (vectors.py).
"""

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

TABLE = "tickets"
VECTOR = "vector"
# Begins the names of branches that keep a version for reading.
KEPT = "kept-"
# From here a scan of the keys, and of all vectors, begins to cost more than its index.
KEYS_INDEXED_FROM = 10_000
VECTORS_INDEXED_FROM = 20_000
# Compaction writes every row again, and a scan does not mind a few fragments.
FRAGMENTS = 16
UNINDEXED_ROWS = 4096
# Whoever opened the table earlier can read on for so long.
OLD_VERSIONS_STAY = timedelta(days=7)
TIDY_ATTEMPTS = 5
# Without a declared key, two upserts of one new id at a time leave two rows and no error.
_KEY = {"lance-schema:unenforced-primary-key:position": "1"}


def open_table(folder: Path, encoder_id: str, dimensions: int) -> Any:
    """The LanceDB table of an encoder, made where there is none."""
    import lancedb

    folder.mkdir(parents=True, exist_ok=True)
    name = f"{TABLE}-{encoder_id}"
    if not (folder / f"{name}.lance").exists():
        schema = pa.schema(
            [
                pa.field("ticket_id", pa.string(), nullable=False, metadata=_KEY),
                pa.field("text_hash", pa.string(), nullable=False),
                pa.field(VECTOR, pa.list_(pa.float32(), dimensions), nullable=False),
            ]
        )
        _create(folder, name, schema)
    return lancedb.connect(folder).open_table(name)


def open_to_read(folder: Path, encoder_id: str) -> Any:
    """The LanceDB table of an encoder, for who reads it while others write: each query sees it as it is by then.

    Raises:
        FileNotFoundError: it has none; with the encoders that have.
    """
    import lancedb

    found = encoders_with_tables(folder)
    if encoder_id not in found:
        raise FileNotFoundError(f"{folder} has no vectors of {encoder_id}, but of {', '.join(found) or 'no encoder'}")
    return lancedb.connect(folder, read_consistency_interval=timedelta(0)).open_table(f"{TABLE}-{encoder_id}")


def encoders_with_tables(folder: Path) -> dict[str, Path]:
    """Id of each encoder that has a table to the table's folder."""
    begins = f"{TABLE}-"
    return {path.stem.removeprefix(begins): path for path in sorted(folder.glob(f"{begins}*.lance"))}


def drop_table(folder: Path, encoder_id: str) -> None:
    """Remove the table of an encoder with all its versions."""
    import lancedb

    lancedb.connect(folder).drop_table(f"{TABLE}-{encoder_id}")


def tidy(table: Any) -> None:
    """Index what has grown large; merge fragments, bring indices up to date and clean up when enough has gathered."""
    for left in reversed(range(TIDY_ATTEMPTS)):
        try:
            _index(table)
            if _is_untidy(table):
                table.optimize(cleanup_older_than=OLD_VERSIONS_STAY)
            return
        except RuntimeError as error:  # another process tidies the same table: look at what it left, go on
            if not left or "commit conflict" not in str(error):
                raise
            table.checkout_latest()


def _index(table: Any) -> None:
    from lancedb.index import BTree, IvfFlat

    rows, indexed = table.count_rows(), {column for index in table.list_indices() for column in index.columns}
    if rows >= KEYS_INDEXED_FROM and "ticket_id" not in indexed:
        table.create_index("ticket_id", config=BTree())
    if rows >= VECTORS_INDEXED_FROM and VECTOR not in indexed:
        # Whole vectors: product quantisation finds a third of the true neighbours, and 40,000 rows are 60 MB.
        table.create_index(VECTOR, config=IvfFlat(distance_type="cosine"))


def _is_untidy(table: Any) -> bool:
    if table.stats()["fragment_stats"]["num_fragments"] >= FRAGMENTS:
        return True
    stats = [table.index_stats(index.name) for index in table.list_indices()]
    return any(one.num_unindexed_rows >= UNINDEXED_ROWS for one in stats)


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
