"""What Dagster is told of an erasure: which runs keep it from beginning, which data it changed.

Belongs here: runs in progress, data versions of what was rewritten outside a run, so that what stands below is due.
Does not belong here: erasing (serving/erasure.py).
"""

import dagster as dg

from ticket_assets.automation.source import DATA_VERSION

RAW, CHAMPION = dg.AssetKey(["tickets", "raw"]), dg.AssetKey(["models", "champion"])
_ENDED = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}


def runs_in_progress(instance: dg.DagsterInstance) -> list[str]:
    """Ids of the runs that are at work or wait for it."""
    unended = [status for status in dg.DagsterRunStatus if status not in _ENDED]
    return [run.run_id for run in instance.get_runs(dg.RunsFilter(statuses=unended))]


def report_rewritten(instance: dg.DagsterInstance, versions: dict[dg.AssetKey, str | None]) -> list[dg.AssetKey]:
    """Report the data versions of assets that were rewritten; return those that have another one now.

    All else that Dagster knows of their making stays, so that they are not due themselves.
    """
    changed = []
    for key, version in versions.items():
        event = instance.get_latest_materialization_event(key)
        made = event.asset_materialization if event else None
        if made is None or version is None or (made.tags or {}).get(DATA_VERSION) == version:
            continue
        instance.report_runless_asset_event(
            dg.AssetMaterialization(
                key, description="rewritten by an erasure", tags={**(made.tags or {}), DATA_VERSION: version}
            )
        )
        changed.append(key)
    return changed
