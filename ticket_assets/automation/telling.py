"""Sensors that put notices into the outbox, and the one that delivers them.

Belongs here: runs that failed and runs that mended it, the record of decisions, delivery within a time.
Does not belong here: words (monitoring/notices.py), the outbox itself (monitoring/outbox.py), which ticks fail in a row
(ticks.py), alarms of windows, which sensor `retraining` puts (retraining.py).

What is told of a failure is where and of which kind; the message is in the UI, behind the link: it may hold the text of
a ticket, and notices leave the house.
"""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg

from ticket_assets.automation.retraining import Clock, utc_now
from ticket_assets.automation.ticks import of_failing_ticks
from ticket_assets.monitoring.courier import send
from ticket_assets.monitoring.notices import failure_id, of_failure, of_record, of_recovery
from ticket_assets.monitoring.outbox import Notice, Outbox
from ticket_assets.serving.record import RECORD
from ticket_assets.settings import load_settings
from ticket_assets.storage import ProfileFolders, digest, read_records

SECONDS = 30
BUDGET_SECONDS = 30.0  # an address may take twenty more; Dagster ends a tick after a minute
LOOKED_AT = 50  # earlier runs, for what one mended
REMINDED_AFTER = timedelta(days=1)  # of what fails again and again
TELLER = "notices"
RUNNING = dg.DefaultSensorStatus.RUNNING
_ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE)


def run_failed(profile: str) -> dg.SensorDefinition:
    """Puts a notice of a run that failed; of those that fail again after it, of one a day."""

    @dg.run_failure_sensor(
        name="run_failed",
        minimum_interval_seconds=SECONDS,
        default_status=RUNNING,
        description="Puts a notice of a run that failed into the outbox.",
    )
    def sensor(context: dg.RunFailureSensorContext) -> None:
        steps, kinds = [], []
        for failed in context.get_step_failure_events():
            steps.append((failed.step_key or "").replace("__", "/"))
            error = failed.step_failure_data.error
            while error is not None and error.cause is not None:
                error = error.cause
            kinds += [error.cls_name or "error"] if error else []
        run = context.dagster_run
        why = ", ".join(dict.fromkeys(kinds)) or "outside of any step"
        at, outbox = datetime.fromtimestamp(_ended_at(context.instance, run.run_id), UTC), _outbox(profile)
        what = _what(run)
        told = outbox.latest(failure_id(what, ""))
        before = datetime.fromisoformat(told.at) if told else None
        again = before is not None and not _went_well_since(context.instance, run, before)
        if before is None or not again or at - before >= REMINDED_AFTER:
            outbox.put(of_failure(profile, _job(run), run.run_id, steps, why, at, what, again))

    return sensor


def run_recovered(profile: str) -> dg.SensorDefinition:
    """Puts a notice of the first run that does what a run of the daemon before it failed at.

    Also of one by hand, while the daemon stood still: such runs are of no code location.
    """

    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.SUCCESS,
        name="run_recovered",
        monitor_all_code_locations=True,
        minimum_interval_seconds=SECONDS,
        default_status=RUNNING,
        description="Puts a notice of a run that does what one before it failed at into the outbox.",
    )
    def sensor(context: dg.RunStatusSensorContext) -> None:
        run = context.dagster_run
        failed, outbox = mended_by(context.instance, run), _outbox(profile)
        if failed and (failed.remote_job_origin or _is_known(context.instance, failed, outbox)):
            at = datetime.fromtimestamp(_ended_at(context.instance, run.run_id), UTC)
            outbox.put(of_recovery(profile, _job(run), run.run_id, failed.run_id, at))

    return sensor


def _is_known(instance: dg.DagsterInstance, failed: dg.DagsterRun, outbox: Outbox) -> bool:
    """Whether people were told of what a run by hand failed at again; of one by hand alone they are told nothing."""
    what = _what(failed)
    told, until = outbox.latest(failure_id(what, "")), datetime.fromtimestamp(_ended_at(instance, failed.run_id), UTC)
    if told is None or told.id == failure_id(what, failed.run_id):
        return told is not None
    return not _went_well_since(instance, failed, datetime.fromisoformat(told.at), until)


