"""The files of the snapshot.

Belongs here: what they are called, which there are, the columns that every one of them has.
Does not belong here: writing them (snapshot.py, replay.py), reading rows (snapshot.py).
"""

from pathlib import Path

ROW_GROUP = 8192
META_COLUMNS = ("_row_hash", "_position", "_ingested_at", "_batch")
# Begins the names of batches that hold mendings: of people, and of those the ones that followed their row.
MENDED_BATCH = "batch-mended-"
CARRIED_BATCH = f"{MENDED_BATCH}carried-"


def batches(folder: Path) -> tuple[Path, ...]:
    """The batch files, sorted by name."""
    return tuple(sorted(folder.glob("batch-*.parquet")))


def mended_batches(folder: Path) -> tuple[Path, ...]:
    """The batches that hold mendings, sorted by name."""
    return tuple(one for one in batches(folder) if one.name.startswith(MENDED_BATCH))
