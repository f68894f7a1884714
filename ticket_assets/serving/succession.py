"""A challenger's way to the throne: probed, scored beside the champion, decided upon, registered, recorded.

Belongs here: the order of these steps; the pointer moves last, so that whatever fails leaves the champion serving.
Does not belong here: the rules (models/promotion.py), MLflow (models/registry.py), writing a bundle (bundle.py).
"""

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from ticket_assets.models.promotion import Contest, Decision, decide
from ticket_assets.models.registry import Registry
from ticket_assets.models.rows import TargetRows
from ticket_assets.profile import PromotionSettings
from ticket_assets.serving.bundle import TriageBundle
from ticket_assets.serving.manifest import BundleError, BundleManifest
from ticket_assets.serving.prediction import Ticket
from ticket_assets.serving.record import RECORD
from ticket_assets.serving.store import Champion, read_champion, write_champion
from ticket_assets.storage import append_record

LATENCY_ROUNDS = 15


@dataclass(frozen=True)
class HeldOut:
    """One target's hold-out.

    Attributes:
        rows: int (n,) positions in the list of held-out tickets.
        truth: n true labels, by name.
        families: (n,) family of each.
        labels: K labels of the challenger.
        challenger: float64 (n, K) probabilities of the challenger.
        majority: label that the majority baseline gives to all.
    """

    rows: np.ndarray
    truth: Sequence[str]
    families: np.ndarray
    labels: tuple[str, ...]
    challenger: np.ndarray
    majority: str


@dataclass(frozen=True)
class Court:
    """Where a succession takes place: bundle store, encoders, records, registry, rules."""

    bundles: Path
    encoders: Path
    records: Path
    registry: Registry
    rules: PromotionSettings
    seed: int
    threads: int


@dataclass(frozen=True)
class Succession:
    """What came of it: the decision, and who is champion now (None while nobody ever was)."""

    decision: Decision
    champion: Champion | None


def settle(
    court: Court,
    challenger: BundleManifest,
    tickets: Sequence[Ticket],
    held: Mapping[str, HeldOut],
    run_id: str,
    tags: Mapping[str, str],
) -> Succession:
    """Probe, score, decide, register; crown when promoted.

    Args:
        court: where.
        challenger: manifest of the bundle, which lies in the store.
        tickets: all held-out tickets as they arrived.
        held: target name to its hold-out.
        run_id: of the open MLflow run; whoever opened it ends it.
        tags: go onto the run, the registered version and the record.
    """
    champion = read_champion(court.bundles)
    if champion and champion.bundle == challenger.id:
        return Succession(Decision(False, "nothing to decide: the challenger is the champion", {}), champion)
    bundle = TriageBundle.load(court.bundles / challenger.id, court.encoders, court.threads)
    latency = median_latency_ms(bundle, tickets)
    answers, unanswered = _champion_answers(court, champion, tickets)
    contests = {name: contest(one, answers.get(name), latency) for name, one in held.items()}
    decision = decide(contests, court.rules, court.seed, unanswered)
    return _enthrone(court, challenger, champion, decision, run_id, {**tags, "latency_ms": f"{latency:.1f}"})


def _enthrone(
    court: Court,
    challenger: BundleManifest,
    champion: Champion | None,
    decision: Decision,
    run_id: str,
    tags: Mapping[str, str],
) -> Succession:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    metrics = {f"{target}.{name}": value for target, its in challenger.scores.items() for name, value in its.items()}
    court.registry.log(run_id, {"bundle": challenger.id, "decision": decision.reason[:500]}, metrics, tags)
    version = court.registry.register(run_id, court.bundles / challenger.id, {"bundle": challenger.id, **tags})
    append_record(
        court.records / RECORD,
        {
            "at": now,
            "challenger": {"version": version, "bundle": challenger.id},
            "champion_before": champion.version if champion else None,
            **decision.as_dict(),
            **tags,
        },
    )
    if not decision.promoted:
        return Succession(decision, champion)
    crowned = Champion(version, challenger.id, now)
    court.registry.crown(version)
    write_champion(court.bundles, crowned)
    return Succession(decision, crowned)


