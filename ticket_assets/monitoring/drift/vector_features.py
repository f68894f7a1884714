"""Vectors of an encoder as numbers for the tests.

Belongs here: whitening, random Fourier features.
Does not belong here: the tests (mean_difference.py), encoding (features/).
"""

import numpy as np
from numpy.typing import NDArray

# Directions in which vectors hardly differ would be blown up to noise: a tenth of the mean variance is added to each.
SHRINKAGE = 0.1
FREQUENCIES = 256
_PAIRS = 500  # rows whose distances give the kernel's width


def usable(vectors: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Rows that are finite throughout."""
    return np.asarray(np.isfinite(vectors).all(axis=1))


def whitened(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """(rows, d): all directions of like variance, so that the distance of means is Hotelling's T-squared (1931).

    With a ridge on the covariance, as Chen, Paul, Prentice and Wang have it, "A regularized Hotelling's T2 test"
    (2011). What parts one kind of ticket from the rest is seldom what makes tickets differ most: whitened vectors found
    a new class of 10 % in most windows of 500, raw ones and their MMD in few.

    Args:
        vectors: float32 of both sides together.
    """
    from scipy.linalg import eigh

    centred = vectors - vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    variances, directions = eigh((centred.T @ centred / max(len(vectors) - 1, 1)).astype(np.float64))
    variances = np.maximum(variances, 0.0)
    scale = 1 / np.sqrt(variances + SHRINKAGE * variances.mean() + 1e-12)
    return np.asarray(centred @ (directions * scale).astype(np.float32))


class FourierFeatures:
    """Random features of a Gaussian kernel: Rahimi and Recht, "Random features for large-scale kernel machines" (2007).

    Means of them see any difference of two distributions, not only one of the means; the width is the median distance
    (Gretton and others 2012, section 8).
    """

    def __init__(self, vectors: NDArray[np.float32], rng: np.random.Generator) -> None:
        """Choose the width by some of the vectors, float32 (m, d), and draw the frequencies."""
        from scipy.spatial.distance import pdist

        some = vectors[rng.permutation(len(vectors))[:_PAIRS]]
        distances = pdist(some) if len(some) > 1 else np.ones(1)
        positive = distances[distances > 0]
        width = float(np.median(positive)) if positive.size else 1.0
        self._frequencies = (rng.normal(size=(vectors.shape[1], FREQUENCIES)) / width).astype(np.float32)

    def __call__(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32 (rows, 2 * FREQUENCIES)."""
        angles = vectors @ self._frequencies
        return np.asarray(
            np.hstack([np.cos(angles), np.sin(angles)]) / np.float32(np.sqrt(FREQUENCIES)), dtype=np.float32
        )
