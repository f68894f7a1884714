"""A challenger's time in the shadow: put there, judged by live tickets, taken or sent away.

Belongs here: the order of these steps, what is read of the log for them.
Does not belong here: the rules (models/probation.py), the decision before it (succession.py), scoring in the shadow
(endpoint/shadow.py), moving alias and pointer (throne.py).

A promotion goes as any other: record, alias, pointer; the pointer to the shadow goes last. A process that dies before
that leaves a challenger that is champion already, which no service asks, and the next look takes away.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from ticket_assets.models.probation import Live, LiveAnswer, LivePair, Ruling, Verdict, live, rule
from ticket_assets.serving.chronicle import Chronicle
from ticket_assets.serving.live_card import shadow_part
from ticket_assets.serving.manifest import damage
from ticket_assets.serving.prediction_log.shadows import answered_since, arms_in, pairs_in
from ticket_assets.serving.record import Event, event
from ticket_assets.serving.store import Challenger, Champion, read_challenger, remove_challenger, write_challenger
from ticket_assets.serving.throne import Court, instant, record, seat, throne

DAY_SECONDS = 86_400
# What a line says of itself; all else of the one that put a challenger into the shadow is said of it again at the end.
_OF_A_LINE = ("event", "at", "champion_before", "challenger", "in_place_of")


@dataclass(frozen=True)
class Seen:
    """What live tickets say.

    Attributes:
        targets: target to what is known of it.
        answered: tickets that the champion answered meanwhile.
    """

    targets: Mapping[str, Live]
    answered: int = 0


@dataclass(frozen=True)
class Outcome:
    """What came of a look.

    Attributes:
        challenger: who was in the shadow; None where nobody was.
        ruling: on it; None where there was nothing to judge.
        reason: in words, for people.
        champion: who it is now.
        promoted: whether the challenger is champion now.
        ended: whether the shadow is empty now, and was not.
        answered: tickets that the champion answered meanwhile.
    """

    challenger: Challenger | None
    ruling: Ruling | None
    reason: str
    champion: Champion | None
    promoted: bool = False
    ended: bool = False
    answered: int = 0


@dataclass(frozen=True)
class Labels:
    """Right labels beside those of feedback, and whose tickets say nothing.

    Attributes:
        of: target to ticket id to the label that the ticket database has.
        known: whether a ticket was trained on: who saw the answer has no merit in giving it.
    """

    of: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    known: Callable[[str], bool] = lambda _: False


def put_in_shadow(
    court: Court, standing: Chronicle, version: int, bundle: str, now: datetime, told: Mapping[str, Any]
) -> Challenger:
    """Record that a challenger passed, and have it answer in the champion's shadow; whoever was there goes.

    The same bundle beside the same champion goes on from where it was.
    """
    assert standing.champion is not None
    before, against = read_challenger(court.bundles), standing.champion.bundle
    goes_on = before is not None and (before.bundle, before.against) == (bundle, against)
    since = before.since if before and goes_on else instant(now)
    gone = {"in_place_of": before.version} if before and not goes_on else {}
    record(court, standing, Event.SHADOW, now, challenger={"version": version, "bundle": bundle}, **gone, **told)
    challenger = Challenger(version, bundle, since, against)
    write_challenger(court.bundles, challenger)
    return challenger


def read_live(
    engine: Engine, challenger: Challenger, targets: Collection[str], names: Mapping[str, str], labels: Labels
) -> Seen:
    """What the log says of a challenger and the champion that it is beside.

    Args:
        engine: of the store.
        challenger: who.
        targets: of both.
        names: id of a bundle before an erasure to its id now (renamed.py): the log has them as they were.
        labels: beside those of feedback.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the store is down.
    """
    ours, theirs = (_names(one, names) for one in (challenger.against, challenger.bundle))
    since = datetime.fromisoformat(challenger.since)
    pairs: dict[str, list[LivePair]] = {target: [] for target in targets}
    for one in pairs_in(engine, ours, theirs, since):
        if one.target in pairs and not labels.known(one.ticket):
            right = one.corrected or labels.of.get(one.target, {}).get(one.ticket)
            pairs[one.target].append(LivePair(one.champion, one.challenger, right))
    arms: dict[str, list[LiveAnswer]] = {target: [] for target in targets}
    for its in arms_in(engine, ours, theirs, since):
        if its.target in arms and not labels.known(its.ticket):
            right = its.corrected or labels.of.get(its.target, {}).get(its.ticket)
            arms[its.target].append(LiveAnswer(its.arm == "challenger", its.label, right))
    found = {target: live(pairs[target], arms[target]) for target in targets}
    return Seen(found, answered_since(engine, ours, since))


def look(court: Court, read: Callable[[Challenger], Seen], now: datetime) -> Outcome:
    """Judge who is in the shadow; take it, send it away, or let it wait.

    Args:
        court: where.
        read: gives what live tickets say; asked before anybody is held up.
        now: UTC.
    """
    challenger = read_challenger(court.bundles)
    if challenger is None:
        with throne(court) as standing:
            return Outcome(None, None, "nobody is in the shadow", standing.champion)
    seen = read(challenger)
    with throne(court) as standing:
        if read_challenger(court.bundles) != challenger:
            why = "another took its place meanwhile: look again"
            return Outcome(challenger, None, why, standing.champion, answered=seen.answered)
        champion = standing.champion
        if champion is None or champion.bundle != challenger.against:
            return _superseded(court, standing, challenger, seen.answered, now)
        ruling = rule(seen.targets, seen.answered, days_in_shadow(challenger, now), court.rules)
        if ruling.verdict is Verdict.TAKE and (faults := damage(court.bundles / challenger.bundle)):
            why = f"shadow: its files were damaged meanwhile: {'; '.join(faults)}"
            ruling = Ruling(Verdict.REFUSE, why, ruling.targets)
        pin = standing.pin(now)
        if ruling.verdict is Verdict.WAIT or (pin and ruling.verdict is Verdict.TAKE):
            reason = f"{pin}; without the pin it is champion: {ruling.reason}" if pin else ruling.reason
            return Outcome(challenger, ruling, reason, champion, answered=seen.answered)
        return _decided(court, standing, challenger, ruling, seen.answered, now)


def days_in_shadow(challenger: Challenger, now: datetime) -> float:
    """How long it has been there, in days."""
    return (now - datetime.fromisoformat(challenger.since)).total_seconds() / DAY_SECONDS


def withdraw(court: Court, reason: str, now: datetime) -> Challenger | None:
    """Take who is in the shadow out of it, by hand; return it, None where nobody is."""
    with throne(court) as standing:
        challenger = read_challenger(court.bundles)
        if challenger is not None:
            _tell(court, standing, challenger, False, f"refused: taken out of the shadow by hand: {reason}", now)
            remove_challenger(court.bundles)
        return challenger


def _decided(
    court: Court, standing: Chronicle, challenger: Challenger, ruling: Ruling, answered: int, now: datetime
) -> Outcome:
    promoted = ruling.verdict is Verdict.TAKE
    reason = f"{'promoted' if promoted else 'refused'}: {ruling.reason}"
    if before := _passed(standing, challenger):
        reason += f"; before that {str(before['reason']).removeprefix('in the shadow: ')}"
    more = {"live": ruling.as_dict()["targets"], "answered": answered}
    line = _tell(court, standing, challenger, promoted, reason, now, **more)
    champion = standing.champion
    if promoted:
        champion = Champion(challenger.version, challenger.bundle, instant(now))
        seat(court, champion)
    remove_challenger(court.bundles)
    court.registry.tell(challenger.version, "shadow", ruling.reason)
    court.registry.describe(challenger.version, shadow_part(line))
    return Outcome(challenger, ruling, reason, champion, promoted, ended=True, answered=answered)


def _superseded(court: Court, standing: Chronicle, challenger: Challenger, answered: int, now: datetime) -> Outcome:
    """Its champion is none any more: a rollback, or a promotion of this one that was broken off at its last step."""
    champion = standing.champion
    who = f"v{champion.version} is champion" if champion else "nobody is champion"
    reason = f"refused: it was in the shadow of another champion, and {who} since"
    if champion is None or champion.bundle != challenger.bundle:
        _tell(court, standing, challenger, False, reason, now)
    remove_challenger(court.bundles)
    return Outcome(challenger, None, reason, champion, ended=True, answered=answered)


def _tell(
    court: Court,
    standing: Chronicle,
    challenger: Challenger,
    promoted: bool,
    reason: str,
    now: datetime,
    **more: Any,
) -> Mapping[str, Any]:
    """Record the decision with what was known before the shadow: verdicts, scores, tags; return the line."""
    before = _passed(standing, challenger) or {}
    kept = {name: one for name, one in before.items() if name not in _OF_A_LINE}
    told = {**kept, "promoted": promoted, "reason": reason, "shadow_since": challenger.since, **more}
    named = {"version": challenger.version, "bundle": challenger.bundle}
    return record(court, standing, Event.DECISION, now, challenger=named, **told)


def _passed(standing: Chronicle, challenger: Challenger) -> Mapping[str, Any] | None:
    """The line that put it into the shadow."""
    lines = (line for line in reversed(standing.lines) if event(line) is Event.SHADOW)
    return next((line for line in lines if line["challenger"]["version"] == challenger.version), None)


def _names(bundle: str, names: Mapping[str, str]) -> set[str]:
    """All ids that a bundle ever had."""
    return {bundle, *(before for before, now in names.items() if now == bundle)}
