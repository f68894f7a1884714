"""The decision: does the challenger become champion, and why.

Belongs here: the rules per target and for the bundle, the words of the reason.
Does not belong here: scoring (evaluation.py), moving the alias (registry.py), swapping bundles (serving/).
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np

from ticket_assets.models.class_falls import ClassFall, class_falls
from ticket_assets.models.label_scores import STATISTICS, Statistic, class_counts
from ticket_assets.models.recent import RecentScores, recent_row
from ticket_assets.models.significance import Interval, paired_difference
from ticket_assets.profile import PromotionSettings


class Verdict(StrEnum):
    """What a challenger does to a target."""

    FIRST = "first"
    UNOPPOSED = "unopposed"
    GAINS = "gains"
    HOLDS = "holds"
    LOSES = "loses"
    KEPT = "kept"  # it loses, and the champion's model of this target goes into the new bundle


@dataclass(frozen=True)
class Contest:
    """Champion and challenger on the same frozen rows of one target.

    Attributes:
        y_true: int (n,), classes of the union of both label sets; a class that one does not know is its error.
        challenger: int (n,) predicted.
        champion: int (n,) predicted; None where there is no champion.
        majority: int (n,) predicted by the majority baseline.
        families: (n,) family of each row, for the interval.
        labels: the union of label sets.
        latency_ms: median of the challenger for one ticket, in process.
    """

    y_true: np.ndarray
    challenger: np.ndarray
    champion: np.ndarray | None
    majority: np.ndarray
    families: np.ndarray
    labels: tuple[str, ...]
    latency_ms: float


@dataclass(frozen=True)
class TargetDecision:
    """The verdict on one target with the numbers it rests on, of the hold-out and of recent tickets."""

    verdict: Verdict
    challenger_macro_f1: float
    champion_macro_f1: float | None
    difference: Interval | None
    worst_class: str | None
    worst_class_drop: float
    reasons: tuple[str, ...]
    recent: RecentScores | None = None


@dataclass(frozen=True)
class Decision:
    """The verdict on the bundle: promoted when a target gains, or meets no champion, and none loses but those kept.

    Attributes:
        promoted: whether the challenger becomes champion.
        reason: why, for people.
        targets: the verdict on each; none where the challenger did not come so far.
        unanswered: why the champion could not be asked; None where it was, or where there is none.
        below_baseline: a sentence for each target whose model is below the plain baseline. No rule looks at it, but
            nobody is to find it out by chance.
    """

    promoted: bool
    reason: str
    targets: dict[str, TargetDecision]
    unanswered: str | None = None
    below_baseline: tuple[str, ...] = ()

    @property
    def kept(self) -> tuple[str, ...]:
        """Targets whose model is to be the champion's, should the challenger be promoted."""
        return tuple(name for name, one in self.targets.items() if one.verdict is Verdict.KEPT)

    def on_recent(self) -> dict[str, float]:
        """Target to the challenger's macro F1 on recent tickets, where there are any."""
        scores = {name: one.recent.all.challenger_macro_f1 for name, one in self.targets.items() if one.recent}
        return {name: score for name, score in scores.items() if score is not None}

    def refused(self, why: str) -> "Decision":
        """The same verdicts, and a promotion refused all the same."""
        return replace(self, promoted=False, reason=f"refused: {why}")

    def waiting(self) -> "Decision":
        """The same verdicts, and no promotion before live tickets were asked."""
        return replace(self, promoted=False, reason=f"in the shadow: {self.reason.removeprefix('promoted: ')}")

    def beside_baseline(self, below: Collection[str]) -> "Decision":
        """The same decision, which says what of the bundle is below the plain baseline."""
        return replace(self, reason="; ".join((self.reason, *below)), below_baseline=tuple(below))

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)

    def table(self) -> list[dict[str, Any]]:
        """One row per target, for people; of recent tickets where any target has some."""
        has_recent = any(one.recent for one in self.targets.values())
        return [
            {
                "target": name,
                "verdict": one.verdict.value,
                "challenger macro F1": one.challenger_macro_f1,
                "champion macro F1": one.champion_macro_f1 if one.champion_macro_f1 is not None else "none",
                **(recent_row(one.recent) if has_recent else {}),
                "reasons": "; ".join(one.reasons),
            }
            for name, one in self.targets.items()
        ]


