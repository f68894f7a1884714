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
"""Key beside an asset's metadata: whether an erasure rewrote it since, and with it what was recorded is gone."""


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
    made = {one: event.asset_materialization for one, event in events.items() if event}
    return {
        one: {
            **{name: _plain(value) for name, value in materialisation.metadata.items()},
            ERASED: materialisation.description == REWRITTEN,
        }
        for one, materialisation in made.items()
        if materialisation
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dg.TableMetadataValue):
        return [dict(one.data) for one in value.records]
    return value.value
