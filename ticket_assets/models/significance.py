"""How sure we are of a score, and whether one model beats another by more than chance.

Belongs here: intervals by a bootstrap over near-duplicate families, the paired difference of two models, and
McNemar's test. Rows of one family rise and fall together, so families are drawn, never single rows: an interval by
row is too narrow, and a promotion gate on it fires on luck.

Does not belong here: the scores themselves (``label_scores``) and what follows from a difference (``promotion``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ticket_assets.models.label_scores import STATISTICS, Statistic, class_counts, f1_scores

# Below this many discordant rows the chi-square approximation is off, and the exact test is cheap.
EXACT_BELOW = 25
# Draws are made in blocks of so many family weights (float64), which bounds memory at any number of rows.
_BLOCK = 4_000_000


@dataclass(frozen=True)
class Interval:
    """A score or a difference of scores on all rows, with the percentile interval of ``draws`` resamples."""

    estimate: float
    low: float
    high: float
    draws: int


@dataclass(frozen=True)
class McNemar:
    """Rows that only one of two models gets right, and the two-sided p-value of as uneven a split."""

    only_a_right: int
    only_b_right: int
    p_value: float


def bootstrap_interval(
    y_true: NDArray[np.integer],
    y_pred: NDArray[np.integer],
    families: Sequence[Any] | NDArray[Any],
    *,
    n_labels: int,
    statistic: Statistic = "macro_f1",
    draws: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """Percentile interval of one score under a cluster bootstrap (Field and Welsh 2007).

    Few families make it too narrow, as every bootstrap: below about 30, read it as a hint.

    Args:
        y_true: (n,) integers, -1..n_labels-1; -1 (unknown to the model) is always an error.
        y_pred: (n,) integers, 0..n_labels-1.
        families: (n,) family ids of any one sortable type; at least two differ.
        n_labels: K.
        statistic: the score, a key of ``label_scores.STATISTICS``.
        draws: number of resamples.
        seed: the same seed gives the same interval.
        level: share of resamples between low and high.

    Raises:
        ValueError: as ``label_scores.class_counts``; fewer than two families; an unknown statistic.
    """
    counts = _family_counts(y_true, y_pred, families, n_labels)
    score = _statistic(statistic)
    sample = np.concatenate([score(each) for (each,) in _resamples([counts], draws, seed)])
    return _interval(float(score(counts.sum(axis=0))), sample, draws, level)


def paired_difference(
    y_true: NDArray[np.integer],
    pred_a: NDArray[np.integer],
    pred_b: NDArray[np.integer],
    families: Sequence[Any] | NDArray[Any],
    *,
    n_labels: int,
    statistic: Statistic = "macro_f1",
    draws: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """Interval of score(a) minus score(b), both on the same resamples of families.

    Pairing removes what both models share, above all how hard the drawn rows are, so it sees differences
    that two separate intervals hide. Where the models know different classes, give both predictions and
    the truth in the union of their labels: a class unknown to one of them is then its error.

    Arguments and errors as ``bootstrap_interval``.
    """
    counts_a = _family_counts(y_true, pred_a, families, n_labels)
    counts_b = _family_counts(y_true, pred_b, families, n_labels)
    score = _statistic(statistic)
    sample = np.concatenate([score(a) - score(b) for a, b in _resamples([counts_a, counts_b], draws, seed)])
    estimate = float(score(counts_a.sum(axis=0)) - score(counts_b.sum(axis=0)))
    return _interval(estimate, sample, draws, level)


def paired_by_class(
    y_true: NDArray[np.integer],
    pred_a: NDArray[np.integer],
    pred_b: NDArray[np.integer],
    families: Sequence[Any] | NDArray[Any],
    *,
    n_labels: int,
    draws: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> list[Interval]:
    """Interval of F1(a) minus F1(b) for each of the K classes, all on the same resamples of families.

    Each interval is at `level` by itself: among many classes some exclude 0 by chance. Of a class the draws that lack
    its families do not count: they say nothing of it, and would make a class of three that is lost altogether one that
    may be none. A class of one family has its estimate alone.

    Arguments and errors as ``bootstrap_interval``.
    """
    counts = [_family_counts(y_true, predicted, families, n_labels) for predicted in (pred_a, pred_b)]
    sample = np.concatenate(
        [np.where(a[..., 1, :] > 0, f1_scores(a) - f1_scores(b), np.nan) for a, b in _resamples(counts, draws, seed)]
    )
    estimate = np.subtract(*(f1_scores(each.sum(axis=0)) for each in counts))
    found = []
    for place in range(n_labels):
        drawn = sample[~np.isnan(sample[:, place]), place]
        middle = float(estimate[place])
        found.append(_interval(middle, drawn if drawn.size else np.array([middle]), draws, level))
    return found


def mcnemar(y_true: NDArray[np.integer], pred_a: NDArray[np.integer], pred_b: NDArray[np.integer]) -> McNemar:
    """McNemar's test (1947) that two models are right equally often on the same rows.

    Exact binomial below 25 discordant rows, else chi-square with Edwards' continuity correction (1948).
    It takes rows as independent, so near-duplicates make it too sure: report it beside
    ``paired_difference`` and decide on that one.

    Args:
        y_true: (n,) integers, -1 for a class no model knows.
        pred_a: (n,) integers.
        pred_b: (n,) integers.

    Raises:
        ValueError: no rows, or lengths that differ.
    """
    from scipy import stats

    y_true, pred_a, pred_b = np.asarray(y_true), np.asarray(pred_a), np.asarray(pred_b)
    if not len(y_true) or not len(y_true) == len(pred_a) == len(pred_b):
        raise ValueError(
            f"y_true, pred_a and pred_b must be equally long and not empty, "
            f"got {len(y_true)}, {len(pred_a)}, {len(pred_b)} rows"
        )
    right_a, right_b = (pred_a == y_true) & (y_true >= 0), (pred_b == y_true) & (y_true >= 0)
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    discordant = only_a + only_b
    if discordant == 0:
        p_value = 1.0
    elif discordant < EXACT_BELOW:
        p_value = float(stats.binomtest(only_a, discordant, 0.5).pvalue)
    else:
        p_value = float(stats.chi2.sf(max(abs(only_a - only_b) - 1, 0) ** 2 / discordant, df=1))
    return McNemar(only_a, only_b, p_value)


def _family_counts(
    y_true: NDArray[np.integer],
    y_pred: NDArray[np.integer],
    families: Sequence[Any] | NDArray[Any],
    n_labels: int,
) -> NDArray[np.float64]:
    """(families, 3, K+1) as float64, which BLAS multiplies and which holds counts exactly."""
    if len(families) != len(y_true):
        raise ValueError(f"families has {len(families)} entries for {len(y_true)} rows of y_true")
    names, family = np.unique(np.asarray(families), return_inverse=True)
    if len(names) < 2:
        raise ValueError(f"families must hold at least two families to resample, got {len(names)}")
    return class_counts(y_true, y_pred, n_labels, family).astype(np.float64)


def _resamples(counts: Sequence[NDArray[np.float64]], draws: int, seed: int) -> Iterator[list[NDArray[np.float64]]]:
    """Blocks of (draws, 3, K+1) for each model; a draw takes as many families as there are, with return."""
    if draws < 1:
        raise ValueError(f"draws must be at least 1, got {draws}")
    generator = np.random.default_rng(seed)
    n_families = len(counts[0])
    step = max(1, _BLOCK // n_families)
    for start in range(0, draws, step):
        size = min(step, draws - start)
        drawn = generator.integers(n_families, size=(size, n_families))
        drawn += np.arange(size)[:, None] * n_families
        # How often each family was drawn: multinomial weights, a matrix product away from all counts.
        weights = np.bincount(drawn.ravel(), minlength=size * n_families).reshape(size, n_families)
        weights = weights.astype(np.float64)
        yield [(weights @ each.reshape(n_families, -1)).reshape(size, *each.shape[1:]) for each in counts]


def _statistic(name: Statistic) -> Any:
    if name not in STATISTICS:
        raise ValueError(f"statistic must be one of {', '.join(STATISTICS)}, got {name!r}")
    return STATISTICS[name]


def _interval(estimate: float, sample: NDArray[np.float64], draws: int, level: float) -> Interval:
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
    low, high = np.quantile(sample, [(1 - level) / 2, (1 + level) / 2])
    return Interval(estimate, float(low), float(high), draws)
