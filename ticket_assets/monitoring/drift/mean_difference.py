"""Whether rows of many numbers, words or vectors, have the mean that they had: the one test behind several.

Belongs here: distance of two means by permutation, and the domain classifier that says how large it is.
Does not belong here: which numbers a row has (word_features.py, vector_features.py).

The squared distance of two means is the maximum mean discrepancy of Gretton and others, "A kernel two-sample test"
(2012), under the kernel that the numbers span. Membership is permuted over reference and window together, and whatever
the numbers are scaled by is computed from both together: then the test is exact whatever their distribution
(Lehmann and Romano 2005, 15.2). Scales from the reference alone are not: of 256 whitened dimensions they alone raised
false alarms from 1 in 200 to 1 in 20.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ticket_assets.monitoring.drift.tail import permutation_p

# Of the squared mean: below, float32 tells no two means apart.
_ROUNDING = 1e-10


@dataclass(frozen=True)
class MeansCompared:
    """Of one kind of numbers.

    Attributes:
        statistic: squared distance of the means.
        p_value: 0..1.
        auc: of a cross-fitted classifier of reference against window; 0.5 where nothing tells them apart.
    """

    statistic: float
    p_value: float
    auc: float


class Permutations:
    """Membership of m reference rows and n window rows, as observed and permuted; drawn once, used by several tests.

    Rows of a block change sides together, as many blocks as the window has (Winkler and others, "Multi-level block
    permutation", 2015): rewordings of one ticket that came together would else pass for as many tickets.
    """

    def __init__(
        self, reference: NDArray[np.int64], window: NDArray[np.int64], permutations: int, rng: np.random.Generator
    ) -> None:
        """Draw them.

        Args:
            reference: (m,) block of each row, from 0 without gaps.
            window: (n,) likewise.
            permutations: how many.
            rng: draws them.
        """
        m, n = len(reference), len(window)
        self.m, self.n = m, n
        of_reference, of_window = int(reference.max()) + 1, int(window.max()) + 1
        blocks = np.concatenate([reference, window + of_reference])
        # (m + n, 1 + permutations): rows times it are window mean less reference mean; the first column is observed.
        self._weights = np.full((m + n, permutations + 1), -1 / m, dtype=np.float32)
        self._weights[m:, 0] = 1 / n
        for column in range(1, permutations + 1):
            moved = np.zeros(of_reference + of_window, bool)
            moved[rng.permutation(len(moved))[:of_window]] = True
            ours = moved[blocks]
            self._weights[:, column] = np.where(ours, 1 / ours.sum(), -1 / (~ours).sum())
        self._folds = rng.integers(0, 2, of_reference + of_window)[blocks]

    def compare(self, rows: Any) -> MeansCompared:
        """Compare rows, reference first.

        Args:
            rows: float32 (m + n, numbers), an array or a sparse CSR matrix.
        """
        differences = np.asarray(rows.T @ self._weights, dtype=np.float32)
        distances = np.einsum("db,db->b", differences, differences, dtype=np.float64)
        observed = float(distances[0])
        mean = np.asarray(rows.mean(axis=0), dtype=np.float64).ravel()
        if distances.max() <= _ROUNDING * float(mean @ mean):  # the same row throughout
            return MeansCompared(0.0, 1.0, 0.5)
        return MeansCompared(observed, permutation_p(observed, distances[1:]), self._auc(rows))

    def _auc(self, rows: Any) -> float:
        """Nearest mean as the classifier (Lopez-Paz and Oquab 2017 for its use), each half scored by the other's."""
        found = []
        for fold in (0, 1):
            ours, weights = self._folds == fold, self._weights[:, 0].copy()
            weights[ours] = 0.0
            sides = [weights > 0, weights < 0]
            if not all(side.any() for side in sides):
                return 0.5
            for side in sides:
                weights[side] /= np.abs(weights[side].sum())
            found.append(auc(np.asarray(rows[ours] @ (rows.T @ weights)), np.flatnonzero(ours) >= self.m))
        return float(np.mean(found))


def auc(scores: NDArray[np.floating], positive: NDArray[np.bool_]) -> float:
    """Probability that a positive row scores above a negative one, ties halved; 0.5 where a side has no rows."""
    from scipy.stats import rankdata

    hits, misses = int(positive.sum()), int((~positive).sum())
    if not hits or not misses:
        return 0.5
    ranks = rankdata(scores)
    return float((ranks[positive].sum() - hits * (hits + 1) / 2) / (hits * misses))
