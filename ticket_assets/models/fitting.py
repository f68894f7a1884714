"""Fitting: an estimator on a matrix, and one function per family.

Belongs here: the calls into scikit-learn, XGBoost and LightGBM, row weights, fixed seeds and threads.
Does not belong here: the matrix (workbench.py), choosing a recipe (recipe.py), scoring (estimators.py).
"""

import logging
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

from ticket_assets.models.estimators import Estimator, LightgbmEstimator, LinearEstimator, XgboostEstimator
from ticket_assets.models.recipe import Recipe
from ticket_assets.models.representation import Matrix

log = logging.getLogger(__name__)

# The score of a class that a fold's training rows lack: it must never win, and must not overflow a softmax.
ABSENT = -30.0


def fit_estimator(recipe: Recipe, matrix: Matrix, y: np.ndarray, classes: int, seed: int, threads: int) -> Estimator:
    """Fit one estimator.

    Args:
        recipe: family, parameters and balance.
        matrix: float32 (n, d).
        y: int (n,), in 0..classes-1; a class may be absent.
        classes: number of classes, K.
        seed: of everything random in it.
        threads: at most so many; results repeat for the same number.

    Raises:
        ValueError: y holds fewer than two classes.
    """
    if np.unique(y).size < 2:
        raise ValueError("a target needs tickets of two classes at least: look at its column and value mapping")
    weights = row_weights(y, classes, recipe.balance)
    return _FIT[recipe.family](recipe.parameters, matrix, y, weights, classes, seed, threads)


def row_weights(y: np.ndarray, classes: int, balance: float) -> np.ndarray:
    """Weights float64 (n,), mean 1: the inverse class share to the power of `balance`."""
    counts = np.bincount(y, minlength=classes)
    per_class = np.where(counts > 0, (len(y) / np.maximum(counts, 1)) ** balance, 0.0)
    weights = per_class[y]
    return weights / weights.mean()


def max_bin(matrix: Matrix) -> int:
    """Histogram bins per column: few on n-grams, whose weights say little beyond being there.

    Measured on 8,000 real tickets x 8,000 n-grams: 15 bins fit LightGBM ten times faster than 255, and no worse, as
    rare columns then share one bundle.
    """
    return 16 if sparse.issparse(matrix) else 32


def fit_linear_svm(
    parameters: dict[str, float],
    matrix: Matrix,
    y: np.ndarray,
    weights: np.ndarray,
    classes: int,
    seed: int,
    threads: int,
) -> LinearEstimator:
    """Linear SVM, one class against the rest."""
    from sklearn.svm import LinearSVC

    return _linear(LinearSVC(C=parameters["C"], random_state=seed, max_iter=2000), matrix, y, weights, classes)


def fit_logistic_regression(
    parameters: dict[str, float],
    matrix: Matrix,
    y: np.ndarray,
    weights: np.ndarray,
    classes: int,
    seed: int,
    threads: int,
) -> LinearEstimator:
    """Multinomial logistic regression."""
    from sklearn.linear_model import LogisticRegression

    return _linear(LogisticRegression(C=parameters["C"], max_iter=300, tol=1e-3), matrix, y, weights, classes)


def _linear(model: Any, matrix: Matrix, y: np.ndarray, weights: np.ndarray, classes: int) -> LinearEstimator:
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        model.fit(matrix, y, sample_weight=weights)
    if any(issubclass(one.category, ConvergenceWarning) for one in caught):
        log.info("%s stopped before it converged; its score shows whether that matters", type(model).__name__)
    coefficients, intercepts = model.coef_, model.intercept_
    if len(model.classes_) == 2:  # scikit-learn keeps one row for two classes
        coefficients, intercepts = (
            np.vstack([-coefficients, coefficients]),
            np.hstack([-intercepts, intercepts]),
        )
    full = np.zeros((classes, matrix.shape[1]))
    shift = np.full(classes, ABSENT)
    full[model.classes_], shift[model.classes_] = coefficients, intercepts
    # Rounded to what the file holds, so that a model in memory and the one loaded give the same scores.
    centre = None if sparse.issparse(matrix) else np.asarray(matrix, dtype=np.float64).mean(axis=0)
    return LinearEstimator(full.astype(np.float32).astype(np.float64), shift, centre)


def _fit_lightgbm(
    parameters: dict[str, float],
    matrix: Matrix,
    y: np.ndarray,
    weights: np.ndarray,
    classes: int,
    seed: int,
    threads: int,
) -> LightgbmEstimator:
    import lightgbm

    settings: dict[str, Any] = {
        **parameters,
        "objective": "multiclass",
        "num_class": classes,
        "seed": seed,
        "num_threads": threads,
        "deterministic": True,
        "force_col_wise": True,
        "max_bin": max_bin(matrix) - 1,
        "verbosity": -1,
    }
    rounds = int(settings.pop("num_iterations"))
    data = lightgbm.Dataset(matrix, label=y, weight=weights, params={"verbosity": -1, "max_bin": max_bin(matrix) - 1})
    return LightgbmEstimator(lightgbm.train(settings, data, num_boost_round=rounds), threads)


def _fit_xgboost(
    parameters: dict[str, float],
    matrix: Matrix,
    y: np.ndarray,
    weights: np.ndarray,
    classes: int,
    seed: int,
    threads: int,
) -> XgboostEstimator:
    import xgboost

    settings: dict[str, Any] = {
        **parameters,
        "objective": "multi:softprob",
        "num_class": classes,
        "seed": seed,
        "nthread": threads,
        "tree_method": "hist",
        "max_bin": max_bin(matrix),
        "verbosity": 0,
    }
    rounds = int(settings.pop("num_boost_round"))
    data = xgboost.QuantileDMatrix(matrix, label=y, weight=weights, nthread=threads, max_bin=max_bin(matrix))
    return XgboostEstimator(xgboost.train(settings, data, num_boost_round=rounds))


_FIT: dict[str, Callable[..., Estimator]] = {
    "linear_svm": fit_linear_svm,
    "logistic_regression": fit_logistic_regression,
    "lightgbm": _fit_lightgbm,
    "xgboost": _fit_xgboost,
}
