"""The one owner of retraining: sensor `retraining` and its job.

Belongs here: asking for evidence, the decision and the run that follows; telling of a new alarm.
Does not belong here: what the evidence is (evidence.py), the decision (monitoring/decision.py).
"""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import dagster as dg

from ticket_assets.automation.evidence import CAUSES_TAG, EVENT_TAG, EVENTS_TAG, gather
from ticket_assets.automation.runs import LANE, RETRAIN, TABLES
from ticket_assets.automation.triggers import RETRAINING, parents_by_condition
from ticket_assets.monitoring.decision import Decision, decide, settled_orders
from ticket_assets.monitoring.notices import of_windows, seen_until
from ticket_assets.monitoring.orders import settle_order
from ticket_assets.monitoring.outbox import Outbox
from ticket_assets.settings import load_settings
from ticket_assets.storage import ProfileFolders

SECONDS = 30  # between two looks
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The moment."""
    return datetime.now(UTC)


def retrain_job(hooks: set[dg.HookDefinition]) -> dg.JobDefinition:
    """The job that makes a challenger and judges it: split, search, candidates, evaluation, decision."""
    return dg.define_asset_job(  # type: ignore[return-value]  # resolved at assembly
        RETRAIN,
        dg.AssetSelection.groups("models"),
        description="A challenger from the data there is, judged beside the champion. Sensor `retraining` owns it.",
        hooks=hooks,
        tags={LANE: TABLES},
    )


def retraining(profile: str, clock: Clock = utc_now) -> dg.SensorDefinition:
    """The sensor.

    Args:
        profile: whose models.
        clock: gives the moment; another one in tests.
    """

    @dg.sensor(
        name=RETRAINING,
        job_name=RETRAIN,
        minimum_interval_seconds=SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Decides from windows, feedback, age and orders whether the champion is to have a challenger.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        settings = load_settings(profile=profile)
        folders, rules = ProfileFolders(settings.profile_root), settings.active.monitoring
        assert context.repository_def is not None
        parents = parents_by_condition(context.repository_def.asset_graph)
        evidence = gather(settings, context.instance, parents, clock())
        for order, run in settled_orders(evidence):
            settle_order(folders.records, order, run)
        decision = decide(evidence, rules.retrain, rules.drift, settings.active.promotion.recent_families)
        outbox, seen = Outbox(folders.notices), context.cursor
        for notice in of_windows(profile, evidence, decision, rules.retrain, rules.drift, seen, outbox.has):
            outbox.put(notice)
        context.update_cursor(seen_until(evidence))
        if not decision.retrain:
            yield dg.SkipReason(decision.why)
            return
        yield dg.RunRequest(run_key=decision.run_key, tags=run_tags(decision))

    return sensor


def run_tags(decision: Decision) -> dict[str, str]:
    """What a run of a retraining says of its causes; evidence of past retrainings is read from it."""
    return {
        EVENT_TAG: decision.events[0],
        EVENTS_TAG: json.dumps(decision.events),
        CAUSES_TAG: "; ".join(decision.causes),
    }
