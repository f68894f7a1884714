"""Which rows a fit sees at each rung, and what it says of classes that it did not see."""

from dataclasses import replace

import numpy as np
import optuna
import pytest

from ticket_assets.models import fitting_torch
from ticket_assets.models.fit_task import ABSENT
from ticket_assets.models.space import STARTING_POINTS, draw
from ticket_assets.models.training import fold_scores, train
from ticket_assets.models.workbench import Workbench

FAMILIES = tuple(STARTING_POINTS)


def _recipe(family):
    """The starting point, with few trees."""
    few = {name: 80 for name in STARTING_POINTS[family] if name.endswith("_trees")}
    drawn = optuna.trial.FixedTrial({"family": family, **STARTING_POINTS[family], **few})
    return draw(drawn, FAMILIES, 300)


@pytest.mark.parametrize(("share", "bound"), [(0.25, 250), (1.0, 1000)])
def test_a_rung_sees_its_share_of_the_families_and_nothing_of_the_fold(bench, queue, monkeypatch, share, bound):
    seen = []
    fit = Workbench.fit_representation
    monkeypatch.setattr(Workbench, "fit_representation", lambda *given: seen.append(given[2]) or fit(*given))
    scores = fold_scores(bench, _recipe("linear_svm"), queue.folds, 1, share)
    assert scores.shape == ((queue.folds == 1).sum(), bench.classes)
    expected = (queue.folds != 1) & (bench.groups % 1000 < bound)
    assert seen[0].tolist() == np.flatnonzero(expected).tolist()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_class_that_a_fold_did_not_know_has_one_score_in_every_family(bench, queue, family):
    """So that its rows can be left out of the calibration, whichever family is calibrated."""
    y = np.where(np.arange(len(bench.y)) == 0, bench.classes, bench.y)
    alone = replace(bench, y=y, classes=bench.classes + 1)
    scores = fold_scores(alone, _recipe(family), queue.folds, queue.folds[0])
    assert (scores[:, -1] == ABSENT).all()
    assert (scores[:, :-1] > ABSENT).all()


def test_a_fit_that_holds_rows_out_is_told_their_families(bench, queue, monkeypatch):
    """So that the perceptron is never stopped on a paraphrase of what it learns from."""
    tasks, choose = [], fitting_torch.validation_rows
    monkeypatch.setattr(fitting_torch, "validation_rows", lambda task: tasks.append(task) or choose(task))
    scores = fold_scores(bench, _recipe("torch_head"), queue.folds, 1)
    train(bench, _recipe("torch_head"), "queue", queue.labels, np.zeros((len(bench.y), scores.shape[1])))
    assert tasks[0].groups.tolist() == bench.groups[queue.folds != 1].tolist()
    assert tasks[1].groups.tolist() == bench.groups.tolist()


@pytest.mark.parametrize("family", ["linear_svm", "lightgbm"])
def test_weights_reach_the_folds_the_last_fit_and_the_scores_within_the_matrix(bench, queue, family):
    recipe = _recipe(family)
    heavy = replace(bench, weights=np.where(np.arange(len(bench.y)) % 2 == 0, 5.0, 1.0))
    plain, weighed = (fold_scores(one, recipe, queue.folds, 1) for one in (bench, heavy))
    assert not np.allclose(plain, weighed)
    scores = np.zeros((len(bench.y), bench.classes), dtype=np.float32)
    some = bench.features.take(np.arange(20))
    first, second = (train(one, recipe, "queue", queue.labels, scores).probabilities(some) for one in (bench, heavy))
    assert not np.allclose(first, second)
    inner = replace(recipe, blocks=replace(recipe.blocks, scores=True))
    rows = np.arange(len(bench.y))
    plain, weighed = (one.fit_representation(inner.blocks, rows)[0].score_weights for one in (bench, heavy))
    assert not np.allclose(plain, weighed)
