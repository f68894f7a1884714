"""How good a set of predictions is: one frozen record of numbers for one target on one set of rows.

Here: scores of labels and of calibrated probabilities, per class, per group and per band of confidence.

Does not belong here: the arithmetic of F1 (``label_scores``), how sure we are of a number (``significance``),
pictures (``plots``), who wins (``promotion``).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ticket_assets.models.label_scores import (
    REPORTED,
    STATISTICS,
    UNKNOWN,
    checked_labels,
    class_counts,
    f1_scores,
    ratio,
)

UNKNOWN_LABEL = "(unknown to the model)"
CALIBRATION_BINS = 15
COVERAGE_ACCURACY = 0.90


@dataclass(frozen=True)
class ClassScore:
    """One class; a score is 0 where its denominator is 0, so read ``support`` (rows of the class) first."""

    label: str
    support: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class Band:
    """What happens to tickets of one range of confidence; ``accuracy`` is None where no ticket falls."""

    name: Literal["act", "suggest", "by_hand"]
    rows: int
    share: float
    accuracy: float | None


@dataclass(frozen=True)
class PointScores:
    """What labels alone allow to measure, on ``n`` rows; each score lies in 0..1."""

    n: int
    macro_f1: float
    weighted_f1: float
    accuracy: float
    per_class: tuple[ClassScore, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain dicts, lists and numbers, ready for ``json.dumps``."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}


@dataclass(frozen=True)
class Measures(PointScores):
    """``PointScores`` and what probabilities add.

    Attributes:
        top2_accuracy: share of rows whose class is among the two most probable.
        ece: expected calibration error of the top label, 0..1, over equal-mass bins (Naeini et al. 2015;
            equal mass after Nixon et al. 2019).
        brier: mean squared distance to the one-hot truth, 0..2 (Brier 1950).
        coverage_at_90: largest share of rows, most confident first, that holds an accuracy of 0.90.
        bands: act, suggest and by_hand, in this order.
    """

    top2_accuracy: float
    ece: float
    brier: float
    coverage_at_90: float
    bands: tuple[Band, ...]


class ConfidenceBins(NamedTuple):
    """Mean confidence, accuracy (float64) and rows (int64) of each bin that is not empty, rising."""

    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    rows: NDArray[np.int64]


def measure(
    y_true: NDArray[np.integer],
    probabilities: NDArray[np.floating],
    labels: Sequence[str],
    *,
    act: float = 0.85,
    suggest: float = 0.60,
) -> Measures:
    """Measure class probabilities against the truth.

    Args:
        y_true: (n,) integers, 0..K-1, or -1 for a class that the model does not know. Such a row is an
            error, and all such rows together are one more class with an F1 of 0 in the averages, as in
            ``sklearn.metrics.f1_score`` on the same arrays.
        probabilities: (n, K) floats, each row sums to 1.
        labels: the K names, in column order.
        act: the least confidence at which the top label is applied without asking; infinite where it never is.
        suggest: the least confidence at which it is offered to an agent; likewise.

    Raises:
        ValueError: no rows, shapes that do not fit, values out of range, or thresholds out of order.
    """
    if not 0 <= suggest <= act:
        raise ValueError(f"thresholds must satisfy 0 <= suggest <= act, got suggest={suggest}, act={act}")
    y_true, probabilities = _checked(y_true, probabilities, len(labels))
    ranked = np.argsort(-probabilities, axis=1, kind="stable")
    predicted = ranked[:, 0]
    confidence = probabilities.max(axis=1)
    correct = predicted == y_true
    point = measure_predictions(y_true, predicted, labels)
    bins = confidence_bins(confidence, correct)
    return Measures(
        **vars(point),
        top2_accuracy=float((ranked[:, :2] == y_true[:, None]).any(axis=1).mean()),
        ece=float(np.average(np.abs(bins.confidence - bins.accuracy), weights=bins.rows)),
        brier=_brier(y_true, probabilities),
        coverage_at_90=_coverage(confidence, correct, COVERAGE_ACCURACY),
        bands=_bands(confidence, correct, act, suggest),
    )


def measure_predictions(y_true: NDArray[np.integer], y_pred: NDArray[np.integer], labels: Sequence[str]) -> PointScores:
    """Measure predicted labels alone, for baselines that give no probabilities; see ``measure``.

    Args:
        y_true: (n,) integers, -1..K-1.
        y_pred: (n,) integers, 0..K-1.
        labels: the K names.

    Raises:
        ValueError: no rows, lengths that differ, or a label out of range.
    """
    counts = class_counts(y_true, y_pred, len(labels))
    hits, support, predicted = counts
    precision, recall, f1 = ratio(hits, predicted), ratio(hits, support), f1_scores(counts)
    names = [*labels, UNKNOWN_LABEL] if support[-1] else list(labels)
    return PointScores(
        n=len(y_true),
        **{name: float(STATISTICS[name](counts)) for name in REPORTED},
        per_class=tuple(
            ClassScore(name, int(support[i]), float(precision[i]), float(recall[i]), float(f1[i]))
            for i, name in enumerate(names)
        ),
    )


def per_group(
    groups: Sequence[str],
    y_true: NDArray[np.integer],
    probabilities: NDArray[np.floating],
    labels: Sequence[str],
    *,
    act: float = 0.85,
    suggest: float = 0.60,
) -> dict[str, Measures]:
    """``measure`` for each group of rows (a language, a channel), in the groups' sort order.

    Raises:
        ValueError: as ``measure``, or when there is not one group per row.
    """
    names = np.asarray([str(group) for group in groups])
    if len(names) != len(y_true):
        raise ValueError(f"groups has {len(names)} entries for {len(y_true)} rows of y_true")
    y_true, probabilities = _checked(y_true, probabilities, len(labels))
    rows = {str(name): names == name for name in np.unique(names)}
    return {name: measure(y_true[of], probabilities[of], labels, act=act, suggest=suggest) for name, of in rows.items()}


def confidence_bins(
    confidence: NDArray[np.floating], correct: NDArray[np.bool_], bins: int = CALIBRATION_BINS
) -> ConfidenceBins:
    """Cut rows into bins of equal mass by confidence.

    Equal confidences share a bin, so that the result does not depend on the order of rows; with many ties
    (few rows, a constant model) there are fewer bins than asked.
    """
    ordered = np.sort(confidence)
    edges = ordered[np.arange(1, bins) * len(ordered) // bins]
    bin_of = np.searchsorted(edges, confidence, side="right")
    rows = np.bincount(bin_of, minlength=bins)
    kept = rows > 0
    return ConfidenceBins(
        ratio(np.bincount(bin_of, weights=confidence, minlength=bins), rows)[kept],
        ratio(np.bincount(bin_of, weights=correct, minlength=bins), rows)[kept],
        rows[kept],
    )


def _brier(y_true: NDArray[np.integer], probabilities: NDArray[np.float64]) -> float:
    """An unknown class is one more outcome, to which the model gave probability 0."""
    given = probabilities[np.arange(len(y_true)), np.maximum(y_true, 0)] * (y_true != UNKNOWN)
    return float(((probabilities**2).sum(axis=1) - 2 * given + 1).mean())


def _coverage(confidence: NDArray[np.float64], correct: NDArray[np.bool_], least: float) -> float:
    order = np.argsort(-confidence, kind="stable")
    ordered, right = confidence[order], correct[order].cumsum()
    # A threshold on confidence cannot part rows of equal confidence: only the end of a tie is a cut.
    is_cut = np.append(ordered[1:] < ordered[:-1], True)
    taken = np.arange(1, len(ordered) + 1)
    good = taken[is_cut & (right >= least * taken - 1e-9)]
    return float(good.max() / len(ordered)) if good.size else 0.0


def _bands(confidence: NDArray[np.float64], correct: NDArray[np.bool_], act: float, suggest: float) -> tuple[Band, ...]:
    acted, by_hand = confidence >= act, confidence < suggest
    rows: dict[Literal["act", "suggest", "by_hand"], NDArray[np.bool_]]
    rows = {"act": acted, "suggest": ~acted & ~by_hand, "by_hand": by_hand}
    accuracies = {name: float(correct[of].mean()) if of.any() else None for name, of in rows.items()}
    return tuple(Band(name, int(of.sum()), float(of.mean()), accuracies[name]) for name, of in rows.items())


def _checked(
    y_true: NDArray[np.integer], probabilities: NDArray[np.floating], n_labels: int
) -> tuple[NDArray[np.integer], NDArray[np.float64]]:
    y_true = checked_labels("y_true", y_true, UNKNOWN, n_labels)
    double: NDArray[np.float64] = np.asarray(probabilities, dtype=np.float64)
    if double.shape != (len(y_true), n_labels):
        raise ValueError(f"probabilities has shape {double.shape}, expected {(len(y_true), n_labels)}")
    # The comparison is written so that NaN fails it too.
    if not ((double >= 0).all() and (np.abs(double.sum(axis=1) - 1) <= 1e-4).all()):
        raise ValueError("probabilities must be at least 0 and each row must sum to 1")
    return y_true, double
