"""Two models on live tickets: how often they agree, and which of them is right more often.

Belongs here: statistics of pairs (both answered the same tickets) and of arms (each answered its own), with intervals.
Does not belong here: what follows from them (probation.py), reading answers (serving/prediction_log/shadows.py).

Pairs: Bonett and Price (2012), "Adjusted Wald confidence interval for a difference of binomial proportions based on
paired data"; the p-value is McNemar's, exact. Arms: Newcombe (1998), method 10, of two Wilson intervals. Closed forms,
which hold at a few dozen tickets and do not end at a point where nobody was wrong.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

LEVEL = 0.95


@dataclass(frozen=True)
class Share:
    """A share of `rows` with its Wilson interval, 0..1."""

    estimate: float
    low: float
    high: float
    rows: int


@dataclass(frozen=True)
class Difference:
    """Accuracy of the challenger less that of the champion, -1..1, with its interval.

    Attributes:
        estimate: on the tickets.
        low: lower end.
        high: upper end.
        rows: labelled tickets: pairs, or those of the smaller arm.
        p: two-sided, of as uneven a split between models of equal accuracy; None for arms.
    """

    estimate: float
    low: float
    high: float
    rows: int
    p: float | None = None


def share(hits: int, rows: int, level: float = LEVEL) -> Share:
    """A share with Wilson's interval (1927).

    Raises:
        ValueError: no row.
    """
    if rows < 1:
        raise ValueError("a share of nothing has no interval")
    z = _z(level)
    at, weight = hits / rows, z * z / rows
    middle = (at + weight / 2) / (1 + weight)
    half = z * math.sqrt(at * (1 - at) / rows + weight / (4 * rows)) / (1 + weight)
    return Share(at, max(0.0, middle - half), min(1.0, middle + half), rows)


def paired_accuracy(champion: Sequence[bool], challenger: Sequence[bool], level: float = LEVEL) -> Difference:
    """How much more often the challenger is right on the same tickets.

    Args:
        champion: n, whether it is right.
        challenger: likewise, of the same tickets in the same order.
        level: probability that the interval holds the true difference.

    Raises:
        ValueError: no ticket, or not as many of each.
    """
    from scipy.stats import binomtest

    if not champion or len(champion) != len(challenger):
        raise ValueError(f"{len(champion)} and {len(challenger)} answers are no pairs")
    rows = len(champion)
    gained = sum(new and not old for old, new in zip(champion, challenger, strict=True))
    lost = sum(old and not new for old, new in zip(champion, challenger, strict=True))
    up, down = (gained + 1) / (rows + 2), (lost + 1) / (rows + 2)
    half = _z(level) * math.sqrt((up + down - (up - down) ** 2) / (rows + 2))
    p = float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0
    low, high = max(-1.0, up - down - half), min(1.0, up - down + half)
    return Difference((gained - lost) / rows, low, high, rows, p)


def arms_accuracy(champion: Sequence[bool], challenger: Sequence[bool], level: float = LEVEL) -> Difference:
    """How much more often the challenger is right on its tickets than the champion on other ones.

    Raises:
        ValueError: an arm without a ticket.
    """
    old, new = (share(sum(one), len(one), level) for one in (champion, challenger))
    at = new.estimate - old.estimate
    low = at - math.hypot(new.estimate - new.low, old.high - old.estimate)
    high = at + math.hypot(new.high - new.estimate, old.estimate - old.low)
    return Difference(at, low, high, min(old.rows, new.rows))


def _z(level: float) -> float:
    return NormalDist().inv_cdf((1 + level) / 2)
