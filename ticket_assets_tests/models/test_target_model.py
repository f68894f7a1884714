"""A fitted model gives the same answers before and after its files, for one ticket as for many."""

import json

import numpy as np
import pytest

from ticket_assets.models.estimators import LIGHTGBM_FILE, LINEAR_FILE, XGBOOST_FILE, load_estimator
from ticket_assets.models.fit_task import ABSENT
from ticket_assets.models.ngrams import TfidfSpec
from ticket_assets.models.perceptron import PERCEPTRON_FILE
from ticket_assets.models.recipe import Recipe
from ticket_assets.models.representation import Blocks
from ticket_assets.models.target_model import TargetModel
from ticket_assets.models.training import train
from ticket_assets.models.trees import TREES_FILE

NGRAMS = Blocks(tfidf=TfidfSpec(max_ngrams=300), sparse=True, vectors=0.5)
STACKED = Blocks(tfidf=TfidfSpec(max_ngrams=300), svd=6, scores=True, vectors=1.0, columns=1.0)
LIGHTGBM = {"num_iterations": 5, "learning_rate": 0.2, "num_leaves": 7, "min_data_in_leaf": 5}
XGBOOST = {"num_boost_round": 5, "learning_rate": 0.2, "max_depth": 3}
RECIPES = {
    "linear_svm": Recipe("linear_svm", NGRAMS, {"C": 0.5}, 0.5),
    "logistic_regression": Recipe("logistic_regression", STACKED, {"C": 2.0}),
    "lightgbm": Recipe("lightgbm", STACKED, LIGHTGBM),
    "lightgbm on n-grams": Recipe("lightgbm", NGRAMS, LIGHTGBM),
    "xgboost": Recipe("xgboost", STACKED, XGBOOST),
    "xgboost on n-grams": Recipe("xgboost", NGRAMS, XGBOOST),
    "catboost": Recipe("catboost", STACKED, {"iterations": 5, "learning_rate": 0.2, "depth": 3}),
    "gradient_boosting": Recipe("gradient_boosting", STACKED, {"n_estimators": 4, "max_features": 0.2}),
    "random_forest": Recipe("random_forest", STACKED, {"n_estimators": 8, "min_samples_leaf": 3}),
    "extra_trees": Recipe("extra_trees", STACKED, {"n_estimators": 8, "min_samples_leaf": 3}),
    "torch_head": Recipe(
        "torch_head", STACKED, {"hidden": 16, "dropout": 0.1, "learning_rate": 0.01, "weight_decay": 0.01}
    ),
}


@pytest.fixture(scope="module")
def out_of_fold(bench):
    """Scores that are right most of the time."""
    scores = np.random.default_rng(0).normal(size=(len(bench.y), bench.classes))
    scores[np.arange(len(bench.y)), bench.y] += 1.5
    return scores


@pytest.fixture(scope="module", params=RECIPES)
def model(request, bench, queue, out_of_fold) -> TargetModel:
    return train(bench, RECIPES[request.param], "queue", queue.labels, out_of_fold)


def test_the_files_give_identical_probabilities(model, queue, tmp_path):
    model.save(tmp_path)
    loaded = TargetModel.load(tmp_path, threads=2)
    assert (loaded.target, loaded.labels, loaded.recipe) == ("queue", queue.labels, model.recipe)
    held = queue.holdout.features
    assert loaded.probabilities(held).tobytes() == model.probabilities(held).tobytes()


def test_a_ticket_alone_gets_what_it_gets_among_others(model, queue):
    held = queue.holdout.features
    together = model.probabilities(held)
    for row in (0, 17, len(held) - 1):
        np.testing.assert_allclose(model.probabilities(held.take(np.array([row])))[0], together[row], atol=1e-6)


def test_probabilities_are_calibrated_ones(model, bench, queue):
    probabilities = model.probabilities(queue.holdout.features)
    assert probabilities.shape == (len(queue.holdout.y), bench.classes)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    scores = model.estimator.scores(model.representation.transform(queue.holdout.features))
    powers = np.exp(model.inverse_temperature * (scores - scores.max(axis=1, keepdims=True)))
    np.testing.assert_allclose(probabilities, powers / powers.sum(axis=1, keepdims=True), atol=1e-9)


def test_nothing_on_disk_is_a_pickle(model, tmp_path):
    model.save(tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert len(names & {LINEAR_FILE, XGBOOST_FILE, LIGHTGBM_FILE, TREES_FILE, PERCEPTRON_FILE}) == 1
    for path in tmp_path.glob("*.np[yz]"):
        np.load(path, allow_pickle=False)
    assert not [name for name in names if name.endswith((".pkl", ".pickle", ".joblib"))]
    assert json.loads((tmp_path / "model.json").read_text())["recipe"]["family"] == model.recipe.family


@pytest.mark.parametrize(("blocks", "needed"), [(NGRAMS, True), (Blocks(columns=1.0), False)])
def test_it_says_whether_tickets_must_be_encoded(bench, queue, out_of_fold, blocks, needed):
    model = train(bench, Recipe("linear_svm", blocks, {"C": 0.1}), "queue", queue.labels, out_of_fold)
    assert model.needs_vectors is needed


def test_a_folder_without_an_estimator_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no estimator in"):
        load_estimator(tmp_path)


def test_the_temperature_comes_from_the_out_of_fold_scores(bench, queue, out_of_fold):
    """From the model's own training rows it would promise what it cannot keep."""
    recipe = RECIPES["linear_svm"]
    once, tenfold = (train(bench, recipe, "queue", queue.labels, out_of_fold * by) for by in (1.0, 10.0))
    assert once.inverse_temperature == pytest.approx(10 * tenfold.inverse_temperature, rel=1e-3)


def test_rows_of_a_class_that_their_fold_did_not_know_do_not_flatten_the_others(bench, queue, out_of_fold):
    """Two tickets of a queue that nobody else has took a third of the confidence from six hundred others."""
    scores = out_of_fold.copy()
    scores[[3, 40], bench.y[[3, 40]]] = ABSENT
    expected = train(bench, RECIPES["linear_svm"], "queue", queue.labels, out_of_fold).inverse_temperature
    found = train(bench, RECIPES["linear_svm"], "queue", queue.labels, scores).inverse_temperature
    assert found == pytest.approx(expected, rel=0.05)
