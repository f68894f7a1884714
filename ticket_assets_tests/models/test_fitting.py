"""Fits of every family: weights, absent classes, two classes, and the same bits for the same seed."""

import logging
import sys
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from ticket_assets.models.fit_task import ABSENT, row_weights
from ticket_assets.models.fitting import fit_estimator, require_libraries
from ticket_assets.models.recipe import Recipe
from ticket_assets.models.representation import Blocks
from ticket_assets.profile import ModelFamily

PARAMETERS = {
    "linear_svm": {"C": 0.5},
    "logistic_regression": {"C": 1.0},
    "lightgbm": {"num_iterations": 8, "learning_rate": 0.2, "num_leaves": 7, "min_data_in_leaf": 3},
    "xgboost": {"num_boost_round": 8, "learning_rate": 0.2, "max_depth": 3, "subsample": 0.7},
    "catboost": {"iterations": 12, "learning_rate": 0.3, "depth": 3, "subsample": 0.7},
    "gradient_boosting": {"n_estimators": 8, "learning_rate": 0.2, "max_depth": 3, "subsample": 0.7},
    "random_forest": {"n_estimators": 12, "min_samples_leaf": 3, "max_features": 0.5},
    "extra_trees": {"n_estimators": 12, "min_samples_leaf": 3, "max_features": 0.5},
    "torch_head": {"hidden": 16, "dropout": 0.1, "learning_rate": 0.01, "weight_decay": 0.01},
}
FAMILIES = tuple(PARAMETERS)
LINEAR = ("linear_svm", "logistic_regression")


def test_every_family_of_the_settings_is_fitted_here():
    assert set(FAMILIES) == set(get_args(ModelFamily))


def _recipe(family, balance=0.0):
    return Recipe(family, Blocks(columns=1.0), PARAMETERS[family], balance)


def _rows(classes, n=240, seed=0):
    """Points around one corner per class."""
    random = np.random.default_rng(seed)
    y = random.choice(classes, n)
    corners = random.normal(0, 2, (max(classes) + 1, 5))
    return (corners[y] + random.normal(size=(n, 5))).astype(np.float32), y


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_learns_what_there_is_to_learn(family):
    matrix, y = _rows([0, 1, 2])
    scores = fit_estimator(_recipe(family), matrix[:160], y[:160], 3, 0, 1).scores(matrix[160:])
    assert scores.dtype == np.float64
    assert (scores.argmax(axis=1) == y[160:]).mean() > 0.8


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("classes", [[0, 2, 3], [1, 3]])
def test_a_class_that_training_lacks_never_wins(family, classes):
    matrix, y = _rows(classes)
    far = np.vstack([matrix, 100 * matrix[:20], np.zeros((1, 5))]).astype(np.float32)
    scores = fit_estimator(_recipe(family, balance=1.0), matrix, y, 5, 0, 1).scores(far)
    assert scores.shape == (len(far), 5)
    assert np.isfinite(scores).all()
    assert set(scores.argmax(axis=1)) <= set(classes)


@pytest.mark.parametrize("family", FAMILIES)
def test_two_classes_get_a_score_each(family):
    matrix, y = _rows([0, 1])
    scores = fit_estimator(_recipe(family), matrix, y, 2, 0, 1).scores(matrix)
    assert scores.shape == (len(y), 2)
    assert (scores.argmax(axis=1) == y).mean() > 0.8


@pytest.mark.parametrize("family", FAMILIES)
def test_one_class_alone_is_refused_with_the_way_out(family):
    with pytest.raises(ValueError, match="two classes at least: look at its column and value mapping"):
        fit_estimator(_recipe(family), np.ones((4, 5), dtype=np.float32), np.array([1, 1, 1, 1]), 3, 0, 1)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_seed_and_threads_give_the_same_bits(family):
    matrix, y = _rows([0, 1, 2])
    short = {name: 2 if "num_" in name and "leaves" not in name else its for name, its in PARAMETERS[family].items()}
    recipe = replace(_recipe(family), parameters=short)  # threads wait for one another on a busy machine
    one, two = (fit_estimator(recipe, matrix, y, 3, 5, threads=2).scores(matrix) for _ in range(2))
    assert one.tobytes() == two.tobytes()


