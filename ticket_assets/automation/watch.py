"""Sensor `watch`: looks at what others make, tells Dagster where it changed, and ends runs whose process is gone.

Belongs here: which places are looked at, in which order, within which time.
Does not belong here: each look (source.py, feedback.py, champion.py), what follows: data flows on by its condition
(conditions.py), models by sensor `retraining`, bentos by sensor `deployment`.
"""

import time
from collections.abc import Callable

import dagster as dg

from ticket_assets.automation.champion import observe_champion
from ticket_assets.automation.feedback import observe_corrections
from ticket_assets.automation.interrupted import end_broken_off
from ticket_assets.automation.retraining import Clock, utc_now
from ticket_assets.automation.source import observe_mended, observe_source
from ticket_assets.automation.triggers import OBSERVED
from ticket_assets.resources.desk import Desk
from ticket_assets.storage import ProfileFolders

SECONDS = 30
BUDGET_SECONDS = 40.0  # Dagster ends a tick after a minute; what was not looked at is first the next time
Look = Callable[[Desk, dg.DagsterInstance, Clock], object]

LOOKS: dict[str, Look] = {
    "runs": lambda desk, instance, clock: end_broken_off(desk.settings, instance, dg.get_dagster_logger().warning),
    "source": lambda desk, instance, clock: observe_source(desk.settings, instance),
    "mended rows": lambda desk, instance, clock: observe_mended(desk.settings, instance),
    "corrections": lambda desk, instance, clock: observe_corrections(
        ProfileFolders(desk.settings.profile_root), instance
    ),
    "champion": lambda desk, instance, clock: observe_champion(desk, instance, clock()),
}


class WatchError(RuntimeError):
    """None of the places could be looked at; the message says why."""


def watch(profile: str, clock: Clock = utc_now, timer: Callable[[], float] = time.monotonic) -> dg.SensorDefinition:
    """The sensor.

    Args:
        profile: whose source.
        clock: gives the moment.
        timer: seconds, for the time budget.
    """

    @dg.sensor(
        name=OBSERVED,
        minimum_interval_seconds=SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Looks at source, mended rows, corrections, champion, reports their data versions; ends dead runs.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        begun, desk = timer(), Desk(profile=profile)
        if not (desk.settings.profile_root / "identity.json").exists():
            return dg.SensorResult(skip_reason=f"profile {profile} never ran: make run PROFILE={profile}")
        order = _turned([*LOOKS], context.cursor)
        seen: list[str] = []
        failed: dict[str, str] = {}
        for name in order:
            if seen and timer() - begun > BUDGET_SECONDS:
                break
            try:
                LOOKS[name](desk, context.instance, clock)
                seen.append(name)
            except Exception as error:  # noqa: BLE001  # one place out of reach keeps nobody from looking at the others
                failed[name] = f"{type(error).__name__}: {error}"
                context.log.warning(f"{name}: {failed[name]}")
        if not seen:
            raise WatchError("; ".join(f"{name}: {why}" for name, why in failed.items()))
        left = [name for name in order if name not in seen and name not in failed]
        told = [f"looked at {', '.join(seen)} in {timer() - begun:.1f} s"]
        told += [f"no time for {', '.join(left)}: first the next time"] if left else []
        told += [f"{name} cannot be looked at: {why}" for name, why in failed.items()]
        return dg.SensorResult(skip_reason="; ".join(told), cursor=left[0] if left else None)

    return sensor


def _turned(names: list[str], first: str | None) -> list[str]:
    """Names in their order, beginning with one of them."""
    at = names.index(first) if first in names else 0
    return names[at:] + names[:at]
