"""Comparison of one category."""

from collections.abc import Sequence

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from ticket_assets.monitoring.drift.categories import CategoriesCompared, compare_categories


def compared(reference: Sequence[str | None], window: Sequence[str | None], seed: int = 0) -> CategoriesCompared:
    found = compare_categories(reference, window, 500, np.random.default_rng(seed))
    assert found is not None
    return found


def test_large_cells_give_scipys_chi_square() -> None:
    found = compared(["a"] * 300 + ["b"] * 100, ["a"] * 100 + ["b"] * 60)
    known = chi2_contingency([[300, 100], [100, 60]], correction=False)
    assert found.statistic == pytest.approx(known.statistic)
    assert found.p_value == pytest.approx(known.pvalue)
    assert found.effect == pytest.approx(np.sqrt(known.statistic / 560))
    assert found.test == "chi-square"


def test_an_unseen_value_is_found_by_permutation_and_named() -> None:
    found = compared(["en"] * 1000, ["en"] * 190 + ["fr"] * 10)
    assert found.test == "chi-square by permutation"
    assert found.p_value < 1e-4
    assert (found.unseen, found.moved) == (0.05, "en")


def test_missing_values_are_a_value() -> None:
    found = compared(["mail", "web"] * 200, [*(["mail", "web"] * 80), *([None] * 40)])
    assert found.p_value < 1e-6
    assert found.moved is None and found.unseen == pytest.approx(0.2)


def test_a_value_of_every_row_its_own_is_no_drift() -> None:
    found = compared([f"a{row}" for row in range(300)], [f"b{row}" for row in range(200)])
    assert found.p_value > 0.5


def test_rare_values_speak_as_seldom_as_the_level_says() -> None:
    """40 values of a long tail, where chi-square's own distribution is wrong."""
    rng = np.random.default_rng(4)
    shares = 1 / np.arange(1, 41) ** 2
    names = np.array([f"v{place}" for place in range(40)])
    found = []
    for seed in range(400):
        rows = rng.choice(names, 1100, p=shares / shares.sum()).tolist()
        found.append(compared(rows[:800], rows[800:], seed).p_value)
    assert 0.02 <= np.mean(np.array(found) <= 0.05) <= 0.085
    assert 0.42 <= np.mean(np.array(found) <= 0.5) <= 0.58


def test_one_value_everywhere_or_no_rows_is_nothing_to_compare() -> None:
    rng = np.random.default_rng(0)
    assert compare_categories(["en"] * 9, ["en"] * 9, 100, rng) is None
    assert compare_categories(["en"] * 9, [], 100, rng) is None
    assert compare_categories([None] * 9, [None] * 9, 100, rng) is None


def test_the_same_seed_gives_the_same() -> None:
    before, now = ["a"] * 50 + ["b"] * 2, ["a"] * 30 + ["b"] * 4
    assert compared(before, now, 3) == compared(before, now, 3)
