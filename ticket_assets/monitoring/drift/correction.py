"""What remains of p-values when many tests look at one window.

Belongs here: the correction for the number of tests.
Does not belong here: any test, what follows from a corrected p-value (detector.py).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def weighted_holm(p_values: Sequence[float], weights: Sequence[float]) -> NDArray[np.float64]:
    """p-values corrected so that any of them is below a level in at most that share of windows without drift.

    Holm, "A simple sequentially rejective multiple test procedure" (1979), section 4: with weights a test's share of
    the level is its weight's; equal weights give the plain procedure. It holds however the tests depend on each other,
    as ours do: a new topic moves words, vectors and answers at once.

    Args:
        p_values: of each test, 0..1.
        weights: above 0, of each test.

    Returns:
        (tests,) corrected p-values in the order given, at most 1.
    """
    p, w = np.asarray(p_values, float), np.asarray(weights, float)
    if p.shape != w.shape or not (w > 0).all():
        raise ValueError("give every p-value one weight above 0")
    if np.isnan(p).any():
        raise ValueError("a test without a p-value cannot be corrected for: leave it out")
    adjusted = np.empty_like(p)
    left, floor = w.sum(), 0.0
    for place in np.argsort(p / w, kind="stable"):
        floor = max(floor, min(1.0, p[place] / w[place] * left))
        adjusted[place] = floor
        left -= w[place]
    return adjusted
