"""Intervals that hold what they promise, on simulated tickets whose true score is known."""

import time

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from ticket_assets.models.significance import bootstrap_interval, mcnemar, paired_by_class, paired_difference


def families_of_three(n_families, random, skill=0.7):
    """Three copies per family that are right or wrong together: the truth of paraphrases, at its worst."""
    family = np.repeat(np.arange(n_families), 3)
    y = np.repeat(random.integers(0, 4, n_families), 3)
    right = np.repeat(random.random(n_families) < skill, 3)
    return y, np.where(right, y, (y + 1) % 4), family


def test_the_interval_by_family_holds_the_true_accuracy_about_as_often_as_it_says():
    random = np.random.default_rng(0)
    trials = 200
    by_family = by_row = 0
    for seed in range(trials):
        y, predicted, family = families_of_three(120, random)
        found = bootstrap_interval(y, predicted, family, n_labels=4, statistic="accuracy", draws=300, seed=seed)
        rows = bootstrap_interval(
            y, predicted, np.arange(len(y)), n_labels=4, statistic="accuracy", draws=300, seed=seed
        )
        by_family += found.low <= 0.7 <= found.high
        by_row += rows.low <= 0.7 <= rows.high
    assert 0.90 <= by_family / trials <= 0.99
    assert by_row / trials < 0.85  # what resampling single rows would have claimed to be 95 %


def test_families_that_agree_widen_the_interval_by_the_root_of_their_size():
    y, predicted, family = families_of_three(400, np.random.default_rng(1))
    wide = bootstrap_interval(y, predicted, family, n_labels=4)
    narrow = bootstrap_interval(y, predicted, np.arange(len(y)), n_labels=4)
    assert wide.estimate == narrow.estimate
    assert (wide.high - wide.low) / (narrow.high - narrow.low) == pytest.approx(3**0.5, rel=0.15)


def test_the_estimate_is_the_score_on_all_rows_and_lies_within():
    y, predicted, family = families_of_three(100, np.random.default_rng(2))
    y[::10] = -1
    macro = bootstrap_interval(y, predicted, family, n_labels=4)
    assert macro.estimate == pytest.approx(f1_score(y, predicted, average="macro"))
    weighted = bootstrap_interval(y, predicted, family, n_labels=4, statistic="weighted_f1")
    assert weighted.estimate == pytest.approx(f1_score(y, predicted, average="weighted"))
    right = bootstrap_interval(y, predicted, family, n_labels=4, statistic="accuracy")
    assert right.estimate == pytest.approx(accuracy_score(y, predicted))
    for each in (macro, weighted, right):
        assert each.low < each.estimate < each.high
        assert each.draws == 1000


def test_resamples_are_those_of_drawing_whole_families_with_return():
    """The matrix product must mean what the slow loop over drawn rows means."""
    y, predicted, family = families_of_three(30, np.random.default_rng(3))
    fast = bootstrap_interval(y, predicted, family, n_labels=4, draws=4000)
    random = np.random.default_rng(99)
    slow = []
    for _ in range(600):
        rows = np.concatenate([np.flatnonzero(family == drawn) for drawn in random.integers(30, size=30)])
        slow.append(f1_score(y[rows], predicted[rows], average="macro"))
    np.testing.assert_allclose([fast.low, fast.high], np.quantile(slow, [0.025, 0.975]), atol=0.03)


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    y, predicted, family = families_of_three(100, np.random.default_rng(4))
    first = bootstrap_interval(y, predicted, family, n_labels=4, draws=200, seed=7)
    assert first == bootstrap_interval(y, predicted, family, n_labels=4, draws=200, seed=7)
    assert first != bootstrap_interval(y, predicted, family, n_labels=4, draws=200, seed=8)


def test_neither_names_of_families_nor_the_size_of_blocks_change_the_interval(monkeypatch):
    y, predicted, family = families_of_three(100, np.random.default_rng(5))
    numbers = bootstrap_interval(y, predicted, family, n_labels=4, draws=50)
    names = [f"family-{each:05d}" for each in family]
    assert bootstrap_interval(y, predicted, names, n_labels=4, draws=50) == numbers
    monkeypatch.setattr("ticket_assets.models.significance._BLOCK", 700)
    assert bootstrap_interval(y, predicted, family, n_labels=4, draws=50) == numbers


def test_a_higher_level_gives_a_wider_interval():
    y, predicted, family = families_of_three(100, np.random.default_rng(6))
    usual = bootstrap_interval(y, predicted, family, n_labels=4)
    surer = bootstrap_interval(y, predicted, family, n_labels=4, level=0.99)
    assert surer.low < usual.low < usual.high < surer.high


def test_a_model_differs_from_itself_by_exactly_nothing():
    y, predicted, family = families_of_three(100, np.random.default_rng(7))
    found = paired_difference(y, predicted, predicted, family, n_labels=4)
    assert (found.estimate, found.low, found.high) == (0, 0, 0)


