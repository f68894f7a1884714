"""What every asset declaration shares.

Belongs here: the decorator with the house rules (two-level key, group, owner), settings an asset depends on.
Does not belong here: any asset.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import dagster as dg

OWNERS = ["team:ticket-assets"]
SETTINGS_TAG = "ticket-assets/settings"
# Steps that use all cores take turns; the limit stands in dagster.yaml.
HEAVY_POOL = "heavy"
# A file lock or a server that restarts heals by itself; a wrong ticket does not, so only system steps retry.
SYSTEM_RETRY = dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL)


def settings_tag(sections: Sequence[str]) -> dict[str, str]:
    """Tag that names the settings sections whose change makes an asset stale (definitions.py reads it)."""
    return {SETTINGS_TAG: "-".join(sections)} if sections else {}


def asset(
    group: str, name: str, *, code_version: str, kinds: set[str], settings: Sequence[str] = (), **more: Any
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """`dagster.asset` by the house rules: key [group, name], group, owner, kinds, version."""
    declare = partial(
        dg.asset,
        key=[group, name],
        group_name=group,
        owners=OWNERS,
        code_version=code_version,
        kinds=kinds,
        tags=settings_tag(settings),
    )
    return declare(**more)


def columns_metadata(columns: Sequence[tuple[str, str, str]]) -> dg.TableSchema:
    """A table schema for the UI from (name, type, description)."""
    return dg.TableSchema([dg.TableColumn(name, kind, description) for name, kind, description in columns])


def table(rows: Sequence[dict[str, Any]]) -> dg.MetadataValue:
    """Rows as a table in the UI; numbers rounded to what can be read."""
    shown = [
        {key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()} for row in rows
    ]
    return dg.MetadataValue.table([dg.TableRecord(row) for row in shown])
