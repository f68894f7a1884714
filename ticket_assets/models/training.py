"""Out-of-fold scores of a recipe, and the model trained on all training rows.

Belongs here: which rows a fit sees, the rungs of the search, calibration on out-of-fold scores.
Does not belong here: the fit itself (fitting.py), choosing recipes (search.py), the hold-out (evaluation.py).
"""

from dataclasses import dataclass

import numpy as np

from ticket_assets.models.calibration import fit_temperature
from ticket_assets.models.fit_task import ABSENT
from ticket_assets.models.fitting import fit_estimator
from ticket_assets.models.recipe import Recipe
from ticket_assets.models.target_model import TargetModel
from ticket_assets.models.workbench import Workbench, some_of


@dataclass(frozen=True)
class Rung:
    """One fidelity of the search: share of training families used, and how many folds are scored (None: all)."""

    share: float
    folds: int | None


RUNGS = (Rung(0.25, 1), Rung(1.0, 1), Rung(1.0, None))


def fold_scores(bench: Workbench, recipe: Recipe, folds: np.ndarray, number: int, share: float = 1.0) -> np.ndarray:
    """Scores of the rows of one fold by a model fitted on the other folds.

    Args:
        bench: the rows.
        recipe: what to fit.
        folds: int (n,) fold of each row; relatives share one.
        number: of the fold to score.
        share: of the other folds' families to fit on; chosen by family number, so that rungs nest.

    Returns:
        float64 (rows of the fold, K), in row order; ABSENT for a class that the fitted rows lack.
    """
    seen = np.flatnonzero((folds != number) & (bench.groups % 1000 < 1000 * share))
    unseen = np.flatnonzero(folds == number)
    representation, matrix = bench.fit_representation(recipe.blocks, seen)
    groups, weights = bench.groups[seen], some_of(bench.weights, seen)
    estimator = fit_estimator(recipe, matrix, bench.y[seen], bench.classes, bench.seed, bench.threads, groups, weights)
    scores = estimator.scores(bench.matrix(representation, unseen))
    scores[:, np.bincount(bench.y[seen], minlength=bench.classes) == 0] = ABSENT
    return scores


def train(
    bench: Workbench, recipe: Recipe, target: str, labels: tuple[str, ...], out_of_fold: np.ndarray
) -> TargetModel:
    """Fit on all rows; calibrate on scores of models that did not see the row they score.

    Rows of a class that their fold's model did not know are left out of the calibration: their loss grows with every
    sharpening, so that a handful of them would flatten the confidence in all the others.

    Args:
        bench: the training rows.
        recipe: the chosen one.
        target: its name.
        labels: K class names.
        out_of_fold: float (n, K) scores of the same recipe.
    """
    representation, matrix = bench.fit_representation(recipe.blocks, np.arange(len(bench.y)))
    estimator = fit_estimator(
        recipe, matrix, bench.y, bench.classes, bench.seed, bench.threads, bench.groups, bench.weights
    )
    known = out_of_fold[np.arange(len(bench.y)), bench.y] != ABSENT
    inverse_temperature = fit_temperature(out_of_fold[known], bench.y[known])
    return TargetModel(target, labels, recipe, representation, estimator, inverse_temperature)
