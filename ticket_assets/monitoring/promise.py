"""What the champion promised: its scores on the held-out rows, and how often it left a ticket to a person there.

Belongs here: those figures from the reference, and estimates of scores from confidence alone.
Does not belong here: holding live traffic against them (performance.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ticket_assets.models.bands import Bands
from ticket_assets.models.significance import bootstrap_interval
from ticket_assets.monitoring.sample import TargetSample


@dataclass(frozen=True)
class Promise:
    """One target's figures on held-out rows that have a truth.

    Attributes:
        macro_f1: with the ends of its 95 % interval over families, `low` and `high`; None where too few rows tell.
        low: see above.
        high: see above.
        accuracy: 0..1.
        rows: with a truth.
        by_hand: rows left to a person, of all.
        answers: all rows.
    """

    macro_f1: float | None
    low: float | None
    high: float | None
    accuracy: float | None
    rows: int
    by_hand: int
    answers: int

    @property
    def by_hand_share(self) -> float:
        """0..1."""
        return self.by_hand / self.answers if self.answers else 0.0


@dataclass(frozen=True)
class Scored:
    """Rows of one target that have a truth.

    Attributes:
        y: int64 (n,) place of the truth among the labels, -1 where the model does not know that label.
        predicted: int64 (n,).
        rows: int (n,) their positions.
    """

    y: np.ndarray
    predicted: np.ndarray
    rows: np.ndarray


def scored(sample: TargetSample) -> Scored:
    """The rows of a target that have a truth."""
    place = {label: number for number, label in enumerate(sample.labels)}
    rows = np.array([row for row, one in enumerate(sample.truth) if one is not None], dtype=np.int64)
    y = np.array([place.get(sample.truth[row] or "", -1) for row in rows], dtype=np.int64)
    return Scored(y, sample.probabilities[rows].argmax(axis=1).astype(np.int64), rows)


def promise(sample: TargetSample, families: Sequence[str], bands: Bands, seed: int) -> Promise:
    """What a target promised.

    Args:
        sample: held-out rows.
        families: of each row.
        bands: of the champion.
        seed: of the interval.
    """
    found = scored(sample)
    groups = np.array(families, dtype=object)[found.rows].astype(str)
    by_hand = int(left_by_hand(sample.probabilities, bands).sum())
    if len({*groups}) < 2:
        return Promise(None, None, None, None, len(found.y), by_hand, len(sample.truth))
    interval = bootstrap_interval(found.y, found.predicted, groups, n_labels=len(sample.labels), seed=seed)
    accuracy = float((found.y == found.predicted).mean())
    ends = (interval.estimate, interval.low, interval.high)
    return Promise(*ends, accuracy, len(found.y), by_hand, len(sample.truth))


def left_by_hand(probabilities: np.ndarray, bands: Bands) -> np.ndarray:
    """Which of n answers are left to a person, bool (n,)."""
    # As the service compares: with the float it logged, not with the rounded one of a table.
    return probabilities.max(axis=1).astype(np.float64) < bands.suggest_from


def estimated(probabilities: np.ndarray) -> Mapping[str, float]:
    """Accuracy and macro F1 without any label, from calibrated probabilities float (n, K).

    Accuracy is the average confidence; macro F1 is of the confusion matrix that the probabilities expect, which is
    known as confidence-based performance estimation (CBPE). Both are as right as the calibration is, and so blind to a
    change of what labels mean.
    """
    shares = probabilities.astype(np.float64)
    best = shares.argmax(axis=1)
    chosen = np.zeros_like(shares)
    chosen[np.arange(len(shares)), best] = 1.0
    hits = (shares * chosen).sum(axis=0)
    support, predicted = shares.sum(axis=0), chosen.sum(axis=0)
    occurs = support + predicted > 0
    f1 = np.divide(2 * hits, support + predicted, out=np.zeros_like(hits), where=occurs)
    # A class that nobody was given and hardly anybody is expected to have would count as a full class with F1 of 0.
    counted = occurs & ((predicted > 0) | (support >= 0.5))
    return {"accuracy": float(shares.max(axis=1).mean()), "macro_f1": float(f1[counted].mean())}
