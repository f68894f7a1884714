"""Shares of tickets: exact where rows are independent, cautious where they are relatives."""

import numpy as np
import pytest
from scipy import stats

from ticket_assets.models.proportion import effective_rows, least_share, proportion


@pytest.mark.parametrize(("hits", "rows"), [(0, 5), (3, 10), (47, 50), (50, 50)])
def test_without_relatives_the_interval_is_that_of_clopper_and_pearson(hits: int, rows: int) -> None:
    found = proportion(np.arange(rows) < hits, np.arange(rows))
    exact = stats.binomtest(hits, rows).proportion_ci(0.95, "exact")
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high), abs=1e-9)
    assert (found.estimate, found.rows, found.effective) == (hits / rows, rows, rows)


def test_the_lower_bound_is_wrong_as_seldom_as_it_says() -> None:
    random = np.random.default_rng(0)
    draws = random.random((2000, 80)) < 0.9
    assert np.mean([least_share(one, np.arange(80), 0.05) > 0.9 for one in draws]) <= 0.06


def test_relatives_that_all_say_the_same_count_once() -> None:
    """As single rows, fifty copies of one right answer would be sure of 94 %."""
    assert effective_rows(np.repeat(np.arange(10), 5)) == pytest.approx(10)
    copies = proportion(np.ones(50, bool), np.zeros(50, int))
    assert copies.effective == 1 and copies.low == pytest.approx(0.025) and copies.rows == 50
    few, many = (proportion(np.ones(50, bool), families).low for families in (np.arange(50) // 5, np.arange(50)))
    assert few < many
