"""Two models on live tickets: differences in figures one can check by hand, intervals that hold what they promise."""

import numpy as np
import pytest

from ticket_assets.models.paired import Difference, arms_accuracy, paired_accuracy, share


def answers(both: int, old: int, new: int, neither: int) -> tuple[list[bool], list[bool]]:
    """Of so many tickets both are right, the champion alone, the challenger alone, neither."""
    pairs = [(True, True)] * both + [(True, False)] * old + [(False, True)] * new + [(False, False)] * neither
    return [one for one, _ in pairs], [one for _, one in pairs]


def test_the_difference_counts_tickets_that_one_alone_gets_right() -> None:
    found = paired_accuracy(*answers(60, 10, 25, 5))
    assert (found.estimate, found.rows) == (0.15, 100)
    # Worked out by hand: (26 - 11) / 102 -+ 1.95996 * sqrt((37 / 102 - (15 / 102)^2) / 102)
    assert (round(found.low, 4), round(found.high, 4)) == (0.0337, 0.2604)
    assert found.p == pytest.approx(0.0167, abs=2e-4)  # of 35, at least 25 on one side: exact binomial, two-sided


def test_it_is_turned_around_with_the_models() -> None:
    old, new = answers(60, 10, 25, 5)
    found, turned = paired_accuracy(old, new), paired_accuracy(new, old)
    assert (found.low, found.high, found.p) == pytest.approx((-turned.high, -turned.low, turned.p))


def test_models_that_never_differ_leave_an_interval_that_narrows_with_tickets() -> None:
    few, many = (paired_accuracy(*answers(rows, 0, 0, 0)) for rows in (30, 3000))
    assert few.p == many.p == 1.0
    assert few.low == -few.high
    assert 0 < many.high < few.high / 50


def test_pairs_that_are_none_are_refused() -> None:
    for old, new in (([], []), ([True], [True, False])):
        with pytest.raises(ValueError, match="are no pairs"):
            paired_accuracy(old, new)
    with pytest.raises(ValueError, match="a share of nothing"):
        share(0, 0)
    with pytest.raises(ValueError, match="a share of nothing"):
        arms_accuracy([True], [])


@pytest.mark.parametrize("rows", [60, 300])
def test_the_paired_interval_holds_the_truth_as_often_as_it_says(rows: int) -> None:
    """At 95 %: within what 2,000 draws can tell."""
    rng, truth = np.random.default_rng(7), 0.04
    drawn = rng.multinomial(rows, [0.8, 0.05, 0.05 + truth, 0.06], 2000)
    held = [one.low <= truth <= one.high for one in (paired_accuracy(*answers(*row)) for row in drawn)]
    assert 0.935 < np.mean(held) < 0.985


def test_the_interval_of_arms_holds_the_truth_as_often_as_it_says() -> None:
    rng, truth = np.random.default_rng(8), 0.1
    drawn = zip(rng.binomial(150, 0.7, 2000), rng.binomial(80, 0.7 + truth, 2000), strict=True)
    found = [arms_accuracy(*([True] * k + [False] * (n - k) for k, n in ((a, 150), (b, 80)))) for a, b in drawn]
    assert 0.93 < np.mean([one.low <= truth <= one.high for one in found]) < 0.98
    assert {one.rows for one in found} == {80}


def test_pairs_are_surer_than_arms_of_as_many_tickets() -> None:
    old, new = answers(240, 10, 25, 25)
    paired, arms = paired_accuracy(old, new), arms_accuracy(old, new)
    assert paired.estimate == pytest.approx(arms.estimate)
    assert isinstance(paired, Difference)
    assert paired.high - paired.low < arms.high - arms.low


def test_a_share_is_within_its_interval_also_at_its_ends() -> None:
    assert (share(0, 50).low, share(50, 50).high) == (0.0, 1.0)
    assert 0 < share(0, 50).high < 0.08
    half = share(50, 100)
    assert (round(half.low, 3), round(half.high, 3)) == (0.404, 0.596)
