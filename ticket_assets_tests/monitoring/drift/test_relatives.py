"""Rewordings of one ticket are no independent witnesses."""

import numpy as np
import pytest

from ticket_assets.monitoring.drift.categories import compare_categories
from ticket_assets.monitoring.drift.detector import Detector
from ticket_assets.monitoring.drift.mean_difference import Permutations
from ticket_assets.monitoring.drift.numbers import compare_numbers
from ticket_assets.monitoring.drift.relatives import LARGEST, Relatives, worth
from ticket_assets.monitoring.sample import Reference, Sample
from ticket_assets.monitoring.verdict import Verdict
from ticket_assets.monitoring_settings import DriftRule
from ticket_assets_tests.monitoring.drift.toys import sample


def test_rewordings_are_one_block_and_others_are_their_own() -> None:
    texts = ["the printer on floor two is jammed", "my vpn is gone", "the printer on floor two is jammed again"]
    found = Relatives.among(texts, 0.5)
    assert found.blocks[0] == found.blocks[2] != found.blocks[1]
    assert found.share == pytest.approx(3**2 / (2**2 + 1) / 3)


def test_what_keeps_coming_is_parted_into_small_blocks() -> None:
    """One block of 80 copies would swing a window of 200 alone, and hide whatever else is in it."""
    found = Relatives.among(["please reset my password"] * 80, 0.5)
    assert np.bincount(found.blocks).tolist() == [LARGEST] * 10


def test_no_texts_have_no_relatives() -> None:
    assert Relatives.among([], 0.5).share == 1.0


def test_kept_rows_keep_their_blocks_without_gaps() -> None:
    kept = Relatives.of(np.array([0, 0, 1, 2, 2])).take(np.array([True, True, False, True, False]))
    assert kept.blocks.tolist() == [0, 0, 1]


def test_two_sides_are_worth_what_their_independent_rows_tell() -> None:
    assert worth(500, 500, (1.0, 1.0)) == pytest.approx(1.0)
    assert worth(500, 500, (0.5, 0.5)) == pytest.approx(0.5)
    assert worth(10**9, 500, (0.01, 0.5)) == pytest.approx(0.5, abs=1e-3)


def test_copies_do_not_make_a_difference_surer() -> None:
    """Each row four times, worth a quarter: the p-value of the rows themselves."""
    rng = np.random.default_rng(1)
    before, now = rng.normal(size=300), rng.normal(0.3, 1, 100)
    once = compare_numbers(before, now)
    copies = compare_numbers(before.repeat(4), now.repeat(4), (0.25, 0.25))
    assert once is not None and copies is not None and copies.p_value == pytest.approx(once.p_value)
    values = [["a"] * 200 + ["b"] * 100, ["a"] * 50 + ["b"] * 50]
    single = compare_categories(values[0], values[1], 100, rng)
    fourfold = compare_categories(values[0] * 4, values[1] * 4, 100, rng, (0.25, 0.25))
    assert single is not None and fourfold is not None and fourfold.p_value == pytest.approx(single.p_value)


def test_blocks_that_change_sides_together_keep_the_level() -> None:
    """Blocks of five alike rows: permuted row by row, far more than one test in twenty speaks."""
    rng = np.random.default_rng(2)
    by_block, by_row = [], []
    for seed in range(150):
        blocks = np.arange(60).repeat(5)
        rows = (rng.normal(size=(60, 10)).repeat(5, axis=0) + 0.3 * rng.normal(size=(300, 10))).astype(np.float32)
        apart = (blocks[:200], blocks[200:] - 40)
        by_block.append(Permutations(*apart, 200, np.random.default_rng(seed)).compare(rows).p_value)
        alone = (np.arange(200), np.arange(100))
        by_row.append(Permutations(*alone, 200, np.random.default_rng(seed)).compare(rows).p_value)
    assert np.mean(np.array(by_block) <= 0.05) <= 0.11
    assert np.mean(np.array(by_row) <= 0.05) > 0.5


def test_a_window_of_rewordings_is_no_drift() -> None:
    """Every ticket five times: as new tickets they warned in most windows."""

    def reworded(rows: int, seed: int, **odd: bool) -> Sample:
        return sample(rows // 5, seed, **odd).take(np.arange(rows // 5).repeat(5))  # type: ignore[arg-type]

    reference = Reference("toy", reworded(900, 1, answers=False), reworded(600, 2))
    fitted = Detector.fit(reference, DriftRule(permutations=200), 3)
    verdicts = [fitted.judge(reworded(300, 10 + number)).verdict for number in range(12)]
    assert sum(verdict is not Verdict.PASS for verdict in verdicts) <= 3