def decide(
    contests: Mapping[str, Contest],
    settings: PromotionSettings,
    seed: int,
    unanswered: str | None = None,
    keepable: Collection[str] = (),
    outdated: str | None = None,
    flaws: Mapping[str, str] | None = None,
    recent: Mapping[str, RecentScores] | None = None,
) -> Decision:
    """Judge every target, then the bundle.

    Args:
        contests: target name to contest.
        settings: the rules.
        seed: of the intervals.
        unanswered: why the champion could not be asked. The floors alone decide then: a champion that nobody can load
            is no reason to refuse what works, and would otherwise be one for ever.
        keepable: targets of which the champion's model can go into the challenger's bundle: where one of them loses
            and another target gains, the gain is not lost.
        outdated: what speaks against the champion however good it is: that it leaves telephone numbers unmasked which
            are to be masked, or was fitted to tickets that were erased; None where nothing does. A challenger that
            merely holds is then promoted all the same.
        flaws: target to what speaks against the champion's model of it however good it is; told where it stays.
        recent: target to what both are worth on recent tickets; those without any are judged by the hold-out alone.
    """
    judged = {
        name: judge(contest, settings, seed, unanswered is not None, (recent or {}).get(name))
        for name, contest in contests.items()
    }
    gaining = [name for name, one in judged.items() if one.verdict not in (Verdict.LOSES, Verdict.HOLDS)]
    if gaining:
        judged |= {
            name: replace(one, verdict=Verdict.KEPT)
            for name, one in judged.items()
            if one.verdict is Verdict.LOSES and name in keepable
        }
    losing = [name for name, one in judged.items() if one.verdict is Verdict.LOSES]
    silence = f"; the champion did not answer: {unanswered}" if unanswered else ""
    if losing:
        stays = f"; the champion stays, though {outdated}" if outdated else ""
        return Decision(False, f"refused: {_told(judged, losing)}{stays}{silence}", judged, unanswered)
    if not gaining and outdated:
        return Decision(True, f"promoted: no target loses, and {outdated}{silence}", judged, unanswered)
    if not gaining:
        least = f" by min_gain {settings.min_gain}" if settings.min_gain else ""
        numbers = f": {_told(judged, judged)}" if least or any(one.recent for one in judged.values()) else ""
        reason = f"refused: no target gains over the champion{least}{numbers}{silence}"
        return Decision(False, reason, judged, unanswered)
    decision = Decision(True, f"promoted: {_told(judged, gaining)}{silence}", judged, unanswered)
    if not decision.kept:
        return decision
    stays = f"; the champion's model stays for {_told(judged, decision.kept, flaws)}"
    return replace(decision, reason=decision.reason + stays)


def _told(judged: Mapping[str, TargetDecision], names: Collection[str], flaws: Mapping[str, str] | None = None) -> str:
    though = {name: f", though {one}" for name, one in (flaws or {}).items()}
    return "; ".join(f"{name}: {', '.join(judged[name].reasons)}{though.get(name, '')}" for name in names)


