"""The way back: an earlier bundle is champion again, and a pin keeps it so for a while.

Belongs here: choosing the bundle, rehearsing it, the move and its pin; taking a pin off.
Does not belong here: the order of a move (throne.py), the bento (bento.py), telling Dagster (automation/champion.py).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ticket_assets.serving.bundle import hold
from ticket_assets.serving.chronicle import Chronicle, Pin
from ticket_assets.serving.manifest import BundleManifest, damage
from ticket_assets.serving.record import Event, why_no_champion
from ticket_assets.serving.rehearsal import RehearsalError, rehearse
from ticket_assets.serving.store import Champion
from ticket_assets.serving.throne import Court, instant, record, require_unmoved, seat, throne


class RollbackError(RuntimeError):
    """There is nothing to go back to, or it does not answer; the message says what to do. Nothing was changed."""


@dataclass(frozen=True)
class Plan:
    """A rollback that may be made: who serves, who is to serve, its bundle rehearsed."""

    before: Champion
    to: Champion
    manifest: BundleManifest


def plan(court: Court, version: int | None, now: datetime) -> Plan:
    """Choose the champion before, or a registered version, and rehearse its bundle.

    Raises:
        RollbackError: there is no champion, or none before it; the version is unknown or champion already; its bundle
            is gone or does not answer.
    """
    with throne(court) as standing:
        before = standing.champion
        if before is None:
            raise RollbackError(f"there is nothing to roll back from: {why_no_champion(court.records)}")
        chosen, bundle = _chosen(court, standing, before, version)
        hold(court.bundles / bundle)
    try:
        rehearse(court.bundles / bundle, court.encoders, court.threads)
    except RehearsalError as error:
        raise RollbackError(f"v{chosen} cannot serve: {error}; v{before.version} serves on") from error
    return Plan(before, Champion(chosen, bundle, instant(now)), BundleManifest.read(court.bundles / bundle))


def roll_back(court: Court, planned: Plan, reason: str, hold: timedelta) -> Pin | None:
    """Move record, alias and pointer, and pin the champion for so long; no time at all is no pin.

    Raises:
        RollbackError: the bundle was damaged since it was rehearsed.
        ThroneError: somebody else moved the champion since it was planned.
    """
    now = datetime.fromisoformat(planned.to.since)
    pin = Pin(now + hold, reason) if hold else None
    with throne(court) as standing:
        require_unmoved(standing, planned.before)
        if faults := damage(court.bundles / planned.to.bundle):
            raise RollbackError(
                f"v{planned.to.version} was damaged since it was rehearsed: {'; '.join(faults)}; "
                f"v{planned.before.version} serves on"
            )
        record(
            court,
            standing,
            Event.ROLLBACK,
            now,
            champion={"version": planned.to.version, "bundle": planned.to.bundle},
            reason=reason,
            pin=pin.as_dict() if pin else None,
            scores=planned.manifest.scores,
        )
        seat(court, planned.to)
    return pin


def unpin(court: Court, reason: str, now: datetime) -> Pin | None:
    """Take the pin off; return the one that was in force, None where there was none."""
    with throne(court) as standing:
        pin = standing.pin(now)
        if pin:
            record(court, standing, Event.UNPIN, now, reason=reason)
    return pin


def _chosen(court: Court, standing: Chronicle, before: Champion, version: int | None) -> tuple[int, str]:
    if version is None:
        earlier = standing.before
        if earlier is None:
            raise RollbackError(f"v{before.version} is the first champion: there is none before it to roll back to")
        return earlier.version, earlier.bundle
    if version == before.version:
        raise RollbackError(f"v{version} is the champion already")
    known = court.registry.bundles()
    if version not in known:
        listed = ", ".join(f"v{one}" for one in known) or "none"
        raise RollbackError(f"there is no registered version v{version}: name one of {listed}")
    return version, known[version]