def _went_well_since(
    instance: dg.DagsterInstance, run: dg.DagsterRun, at: datetime, until: datetime | None = None
) -> bool:
    """Whether a run that tried no less ended well since a moment, and before another."""
    well = [dg.DagsterRunStatus.SUCCESS]
    filters = dg.RunsFilter(job_name=run.job_name, statuses=well, updated_after=at, updated_before=until)
    found = (one.dagster_run for one in instance.get_run_records(filters, limit=LOOKED_AT))
    return any(_covers(one, run) for one in found)


def _covers(one: dg.DagsterRun, other: dg.DagsterRun) -> bool:
    """Whether a run makes all that another of the same job does."""
    return one.asset_selection is None or (other.asset_selection or frozenset()) <= one.asset_selection


def mended_by(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.DagsterRun | None:
    """The run before this one that tried no more than it, where that failed."""
    own = instance.get_run_record_by_id(run.run_id)
    assert own is not None
    for record in instance.get_run_records(dg.RunsFilter(job_name=run.job_name, statuses=[*_ENDED]), limit=LOOKED_AT):
        before = record.dagster_run
        if before.run_id == run.run_id or record.create_timestamp > own.create_timestamp:
            continue
        if _covers(run, before):
            return before if before.status is dg.DagsterRunStatus.FAILURE else None
    return None


def notices(profile: str, clock: Clock = utc_now, timer: Callable[[], float] = time.monotonic) -> dg.SensorDefinition:
    """Puts what the record of decisions says anew and which ticks fail, and delivers what is in the outbox.

    Args:
        profile: whose.
        clock: gives the moment.
        timer: seconds, for the time budget.
    """

    @dg.sensor(
        name=TELLER,
        minimum_interval_seconds=SECONDS,
        default_status=RUNNING,
        description="Delivers what is in the outbox; what cannot be delivered is tried again, and counted.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        begun, settings = timer(), load_settings(profile=profile)
        folders, chosen = ProfileFolders(settings.profile_root), settings.active.monitoring.notices
        outbox, lines = Outbox(folders.notices), read_records(folders.records / RECORD).whole
        # The first look of a new daemon tells of nothing that was decided before it.
        seen = min(int(context.cursor), len(lines)) if context.cursor else len(lines)
        for notice in (*of_record(profile, lines[seen:]), *_of_ticks(profile, context, outbox)):
            outbox.put(notice)

        def tell(address: str, notice: Notice) -> str | None:
            return send(address, notice, chosen.link)

        addresses = [one.get_secret_value() for one in chosen.urls]
        done = outbox.deliver(addresses, chosen.occasions, tell, clock(), lambda: timer() - begun < BUDGET_SECONDS)
        for words in done.words:
            context.log.warning(f"a notice did not reach everybody: {words}")
        said = (
            f"{done.done} notices told, {done.failed} to be tried again, {done.waiting} wait, {done.given_up} given up"
        )
        return dg.SensorResult(skip_reason=f"{said}; {len(addresses)} addresses", cursor=str(len(lines)))

    return sensor


def _of_ticks(profile: str, context: dg.SensorEvaluationContext, outbox: Outbox) -> Iterator[Notice]:
    """Of all sensors and schedules of the repository but this one: where it fails nobody is there to tell."""
    its = context.repository_def
    assert its is not None
    names = {one.name for one in its.sensor_defs} | {one.name for one in its.schedule_defs}
    return of_failing_ticks(profile, context.instance, names - {TELLER}, outbox)


def _outbox(profile: str) -> Outbox:
    return Outbox(ProfileFolders(load_settings(profile=profile).profile_root).notices)


def _job(run: dg.DagsterRun) -> str:
    """Its job, or what it makes where that is a job of Dagster's own."""
    if not run.job_name.startswith("__"):
        return f"job {run.job_name}"
    return ", ".join(sorted(key.to_user_string() for key in run.asset_selection or ())) or "a run"


def _what(run: dg.DagsterRun) -> str:
    """The same for runs that make the same."""
    return digest([run.job_name, *sorted(key.to_user_string() for key in run.asset_selection or ())])


def _ended_at(instance: dg.DagsterInstance, run_id: str) -> float:
    record = instance.get_run_record_by_id(run_id)
    return (record.end_time if record else None) or time.time()
