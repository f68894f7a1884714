"""From a rule to the thresholds of one target: fixed ones, those that keep a promise, those that cost least.

Belongs here: the choice, on answers to training rows from models that did not see them; never on the hold-out.
Does not belong here: what thresholds do (bands.py), how well they hold (band_report.py), the rule (band_settings.py).

The rows are those that the temperature was fitted on: it is one number, and it moves no row past another. They are also
those that the recipe was chosen by, which flatters it a little; the hold-out says whether a promise was kept.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ticket_assets.band_settings import BandRule, CostSettings
from ticket_assets.models.bands import Bands
from ticket_assets.models.calibration import apply
from ticket_assets.models.proportion import least_share

# Probability at most that a promise does not hold although it was found to.
RISK = 0.05
STEPS = 20


@dataclass(frozen=True)
class OutOfFold:
    """Answers to training rows from models that did not see them.

    Attributes:
        confidence: float64 (n,), calibrated probability of the likeliest label.
        right: bool (n,), whether that label is true.
        families: int (n,) family of each row.
    """

    confidence: np.ndarray
    right: np.ndarray
    families: np.ndarray

    @classmethod
    def of(cls, scores: np.ndarray, y: np.ndarray, families: np.ndarray, inverse_temperature: float) -> "OutOfFold":
        """From raw scores float (n, K) and classes int (n,); a class its fold did not know is an error, and stays."""
        return cls.told(apply(scores, inverse_temperature), y, families)

    @classmethod
    def told(cls, probabilities: np.ndarray, y: np.ndarray, families: np.ndarray) -> "OutOfFold":
        """From probabilities float (n, K) instead."""
        return cls(probabilities.max(axis=1), probabilities.argmax(axis=1) == y, families)

    def save(self, path: Path) -> None:
        """Write an npz file."""
        np.savez(path, confidence=self.confidence, right=self.right, families=self.families)

    @classmethod
    def load(cls, path: Path) -> "OutOfFold":
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as arrays:
            return cls(arrays["confidence"], arrays["right"], arrays["families"])


@dataclass(frozen=True)
class Choice:
    """Thresholds of one target.

    Attributes:
        rule: that they follow from.
        bands: the thresholds.
        remarks: what a reader must know: which band is empty, and why.
    """

    rule: BandRule
    bands: Bands
    remarks: tuple[str, ...] = ()


def choose(rule: BandRule, known: OutOfFold) -> Choice:
    """The thresholds that follow from a rule."""
    if rule.promise:
        act, about_act = _keeping("act", rule.promise.act, known)
        suggest, about_suggest = _keeping("suggest", rule.promise.suggest, known)
        return Choice(rule, Bands(act, suggest), about_act + about_suggest)
    if rule.cost:
        return _cheapest(rule, rule.cost)
    return Choice(rule, Bands(*rule.fixed))


def _keeping(name: str, promised: float, known: OutOfFold) -> tuple[float | None, tuple[str, ...]]:
    """The least threshold above which the accuracy is as promised, with probability 1 - RISK; else why none.

    Selective classification with guaranteed risk (Geifman and El-Yaniv 2017): a bound for each of STEPS shares of the
    most confident rows, chosen before looking at what is right, each at RISK / STEPS (Bonferroni), so that taking the
    largest share that passes is allowed. Rows of equal confidence stay together.
    """
    ordered = np.sort(known.confidence)[::-1]
    ranks = np.ceil(np.arange(1, STEPS + 1) * len(ordered) / STEPS).astype(int) - 1
    best = 0.0
    for threshold in np.unique(ordered[ranks]):
        above = known.confidence >= threshold
        least = least_share(known.right[above], known.families[above], RISK / STEPS)
        if least >= promised:
            return float(threshold), ()
        best = max(best, least)
    remark = f"{name} is empty: no threshold keeps {promised:.0%}; the most that any is sure to keep is {best:.1%}"
    return None, (remark,)


def _cheapest(rule: BandRule, cost: CostSettings) -> Choice:
    """The thresholds of least expected cost (Chow 1970, the reject option; Elkan 2001, costs and probabilities).

    An answer right with probability p costs, when acted upon, (1 - p) wrong_act; when suggested, p confirm + (1 - p)
    wrong_suggest; by hand, by_hand. All three are lines in p, and that of acting falls fastest and ends lowest, so the
    cheapest is by hand, then suggest, then act as p rises, each between the points where it meets its neighbours.
    """
    over_suggest = cost.wrong_act - cost.wrong_suggest
    act_or_suggest = over_suggest / (over_suggest + cost.confirm)
    act_or_hand = max(0.0, 1 - cost.by_hand / cost.wrong_act)
    suggest_or_hand = max(0.0, (cost.wrong_suggest - cost.by_hand) / (cost.wrong_suggest - cost.confirm))
    act = max(act_or_suggest, act_or_hand)
    suggest = min(suggest_or_hand, act)
    remarks = ["suggest is empty: where a suggestion pays, acting pays more"] if suggest == act else []
    remarks += ["by_hand is empty: a suggestion always costs less"] if suggest == 0 else []
    return Choice(rule, Bands(act, suggest), tuple(remarks))
