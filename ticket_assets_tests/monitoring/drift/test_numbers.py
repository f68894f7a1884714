"""Comparison of one numeric column."""

import numpy as np
import pytest

from ticket_assets.monitoring.drift.numbers import compare_numbers


def test_a_shift_by_half_a_deviation_is_found_and_measured() -> None:
    rng = np.random.default_rng(1)
    found = compare_numbers(rng.normal(size=2000), rng.normal(0.5, 1, 500))
    assert found is not None and found.p_value < 1e-8
    assert found.effect == pytest.approx(0.5, abs=0.12)
    assert found.medians[1] > found.medians[0]


def test_the_same_distribution_speaks_as_seldom_as_the_level_says() -> None:
    rng = np.random.default_rng(2)
    rounds = [compare_numbers(rng.gamma(2, size=800), rng.gamma(2, size=300)) for _ in range(600)]
    share = np.mean([one.p_value <= 0.05 for one in rounds if one])
    assert 0.02 <= share <= 0.08


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_a_column_that_goes_missing_is_a_difference(odd: float) -> None:
    rng = np.random.default_rng(3)
    now = rng.normal(size=400)
    now[:60] = odd
    found = compare_numbers(rng.normal(size=1000), now)
    assert found is not None and found.p_value < 1e-5
    assert found.missing == (0.0, pytest.approx(0.15))
    assert np.isfinite(found.effect)


def test_all_missing_now_is_found_and_all_missing_always_is_nothing() -> None:
    found = compare_numbers(np.arange(300.0), np.full(200, np.nan))
    assert found is not None and found.p_value < 1e-9 and found.effect == 0.0
    assert compare_numbers(np.full(300, np.nan), np.full(200, np.nan)) is None


def test_one_value_everywhere_or_no_rows_is_nothing_to_compare() -> None:
    assert compare_numbers(np.ones(300), np.ones(200)) is None
    assert compare_numbers(np.ones(300), np.ones(0)) is None


def test_a_constant_that_changes_is_found() -> None:
    found = compare_numbers(np.ones(300), np.full(200, 2.0))
    assert found is not None and found.p_value < 1e-9 and np.isfinite(found.effect)
