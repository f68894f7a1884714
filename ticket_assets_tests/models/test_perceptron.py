"""The perceptron: it stops when it should, keeps its best weights, and is scored by numpy as torch scores it."""

import logging

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from ticket_assets.models import fitting_torch
from ticket_assets.models.estimators import load_estimator
from ticket_assets.models.fit_task import ABSENT, FitTask
from ticket_assets.models.fitting_torch import MOST_EPOCHS, PATIENCE, fit_torch_head, train_network, validation_rows
from ticket_assets.models.perceptron import PerceptronEstimator

PARAMETERS = {"hidden": 24, "dropout": 0.2, "learning_rate": 0.01, "weight_decay": 0.01}


def _task(classes=(0, 1, 2), n=400, total=None, groups=None):
    """Columns of very different scale, so that standardising matters."""
    random = np.random.default_rng(4)
    y = random.choice(classes, n)
    matrix = random.normal(size=(n, 5)) + y[:, None] * [1.5, 0.5, 0, 0, -1.5]
    matrix = (matrix * [100, 1, 1, 0, 0.01] + [0, 50, 0, 7, 0]).astype(np.float32)
    return FitTask(matrix, y, np.ones(n), total or max(classes) + 1, seed=3, threads=1, groups=groups)


def _trained(monkeypatch, task, parameters=PARAMETERS):
    """The estimator, and the training that it was read from."""
    kept, train = [], fitting_torch.train_network
    monkeypatch.setattr(fitting_torch, "train_network", lambda *given: kept.append(train(*given)) or kept[-1])
    return fit_torch_head(parameters, task), kept[0]


def test_scores_are_those_of_the_network_in_torch(monkeypatch):
    task = _task()
    estimator, trained = _trained(monkeypatch, task)
    mean, deviation = task.matrix.mean(axis=0, dtype=np.float64), task.matrix.std(axis=0, dtype=np.float64)
    assert deviation[3] == 0, "a column that says nothing must not divide by zero"
    standard = torch.from_numpy((task.matrix - mean) / np.where(deviation == 0, 1, deviation))
    with torch.no_grad():
        theirs = trained.output.double()(torch.relu(trained.hidden.double()(standard))).numpy()
    np.testing.assert_allclose(estimator.scores(task.matrix), theirs, atol=1e-6)


def test_it_learns_and_another_seed_learns_otherwise():
    task = _task()
    estimator = fit_torch_head(PARAMETERS, task)
    scores = estimator.scores(task.matrix)
    scaled = task.matrix / task.matrix.std(axis=0).clip(1e-9)
    linear = LogisticRegression().fit(scaled, task.y).score(scaled, task.y)
    assert (scores.argmax(axis=1) == task.y).mean() > linear - 0.02
    assert scores.tobytes() == fit_torch_head(PARAMETERS, task).scores(task.matrix).tobytes()
    other = FitTask(task.matrix, task.y, task.weights, 3, seed=4, threads=1)
    assert (fit_torch_head(PARAMETERS, other).scores(task.matrix) != scores).any()


def test_training_stops_when_the_held_families_gain_nothing_and_keeps_the_best_weights(caplog):
    """Labels are noise, so whatever is learnt is forgotten again on rows that were held out."""
    caplog.set_level(logging.INFO)
    random = np.random.default_rng(0)
    matrix, y = random.normal(size=(500, 30)).astype(np.float32), random.integers(0, 3, 500)
    task = FitTask(matrix, y, np.ones(500), 3, 0, 1)
    held = validation_rows(task)
    with fitting_torch._torch_set(0):
        trained = train_network({**PARAMETERS, "dropout": 0.0, "hidden": 128}, matrix, task, held)
    losses = np.array(trained.losses)
    best = losses.argmin()
    assert len(losses) == best + 1 + PATIENCE < MOST_EPOCHS
    with torch.no_grad():
        logits = trained.output(torch.relu(trained.hidden(torch.from_numpy(matrix[held]))))
        loss = float(torch.nn.functional.cross_entropy(logits, torch.from_numpy(y[held])))
    assert loss == pytest.approx(losses[best], abs=1e-6)
    assert loss < losses[-1] - 0.01, "the last weights are worse, or this proves nothing"
    fit_torch_head(PARAMETERS, task)
    assert "the best is kept" in caplog.text


def test_training_that_still_gains_ends_after_so_many_epochs():
    task = _task()
    slow = {**PARAMETERS, "learning_rate": 1e-4}
    with fitting_torch._torch_set(0):
        trained = train_network(slow, task.matrix / 100, task, validation_rows(task))
    assert len(trained.losses) == MOST_EPOCHS


def test_a_family_is_learnt_from_or_stopped_on_never_both():
    groups = np.random.default_rng(0).integers(0, 40, 400) * 977
    task = _task(groups=groups)
    held = validation_rows(task)
    assert not set(groups[held]) & set(groups[~held])
    assert 0.10 < held.mean() < 0.25
    assert (held == validation_rows(task)).all()


@pytest.mark.parametrize(("groups", "expected"), [([1] * 9 + [2], 1), ([1, 2], 1)])
def test_of_two_families_one_is_stopped_on(groups, expected):
    y = np.arange(len(groups)) % 2
    task = FitTask(np.ones((len(groups), 2), np.float32), y, np.ones(len(groups)), 2, 0, 1, np.array(groups))
    assert len(set(task.groups[validation_rows(task)])) == expected


def test_one_family_alone_is_refused_with_the_way_out():
    with pytest.raises(ValueError, match=r"torch_head stops on families .* take it out"):
        fit_torch_head(PARAMETERS, _task(groups=np.zeros(400, dtype=int)))


def test_a_class_without_rows_has_the_score_that_says_so():
    task = _task((1, 3), total=5)
    scores = fit_torch_head(PARAMETERS, task).scores(task.matrix)
    assert (scores[:, [0, 2, 4]] == ABSENT).all()
    assert (scores[:, [1, 3]] > ABSENT).all()


def test_the_file_gives_the_same_bits(tmp_path):
    task = _task()
    estimator = fit_torch_head(PARAMETERS, task)
    estimator.save(tmp_path)
    loaded = load_estimator(tmp_path)
    assert isinstance(loaded, PerceptronEstimator)
    assert loaded.scores(task.matrix).tobytes() == estimator.scores(task.matrix).tobytes()


def test_contributions_add_up_from_the_score_of_the_mean_row():
    task = _task()
    estimator = fit_torch_head(PARAMETERS, task)
    rows = np.vstack([task.matrix, estimator.reference]).astype(np.float32)
    chosen = np.append((task.y + 1) % 3, 1)
    given = estimator.contributions(rows, chosen)
    assert given.dtype == np.float64
    np.testing.assert_allclose(given.sum(axis=1), estimator.scores(rows)[np.arange(401), chosen], atol=1e-6)
    np.testing.assert_allclose(given[-1, :-1], 0, atol=1e-4)
    assert len({*given[chosen == 1, -1]}) == 1, "what is there before any column is the same for every row"
    strength = np.abs(given[:, :-1]).mean(axis=0)
    assert strength[[0, 4]].min() > 2 * strength[[2, 3]].max()


def test_torch_s_own_seed_and_threads_are_left_as_they_were():
    torch.manual_seed(11)
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    fit_torch_head(PARAMETERS, _task(n=60))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads
