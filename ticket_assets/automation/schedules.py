"""What looks whether a window is complete: the one trigger of the group monitoring.

Belongs here: the schedule, which days are read anew, when there is nothing to do.
Does not belong here: what follows from a window (sensors), reading and judging (monitoring/).
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime

import dagster as dg

from ticket_assets.automation.runs import MONITORING, at_work
from ticket_assets.monitoring.day_tables import due_days
from ticket_assets.resources.desk import Desk
from ticket_assets.resources.watch import NO_CHAMPION, NO_LOG, Watch
from ticket_assets.serving.probation import days_in_shadow
from ticket_assets.serving.store import read_challenger
from ticket_assets.settings import Settings

# Dagster's own tags of a run over several partitions.
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


def monitoring_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """The schedule of a profile."""

    @dg.schedule(
        name=MONITORING,
        job_name=MONITORING,
        cron_schedule=settings.active.monitoring.window.schedule,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Reads the days of the prediction log that say something new, and judges complete windows.",
    )
    def monitoring(context: dg.ScheduleEvaluationContext, desk: Desk) -> dg.RunRequest | dg.SkipReason:
        if not (desk.settings.profile_root / "identity.json").exists():
            return dg.SkipReason(f"profile {desk.profile} never ran: make run PROFILE={desk.profile}")
        if at_work := runs_in_progress(context.instance):
            return dg.SkipReason(f"run {at_work[0]} is at it")
        days = days_to_read(Watch(desk), context.scheduled_execution_time)
        if isinstance(days, str):
            return dg.SkipReason(days)
        return dg.RunRequest(tags=range_tags(days))

    return monitoring


def days_to_read(watch: Watch, at: datetime) -> Sequence[date] | str:
    """Days of which the log, or the ticket database, says something new, oldest first; or why there are none.

    Today counts anew at the first look of a day: a window that is not full is closed by time. Without a log it is today
    once the days of a challenger in the shadow are over: the hold-out decides then, and until then it holds up others.
    """
    log = watch.log
    if watch.champion is None:
        return NO_CHAMPION
    if log is None:
        challenger = read_challenger(watch.folders.bundles)
        if challenger is None:
            return NO_LOG
        left = watch.active.promotion.shadow_days - days_in_shadow(challenger, at)
        said = f"{NO_LOG}; challenger v{challenger.version} is decided upon without it in {left:.1f} days"
        return said if left > 0 else [at.astimezone(UTC).date()]
    with watch.engine(log) as engine:
        due = due_days(engine, watch.folder, watch.since(at), at, watch.labels)
    return due or f"log and labels say what they said before, since v{watch.champion.version} took its seat"


def range_tags(days: Sequence[date]) -> dict[str, str]:
    """Tags of a run that reads the days from the first to the last: those between that say nothing new are left."""
    return {RANGE_START: days[0].isoformat(), RANGE_END: days[-1].isoformat()}


def runs_in_progress(instance: dg.DagsterInstance) -> list[str]:
    """Runs that judge windows, or are about to."""
    return [one.run_id[:8] for one in at_work(instance, MONITORING, datetime.now(UTC))]
