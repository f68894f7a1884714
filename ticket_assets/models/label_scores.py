"""Scores of predicted labels, from counts that add up: F1, accuracy, precision and recall.

Belongs here: one pass over the rows to small counts, and the scores as functions of stacks of counts. A thousand
resamples (``significance``) then cost one matrix product and no second look at the rows.

Does not belong here: probabilities and the full record of a model (``measures``).
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

UNKNOWN = -1

Statistic = Literal["macro_f1", "macro_f1_of_true", "weighted_f1", "accuracy"]


def class_counts(
    y_true: NDArray[np.integer],
    y_pred: NDArray[np.integer],
    n_labels: int,
    groups: NDArray[np.integer] | None = None,
) -> NDArray[np.int64]:
    """Hits, support and predictions of each class: all that F1 and accuracy need of a confusion matrix.

    Args:
        y_true: (n,) integers, -1..n_labels-1.
        y_pred: (n,) integers, 0..n_labels-1.
        n_labels: K.
        groups: (n,) integers from 0, or None for a single count over all rows.

    Returns:
        int64 (3, K+1), or (G, 3, K+1) with groups: hits, support, predictions; the last column holds the
        rows of unknown classes. Counts of several groups add up.

    Raises:
        ValueError: no rows, lengths that differ, or a label out of range.
    """
    y_true = checked_labels("y_true", y_true, UNKNOWN, n_labels)
    y_pred = checked_labels("y_pred", y_pred, 0, n_labels)
    if len(y_true) != len(y_pred):
        raise ValueError(f"y_true has {len(y_true)} rows, y_pred has {len(y_pred)}")
    group = np.zeros(len(y_true), dtype=np.int64) if groups is None else np.asarray(groups, dtype=np.int64)
    n_groups, width = int(group.max()) + 1, n_labels + 1
    true_cell = group * width + np.where(y_true == UNKNOWN, n_labels, y_true)
    pred_cell = group * width + y_pred
    columns = (true_cell[y_true == y_pred], true_cell, pred_cell)
    counts = np.stack(
        [np.bincount(cells, minlength=n_groups * width).reshape(n_groups, width) for cells in columns], axis=1
    )
    return counts[0] if groups is None else counts


def macro_f1(counts: NDArray[Any]) -> NDArray[np.float64]:
    """Mean F1 of the classes that occur in truth or predictions; ``counts`` is (..., 3, K+1)."""
    return f1_scores(counts).sum(axis=-1) / (counts[..., 1, :] + counts[..., 2, :] > 0).sum(axis=-1)


def macro_f1_of_true(counts: NDArray[Any]) -> NDArray[np.float64]:
    """Mean F1 of the classes that occur in truth; ``counts`` is (..., 3, K+1).

    An answer of another class is a miss of the true one and no more: where rows lack a class altogether they cannot
    say how well it is known, and one such answer would else cost as much as a class that is never found.
    """
    return f1_scores(counts).sum(axis=-1) / (counts[..., 1, :] > 0).sum(axis=-1)


def weighted_f1(counts: NDArray[Any]) -> NDArray[np.float64]:
    """Mean F1 weighted by the rows of each class; ``counts`` is (..., 3, K+1)."""
    return (f1_scores(counts) * counts[..., 1, :]).sum(axis=-1) / counts[..., 1, :].sum(axis=-1)


def accuracy(counts: NDArray[Any]) -> NDArray[np.float64]:
    """Share of rows predicted right; ``counts`` is (..., 3, K+1)."""
    return counts[..., 0, :].sum(axis=-1) / counts[..., 1, :].sum(axis=-1)


REPORTED: tuple[Statistic, ...] = ("macro_f1", "weighted_f1", "accuracy")
"""What a model's scores tell; the other one is for comparisons on rows that may lack a class."""
STATISTICS: Mapping[Statistic, Callable[[NDArray[Any]], NDArray[np.float64]]] = {
    "macro_f1": macro_f1,
    "macro_f1_of_true": macro_f1_of_true,
    "weighted_f1": weighted_f1,
    "accuracy": accuracy,
}


def f1_scores(counts: NDArray[Any]) -> NDArray[np.float64]:
    """F1 of each class (..., K+1), 0 where truth and predictions lack it; ``counts`` is (..., 3, K+1)."""
    return ratio(2 * counts[..., 0, :], counts[..., 1, :] + counts[..., 2, :])


def ratio(above: NDArray[Any], below: NDArray[Any]) -> NDArray[np.float64]:
    """``above / below``, 0 where ``below`` is 0."""
    return np.divide(above, below, out=np.zeros(np.shape(below)), where=below > 0)


def checked_labels(name: str, values: NDArray[np.integer], least: int, n_labels: int) -> NDArray[np.integer]:
    """Labels as an array of integers in ``least..n_labels-1`` with at least one row, or a ValueError."""
    values = np.asarray(values)
    if values.ndim != 1 or not values.size:
        raise ValueError(f"{name} must be one-dimensional with at least one row, got shape {values.shape}")
    if not np.issubdtype(values.dtype, np.integer):
        raise ValueError(f"{name} must hold integers, got {values.dtype}")
    if values.min() < least or values.max() >= n_labels:
        raise ValueError(f"{name} must lie in {least}..{n_labels - 1}, got {values.min()}..{values.max()}")
    return values
