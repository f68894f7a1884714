"""The correction for the number of tests."""

import numpy as np
import pytest

from ticket_assets.monitoring.drift.correction import weighted_holm


def test_equal_weights_give_holms_procedure() -> None:
    """Against Holm's own arithmetic: smallest times 4, next times 3, and never below the one before."""
    adjusted = weighted_holm([0.03, 0.01, 0.04, 0.005], [1, 1, 1, 1])
    np.testing.assert_allclose(adjusted, [0.06, 0.03, 0.06, 0.02])


def test_a_test_with_half_the_weight_pays_twice() -> None:
    adjusted = weighted_holm([0.01, 0.01], [1, 0.5])
    np.testing.assert_allclose(adjusted, [0.015, 0.015])
    np.testing.assert_allclose(weighted_holm([0.5, 0.01], [1, 0.5]), [0.5, 0.03])


def test_nothing_exceeds_one_and_nothing_gets_smaller() -> None:
    p = np.random.default_rng(1).random(20)
    adjusted = weighted_holm(list(p), [1] * 20)
    assert (adjusted <= 1).all() and (adjusted >= p).all()


def test_any_of_many_tests_speaks_in_no_more_windows_than_the_level_says() -> None:
    """2,000 rounds of 12 tests that share most of their noise: at 5 %, at most 6.2 % (three standard errors)."""
    from scipy.stats import norm

    rng = np.random.default_rng(5)
    speaks = 0
    for _ in range(2000):
        z = 0.8 * rng.normal() + 0.6 * rng.normal(size=12)
        speaks += bool((weighted_holm(list(norm.sf(z)), [1] * 8 + [0.25] * 4) <= 0.05).any())
    assert speaks / 2000 <= 0.0646


def test_a_missing_p_value_or_weight_is_refused() -> None:
    with pytest.raises(ValueError, match="leave it out"):
        weighted_holm([0.1, float("nan")], [1, 1])
    with pytest.raises(ValueError, match="weight"):
        weighted_holm([0.1, 0.2], [1, 0])


def test_no_tests_are_no_error() -> None:
    assert weighted_holm([], []).size == 0
