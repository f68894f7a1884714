"""Which assets are due: missing, or made from other data, code or settings than today's.

Belongs here: asking Dagster for the staleness that its UI shows, and choosing what one run can bring up to date.
Does not belong here: running (ticket_assets/__main__.py).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import dagster as dg

# The same computation as the UI's "unsynced" badge. It has no public name in Dagster 1.13; replace it when it gets
# one. A test holds it to what we need of it.
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContext


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
    """All assets of the definitions that are stale or missing, upstream first."""
    graph = defs.resolve_asset_graph()
    resolver = CachingStaleStatusResolver(instance, graph, _Loading(instance))
    found = {}
    for key in graph.toposorted_asset_keys:
        if not graph.get(key).is_executable:
            continue
        status = resolver.get_status(key)
        if status is not StaleStatus.FRESH:
            reasons = tuple(cause.reason for cause in resolver.get_stale_causes(key))
            found[key] = Due(key, status is StaleStatus.MISSING, reasons)
    return found


def next_run(defs: dg.Definitions, due: Iterable[Due]) -> list[dg.AssetKey]:
    """What one run can bring up to date without running anything for nothing.

    A missing asset runs in any case. A stale one waits until all before it are up to date: whether it has to run
    shows only then, by their data versions.
    """
    graph = defs.resolve_asset_graph()
    by_key = {one.key: one for one in due}
    chosen: set[dg.AssetKey] = set()
    for key in graph.toposorted_asset_keys:
        if key not in by_key:
            continue
        before = graph.get_ancestor_asset_keys(key) & by_key.keys()
        if not before or (by_key[key].is_missing and before <= chosen):
            chosen.add(key)
    return sorted(chosen)