def test_pairing_sees_a_gain_that_two_separate_intervals_hide():
    random = np.random.default_rng(8)
    y, worse, family = families_of_three(300, random, skill=0.6)
    mended = np.repeat(random.random(300) < 0.1, 3)
    better = np.where(mended, y, worse)
    gain = paired_difference(y, better, worse, family, n_labels=4)
    apart = [bootstrap_interval(y, each, family, n_labels=4) for each in (better, worse)]
    assert apart[0].low < apart[1].high  # the two overlap
    assert gain.low > 0
    assert gain.estimate == pytest.approx(apart[0].estimate - apart[1].estimate)


def test_swapping_the_models_turns_the_difference_around():
    random = np.random.default_rng(9)
    y, a, family = families_of_three(100, random)
    b = np.where(random.random(len(y)) < 0.3, (a + 1) % 4, a)
    forth = paired_difference(y, a, b, family, n_labels=4, draws=300)
    back = paired_difference(y, b, a, family, n_labels=4, draws=300)
    np.testing.assert_allclose([forth.estimate, forth.low, forth.high], [-back.estimate, -back.high, -back.low])
    assert forth.low > 0 > back.high


def test_the_difference_of_each_class_is_told_on_the_same_draws_and_without_chance_where_nothing_differs():
    random = np.random.default_rng(3)
    y, family = random.integers(0, 3, 600), random.integers(0, 300, 600)
    worse = np.where((y == 2) & (random.random(600) < 0.5), 0, y)
    gone, untouched, lost = paired_by_class(y, worse, y, family, n_labels=3, draws=300)
    assert (untouched.low, untouched.estimate, untouched.high) == (0, 0, 0)
    assert lost.high < 0 and lost.low < lost.estimate < lost.high
    assert gone.estimate < 0  # what is taken for it is wrong
    estimates = [one.estimate for one in (gone, untouched, lost)]
    assert estimates == pytest.approx(f1_score(y, worse, average=None) - f1_score(y, y, average=None))
    assert paired_by_class(y, y, worse, family, n_labels=3, draws=300)[2].low == pytest.approx(-lost.high)


def test_a_thousand_draws_on_six_thousand_rows_take_seconds_and_not_minutes():
    random = np.random.default_rng(10)
    y = random.integers(0, 10, 6000)
    predicted = np.where(random.random(6000) < 0.6, y, random.integers(0, 10, 6000))
    start = time.process_time()
    paired_difference(y, predicted, random.permutation(predicted), random.integers(0, 4500, 6000), n_labels=10)
    assert time.process_time() - start < 10


def test_mcnemar_is_the_exact_sign_test_while_few_rows_differ():
    y = np.zeros(20, dtype=int)
    a = np.array([0] * 9 + [1] * 11)  # right on the first nine
    b = np.array([1] * 8 + [0] * 1 + [0] * 1 + [1] * 10)  # right on the ninth and the tenth
    found = mcnemar(y, a, b)
    assert (found.only_a_right, found.only_b_right) == (8, 1)
    assert found.p_value == pytest.approx(2 * (1 + 9) / 2**9)


def test_mcnemar_with_many_differing_rows_is_the_corrected_chi_square():
    y = np.zeros(100, dtype=int)
    a, b = np.array([0] * 40 + [1] * 60), np.array([1] * 40 + [0] * 20 + [1] * 40)
    found = mcnemar(y, a, b)
    assert (found.only_a_right, found.only_b_right) == (40, 20)
    assert found.p_value == pytest.approx(0.014171, abs=1e-5)  # chi-square 19^2 / 60 with one degree of freedom


def test_mcnemar_finds_nothing_between_equal_models_or_equally_frequent_errors():
    y = np.zeros(60, dtype=int)
    half = np.arange(60) % 2
    assert mcnemar(y, half, half).p_value == 1
    assert mcnemar(y, half, 1 - half).p_value == 1


def test_mcnemar_counts_an_unknown_class_as_an_error_of_both():
    found = mcnemar(np.array([-1, -1, 0]), np.array([-1, 0, 0]), np.array([0, 0, 0]))
    assert (found.only_a_right, found.only_b_right) == (0, 0)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"families": ["one"] * 4}, "families"),
        ({"families": ["a", "b"]}, "families"),
        ({"statistic": "auc"}, "statistic"),
        ({"draws": 0}, "draws"),
        ({"level": 1.0}, "level"),
        ({"y_pred": np.array([0, 1, 0, 2])}, "y_pred"),
    ],
)
def test_what_cannot_be_resampled_is_refused_by_name(change, names):
    y = np.array([0, 1, 0, 1])
    given = {"y_true": y, "y_pred": y, "families": list("abcd"), "n_labels": 2} | change
    with pytest.raises(ValueError, match=names):
        bootstrap_interval(**given)


def test_mcnemar_refuses_lengths_that_differ():
    with pytest.raises(ValueError, match="pred_b"):
        mcnemar(np.array([0, 1]), np.array([0, 1]), np.array([0]))
