"""Frames: their content hash, and Parquet files that are whole or not there.

Belongs here: what every asset that hands on rows needs.
Does not belong here: anything the service imports (storage.py): this module loads pandas.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import pandas as pd

from ticket_assets.storage import digest, replacing


def write_parquet(path: Path, frame: pd.DataFrame) -> None:
    """Write a frame as zstd Parquet atomically."""
    with replacing(path) as temporary:
        frame.to_parquet(temporary, index=False, compression="zstd")


def frame_digest(frame: pd.DataFrame) -> str:
    """Content hash of a frame: column names, order of rows and every value."""
    values = frame.astype(object).where(frame.notna(), None)
    try:
        hashes = pd.util.hash_pandas_object(values, index=False)
    except TypeError:  # lists and records, as Parquet sources hold them
        hashes = pd.util.hash_pandas_object(values.map(_plain), index=False)
    return digest([*map(str, frame.columns), hashlib.sha256(hashes.to_numpy().tobytes()).hexdigest()])


def _plain(value: Any) -> Any:
    """A value that can be hashed: nested ones as JSON."""
    if pd.api.types.is_scalar(value):
        return value
    return json.dumps(
        value, sort_keys=True, default=lambda part: part.tolist() if hasattr(part, "tolist") else str(part)
    )
