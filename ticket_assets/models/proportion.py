"""A share of tickets and how sure we are of it, where relatives are no news.

Belongs here: exact binomial bounds, the effective number of rows.
Does not belong here: scores that are no shares (significance.py), whose share (thresholds.py, band_report.py).

Clopper and Pearson (1934) on the effective sample size, as Korn and Graubard (1998) use it for clustered samples; the
effective size is Kish's (1965) with relatives taken as one voice, the most cautious case. Unlike a bootstrap it says
something of a band in which every answer was right.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Proportion:
    """A share of `rows` with its two-sided interval; `effective` is how many rows without relatives say as much."""

    estimate: float
    low: float
    high: float
    rows: int
    effective: float


def proportion(hits: NDArray[np.bool_], families: NDArray[np.generic], level: float = 0.95) -> Proportion:
    """Share of hits with its interval.

    Args:
        hits: bool (n,), n above 0.
        families: (n,) family of each row.
        level: probability that the interval covers the share, at least.
    """
    from scipy.special import betaincinv

    tail, share, size = (1 - level) / 2, float(hits.mean()), effective_rows(families)
    found = share * size
    high = float(betaincinv(found + 1, size - found, 1 - tail)) if share < 1 else 1.0
    return Proportion(share, least_share(hits, families, tail), high, len(hits), size)


def least_share(hits: NDArray[np.bool_], families: NDArray[np.generic], risk: float) -> float:
    """The lower bound of the share of hits, which is above the truth with probability `risk` at most."""
    from scipy.special import betaincinv

    size = effective_rows(families)
    found = float(hits.mean()) * size
    return float(betaincinv(found, size - found + 1, risk)) if found else 0.0


def effective_rows(families: NDArray[np.generic]) -> float:
    """Kish's effective sample size of n rows in families whose members all say the same: (sum m)^2 / sum m^2."""
    _, members = np.unique(families, return_counts=True)
    return float(members.sum() ** 2 / (members**2).sum())
