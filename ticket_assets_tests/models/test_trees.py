"""Trees as arrays say what their library says, also on a threshold, from a file, and of ten thousand rows at once."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse
from sklearn.ensemble import ExtraTreesClassifier, GradientBoostingClassifier, RandomForestClassifier

from ticket_assets.models import fitting_catboost
from ticket_assets.models.estimators import load_estimator
from ticket_assets.models.fit_task import ABSENT, FitTask
from ticket_assets.models.fitting_catboost import fit_catboost, read_trees
from ticket_assets.models.fitting_trees import (
    fit_extra_trees,
    fit_gradient_boosting,
    fit_random_forest,
    round_down,
)
from ticket_assets.models.trees import LEAF, LEAST_SHARE, TreesEstimator

FOREST = {"n_estimators": 12, "min_samples_leaf": 3, "max_features": 0.5}
STAGES = {"n_estimators": 9, "learning_rate": 0.3, "max_depth": 3, "subsample": 0.6, "max_features": 0.5}
CATBOOST = {"iterations": 15, "learning_rate": 0.3, "depth": 4, "subsample": 0.8, "rsm": 0.7, "l2_leaf_reg": 3.0}
FITS = {
    "random_forest": (fit_random_forest, FOREST),
    "extra_trees": (fit_extra_trees, FOREST),
    "gradient_boosting": (fit_gradient_boosting, STAGES),
    "catboost": (fit_catboost, CATBOOST),
}
LIBRARY = {
    "random_forest": lambda task: RandomForestClassifier(**FOREST, random_state=task.seed),
    "extra_trees": lambda task: ExtraTreesClassifier(**FOREST, random_state=task.seed),
    "gradient_boosting": lambda task: GradientBoostingClassifier(**STAGES, random_state=task.seed),
}


def _task(classes=(0, 1, 2), n=300, total=None):
    random = np.random.default_rng(4)
    y = random.choice(classes, n)
    matrix = (random.normal(size=(n, 6)) + y[:, None] * [1, 0.5, 0, 0, -1, 0]).astype(np.float32)
    weights = random.uniform(0.5, 1.5, n)
    return FitTask(matrix, y, weights / weights.mean(), total or max(classes) + 1, seed=3, threads=1)


def _fitted(family, task, monkeypatch):
    """The estimator, and what its own library says of rows: probabilities of a forest, scores of boosted trees."""
    fit, parameters = FITS[family]
    if family == "catboost":
        models, exported = [], fitting_catboost._exported
        monkeypatch.setattr(fitting_catboost, "_exported", lambda model: models.append(model) or exported(model))
        estimator = fit(parameters, task)
        return estimator, lambda rows: models[0].predict(rows, prediction_type="RawFormulaVal")
    theirs = LIBRARY[family](task).fit(task.matrix, task.y, sample_weight=task.weights)
    said = theirs.decision_function if family == "gradient_boosting" else theirs.predict_proba
    return fit(parameters, task), said


def _said(estimator, rows):
    scores = estimator.scores(rows)
    return np.exp(scores) if estimator.votes else scores


def _on_thresholds(estimator, matrix):
    """Rows whose values are the thresholds themselves, and the next numbers below and above them."""
    inner = estimator.features != LEAF
    rows = []
    for feature in range(matrix.shape[1]):
        its = np.unique(estimator.thresholds[inner & (estimator.features == feature)])
        for towards in (None, np.float32(-np.inf), np.float32(np.inf)):
            values = its if towards is None else np.nextafter(its, towards)
            block = matrix[np.arange(len(its)) % len(matrix)].copy()
            block[:, feature] = values
            rows.append(block)
    return np.vstack(rows)


@pytest.mark.parametrize("family", FITS)
def test_scores_are_those_of_the_library_also_exactly_on_thresholds(family, monkeypatch):
    task = _task()
    estimator, theirs = _fitted(family, task, monkeypatch)
    edges = _on_thresholds(estimator, task.matrix)
    assert len(edges) > 100
    for rows in (task.matrix, 3 * task.matrix, edges):
        expected = theirs(rows)
        expected = np.clip(expected, LEAST_SHARE, None) if estimator.votes else expected
        np.testing.assert_allclose(_said(estimator, rows), expected, atol=1e-6)


def test_a_float32_value_goes_where_the_float64_threshold_sends_it():
    """0.1 rounded to float32 is more than 0.1: rounded to nearest, it would let its own neighbour through."""
    thresholds = np.array([0.1, -0.1, 0.5, 1e-45, -1e30, 0.3])
    rounded = round_down(thresholds)
    assert rounded.dtype == np.float32
    for value in np.hstack([thresholds.astype(np.float32), rounded, np.nextafter(rounded, np.float32(np.inf))]):
        assert ((value <= rounded) == (np.float64(value) <= thresholds)).all()
    assert (thresholds.astype(np.float32) > thresholds).any(), "one of them must round up, or this proves nothing"


@pytest.mark.parametrize("family", FITS)
def test_two_classes_are_the_library_s_two(family, monkeypatch):
    task = _task((0, 1))
    estimator, theirs = _fitted(family, task, monkeypatch)
    scores = estimator.scores(task.matrix)
    if family == "gradient_boosting":  # one number for the second class; ours are two that differ by it
        np.testing.assert_allclose(scores[:, 1] - scores[:, 0], theirs(task.matrix), atol=1e-6)
    else:
        expected = theirs(task.matrix)
        expected = np.clip(expected, LEAST_SHARE, None) if estimator.votes else expected
        np.testing.assert_allclose(_said(estimator, task.matrix), expected, atol=1e-6)


@pytest.mark.parametrize("family", FITS)
@pytest.mark.parametrize("classes", [(0, 2, 4), (1, 3)])
def test_a_class_without_rows_has_the_score_that_says_so(family, classes, monkeypatch):
    fit, parameters = FITS[family]
    task = _task(classes, total=5)
    scores = fit(parameters, task).scores(task.matrix)
    missing = sorted(set(range(5)) - set(classes))
    assert (scores[:, missing] <= ABSENT).all()
    assert (scores[:, list(classes)] > ABSENT / 2).all()


@pytest.mark.parametrize("family", FITS)
def test_the_file_gives_the_same_bits(family, tmp_path):
    fit, parameters = FITS[family]
    task = _task()
    estimator = fit(parameters, task)
    estimator.save(tmp_path)
    loaded = load_estimator(tmp_path)
    assert isinstance(loaded, TreesEstimator)
    assert loaded.scores(task.matrix).tobytes() == estimator.scores(task.matrix).tobytes()
    chosen = task.y
    ours, theirs = (one.contributions(task.matrix, chosen) for one in (estimator, loaded))
    assert ours.tobytes() == theirs.tobytes()


@pytest.mark.parametrize("family", FITS)
@pytest.mark.parametrize("classes", [(0, 1, 2), (0, 1)])
def test_contributions_add_up_and_name_the_columns_that_matter(family, classes):
    fit, parameters = FITS[family]
    task = _task(classes, n=600)
    estimator = fit(parameters, task)
    chosen = (task.y + 1) % task.classes
    given = estimator.contributions(task.matrix, chosen)
    assert given.shape == (600, 7)
    assert given.dtype == np.float64
    expected = _said(estimator, task.matrix)[np.arange(600), chosen]
    sums = np.clip(given.sum(axis=1), LEAST_SHARE, None) if estimator.votes else given.sum(axis=1)
    np.testing.assert_allclose(sums, expected, atol=1e-6)
    strength = np.abs(given[:, :-1]).mean(axis=0)
    assert strength[[0, 4]].min() > 2 * strength[[2, 3, 5]].max(), "columns 0 and 4 part the classes most"


def test_a_path_is_credited_as_saabas_tells_it():
    """One tree of two questions, worked out by hand: 10 rows, 4 of them go left."""
    estimator = TreesEstimator(
        roots=np.array([0], np.int32),
        children=np.array([[1, 2], [1, 1], [3, 4], [3, 3], [4, 4]], np.int32),
        features=np.array([1, LEAF, 0, LEAF, LEAF], np.int32),
        thresholds=np.array([0.5, 0, 2.0, 0, 0], np.float32),
        values=np.array([[0.4, 0.6], [1.0, 0.0], [0.0, 1.0], [-0.5, 1.5], [0.5, 0.5]]),
        base=np.array([10.0, 20.0]),
        votes=False,
    )
    rows = np.array([[0, 0.5, 9], [2, 0.6, 9], [2.1, 0.6, 9]], np.float32)
    np.testing.assert_allclose(estimator.scores(rows), [[11, 20], [9.5, 21.5], [10.5, 20.5]])
    given = estimator.contributions(rows, np.array([0, 1, 1]))
    np.testing.assert_allclose(given, [[0, 0.6, 0, 10.4], [0.5, 0.4, 0, 20.6], [-0.5, 0.4, 0, 20.6]])


@pytest.mark.parametrize("family", ["gradient_boosting", "catboost"])
def test_the_base_of_boosted_trees_is_the_mean_score_of_their_training_rows(family):
    """Inner nodes hold the mean of their leaves, not what the library kept there while the tree grew."""
    fit, parameters = FITS[family]
    task = replace(_task(), weights=np.ones(300))
    estimator = fit({**parameters, "subsample": 1.0}, task)
    for number in range(3):
        base = estimator.contributions(task.matrix[:1], np.array([number]))[0, -1]
        assert base == pytest.approx(estimator.scores(task.matrix)[:, number].mean(), abs=0.02)


def test_a_matrix_of_n_grams_is_scored_like_its_dense_form():
    task = _task()
    thin = np.where(np.abs(task.matrix) > 1, task.matrix, 0).astype(np.float32)
    estimator = fit_random_forest(FOREST, FitTask(sparse.csr_matrix(thin), task.y, task.weights, 3, 3, 1))
    assert estimator.scores(sparse.csr_matrix(thin)).tobytes() == estimator.scores(thin).tobytes()
    ours = estimator.contributions(sparse.csr_matrix(thin), task.y)
    np.testing.assert_array_equal(ours, estimator.contributions(thin, task.y))


def test_a_row_alone_gets_what_it_gets_among_ten_thousand(bulk):
    estimator, rows = bulk
    together = estimator.scores(rows)
    for row in (0, 4_321, 9_999):
        np.testing.assert_allclose(estimator.scores(rows[[row]])[0], together[row], atol=1e-9)


def test_ten_thousand_rows_and_three_hundred_trees_need_little_memory(bulk):
    """All at once they would be 3 million paths and 30 million values: 240 MB."""
    estimator, rows = bulk
    for ask in (estimator.scores, lambda rows: estimator.contributions(rows, np.zeros(len(rows), dtype=int))):
        tracemalloc.start()
        ask(rows)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 40e6


@pytest.fixture(scope="module")
def bulk():
    task = _task(tuple(range(10)))
    estimator = fit_extra_trees({**FOREST, "n_estimators": 300}, task)
    return estimator, np.random.default_rng(0).normal(size=(10_000, 6)).astype(np.float32)


def test_a_catboost_tree_without_a_question_is_one_leaf():
    """It grows one where nothing is left to learn."""
    task = _task()
    exported = {
        "oblivious_trees": [{"splits": [], "leaf_values": [0.1, 0.2, 0.3], "leaf_weights": [300]}],
        "scale_and_bias": [2.0, [1.0, 0.0, -1.0]],
    }
    estimator = read_trees(exported, task)
    np.testing.assert_allclose(estimator.scores(task.matrix[:2]), [[1.2, 0.4, -0.4]] * 2)
    given = estimator.contributions(task.matrix[:2], np.array([0, 2]))
    np.testing.assert_allclose(given[:, -1], [1.2, -0.4])
    assert not given[:, :-1].any()


def test_leaves_that_no_training_row_reached_do_not_spoil_the_means():
    exported = {
        "oblivious_trees": [
            {
                "splits": [{"float_feature_index": 0, "border": 0.0}, {"float_feature_index": 4, "border": 1.0}],
                "leaf_values": [1.0, -1.0, 3.0, -3.0, 0.0, 0.0, 0.0, 0.0],
                "leaf_weights": [30, 10, 0, 0],
            }
        ],
        "scale_and_bias": [1, [0, 0]],
    }
    estimator = read_trees(exported, _task((0, 1)))
    given = estimator.contributions(np.array([[1, 0, 0, 0, 0, 0]], np.float32), np.array([0]))
    np.testing.assert_allclose(given, [[3 - 1.5, 0, 0, 0, 0, 0, 1.5]])
