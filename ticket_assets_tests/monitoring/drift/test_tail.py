"""p-values from permutations."""

import numpy as np
import pytest
from scipy.stats import chi2

from ticket_assets.monitoring.drift.tail import SMALLEST, permutation_p


def test_many_permutations_above_are_counted() -> None:
    assert permutation_p(5.0, np.arange(10.0).repeat(10)) == pytest.approx(51 / 101)


def test_the_tail_reaches_what_500_permutations_cannot() -> None:
    """A chi-square of 20 degrees at its quantile of one in 100,000: within a factor of 10."""
    for seed in range(20):
        permuted = chi2.rvs(20, size=500, random_state=seed)
        found = permutation_p(float(chi2.isf(1e-5, 20)), permuted)
        assert 1e-6 < found < 1e-4, seed


def test_p_values_are_uniform_without_drift() -> None:
    rng = np.random.default_rng(2)
    found = np.array([permutation_p(*_draw(rng)) for _ in range(2000)])
    for level in (0.005, 0.02, 0.1, 0.5):
        error = 3.3 * np.sqrt(level * (1 - level) / 2000)
        assert abs((found <= level).mean() - level) < error, level


def _draw(rng: np.random.Generator) -> tuple[float, np.ndarray]:
    return float(rng.chisquare(8)), rng.chisquare(8, 300)


def test_it_is_never_nothing_and_never_below_what_was_counted() -> None:
    assert permutation_p(1e9, np.random.default_rng(0).random(100)) == SMALLEST
    assert permutation_p(3.0, np.full(100, 3.0)) == 1.0
    assert permutation_p(4.0, np.full(100, 3.0)) == pytest.approx(1 / 101)
