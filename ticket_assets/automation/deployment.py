"""Sensor `deployment`: after another champion took the seat, its bento is built and rolled out.

Belongs here: seeing that the champion is another than the one that was rolled out, how often a roll-out is tried.
Does not belong here: building (serving/bento.py), rolling out (serving/rollout.py).
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg

from ticket_assets.automation.retraining import Clock, utc_now
from ticket_assets.automation.runs import DEPLOY, LANE, ROLLOUT, at_work, began
from ticket_assets.automation.told import known_metadata
from ticket_assets.automation.triggers import DEPLOYMENT
from ticket_assets.serving.rollout import waits_for_service
from ticket_assets.serving.store import read_champion
from ticket_assets.settings import load_settings
from ticket_assets.storage import ProfileFolders

DEPLOYED = dg.AssetKey(["serving", "deployment"])
SECONDS = 15
TRIES = 2
PAUSE = timedelta(minutes=2)  # a service that restarts is back by then
CHAMPION_TAG = "ticket-assets/champion"


def deploy_job(hooks: set[dg.HookDefinition]) -> dg.JobDefinition:
    """The job that builds the champion's bento, asks it, and rolls it out."""
    return dg.define_asset_job(  # type: ignore[return-value]  # resolved at assembly
        DEPLOY,
        dg.AssetSelection.groups("serving"),
        description="The champion's bento, built and rolled out. Sensor `deployment` owns it.",
        hooks=hooks,
        tags={LANE: ROLLOUT},
    )


def deployment(profile: str, clock: Clock = utc_now) -> dg.SensorDefinition:
    """The sensor.

    Args:
        profile: whose champion.
        clock: gives the moment; another one in tests.
    """

    @dg.sensor(
        name=DEPLOYMENT,
        job_name=DEPLOY,
        minimum_interval_seconds=SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Builds and rolls out the bento of a champion that took the seat.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        settings = load_settings(profile=profile)
        champion = read_champion(ProfileFolders(settings.profile_root).bundles)
        if champion is None:
            yield dg.SkipReason("nobody is champion yet")
            return
        deployed = known_metadata(context.instance, DEPLOYED)
        who = f"v{champion.version}, bundle {champion.bundle}, since {champion.since}"
        told = {name: one.value for name, one in deployed.items()}
        is_told = (told.get("bundle"), told.get("since")) == (champion.bundle, champion.since)
        waits = is_told and bool(told.get("waiting"))
        if is_told and not waits:
            yield dg.SkipReason(f"{who} is rolled out")
            return
        seat = f"{champion.bundle}@{champion.since}"
        # Before any tries: those of others, such as `make run`, build the same bento.
        busy = [one.run_id[:8] for one in at_work(context.instance, "serving", clock())]
        if busy:
            yield dg.SkipReason(f"{who} is being rolled out by run {', '.join(busy)}")
            return
        rollout = settings.active.monitoring.rollout
        if waits and waits_for_service(rollout):
            yield dg.SkipReason(
                f"{who} waits: nobody answers at {rollout.url}; it is rolled out when the service is started"
            )
            return
        tried = context.instance.get_run_records(dg.RunsFilter(job_name=DEPLOY, tags={CHAMPION_TAG: seat}))
        last = tried[0].dagster_run.run_id[:8] if tried else ""
        if len(tried) >= TRIES + waits:  # the one that found nobody was none
            yield dg.SkipReason(
                f"{who} was not rolled out: {len(tried)} tries came to nothing, last run {last}; mend the cause, "
                "then materialise serving/deployment"
            )
            return
        if tried and (again := _ended(tried[0]) + PAUSE) > clock():
            yield dg.SkipReason(f"{who} was not rolled out by run {last}; it is tried again at {again:%H:%M:%S} UTC")
            return
        yield dg.RunRequest(run_key=f"{seat}:{len(tried)}", tags={CHAMPION_TAG: seat})

    return sensor


def _ended(record: dg.RunRecord) -> datetime:
    """When a run ended (UTC); when it was asked for, where its process died and nobody told the end."""
    return datetime.fromtimestamp(record.end_time, UTC) if record.end_time else began(record)
