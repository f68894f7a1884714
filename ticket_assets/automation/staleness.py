"""Which assets are due: missing, made from other data, code or settings than today's, or stopped by their own gate.

Belongs here: asking Dagster for the staleness that its UI shows, and choosing what one run can bring up to date.
Does not belong here: running (commands/run.py).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import dagster as dg

# The same computation as the UI's "unsynced" badge. It has no public name in Dagster 1.13; replace it when it gets
# one. A test holds it to what we need of it.
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContext
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

# Started by their schedule alone: what it has not looked at yet is no reason to run the line.
WATCHING = "monitoring"


class _Loading(LoadingContext):
    """What the resolver reads from: one instance, with loaders that live as long as one question."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._instance = instance
        self._loaders: dict[Any, Any] = {}

    @property
    def instance(self) -> dg.DagsterInstance:
        """The instance."""
        return self._instance

    @property
    def loaders(self) -> dict[Any, Any]:
        """Loaders by type."""
        return self._loaders


@dataclass(frozen=True)
class Due:
    """An asset that is not up to date, and why."""

    key: dg.AssetKey
    is_missing: bool
    reasons: tuple[str, ...]


def due_assets(defs: dg.Definitions, instance: dg.DagsterInstance) -> dict[dg.AssetKey, Due]:
    """All assets of the line that are stale, missing or stopped by a check, upstream first.

    A blocking check stops its own run only; if what it refused counted as up to date, the next run would go past it.
    What one step makes together is due together: a step that is not made to run in part cannot.
    """
    graph = defs.resolve_asset_graph()
    resolver = CachingStaleStatusResolver(instance, graph, _Loading(instance))
    found = {}
    for key in graph.toposorted_asset_keys:
        if not graph.get(key).is_executable or graph.get(key).group_name == WATCHING:
            continue
        status = resolver.get_status(key)
        reasons = [cause.reason for cause in resolver.get_stale_causes(key)]
        if status is not StaleStatus.MISSING:
            reasons += [f"its check {name} did not pass" for name in _not_passed(graph, instance, key)]
        if reasons or status is not StaleStatus.FRESH:
            # A reason that holds of several assets before it is one to whoever reads it.
            found[key] = Due(key, status is StaleStatus.MISSING, tuple(dict.fromkeys(reasons)))
    for key in list(found):
        for other in graph.get(key).execution_set_asset_keys - found.keys():
            found[other] = Due(other, False, (f"it is made together with {key.to_user_string()}",))
    return {key: found[key] for key in graph.toposorted_asset_keys if key in found}


def _not_passed(graph: Any, instance: dg.DagsterInstance, key: dg.AssetKey) -> list[str]:
    """Names of the asset's blocking checks whose latest evaluation failed or was never finished."""
    keys = [one for one in graph.get_check_keys_for_assets({key}) if graph.get_check_spec(one).blocking]
    latest = instance.event_log_storage.get_latest_asset_check_execution_by_key(keys)
    passed = AssetCheckExecutionRecordStatus.SUCCEEDED
    return sorted(one.name for one in keys if one in latest and latest[one].status is not passed)


def next_run(defs: dg.Definitions, due: Iterable[Due]) -> list[dg.AssetKey]:
    """What one run can bring up to date without running anything for nothing.

    A missing asset runs in any case, but not before one between it and what runs now: that one may turn stale. A
    stale one waits until all before it are up to date: whether it has to run shows only then, by their data versions.
    What one step makes together is chosen together, where one of it may run and nothing before any of it waits.
    """
    graph = defs.resolve_asset_graph()
    by_key = {one.key: one for one in due}
    chosen: set[dg.AssetKey] = set()
    for key in graph.toposorted_asset_keys:
        if key not in by_key:
            continue
        together = graph.get(key).execution_set_asset_keys
        ancestors = set().union(*(graph.get_ancestor_asset_keys(one) for one in together)) - together
        before = ancestors & by_key.keys()
        between = any(graph.get_ancestor_asset_keys(one) & before for one in ancestors - before)
        if not before or (by_key[key].is_missing and before <= chosen and not between):
            chosen |= together
    return sorted(chosen)