def judge(
    contest: Contest,
    settings: PromotionSettings,
    seed: int,
    unopposed: bool = False,
    recent: RecentScores | None = None,
) -> TargetDecision:
    """Judge one target: floors first, then the champion on the same rows; unopposed, there is one that is silent.

    Where there are recent tickets enough, the gain is asked on them, and the hold-out says that nothing is lost; else
    the hold-out is asked for both.
    """
    classes, statistic = len(contest.labels), _statistic(contest)
    scores = {
        name: float(STATISTICS[statistic](class_counts(contest.y_true, predicted, classes)))
        for name, predicted in (("challenger", contest.challenger), ("majority", contest.majority))
    }
    faults = _floors(contest, scores, settings)
    if contest.champion is None:
        met = (Verdict.UNOPPOSED, "unopposed") if unopposed else (Verdict.FIRST, "first model")
        reasons = tuple(faults) or (f"{met[1]}, macro F1 {scores['challenger']:.3f}",)
        verdict = Verdict.LOSES if faults else met[0]
        return TargetDecision(verdict, scores["challenger"], None, None, None, 0.0, reasons, recent)
    difference = paired_difference(
        *(contest.y_true, contest.challenger, contest.champion, contest.families),
        n_labels=classes,
        statistic=statistic,
        seed=seed,
    )
    falls = _falls(contest, seed)
    told = f"macro F1 {difference.estimate:+.3f} [{difference.low:+.3f}, {difference.high:+.3f}]"
    # Evidence of a loss, not the want of evidence against one: on a small hold-out the interval of two equal models
    # is wide, and a target that merely holds must not keep another from its gain.
    if difference.high < 0 or difference.estimate < -settings.max_loss:
        faults.append(f"{told} is a loss, or more than max_loss {settings.max_loss}")
    most = settings.max_class_drop
    faults += [f"{one.told()}, more than max_class_drop {most}" for one in falls if one.is_beyond(most)]
    on_recent = recent.difference if recent and recent.asked else None
    if recent and on_recent and on_recent.high < 0:
        faults.append(f"{recent.told()} is a loss")
    asked = on_recent or difference
    if faults:
        verdict, reasons = Verdict.LOSES, tuple(faults)
    elif asked.low > 0 and asked.low >= settings.min_gain:
        least = f", at least min_gain {settings.min_gain}" if settings.min_gain else ""
        verdict, reasons = Verdict.GAINS, _on_both(told, recent, least)
    else:
        verdict, reasons = Verdict.HOLDS, _on_both(told, recent)
    champion = float(STATISTICS[statistic](class_counts(contest.y_true, contest.champion, classes)))
    worst, drop = (falls[0].label, falls[0].drop) if falls else (None, 0.0)
    return TargetDecision(verdict, scores["challenger"], champion, difference, worst, drop, reasons, recent)


def _on_both(told: str, recent: RecentScores | None, least: str = "") -> tuple[str, ...]:
    """The numbers of both sets, that of which the gain was asked first."""
    if recent is None or recent.difference is None:
        return (told + least,)
    if recent.asked:
        return (recent.told() + least, f"{told} on the hold-out")
    return (f"{told} on the hold-out{least}", f"{recent.told()}, too few to be asked for the gain")


def _statistic(contest: Contest) -> Statistic:
    """Macro F1; of the classes that the hold-out has where somebody answers others.

    A class that came after the freezing is in no held-out ticket. Each answer of it is wrong there and costs what it
    is; as a class of its own it would cost a challenger that knows it more than `max_loss` for one such answer.
    """
    answered = {*contest.challenger.tolist(), *(() if contest.champion is None else contest.champion.tolist())}
    return "macro_f1" if answered <= {*contest.y_true.tolist()} else "macro_f1_of_true"


def _floors(contest: Contest, scores: dict[str, float], settings: PromotionSettings) -> list[str]:
    faults = []
    # Guessing classes as often as they occur has a macro F1 of one over their number, well above the majority's.
    guessing = 1 / np.unique(contest.y_true).size
    floor = max(scores["majority"], guessing) + settings.floor_over_majority
    if scores["challenger"] < floor:
        faults.append(f"macro F1 {scores['challenger']:.3f} is below the floor {floor:.3f}")
    if contest.latency_ms > settings.max_latency_ms:
        faults.append(f"one ticket takes {contest.latency_ms:.0f} ms, more than {settings.max_latency_ms:.0f}")
    return faults


def _falls(contest: Contest, seed: int) -> list[ClassFall]:
    assert contest.champion is not None
    sides = (contest.challenger, contest.champion)
    return class_falls(contest.y_true, *sides, contest.families, contest.labels, seed)
