"""What Dagster is told of an erasure: which runs keep it from beginning, which data it changed.

Belongs here: runs in progress, data versions of what was rewritten outside a run, so that what stands below is due.
Does not belong here: erasing (serving/erasure.py).
"""

import dagster as dg

from ticket_assets.automation.told import known_metadata, known_tags, tell

RAW, CHAMPION = dg.AssetKey(["tickets", "raw"]), dg.AssetKey(["models", "champion"])
REWRITTEN = "rewritten by an erasure"
_ROWS = "dagster/row_count"
_ENDED = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}


def runs_in_progress(instance: dg.DagsterInstance) -> list[str]:
    """Ids of the runs that are at work or wait for it."""
    unended = [status for status in dg.DagsterRunStatus if status not in _ENDED]
    return [run.run_id for run in instance.get_runs(dg.RunsFilter(statuses=unended))]


def report_rewritten(instance: dg.DagsterInstance, versions: dict[dg.AssetKey, str | None]) -> list[dg.AssetKey]:
    """Report the data versions of assets that were rewritten; return those that have another one now.

    All else that Dagster knows of their making stays, so that they are not due themselves. Of the snapshot goes on too
    what was read and how: nothing reads it again until the source changes.
    """
    return [
        key
        for key, version in versions.items()
        if version
        and known_tags(instance, key)
        and tell(instance, key, version, _as_read(instance) if key == RAW else None, description=REWRITTEN)
    ]


def _as_read(instance: dg.DagsterInstance) -> dict[str, dg.MetadataValue]:
    """What the last reading of the source recorded, without the rows there are, which are fewer now."""
    return {name: value for name, value in known_metadata(instance, RAW).items() if name != _ROWS}
