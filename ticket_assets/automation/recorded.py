"""What assets recorded when they were made last, as plain values.

Belongs here: reading the metadata of latest materialisations from a profile's Dagster instance.
Does not belong here: recording it (assets/), what is printed of it (serving/data_report.py).
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import dagster as dg

from ticket_assets.automation.erased import REWRITTEN

ERASED = "erased"
"""Key beside an asset's metadata: whether an erasure rewrote it, and tickets were not counted again since."""
COUNTED = dg.AssetKey(["tickets", "clean"])
"""The asset whose making counts the tickets, first of those below the snapshot."""


def recorded(home: Path, assets: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Asset, as group/name, to name to value; a table is a list of dicts. What was never made is left out.

    Args:
        home: folder of the profile's instance; one that is not there has recorded nothing, and is not begun.
        assets: which.
    """
    if not (home / "dagster.yaml").exists():
        return {}
    with dg.DagsterInstance.from_config(str(home)) as instance:
        events = {one: instance.get_latest_materialization_event(dg.AssetKey(one.split("/"))) for one in assets}
        counted = instance.get_latest_materialization_event(COUNTED)
    at = counted.timestamp if counted else 0.0
    return {
        one: {
            **{name: _plain(value) for name, value in event.asset_materialization.metadata.items()},
            ERASED: event.asset_materialization.description == REWRITTEN and event.timestamp > at,
        }
        for one, event in events.items()
        if event and event.asset_materialization
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dg.TableMetadataValue):
        return [dict(one.data) for one in value.records]
    return value.value
