"""Rows between assets.

Belongs here: where a table lies, writing and reading it.
Does not belong here: what stands in it (the assets).
"""

from pathlib import Path

import dagster as dg
import pandas as pd

from ticket_assets.settings import resolve
from ticket_assets.storage import ProfileFolders
from ticket_assets.tables import write_parquet


class ParquetTables(dg.ConfigurableIOManager):
    """Rows between assets: one Parquet file per asset, replaced atomically."""

    root: str

    def handle_output(self, context: dg.OutputContext, obj: pd.DataFrame) -> None:
        """Write the frame of an asset."""
        path = self._path(context)
        write_parquet(path, obj)
        context.add_output_metadata(
            {"dagster/row_count": len(obj), "path": dg.MetadataValue.path(path), "bytes": path.stat().st_size}
        )

    def load_input(self, context: dg.InputContext) -> pd.DataFrame:
        """Read the frame of an asset."""
        return pd.read_parquet(self._path(context))

    def _path(self, context: dg.InputContext | dg.OutputContext) -> Path:
        return ProfileFolders(resolve(self.root)).parquet.joinpath(*context.asset_key.path).with_suffix(".parquet")
