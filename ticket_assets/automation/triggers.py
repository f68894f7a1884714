"""Who makes an asset run without a hand: one owner each.

Belongs here: the table of owners, and putting condition and freshness policy on the specs of the line at assembly.
Does not belong here: what an owner asks before it runs anything (conditions.py, retraining.py, deployment.py).
"""

from typing import Any

import dagster as dg

from ticket_assets.automation.conditions import NAME, new_data
from ticket_assets.automation.freshness import policy
from ticket_assets.settings import Settings

BY_HAND = "make run"
RETRAINING, DEPLOYMENT, WINDOWS = "retraining", "deployment", "monitoring"
OBSERVED = "watch"
# Observed by sensor `watch`: others make them.
WATCHED = {"tickets/source", "tickets/mended", "tickets/corrections", "models/pin"}
OWNERS = {"tickets": NAME, "features": NAME, "models": RETRAINING, "serving": DEPLOYMENT, "monitoring": WINDOWS}


def owner(key: dg.AssetKey) -> str:
    """Name of the sensor, schedule or condition that owns an asset."""
    name = key.to_user_string()
    if name in WATCHED:
        return OBSERVED
    if name == "tickets/sample":  # stands before all, and changes with the settings alone
        return BY_HAND
    return OWNERS[key.path[0]]


def triggered(one: dg.AssetsDefinition | dg.AssetSpec, settings: Settings) -> dg.AssetsDefinition | dg.AssetSpec:
    """Add the condition, where new data carries an asset on, and its freshness policy."""
    generated = settings.active.source.kind == "sample"

    def extend(spec: dg.AssetSpec) -> dg.AssetSpec:
        fresh = spec.freshness_policy or policy(spec.key, settings.active.monitoring.retrain, generated)
        follows = new_data() if owner(spec.key) == NAME else spec.automation_condition
        return spec.replace_attributes(automation_condition=follows, freshness_policy=fresh)

    [mapped] = dg.map_asset_specs(extend, [one])
    return mapped


def parents_by_condition(graph: Any) -> dict[dg.AssetKey, list[dg.AssetKey]]:
    """Assets that follow the condition and that models are made from, each with what it is made from.

    Not what others make and is observed: new rows, or a correction, that nobody has read yet are the next run's. Where
    corrections come in a stream there is always one, and a retraining that waited for it would wait for ever.

    Args:
        graph: Dagster's, of all assets.
    """
    read = set().union(*(graph.get_ancestor_asset_keys(key) for key in graph.executable_asset_keys if _is_model(key)))
    keys = [key for key in read & graph.executable_asset_keys if owner(key) == NAME]
    return {key: sorted(graph.get(key).parent_keys & graph.executable_asset_keys) for key in sorted(keys)}


def _is_model(key: dg.AssetKey) -> bool:
    return owner(key) == RETRAINING
