"""What every asset declaration shares.

Belongs here: the decorator with the house rules (two-level key, group, owner, code version), settings an asset depends
on.
Does not belong here: any asset.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from ticket_assets.code_version import code_digest

OWNERS = ["team:ticket-assets"]
SETTINGS_TAGS = "ticket-assets.settings/"
# Steps of a pool take turns; the limit stands in dagster.yaml.
HEAVY_POOL = "heavy"
"""Steps that use all cores."""
WATCHING_POOL = "monitoring"
"""Steps that judge live traffic: they wait for each other, and not for a search, which takes an hour."""
# A file lock or a server that restarts heals by itself; a wrong ticket does not, so only system steps retry.
SYSTEM_RETRY = dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL)


def settings_tags(sections: Sequence[str]) -> dict[str, str]:
    """Tags that name the settings sections whose change makes an asset stale (definitions.py reads them).

    One for each: a tag's value may have 63 characters at most.
    """
    return {f"{SETTINGS_TAGS}{section}": "" for section in sections}


def settings_of_tags(tags: Mapping[str, str]) -> set[str]:
    """The sections that an asset's tags name."""
    return {tag.removeprefix(SETTINGS_TAGS) for tag in tags if tag.startswith(SETTINGS_TAGS)}


def asset(
    group: str,
    name: str,
    *,
    kinds: set[str],
    settings: Sequence[str] = (),
    files: Iterable[Path] = (),
    **more: Any,
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """`dagster.asset` by the house rules: key [group, name], group, owner, kinds, version.

    Args:
        group: also the file that declares it.
        name: also the function, but for the target.
        kinds: badges in the UI.
        settings: sections of the profile that it reads.
        files: what it reads of the project besides code.
        more: handed to `dagster.asset`.
    """

    def declare(function: Callable[..., Any]) -> dg.AssetsDefinition:
        return dg.asset(
            key=[group, name],
            group_name=group,
            owners=OWNERS,
            code_version=code_digest(function, files=files),
            kinds=kinds,
            tags=settings_tags(settings),
            **more,
        )(function)

    return declare


def told_version(instance: dg.DagsterInstance, key: dg.AssetKey) -> str:
    """Data version of an asset that does not come in as a table: the one it was given when it was made."""
    event = instance.get_latest_materialization_event(key)
    made = event.asset_materialization if event else None
    return (made.tags or {}).get("dagster/data_version", "unknown") if made else "unknown"


def columns_metadata(columns: Sequence[tuple[str, str, str]]) -> dg.TableSchema:
    """A table schema for the UI from (name, type, description)."""
    return dg.TableSchema([dg.TableColumn(name, kind, description) for name, kind, description in columns])


def table(rows: Sequence[dict[str, Any]]) -> dg.MetadataValue:
    """Rows as a table in the UI; numbers rounded to what can be read."""
    shown = [
        {key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()} for row in rows
    ]
    return dg.MetadataValue.table([dg.TableRecord(row) for row in shown])
