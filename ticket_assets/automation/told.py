"""What Dagster knows of an asset, and telling it what happened to one outside a run.

Belongs here: tags and metadata of an asset's latest materialisation, a materialisation without a run.
Does not belong here: what is told and when (source.py, champion.py, erased.py).
"""

from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg

DATA_VERSION = "dagster/data_version"
_INPUT = "dagster/input_data_version/"


def known_tags(instance: dg.DagsterInstance, key: dg.AssetKey) -> dict[str, str]:
    """Tags of the latest materialisation, its data version among them; none where there was none."""
    made = _latest(instance, key)
    return dict((made.tags or {}) if made else {})


def known_metadata(instance: dg.DagsterInstance, key: dg.AssetKey) -> dict[str, dg.MetadataValue]:
    """Metadata of the latest materialisation; none where there was none."""
    made = _latest(instance, key)
    return dict(made.metadata) if made else {}


def tell(
    instance: dg.DagsterInstance,
    key: dg.AssetKey,
    version: str,
    metadata: Mapping[str, Any] | None = None,
    description: str | None = None,
) -> bool:
    """Report a data version if it is a new one; return whether it is.

    A materialisation, though no run made it: staleness reads no observation of an asset that it cannot run. Tags of the
    last one stay: without those that say what it was made from, the asset would look due for that alone.
    """
    before = known_tags(instance, key)
    if before.get(DATA_VERSION) == version:
        return False
    tags = {**before, DATA_VERSION: version}
    instance.report_runless_asset_event(
        dg.AssetMaterialization(key, description=description, metadata=metadata, tags=tags)
    )
    return True


def is_of_other_data(instance: dg.DagsterInstance, key: dg.AssetKey, parents: Iterable[dg.AssetKey]) -> bool:
    """Whether an asset was made from other versions of these parents than there are now, as far as it remembers."""
    told = known_tags(instance, key)
    for parent in parents:
        made_from = told.get(f"{_INPUT}{parent.to_user_string()}")
        if made_from and made_from != known_tags(instance, parent).get(DATA_VERSION, made_from):
            return True
    return False


def _latest(instance: dg.DagsterInstance, key: dg.AssetKey) -> dg.AssetMaterialization | None:
    event = instance.get_latest_materialization_event(key)
    return event.asset_materialization if event else None
