"""From permutations to a p-value that may be smaller than one in their number.

Belongs here: that step.
Does not belong here: permuting (mean_difference.py, categories.py).
"""

import numpy as np
from numpy.typing import NDArray

# With fewer permutations above the observed value their share says little (Knijnenburg and others, 2009).
ENOUGH_ABOVE = 10
# Nobody should read a difference between two smaller ones: they are extrapolated.
SMALLEST = 1e-12


def permutation_p(observed: float, permuted: NDArray[np.floating]) -> float:
    """The p-value of a statistic that is large under drift, 0..1 and never 0.

    Where ten or more permutations reach the observed value, their share (with the observed value itself among them:
    Phipson and Smyth, 2010). Where fewer do, the tail of a Pearson III (a shifted gamma) with the mean, deviation and
    skewness of the permutations: Winkler and others, "Faster permutation inference in brain imaging" (2016), who found
    it good for sums of squares. 500 permutations alone cannot say less than 1 in 501, and a corrected alarm needs less.

    Args:
        observed: the statistic.
        permuted: (permutations,) the same under permuted membership.
    """
    # Statistics of few rows have ties; rounding must not make one of them smaller than itself.
    above = int((permuted >= observed - 1e-9 * abs(observed)).sum())
    counted = (above + 1) / (len(permuted) + 1)
    spread = float(permuted.std(ddof=1))
    if above >= ENOUGH_ABOVE or spread <= 1e-12 * max(1.0, abs(float(permuted.mean()))):
        return counted
    from scipy.stats import pearson3, skew

    centre = float(permuted.mean())
    # A sum of squares is never less skewed than the gamma from 0 with its mean and deviation (by Cauchy and Schwarz);
    # the skewness of some hundred permutations is noisy, and too small a one would make small p-values of chance.
    skewness = max(float(skew(permuted)), 2 * spread / centre if centre > 0 else 0.0)
    tail = float(pearson3.sf((observed - centre) / spread, skewness))
    # Ten of the permutations bound it: a tail that is fatter than what was counted is a poor fit.
    return max(min(tail, (ENOUGH_ABOVE + 1) / (len(permuted) + 1)), SMALLEST)
