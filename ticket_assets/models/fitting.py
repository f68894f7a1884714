"""Fitting: an estimator on a matrix, and which function fits a family.

Belongs here: the dispatch; the linear models, XGBoost and LightGBM, with fixed seeds and threads.
Does not belong here: other families (fitting_trees.py, fitting_catboost.py, fitting_torch.py), the matrix
(workbench.py), choosing a recipe (recipe.py), scoring (estimators.py).
"""

import logging
import warnings
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
from scipy import sparse

from ticket_assets.models.estimators import Estimator, LightgbmEstimator, LinearEstimator, XgboostEstimator
from ticket_assets.models.fit_task import FitTask, row_weights
from ticket_assets.models.fitting_catboost import fit_catboost
from ticket_assets.models.fitting_torch import fit_torch_head
from ticket_assets.models.fitting_trees import fit_extra_trees, fit_gradient_boosting, fit_random_forest
from ticket_assets.models.recipe import Recipe
from ticket_assets.models.representation import Matrix

log = logging.getLogger(__name__)

# What a family is fitted with beyond scikit-learn.
_LIBRARIES = {"lightgbm": "lightgbm", "xgboost": "xgboost", "catboost": "catboost", "torch_head": "torch"}


def require_libraries(families: Sequence[str]) -> None:
    """Refuse families whose library is not installed, before any time is spent on others.

    Raises:
        ModuleNotFoundError: naming families, libraries and the way out.
    """
    missing = {
        family: library for family, library in _LIBRARIES.items() if family in families and not find_spec(library)
    }
    if missing:
        wanted = ", ".join(f"{family} (needs {library})" for family, library in missing.items())
        raise ModuleNotFoundError(
            f"search.families names {wanted}: install {', '.join(sorted(missing.values()))}, or take the family out"
        )


def fit_estimator(
    recipe: Recipe,
    matrix: Matrix,
    y: np.ndarray,
    classes: int,
    seed: int,
    threads: int,
    groups: np.ndarray | None = None,
    weights: np.ndarray | None = None,
) -> Estimator:
    """Fit one estimator.

    Args:
        recipe: family, parameters and balance.
        matrix: float32 (n, d).
        y: int (n,), in 0..classes-1; a class may be absent.
        classes: number of classes, K.
        seed: of everything random in it.
        threads: at most so many; results repeat for the same number.
        groups: int (n,) family of each row, which no fit may part that holds rows out; None where all differ.
        weights: float (n,) of each row, before the balance of classes; None: all are the same.

    Raises:
        ValueError: y holds fewer than two classes.
    """
    if np.unique(y).size < 2:
        raise ValueError("a target needs tickets of two classes at least: look at its column and value mapping")
    heavy = row_weights(y, classes, recipe.balance, weights)
    return _FIT[recipe.family](recipe.parameters, FitTask(matrix, y, heavy, classes, seed, threads, groups))


def max_bin(matrix: Matrix) -> int:
    """Histogram bins per column: few on n-grams, whose weights say little beyond being there.

    Measured on 8,000 real tickets x 8,000 n-grams: 15 bins fit LightGBM ten times faster than 255, and no worse, as
    rare columns then share one bundle.
    """
    return 16 if sparse.issparse(matrix) else 32


def fit_linear_svm(parameters: dict[str, float], task: FitTask) -> LinearEstimator:
    """Linear SVM, one class against the rest."""
    from sklearn.svm import LinearSVC

    return _linear(LinearSVC(C=parameters["C"], random_state=task.seed, max_iter=2000), task)


def fit_logistic_regression(parameters: dict[str, float], task: FitTask) -> LinearEstimator:
    """Multinomial logistic regression."""
    from sklearn.linear_model import LogisticRegression

    return _linear(LogisticRegression(C=parameters["C"], max_iter=300, tol=1e-3), task)


def _linear(model: Any, task: FitTask) -> LinearEstimator:
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    # One thread: the steps are so short that handing them to others took a hundred times as long as doing them.
    with warnings.catch_warnings(record=True) as caught, threadpool_limits(1):
        warnings.simplefilter("always", ConvergenceWarning)
        model.fit(task.matrix, task.y, sample_weight=task.weights)
    if any(issubclass(one.category, ConvergenceWarning) for one in caught):
        log.info("%s stopped before it converged; its score shows whether that matters", type(model).__name__)
    coefficients, intercepts = model.coef_, model.intercept_
    if len(model.classes_) == 2:  # scikit-learn keeps one row for two classes
        coefficients, intercepts = (
            np.vstack([-coefficients, coefficients]),
            np.hstack([-intercepts, intercepts]),
        )
    # Rounded to what the file holds, so that a model in memory and the one loaded give the same scores.
    rounded = task.spread(coefficients.T).T.astype(np.float32).astype(np.float64, order="C")
    centre = None if sparse.issparse(task.matrix) else np.asarray(task.matrix, dtype=np.float64).mean(axis=0)
    return LinearEstimator(rounded, task.base(intercepts), centre)


def _fit_lightgbm(parameters: dict[str, float], task: FitTask) -> LightgbmEstimator:
    import lightgbm

    settings: dict[str, Any] = {
        **parameters,
        "objective": "multiclass",
        "num_class": task.classes,
        "seed": task.seed,
        "num_threads": task.threads,
        "deterministic": True,
        "force_col_wise": True,
        "max_bin": max_bin(task.matrix) - 1,
        "verbosity": -1,
    }
    rounds = int(settings.pop("num_iterations"))
    bins = {"verbosity": -1, "max_bin": settings["max_bin"]}
    data = lightgbm.Dataset(task.matrix, label=task.y, weight=task.weights, params=bins)
    return LightgbmEstimator(lightgbm.train(settings, data, num_boost_round=rounds), task.threads)


def _fit_xgboost(parameters: dict[str, float], task: FitTask) -> XgboostEstimator:
    import xgboost

    settings: dict[str, Any] = {
        **parameters,
        "objective": "multi:softprob",
        "num_class": task.classes,
        "seed": task.seed,
        "nthread": task.threads,
        "tree_method": "hist",
        "max_bin": max_bin(task.matrix),
        "verbosity": 0,
    }
    rounds = int(settings.pop("num_boost_round"))
    data = xgboost.QuantileDMatrix(
        task.matrix, label=task.y, weight=task.weights, nthread=task.threads, max_bin=settings["max_bin"]
    )
    return XgboostEstimator(xgboost.train(settings, data, num_boost_round=rounds))


_FIT: dict[str, Callable[[dict[str, float], FitTask], Estimator]] = {
    "linear_svm": fit_linear_svm,
    "logistic_regression": fit_logistic_regression,
    "lightgbm": _fit_lightgbm,
    "xgboost": _fit_xgboost,
    "catboost": fit_catboost,
    "gradient_boosting": fit_gradient_boosting,
    "random_forest": fit_random_forest,
    "extra_trees": fit_extra_trees,
    "torch_head": fit_torch_head,
}
