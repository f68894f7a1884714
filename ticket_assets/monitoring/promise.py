"""What the champion promised: its scores on the held-out rows, and how often it left a ticket to a person there.

Belongs here: those figures from the reference, what they are on fewer rows, estimates of scores from confidence alone.
Does not belong here: holding live traffic against them (performance.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ticket_assets.models.bands import Bands
from ticket_assets.models.label_scores import class_counts, macro_f1
from ticket_assets.models.significance import bootstrap_interval
from ticket_assets.monitoring.sample import TargetSample

DRAWS = 1000
WIDER = 1.15
"""Scores of 100 to 300 rows without a change lay 1.0 to 1.12 of the drawn errors about what was expected, with 5 to 40
classes; and a rare class of some held-out rows is drawn from these alone."""
_SUBSAMPLES = 200


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

    def counts(self, classes: int) -> np.ndarray:
        """float64 (n, 3 * (K + 1)): hits, support and predictions of each row; those of several rows add up."""
        cells = class_counts(self.y, self.predicted, classes, np.arange(len(self.y)))
        return cells.reshape(len(self.y), -1).astype(np.float64)


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
        classes: K of the model.
        held: the rows with a truth; None where they are too few.
    """

    macro_f1: float | None
    low: float | None
    high: float | None
    accuracy: float | None
    rows: int
    by_hand: int
    answers: int
    classes: int = 0
    held: Scored | None = field(default=None, compare=False, repr=False)

    @property
    def by_hand_share(self) -> float:
        """0..1."""
        return self.by_hand / self.answers if self.answers else 0.0


@dataclass(frozen=True)
class Expected:
    """What macro F1 is to be on n live rows if nothing changed.

    Attributes:
        mean: of so many rows.
        error: standard error of so many rows, and of the promise itself, together.
        low: the lower end of what was promised, on so many rows.
    """

    mean: float
    error: float
    low: float


def expected(promised: Promise, n: int, seed: int) -> Expected:
    """Macro F1 of n rows like the held-out ones.

    Few rows of many classes have a lower macro F1 than many rows: a class of two tickets is found or it is not, and one
    answer of a class that nobody has counts as a class with F1 of 0. So n rows are held against draws of n.

    Args:
        promised: with its rows.
        n: live rows; of more than were held out, the mean is of as many as these (`at_most`).
        seed: of the draws.
    """
    assert promised.held is not None and promised.macro_f1 is not None
    assert promised.low is not None and promised.high is not None
    rng, cells = np.random.default_rng([seed, n]), promised.held.counts(promised.classes)
    mean = at_most(cells, n, rng)
    drawn = rng.integers(len(cells), size=(DRAWS, n)) + np.arange(DRAWS)[:, None] * len(cells)
    weights = np.bincount(drawn.ravel(), minlength=DRAWS * len(cells)).reshape(DRAWS, -1).astype(np.float64)
    # A percentile interval of 95 % is 3.92 standard errors wide.
    error = WIDER * np.hypot(_macro_f1(weights @ cells).std(ddof=1), (promised.high - promised.low) / 3.92)
    return Expected(mean, float(error), mean - (promised.macro_f1 - promised.low))


def at_most(cells: np.ndarray, n: int, rng: np.random.Generator) -> float:
    """Mean macro F1 of n of the rows (`Scored.counts`), drawn without return; of all where there are no more."""
    if len(cells) <= n:
        return float(_macro_f1(cells.sum(axis=0)[None])[0])
    weights = np.zeros((_SUBSAMPLES, len(cells)))
    chosen = rng.random(weights.shape).argpartition(n, axis=1)[:, :n]
    np.put_along_axis(weights, chosen, 1.0, axis=1)
    return float(_macro_f1(weights @ cells).mean())


def _macro_f1(cells: np.ndarray) -> np.ndarray:
    """(draws,) of counts float (draws, 3 * (K + 1))."""
    return macro_f1(cells.reshape(len(cells), 3, -1))


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
    return Promise(*ends, accuracy, len(found.y), by_hand, len(sample.truth), len(sample.labels), found)


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