@pytest.mark.parametrize("family", [one for one in FAMILIES if one not in ("lightgbm", *LINEAR)])
def test_another_seed_gives_another_model_where_chance_has_a_part(family):
    matrix, y = _rows([0, 1, 2])
    one, two = (fit_estimator(_recipe(family), matrix, y, 3, seed, 1).scores(matrix) for seed in (0, 1))
    assert (one != two).any()


@pytest.mark.parametrize("family", FAMILIES)
def test_balance_helps_the_rare_class(family):
    random = np.random.default_rng(1)
    y = (np.arange(300) % 12 == 0).astype(int)
    matrix = (y[:, None] * 1.2 + random.normal(size=(300, 5))).astype(np.float32)
    found = [
        (fit_estimator(_recipe(family, balance), matrix, y, 2, 0, 1).scores(matrix).argmax(axis=1) == 1).sum()
        for balance in (0.0, 1.0)
    ]
    assert found[1] > found[0]


def test_row_weights_have_mean_one_and_balance_classes_by_degrees():
    y = np.array([0] * 8 + [2] * 2)
    assert row_weights(y, 3, 0.0).tolist() == [1.0] * 10
    for balance, ratio in ((0.5, 2.0), (1.0, 4.0)):
        weights = row_weights(y, 3, balance)
        assert weights.mean() == pytest.approx(1)
        assert weights[-1] / weights[0] == pytest.approx(ratio)


def test_logistic_regression_is_scikit_learns():
    matrix, y = _rows([0, 1, 2])
    ours = fit_estimator(_recipe("logistic_regression"), matrix, y, 3, 0, 1).scores(matrix)
    theirs = LogisticRegression(C=1.0, max_iter=300, tol=1e-3).fit(matrix, y).decision_function(matrix)
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_the_intercept_of_an_absent_class_is_what_says_so():
    matrix, y = _rows([0, 2])
    estimator = fit_estimator(_recipe("linear_svm"), matrix, y, 3, 0, 1)
    assert (estimator.scores(matrix)[:, 1] == ABSENT).all()


def test_a_fit_that_did_not_converge_is_told_and_not_raised(caplog):
    caplog.set_level(logging.INFO)
    random = np.random.default_rng(0)
    matrix = (random.normal(size=(200, 30)) * np.logspace(-2, 3, 30)).astype(np.float32)
    hard = Recipe("logistic_regression", Blocks(columns=1.0), {"C": 1e6}, 0.0)
    fit_estimator(hard, matrix, random.integers(0, 3, 200), 3, 0, 1)
    assert "LogisticRegression stopped before it converged" in caplog.text


def test_a_family_whose_library_is_missing_is_refused_by_name(monkeypatch):
    require_libraries(FAMILIES)
    monkeypatch.setitem(sys.modules, "torch", None)
    require_libraries([one for one in FAMILIES if one != "torch_head"])
    wanted = r"search.families names torch_head \(needs torch\): install torch, or take the family out"
    with pytest.raises(ModuleNotFoundError, match=wanted):
        require_libraries(FAMILIES)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_row_s_own_weight_reaches_every_family(family):
    """Two rows in three of a cloud are labelled otherwise by people, whose word weighs more."""
    matrix, y = _rows([0, 1, 2])
    people = (np.arange(len(y)) % 3 == 0) & (y == 0)
    told = np.where(people, 1, y)
    heavy = np.where(people, 200.0, 1.0)
    light, weighed = (
        fit_estimator(_recipe(family), matrix, told, 3, 0, 1, weights=one).scores(matrix[y == 0]).argmax(axis=1)
        for one in (None, heavy)
    )
    assert (weighed == 1).mean() > (light == 1).mean() + 0.2


@pytest.mark.parametrize("family", ["linear_svm", "lightgbm"])
def test_weights_of_one_are_no_weights_to_the_last_bit(family):
    matrix, y = _rows([0, 1, 2])
    plain, ones = (
        fit_estimator(_recipe(family, 0.5), matrix, y, 3, 0, 1, weights=one).scores(matrix)
        for one in (None, np.ones(len(y)))
    )
    assert plain.tobytes() == ones.tobytes()
