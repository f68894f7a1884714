"""Temperature scaling: it finds the temperature that was hidden, mends a real model, and serves lightly."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.svm import LinearSVC

from ticket_assets.models.calibration import MOST, apply, fit_temperature
from ticket_assets.models.measures import measure


@pytest.mark.parametrize("hidden", [0.2, 1.0, 4.0])
def test_the_temperature_that_made_the_labels_is_found_again(hidden):
    random = np.random.default_rng(0)
    scores = random.normal(0, 1.5, (20_000, 5))
    y = (hidden * scores + random.gumbel(size=scores.shape)).argmax(axis=1)  # draws from the softmax
    assert fit_temperature(scores, y) == pytest.approx(hidden, rel=0.05)


def test_no_other_temperature_gives_a_smaller_loss():
    random = np.random.default_rng(1)
    scores = random.normal(0, 1, (500, 4))
    y = (2 * scores + random.gumbel(size=scores.shape)).argmax(axis=1)

    def loss(inverse):
        return -np.log(apply(scores, inverse)[np.arange(500), y]).mean()

    best = fit_temperature(scores, y)
    assert loss(best) < min(loss(best * 1.01), loss(best * 0.99))


def test_margins_of_a_real_svm_become_calibrated_and_rank_as_before():
    x, y = load_digits(return_X_y=True)
    x = x + np.random.default_rng(0).normal(0, 6, x.shape)  # harder digits, or there are no errors to calibrate
    train, rest = train_test_split(np.arange(len(y)), test_size=0.6, random_state=0, stratify=y)
    held, test = rest[::2], rest[1::2]
    model = LinearSVC(C=0.001, random_state=0).fit(x[train], y[train])
    scores = model.decision_function(x)
    names = [str(digit) for digit in range(10)]
    inverse = fit_temperature(scores[held], y[held])
    raw, mended = (measure(y[test], apply(scores[test], each), names) for each in (1.0, inverse))
    assert mended.ece < raw.ece / 2
    assert mended.brier < raw.brier
    assert mended.accuracy == raw.accuracy


def test_hopeless_scores_end_near_even_odds_and_perfect_ones_at_the_upper_end():
    random = np.random.default_rng(2)
    scores = random.normal(0, 1, (3000, 3))
    hopeless = fit_temperature(scores, random.integers(0, 3, 3000))
    assert apply(scores, hopeless).max() < 0.45
    assert fit_temperature(scores, scores.argmax(axis=1)) == pytest.approx(MOST, rel=1e-3)


def test_huge_scores_neither_overflow_nor_vanish():
    found = apply(np.array([[1e6, 1e6 - 1, -1e6], [-1e6, -1e6, -1e6]]), 1.0)
    np.testing.assert_allclose(found[0], [1 / (1 + np.exp(-1)), np.exp(-1) / (1 + np.exp(-1)), 0])
    np.testing.assert_allclose(found[1], [1 / 3] * 3)


def test_a_row_gets_the_same_bits_alone_as_in_its_batch():
    scores = np.random.default_rng(3).normal(0, 5, (257, 11)).astype(np.float32)
    together = apply(scores, 1.7)
    assert together.dtype == np.float64
    np.testing.assert_allclose(together.sum(axis=1), 1, atol=1e-12)
    for i in (0, 100, 256):
        np.testing.assert_array_equal(apply(scores[i : i + 1], 1.7)[0], together[i])


def test_an_empty_batch_gives_an_empty_answer():
    assert apply(np.empty((0, 4)), 1.0).shape == (0, 4)


@pytest.mark.parametrize("inverse", [0.0, -1.0, np.nan, np.inf])
def test_a_temperature_that_is_no_temperature_is_refused(inverse):
    with pytest.raises(ValueError, match="inverse_temperature"):
        apply(np.zeros((1, 2)), inverse)


@pytest.mark.parametrize(
    ("scores", "y", "names"),
    [
        (np.zeros((0, 2)), np.zeros(0, dtype=int), "scores"),
        (np.zeros((2, 1)), np.array([0, 0]), "scores"),
        (np.array([[0, np.nan]]), np.array([0]), "scores"),
        (np.array([[0, -np.inf]]), np.array([0]), "scores"),
        (np.zeros((2, 2)), np.array([0]), "y"),
        (np.zeros((2, 2)), np.array([0, -1]), "y"),
        (np.zeros((2, 2)), np.array([0, 2]), "y"),
    ],
)
def test_rows_that_cannot_be_fitted_are_refused_by_name(scores, y, names):
    with pytest.raises(ValueError, match=f"^{names} "):
        fit_temperature(scores, y)


def test_serving_loads_neither_scipy_nor_scikit_learn_to_apply_a_temperature():
    code = (
        "import sys, numpy; from ticket_assets.models.calibration import apply;"
        "apply(numpy.zeros((1, 2)), 1.0);"
        "loaded = {name.split('.')[0] for name in sys.modules};"
        "print(sorted(loaded & {'scipy', 'sklearn', 'pandas', 'matplotlib'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
