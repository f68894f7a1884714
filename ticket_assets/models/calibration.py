"""From scores to probabilities that mean what they say: temperature scaling.

Belongs here: one number, fitted on rows that the model was not trained on, and the softmax that applies it. The
service imports this module to answer requests, so it loads numpy and nothing else; scipy loads on fit.

Does not belong here: which rows to fit on (``training``) and how well it worked (``measures``, ECE and Brier).
"""

import numpy as np
from numpy.typing import NDArray

# Wide enough for SVM margins near 1 and for boosted trees' logits near 10; perfectly separated rows want
# infinity, and the upper end is the answer that they get.
LEAST, MOST = 1e-3, 1e3


def fit_temperature(scores: NDArray[np.floating], y: NDArray[np.integer]) -> float:
    """Find the inverse temperature with the least negative log-likelihood (Guo et al. 2017).

    The loss is convex in the inverse temperature, so one bounded search on its logarithm finds the one
    minimum. It never changes which class comes first.

    Args:
        scores: (n, K) finite floats with K >= 2, larger is likelier: logits, margins or log-probabilities,
            of rows held out from the model's training.
        y: (n,) integers, 0..K-1; leave out rows of a class that the model does not know.

    Returns:
        The inverse temperature, 0.001..1000: above 1 sharpens, below 1 softens.

    Raises:
        ValueError: no rows, shapes that do not fit, scores that are not finite, or labels out of range.
    """
    from scipy.optimize import minimize_scalar

    scores = _checked(scores)
    y = np.asarray(y)
    n, k = scores.shape
    if not n or k < 2:
        raise ValueError(f"scores must hold at least one row and two classes, got shape {scores.shape}")
    if y.shape != (n,):
        raise ValueError(f"y has shape {y.shape}, expected {(n,)}")
    if not np.issubdtype(y.dtype, np.integer) or y.min() < 0 or y.max() >= k:
        raise ValueError(f"y must hold integers in 0..{k - 1}")
    shifted = scores - scores.max(axis=1, keepdims=True)
    of_truth = shifted[np.arange(n), y]

    def loss(log_inverse: float) -> float:
        inverse = np.exp(log_inverse)
        return float(np.mean(np.log(np.exp(inverse * shifted).sum(axis=1)) - inverse * of_truth))

    found = minimize_scalar(loss, bounds=(np.log(LEAST), np.log(MOST)), method="bounded", options={"xatol": 1e-7})
    return float(np.exp(found.x))


def apply(scores: NDArray[np.floating], inverse_temperature: float) -> NDArray[np.float64]:
    """Softmax of ``scores * inverse_temperature``, safe against overflow.

    Args:
        scores: (n, K) finite floats; n may be 0.
        inverse_temperature: what ``fit_temperature`` returned, above 0.

    Returns:
        float64 (n, K), each row sums to 1; a row does not depend on the others of its batch.

    Raises:
        ValueError: scores that are not two-dimensional or not finite, or a temperature not above 0.
    """
    if not (np.isfinite(inverse_temperature) and inverse_temperature > 0):
        raise ValueError(f"inverse_temperature must be finite and above 0, got {inverse_temperature}")
    scores = _checked(scores)
    powers = np.exp(inverse_temperature * (scores - scores.max(axis=1, keepdims=True)))
    return powers / powers.sum(axis=1, keepdims=True)


def _checked(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    double: NDArray[np.float64] = np.asarray(scores, dtype=np.float64)
    if double.ndim != 2 or not double.shape[1]:
        raise ValueError(f"scores must have shape (n, K), got {double.shape}")
    if not np.isfinite(double).all():
        raise ValueError("scores must be finite: clip probabilities before taking their logarithm")
    return double
