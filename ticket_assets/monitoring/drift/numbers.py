"""Whether numbers are distributed as they were: lengths, shares of characters, confidence.

Belongs here: the comparison of two samples of one numeric column, missing values included.
Does not belong here: which columns are compared (inputs.py, answers.py).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TEST = "two-sample Kolmogorov-Smirnov"
EFFECT = "Wasserstein distance in deviations"


@dataclass(frozen=True)
class NumbersCompared:
    """Of one column.

    Attributes:
        statistic: largest difference of the two distribution functions, 0..1.
        effect: Wasserstein distance of the finite values in standard deviations of the reference.
        p_value: 0..1.
        medians: of the finite values, of reference and window.
        missing: share of values that are not finite, likewise.
    """

    statistic: float
    effect: float
    p_value: float
    medians: tuple[float, float]
    missing: tuple[float, float]


def compare_numbers(
    reference: NDArray[np.floating], window: NDArray[np.floating], shares: tuple[float, float] = (1.0, 1.0)
) -> NumbersCompared | None:
    """Kolmogorov and Smirnov's test (Hodges 1958 for its p-value), with how far values moved (Vallender 1974).

    A value that is missing or infinite counts as the smallest of all, so that a column that goes missing is a
    difference like any other. Ties make the test cautious: it then speaks too seldom, never too often.

    Args:
        reference: (m,) values.
        window: (n,) values.
        shares: independent rows that each side is worth, as a share of its rows (relatives.py).

    Returns:
        None where there is nothing to compare: a side without rows, or one value everywhere.
    """
    from scipy.stats import ks_2samp, kstwo, wasserstein_distance

    sides = [np.asarray(side, np.float64) for side in (reference, window)]
    if not all(len(side) for side in sides):
        return None
    finite = [side[np.isfinite(side)] for side in sides]
    held = np.concatenate(finite)
    smallest = held.min() - 1.0 if held.size else 0.0
    whole = [np.where(np.isfinite(side), side, smallest) for side in sides]
    if np.ptp(np.concatenate(whole)) == 0:
        return None
    statistic = float(ks_2samp(*whole, method="asymp").statistic)
    rows = 1 / sum(1 / (len(side) * share) for side, share in zip(sides, shares, strict=True))
    effect = 0.0
    if all(one.size for one in finite):
        deviation = float(finite[0].std()) or float(held.std()) or 1.0
        effect = float(wasserstein_distance(*finite)) / deviation
    return NumbersCompared(
        statistic,
        effect,
        float(kstwo.sf(statistic, max(1, round(rows)))),
        (_median(finite[0]), _median(finite[1])),
        (1 - finite[0].size / len(sides[0]), 1 - finite[1].size / len(sides[1])),
    )


def _median(values: NDArray[np.float64]) -> float:
    return float(np.median(values)) if values.size else float("nan")
