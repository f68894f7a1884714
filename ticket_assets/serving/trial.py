"""Champion and challenger on the same held-out tickets.

Belongs here: the hold-out as both are asked about it, the champion's answers in today's labels, the contest per target.
Does not belong here: the rules (models/promotion.py), the order of a succession (succession.py).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ticket_assets.models.promotion import Contest
from ticket_assets.models.rows import TargetRows
from ticket_assets.serving.bundle import TriageBundle
from ticket_assets.serving.fitted import ERASED, version_of, versions
from ticket_assets.serving.manifest import BundleError, BundleManifest
from ticket_assets.serving.prediction import Ticket
from ticket_assets.serving.rehearsal import Expected
from ticket_assets.serving.store import Champion
from ticket_assets.serving.throne import Court
from ticket_assets.serving.translation import translated
from ticket_assets.tickets.taxonomy import ORIGINAL, Taxonomy

REHEARSED = 20  # held-out tickets of each target that a rehearsal answers again


@dataclass(frozen=True)
class HeldOut:
    """One target's hold-out.

    Attributes:
        rows: int (n,) positions in the list of held-out tickets.
        truth: n true labels, by name.
        families: (n,) family of each.
        labels: K labels of the challenger.
        challenger: float64 (n, K) probabilities of the challenger.
        shares: label to its share of the training rows.
    """

    rows: np.ndarray
    truth: Sequence[str]
    families: np.ndarray
    labels: tuple[str, ...]
    challenger: np.ndarray
    shares: Mapping[str, float]

    @property
    def majority(self) -> str:
        """The label that the majority baseline gives to all."""
        return max(self.labels, key=lambda label: self.shares.get(label, 0.0))

    @property
    def expected(self) -> Expected:
        """What a rehearsal of the challenger must answer."""
        some = slice(REHEARSED)
        return Expected(self.rows[some].tolist(), self.labels, self.challenger[some])


@dataclass(frozen=True)
class Testimony:
    """What the champion answers to all held-out tickets.

    Attributes:
        manifest: of its bundle; None where it does not answer.
        answers: target to labels and probabilities float64 (n, K), in today's labels.
        silence: why it does not answer; None where it does, or where there is no champion.
        translations: target to what was done to its labels, where its taxonomy is another than today's.
    """

    manifest: BundleManifest | None = None
    answers: Mapping[str, tuple[tuple[str, ...], np.ndarray]] = field(default_factory=dict)
    silence: str | None = None
    translations: Mapping[str, str] = field(default_factory=dict)


def outdated(champion: BundleManifest, challenger: BundleManifest, erased: Collection[str] = ()) -> str | None:
    """What speaks against the champion and has nothing to do with how good it is; or None.

    Whoever sets a further mask, or renames a queue, or erases a person, wants it served, and not once some later model
    happens to gain.

    Args:
        champion: its manifest.
        challenger: likewise.
        erased: versions of the data of which tickets were erased that models had been fitted to.
    """
    told = []
    if {*champion.mask} != {*challenger.mask}:
        before, today = (", ".join(one.mask) or "nothing" for one in (champion, challenger))
        told.append(f"the champion masks {before}, and set is {today}")
    told += [
        f"the champion's labels of {target}: version {champion.taxonomy.get(target, 'none')}, today's {version}"
        for target, version in challenger.taxonomy.items()
        if target in champion.targets and champion.taxonomy.get(target) != version
    ]
    # Not those that the challenger was made from as well: it would be no better.
    if not (versions(champion) - versions(challenger)).isdisjoint(erased):
        told.append(f"the champion's {ERASED}")
    return "; ".join(told) or None


def flaws(champion: BundleManifest, erased: Collection[str]) -> dict[str, str]:
    """Target to what speaks against the champion's model of it, should that stay when others go.

    Args:
        champion: its manifest.
        erased: as for `outdated`.
    """
    return {target: f"its {ERASED}" for target in champion.targets if version_of(champion, target) in erased}


def hear(
    court: Court,
    champion: Champion | None,
    tickets: Sequence[Ticket],
    held: Mapping[str, HeldOut],
    today: Mapping[str, str],
) -> Testimony:
    """The champion's answers now, from the tickets as they arrived: its features need not be the challenger's.

    Args:
        court: where.
        champion: None where there is none.
        tickets: all held-out tickets.
        held: target name to its hold-out.
        today: target name to the version of the challenger's labels, where a taxonomy names them.
    """
    if champion is None:
        return Testimony()
    try:
        bundle = TriageBundle.load(court.bundles / champion.bundle, court.encoders, court.threads)
    except BundleError as error:
        return Testimony(silence=str(error))
    probabilities = bundle.probabilities(bundle.features(tickets))
    answers = {target: (bundle.manifest.targets[target], one) for target, one in probabilities.items()}
    translations = {}
    for target in answers.keys() & held.keys():
        versions = (bundle.manifest.taxonomy.get(target, ORIGINAL), today.get(target, ORIGINAL))
        if versions[0] == versions[1]:
            continue
        try:
            known = court.taxonomies.get(target, Taxonomy())
            answers[target] = translated(*answers[target], known, versions, held[target].shares)
            translations[target] = f"translated from {versions[0]} to {versions[1]}"
        except ValueError as error:
            # A taxonomy file that was taken away, or cut: by their names most labels are still the same.
            translations[target] = f"taken as they are: {error}"
    return Testimony(bundle.manifest, answers, None, translations)


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
        counts = np.bincount(its.training.y, minlength=len(its.labels))
        held[target] = HeldOut(
            rows=np.array([place[one] for one in its.holdout_ids]),
            truth=its.holdout_labels,
            families=its.holdout.families,
            labels=its.labels,
            challenger=np.vstack(list(mine["probabilities"])),
            shares=dict(zip(its.labels, (counts / counts.sum()).tolist(), strict=True)),
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