def contest(
    held: HeldOut,
    champion: tuple[tuple[str, ...], np.ndarray] | None,
    latency_ms: float,
) -> Contest:
    """Both bundles' answers over the union of their labels, so that a class one does not know is its error.

    Args:
        held: the rows, with the challenger's probabilities.
        champion: labels, and probabilities of all held-out tickets, of the champion; None without one.
        latency_ms: of the challenger.
    """
    labels = tuple(sorted({*held.truth, *held.labels, *(champion[0] if champion else ())}))
    number = {label: place for place, label in enumerate(labels)}

    def predicted(names: tuple[str, ...], probabilities: np.ndarray) -> np.ndarray:
        return np.array([number[name] for name in names])[probabilities.argmax(axis=1)]

    return Contest(
        y_true=np.array([number[label] for label in held.truth]),
        challenger=predicted(held.labels, held.challenger),
        champion=predicted(champion[0], champion[1][held.rows]) if champion else None,
        majority=np.full(len(held.truth), number[held.majority]),
        families=held.families,
        labels=labels,
        latency_ms=latency_ms,
    )


def median_latency_ms(bundle: TriageBundle, tickets: Sequence[Ticket]) -> float:
    """Median milliseconds of one ticket, in process, after one to warm up."""
    bundle.predict(tickets[:1])
    took = []
    for ticket in tickets[:LATENCY_ROUNDS]:
        begun = time.perf_counter()
        bundle.predict([ticket])
        took.append(1000 * (time.perf_counter() - begun))
    return statistics.median(took)


def _champion_answers(
    court: Court, champion: Champion | None, tickets: Sequence[Ticket]
) -> tuple[dict[str, tuple[tuple[str, ...], np.ndarray]], str | None]:
    """The champion's answers now, from the tickets as they arrived: its features need not be the challenger's.

    Returns:
        Target name to labels and probabilities; and, where the champion no longer loads, why.
    """
    if champion is None:
        return {}, None
    try:
        bundle = TriageBundle.load(court.bundles / champion.bundle, court.encoders, court.threads)
    except BundleError as error:
        return {}, str(error)
    probabilities = bundle.probabilities(bundle.features(tickets))
    return {target: (bundle.manifest.targets[target], one) for target, one in probabilities.items()}, None


def held_out(
    rows: Mapping[str, TargetRows],
    answers: pd.DataFrame,
    tickets: Mapping[str, Ticket],
    labels: Mapping[str, tuple[str, ...]],
) -> tuple[list[Ticket], dict[str, HeldOut]]:
    """The hold-outs of all targets over one list of tickets.

    Args:
        rows: target name to its rows.
        answers: the table `models/evaluation`.
        tickets: ticket id to the ticket as it arrived.
        labels: target name to the candidate's labels, which name the columns of its probabilities.

    Raises:
        ValueError: the evaluation speaks of other tickets or labels than the rows, or a candidate of other labels.
    """
    ids = sorted({one for its in rows.values() for one in its.holdout_ids})
    place = {one: position for position, one in enumerate(ids)}
    held = {}
    for target, its in rows.items():
        if labels[target] != its.labels:
            odd = ", ".join(sorted({*labels[target]} ^ {*its.labels})) or "their order"
            raise ValueError(
                f"the candidate of {target} and its training rows differ in labels ({odd}): "
                f"materialise models/candidate_{target} again"
            )
        mine = _answers_in_order(target, its, answers[answers["target"] == target])
        held[target] = HeldOut(
            rows=np.array([place[one] for one in its.holdout_ids]),
            truth=its.holdout_labels,
            families=its.holdout.families,
            labels=its.labels,
            challenger=np.vstack(list(mine["probabilities"])),
            majority=its.labels[int(np.bincount(its.training.y).argmax())],
        )
    return [tickets[one] for one in ids], held


def _answers_in_order(target: str, rows: TargetRows, answers: pd.DataFrame) -> pd.DataFrame:
    """The evaluation's answers on one target in the order of the hold-out; the two tables are joined by ticket id."""
    found, wanted = answers["ticket_id"], list(rows.holdout_ids)
    if sorted(found) != sorted(wanted):
        odd = sorted({*found} ^ {*wanted} | {*found[found.duplicated()]})
        raise ValueError(
            f"models/evaluation has {len(found)} answers on {target}, the hold-out {len(wanted)} tickets, and they "
            f"differ in {', '.join(odd[:5])}: materialise models/evaluation again"
        )
    ordered = answers.set_index("ticket_id").loc[wanted]
    relabelled = [one for one, was, y in zip(wanted, ordered["y"], rows.holdout.y, strict=True) if was != y]
    if relabelled:
        raise ValueError(
            f"models/evaluation scored {target} by other labels of {', '.join(relabelled[:5])}: "
            "materialise models/evaluation again"
        )
    return ordered
