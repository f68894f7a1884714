"""Runs that have not ended: which groups of assets each is for, and whether it is to be waited for.

Belongs here: names of the jobs and what each makes, runs at work.
Does not belong here: ending dead runs (interrupted.py), retrainings as evidence (evidence.py).

A run of a job that was asked for without naming assets has no selection: what it makes is said by its job. Taken for
one of the whole line, a retraining would hold up a roll-out, and a roll-out a retraining.
"""

from datetime import UTC, datetime, timedelta

import dagster as dg

from ticket_assets.automation.interrupted import Process, process_of

LINE, RETRAIN, DEPLOY, MONITORING = "line", "retrain", "deploy", "monitoring"
LANE = "ticket-assets/lane"
"""Tag of runs that take turns: the queue begins one of each value at a time (dagster.yaml)."""
TABLES, ROLLOUT, WATCHING = "tables and models", "roll-out", "monitoring"
OF_THE_LINE = frozenset({"tickets", "features", "models", "serving"})
GROUPS = {
    LINE: OF_THE_LINE,
    RETRAIN: frozenset({"models"}),
    DEPLOY: frozenset({"serving"}),
    MONITORING: frozenset({"monitoring"}),
}
ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
UNENDED = [one for one in dg.DagsterRunStatus if one not in ENDED]
LOST_AFTER = timedelta(hours=24)


def groups_of(run: dg.DagsterRun) -> frozenset[str]:
    """Groups of the assets that a run makes; of a job that nobody here knows, all of the line."""
    if run.asset_selection is not None:
        return frozenset(key.path[0] for key in run.asset_selection)
    return GROUPS.get(run.job_name, OF_THE_LINE)


def at_work(instance: dg.DagsterInstance, group: str, now: datetime) -> list[dg.DagsterRun]:
    """Runs that make assets of a group and are to be waited for, newest first."""
    records = instance.get_run_records(dg.RunsFilter(statuses=UNENDED))
    return [
        record.dagster_run
        for record in records
        if group in groups_of(record.dagster_run) and not is_lost(instance, record, now)
    ]


def is_lost(instance: dg.DagsterInstance, record: dg.RunRecord, now: datetime) -> bool:
    """Whether an unended run is waited for no more: its process is gone, or unknown for a day.

    One that queues is begun by the daemon as soon as there is one; one whose process is there may take what it takes.
    """
    run = record.dagster_run
    if run.status is dg.DagsterRunStatus.QUEUED:
        return False
    process = process_of(instance, run)
    return process is Process.GONE or (process is Process.UNKNOWN and now - began(record) > LOST_AFTER)


def began(record: dg.RunRecord) -> datetime:
    """When a run was asked for (UTC)."""
    at = record.create_timestamp
    return at if at.tzinfo else at.replace(tzinfo=UTC)
