"""Out-of-fold scores of a recipe, and the model trained on all training rows.

Belongs here: which rows a fit sees, the rungs of the search, calibration on out-of-fold scores, fitting the winners.
Does not belong here: the fit itself (fitting.py), choosing recipes (search.py), the hold-out (evaluation.py).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ticket_assets.models.calibration import apply, fit_temperature
from ticket_assets.models.cascade import choose_threshold
from ticket_assets.models.fit_task import ABSENT
from ticket_assets.models.fitting import fit_estimator
from ticket_assets.models.outcome import SearchOutcome
from ticket_assets.models.recipe import Recipe
from ticket_assets.models.target_model import TargetModel
from ticket_assets.models.thresholds import OutOfFold
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


@dataclass(frozen=True)
class Fitted:
    """What of a search goes on.

    Attributes:
        winner: its best model; behind a first stage where that is wanted and pays.
        boosted: its best boosted model; the same object when that is the winner.
        known: the winner's answers out of fold.
    """

    winner: TargetModel
    boosted: TargetModel
    known: OutOfFold


def fit_winners(
    bench: Workbench,
    outcome: SearchOutcome,
    out_of_fold: Callable[[int], np.ndarray],
    target: str,
    labels: tuple[str, ...],
    max_loss: float | None,
) -> Fitted:
    """Fit a search's best recipes on all rows.

    Args:
        bench: the training rows.
        outcome: of the search.
        out_of_fold: trial number to its scores float (n, K).
        target: its name.
        labels: K class names.
        max_loss: macro F1 that may be lost, out of fold, by asking a model without sentence vectors first; None: the
            winner is always asked.
    """
    scores = {number: out_of_fold(number) for number in outcome.fitted(cascade=max_loss is not None)}
    models = {number: train(bench, outcome.recipes[number], target, labels, its) for number, its in scores.items()}
    told = {number: apply(its, models[number].inverse_temperature) for number, its in scores.items()}
    winner, known = models[outcome.best], told[outcome.best]
    if max_loss is not None and winner.needs_vectors and (light := outcome.best_light) is not None:
        winner, known = behind_first_stage(winner, models[light], known, told[light], bench.y, max_loss)
    return Fitted(winner, models[outcome.best_boosted], OutOfFold.told(known, bench.y, bench.groups))


def behind_first_stage(
    whole: TargetModel, first: TargetModel, told: np.ndarray, first_told: np.ndarray, y: np.ndarray, max_loss: float
) -> tuple[TargetModel, np.ndarray]:
    """The whole model, asked only where a first one is unsure, and what both say together.

    Args:
        whole: of one target.
        first: of the same target; it needs no sentence vectors.
        told: float (n, K), calibrated probabilities of the whole model out of fold.
        first_told: of the first one, alike.
        y: int (n,) classes.
        max_loss: macro F1 that may be lost, out of fold.

    Returns:
        The model, and float (n, K) its probabilities out of fold; the whole model and its own where a first stage would
        save too little.
    """
    chosen = choose_threshold(first_told, told, y, max_loss)
    if chosen is None:
        return whole, told
    unsure = first_told.max(axis=1) < chosen.sure_from
    return replace(whole, first=first, sure_from=chosen.sure_from), np.where(unsure[:, None], told, first_told)
