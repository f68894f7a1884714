"""What every fit is given: rows, their weights, seed and threads.

Belongs here: the task itself, row weights, what stands for a class that its rows lack.
Does not belong here: the fits (fitting.py and its neighbours), the matrix (workbench.py).
"""

from dataclasses import dataclass

import numpy as np

from ticket_assets.models.representation import Matrix

# The score of a class that a fold's training rows lack: it must never win, and must not overflow a softmax.
ABSENT = -30.0


@dataclass(frozen=True)
class FitTask:
    """Rows to fit an estimator on.

    Attributes:
        matrix: float32 (n, d), CSR or dense.
        y: int (n,), in 0..classes-1; a class may be absent.
        weights: float64 (n,), mean 1.
        classes: number of classes, K.
        seed: of everything random in the fit.
        threads: at most so many; results repeat for the same number.
        groups: int (n,) family of each row, for fits that hold rows out; None where every row is a family of its own.
    """

    matrix: Matrix
    y: np.ndarray
    weights: np.ndarray
    classes: int
    seed: int
    threads: int
    groups: np.ndarray | None = None

    @property
    def known(self) -> np.ndarray:
        """Classes that have rows, int (P,), ascending."""
        return np.unique(self.y)

    def base(self, of_known: np.ndarray) -> np.ndarray:
        """What a score begins with, float64 (K,): the given ones, and ABSENT for a class without rows."""
        full = np.full(self.classes, ABSENT)
        full[self.known] = of_known
        return full

    def spread(self, columns: np.ndarray) -> np.ndarray:
        """Columns (N, P) of the known classes as (N, K) of the same type, zero for a class without rows."""
        full = np.zeros((len(columns), self.classes), dtype=columns.dtype)
        full[:, self.known] = columns
        return full


def row_weights(y: np.ndarray, classes: int, balance: float, given: np.ndarray | None = None) -> np.ndarray:
    """Weights float64 (n,), mean 1: the inverse class share to the power of `balance`, times the row's own.

    Args:
        y: int (n,).
        classes: K.
        balance: 0 leaves classes as common as they are, 1 makes them equally heavy, own weights apart.
        given: float (n,) of each row, above 0; None: all are the same.
    """
    counts = np.bincount(y, minlength=classes)
    per_class = np.where(counts > 0, (len(y) / np.maximum(counts, 1)) ** balance, 0.0)
    weights = per_class[y] if given is None else per_class[y] * given
    return weights / weights.mean()
