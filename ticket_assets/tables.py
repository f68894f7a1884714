"""Frames: their content hash, and Parquet files that are whole or not there.

Belongs here: what every asset that hands on rows needs.
Does not belong here: anything the service imports (storage.py): this module loads pandas.
"""

import hashlib
from pathlib import Path

import pandas as pd

from ticket_assets.storage import digest, temporary_sibling


def write_parquet(path: Path, frame: pd.DataFrame) -> None:
    """Write a frame as zstd Parquet atomically."""
    temporary = temporary_sibling(path)
    frame.to_parquet(temporary, index=False, compression="zstd")
    temporary.replace(path)


def frame_digest(frame: pd.DataFrame) -> str:
    """Content hash of a frame: column names, order of rows and every value."""
    hashes = pd.util.hash_pandas_object(frame.astype(object).where(frame.notna(), None), index=False)
    return digest([*map(str, frame.columns), hashlib.sha256(hashes.to_numpy().tobytes()).hexdigest()])
