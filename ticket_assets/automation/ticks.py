"""Ticks that fail in a row: of which sensors and schedules people are to hear, and of which that they tick again.

Belongs here: reading the ticks that the instance keeps, what was told of them.
Does not belong here: words (monitoring/notices.py), delivery and runs that fail (telling.py).

A tick that fails starts no run, so that nothing else tells of it. The one that tells cannot tell of itself.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime

import dagster as dg
from dagster._core.scheduler.instigation import InstigatorTick, TickStatus

from ticket_assets.monitoring.notices import of_ticks, ticks_id
from ticket_assets.monitoring.outbox import Notice, Outbox

IN_A_ROW = 3
UNREACHABLE = "DagsterUserCodeUnreachableError"
_ENDED = [TickStatus.SKIPPED, TickStatus.SUCCESS, TickStatus.FAILURE]


def of_failing_ticks(
    profile: str, instance: dg.DagsterInstance, names: Collection[str], outbox: Outbox
) -> Iterator[Notice]:
    """A notice of each sensor or schedule whose last ticks failed, and of each told one that ticked well since.

    Args:
        profile: whose.
        instance: its Dagster instance.
        names: of the sensors and schedules that count.
        outbox: says which were told, and whether as failing.
    """
    for name, (kind, ticks) in sorted(_latest_ticks(instance, names).items()):
        told = outbox.latest(ticks_id(name, ""))
        is_told = told is not None and told.occasion == "failure"
        at = datetime.fromtimestamp(ticks[0].timestamp, UTC)
        fails = [one.status is TickStatus.FAILURE for one in ticks]
        if not is_told and len(ticks) == IN_A_ROW and all(fails):
            yield of_ticks(profile, kind, name, at, IN_A_ROW, _kind_of_error(ticks[0]))
        elif is_told and not fails[0]:
            yield of_ticks(profile, kind, name, at)


def _latest_ticks(
    instance: dg.DagsterInstance, names: Collection[str]
) -> dict[str, tuple[str, Sequence[InstigatorTick]]]:
    """Name to what it is and its last ticks that ended, newest first; of a code location that moved, the latest."""
    found: dict[str, tuple[str, Sequence[InstigatorTick]]] = {}
    if instance.schedule_storage is None:  # an instance in memory keeps no ticks
        return found
    for state in instance.all_instigator_state():
        name = state.instigator_name
        if name not in names:
            continue
        ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=IN_A_ROW, statuses=_ENDED)
        # A code server that is not there yet fails the ticks of all at once: that is nobody's fault and mends itself.
        ticks = [one for one in ticks if not (one.error and one.error.cls_name == UNREACHABLE)]
        if ticks and (name not in found or ticks[0].timestamp > found[name][1][0].timestamp):
            found[name] = (state.instigator_type.value.lower(), ticks)
    return found


def _kind_of_error(tick: InstigatorTick) -> str:
    """Of which kind the error was at its root; its message may hold anything."""
    error = tick.error
    while error is not None and error.cause is not None:
        error = error.cause
    return (error.cls_name if error else None) or "error"
