"""A challenger's way to the throne: rehearsed, tried beside the champion, decided upon, registered, recorded, seated.

Belongs here: the order of these steps; the pointer moves last, so that whatever fails leaves the champion serving.
Does not belong here: the rules (models/promotion.py), the trial (trial.py), the rehearsal (rehearsal.py), moving alias
and pointer (throne.py), MLflow (models/registry.py), writing a bundle (bundle.py, assembly.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from ticket_assets.models.plain_baseline import below_baseline
from ticket_assets.models.promotion import Decision, Verdict, decide
from ticket_assets.models.recent import RecentScores, score_recent
from ticket_assets.models.trained_rows import recent_there
from ticket_assets.serving.assembly import assemble, keepable
from ticket_assets.serving.bundle import TriageBundle
from ticket_assets.serving.chronicle import Chronicle
from ticket_assets.serving.fitted import erased_data, version_of, versions
from ticket_assets.serving.manifest import BundleManifest, damage
from ticket_assets.serving.prediction import Ticket
from ticket_assets.serving.probation import put_in_shadow
from ticket_assets.serving.recent_tickets import RecentTickets, recent_contest
from ticket_assets.serving.record import Event
from ticket_assets.serving.rehearsal import Latency, RehearsalError, rehearse
from ticket_assets.serving.renamed import renamed
from ticket_assets.serving.store import Champion
from ticket_assets.serving.throne import Court, instant, record, require_unmoved, seat, throne
from ticket_assets.serving.trial import HeldOut, Testimony, contest, flaws, hear, outdated
from ticket_assets.tickets.ledger import HOLDOUT


@dataclass(frozen=True)
class Succession:
    """What came of it.

    Attributes:
        decision: the verdicts.
        champion: who it is now; None while nobody ever was.
        bundle: id of the one that was decided upon: the challenger's, or one of two where the champion's models stay.
    """

    decision: Decision
    champion: Champion | None
    bundle: str


@dataclass(frozen=True)
class Judged:
    """A challenger that was judged, on its way to the record.

    Attributes:
        bundle: that is to be champion if it was promoted.
        decision: the verdicts.
        told: further fields of the record.
        answers: whether the bundle does; one that does not is nothing to go back to one day, and not registered.
    """

    bundle: BundleManifest
    decision: Decision
    told: Mapping[str, Any]
    answers: bool = True

    def failed(self, why: str) -> "Judged":
        """Refused, since it does not answer as it should."""
        return replace(self, decision=self.decision.refused(f"the probe failed: {why}"), answers=False)


def settle(
    court: Court,
    challenger: BundleManifest,
    tickets: Sequence[Ticket],
    held: Mapping[str, HeldOut],
    run_id: str,
    tags: Mapping[str, str],
    recent: RecentTickets | None = None,
) -> Succession:
    """Rehearse, score, decide, register; seat when promoted.

    Args:
        court: where.
        challenger: manifest of the bundle, which lies in the store.
        tickets: all held-out tickets as they arrived.
        held: target name to its hold-out.
        run_id: of the open MLflow run; whoever opened it ends it.
        tags: go onto the run, the registered version and the record.
        recent: tickets that came since the hold-out was frozen, and that neither was trained on.

    Raises:
        ThroneError: somebody else moved the champion meanwhile.
    """
    with throne(court) as standing:
        champion = standing.champion
    if champion and champion.bundle == challenger.id:
        return Succession(
            Decision(False, "nothing to decide: the challenger is the champion", {}), champion, challenger.id
        )
    judged = _judge(court, challenger, champion, tickets, held, recent or RecentTickets())
    with throne(court) as standing:
        require_unmoved(standing, champion)
        return _enthrone(court, standing, judged, run_id, tags)


def _judge(
    court: Court,
    challenger: BundleManifest,
    champion: Champion | None,
    tickets: Sequence[Ticket],
    held: Mapping[str, HeldOut],
    recent: RecentTickets,
) -> Judged:
    unjudged = Judged(challenger, Decision(False, "", {}), {})
    try:
        latency = _rehearsed(court, challenger, tickets, held)
    except RehearsalError as error:
        return unjudged.failed(str(error))
    # One list, asked once: the recent ones stand behind those that are held out.
    testimony = hear(court, champion, [*tickets, *recent.tickets], held, challenger.taxonomy)
    contests = {name: contest(one, testimony.answers.get(name), latency.p50_ms) for name, one in held.items()}
    fits = keepable(challenger, testimony, renamed(court.records, HOLDOUT))
    may_stay = [target for target, why_not in fits.items() if why_not is None]
    old, flawed = None, {}
    if testimony.manifest:
        erased = erased_data(court.records, court.trained, versions(testimony.manifest))
        old, flawed = outdated(testimony.manifest, challenger, erased), flaws(testimony.manifest, erased)
    lately = _on_recent(court, challenger, testimony, recent, len(tickets))
    decision = decide(contests, court.rules, court.seed, testimony.silence, may_stay, old, flawed, lately)
    hinders = {name: why for name, why in fits.items() if why and decision.targets[name].verdict is Verdict.LOSES}
    further = {"translations": dict(testimony.translations), "cannot_stay": hinders}
    judged = Judged(challenger, decision, {**_told(latency), **{name: one for name, one in further.items() if one}})
    if not decision.promoted or not decision.kept:
        return judged
    return _judge_assembled(court, judged, testimony, tickets, held)


def _on_recent(
    court: Court, challenger: BundleManifest, testimony: Testimony, recent: RecentTickets, first: int
) -> dict[str, RecentScores]:
    """Target to what both are worth on the tickets that came since the champion's model of it was trained.

    Args:
        court: where.
        challenger: its manifest.
        testimony: the champion's answers, those to recent tickets from place `first` on.
        recent: the tickets.
        first: place of the first of them.
    """
    if not recent.tickets:
        return {}
    bundle = TriageBundle.load(court.bundles / challenger.id, court.encoders, court.threads)
    answers = bundle.probabilities(bundle.features(recent.tickets))
    found = {}
    for target, rows in recent.targets.items():
        version = version_of(testimony.manifest, target) if testimony.manifest else None
        since, champion = rows.since(recent_there(court.trained, version)), testimony.answers.get(target)
        if not since.truth:
            continue
        old = None if champion is None else (champion[0], champion[1][first:])
        contest = recent_contest(since, (challenger.targets[target], answers[target]), old)
        found[target] = score_recent(contest, court.rules.recent_families, court.seed)
    return found


def _judge_assembled(
    court: Court, judged: Judged, testimony: Testimony, tickets: Sequence[Ticket], held: Mapping[str, HeldOut]
) -> Judged:
    """Where models of the champion stay, the bundle that is to serve is another one: it is rehearsed too."""
    assert testimony.manifest is not None
    decision, answered = judged.decision, dict(held)
    for target in decision.kept:
        labels, probabilities = testimony.answers[target]
        answered[target] = replace(held[target], labels=labels, challenger=probabilities[held[target].rows])
    bundle = assemble(court.bundles, judged.bundle, testimony.manifest, decision.kept, answered, court.threads)
    origins = dict.fromkeys(bundle.targets, judged.bundle.id) | {
        target: origin.bundle for target, origin in bundle.kept.items()
    }
    told = {**judged.told, "models_from": origins}
    try:
        latency = _rehearsed(court, bundle, tickets, answered)
    except RehearsalError as error:
        return Judged(bundle, decision, told).failed(str(error))
    if latency.p50_ms > court.rules.max_latency_ms:
        slow = f"with the champion's models that stay one ticket takes {latency.p50_ms:.0f} ms"
        decision = decision.refused(f"{slow}, more than {court.rules.max_latency_ms:.0f}")
    return Judged(bundle, decision, {**told, **_told(latency)})


def _enthrone(court: Court, standing: Chronicle, judged: Judged, run_id: str, tags: Mapping[str, str]) -> Succession:
    now = datetime.now(UTC)
    judged = _withheld(court, standing, judged, now)
    bundle = judged.bundle
    decision = judged.decision.beside_baseline(below_baseline(bundle.scores).values())
    metrics = {f"{target}.{name}": value for target, its in bundle.scores.items() for name, value in its.items()}
    metrics |= {f"{target}.recent_macro_f1": value for target, value in decision.on_recent().items()}
    all_tags = {**tags, **{name: str(value) for name, value in judged.told.items() if name.startswith("latency")}}
    court.registry.log(run_id, {"bundle": bundle.id, "decision": decision.reason[:500]}, metrics, all_tags)
    version = None
    if judged.answers:
        version = court.registry.register(run_id, court.bundles / bundle.id, {"bundle": bundle.id, **all_tags})
    # Beside a champion that does not answer there is no shadow, and nobody to lose by it.
    is_asked = court.rules.shadow and standing.champion is not None and decision.unanswered is None
    if decision.promoted and version is not None and is_asked:
        decision = decision.waiting()
        told = {**decision.as_dict(), **judged.told, "scores": bundle.scores, **tags}
        put_in_shadow(court, standing, version, bundle.id, now, told)
        return Succession(decision, standing.champion, bundle.id)
    told = {**decision.as_dict(), **judged.told, "scores": bundle.scores, **tags}
    record(court, standing, Event.DECISION, now, challenger={"version": version, "bundle": bundle.id}, **told)
    if not decision.promoted or version is None:
        return Succession(decision, standing.champion, bundle.id)
    crowned = Champion(version, bundle.id, instant(now))
    seat(court, crowned)
    return Succession(decision, crowned, bundle.id)


def _withheld(court: Court, standing: Chronicle, judged: Judged, now: datetime) -> Judged:
    """The verdict, unless a bundle that was damaged since, or a pin, forbids what it says."""
    if not judged.decision.promoted:
        return judged
    faults = damage(court.bundles / judged.bundle.id)
    if faults:
        return judged.failed(f"its files were damaged meanwhile: {'; '.join(faults)}")
    pin = standing.pin(now)
    why = f"{pin}; without the pin {judged.decision.reason}"
    return replace(judged, decision=judged.decision.refused(why)) if pin else judged


def _rehearsed(court: Court, bundle: BundleManifest, tickets: Sequence[Ticket], held: Mapping[str, HeldOut]) -> Latency:
    """Rehearse with as many held-out tickets as are compared, and no more: each is answered alone."""
    expected = {target: one.expected for target, one in held.items()}
    chosen = sorted({place for one in expected.values() for place in one.places})
    position = {place: number for number, place in enumerate(chosen)}
    asked = {target: replace(one, places=[position[place] for place in one.places]) for target, one in expected.items()}
    folder, some = court.bundles / bundle.id, [tickets[place] for place in chosen]
    return rehearse(folder, court.encoders, court.threads, some, asked)


def _told(latency: Latency) -> dict[str, float]:
    return {"latency_p50_ms": round(latency.p50_ms, 1), "latency_p95_ms": round(latency.p95_ms, 1)}
