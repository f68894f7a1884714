"""Thresholds keep what they promise on other rows, cost least, and say so where they cannot."""

import numpy as np
import pytest

from ticket_assets.band_settings import BandRule
from ticket_assets.models.bands import Bands
from ticket_assets.models.fit_task import ABSENT
from ticket_assets.models.thresholds import OutOfFold, choose

PROMISE = BandRule.model_validate({"promise": {"act": 0.95, "suggest": 0.8}})
COST = {"wrong_act": 10, "wrong_suggest": 2, "by_hand": 1}


def answers(rows: int, seed: int) -> OutOfFold:
    """Calibrated: an answer is right as often as its confidence says."""
    random = np.random.default_rng(seed)
    confidence = random.uniform(0.3, 1.0, rows)
    return OutOfFold(confidence, random.random(rows) < confidence, np.arange(rows))


def test_fixed_thresholds_stay_as_they_are_set() -> None:
    choice = choose(BandRule(act=0.9, suggest=0.5), answers(10, 0))
    assert (choice.bands, choice.remarks) == (Bands(0.9, 0.5), ())


def test_a_promise_is_kept_on_rows_that_the_threshold_was_not_chosen_by() -> None:
    """The true accuracy above a threshold t is here (1 + t) / 2; a plain figure instead of a bound breaks it often."""
    broken = 0
    for seed in range(200):
        bands = choose(PROMISE, answers(800, seed)).bands
        assert bands.act is None or bands.suggest is None or bands.suggest <= bands.act
        broken += bands.act is not None and (1 + bands.act) / 2 < 0.95
        broken += bands.suggest is not None and (1 + bands.suggest) / 2 < 0.8
    assert broken <= 0.05 * 400


def test_a_promise_takes_in_as_many_tickets_as_it_can() -> None:
    """With rows enough the threshold comes near the least that keeps it: 0.6 for 0.8 and 0.9 for 0.95."""
    bands = choose(PROMISE, answers(100_000, 0)).bands
    assert bands.suggest == pytest.approx(0.63, abs=0.035) and bands.suggest > 0.6
    assert bands.act == pytest.approx(0.93, abs=0.035) and bands.act > 0.9


def test_a_promise_that_no_threshold_keeps_leaves_its_band_empty_and_says_so() -> None:
    random = np.random.default_rng(0)
    guesses = OutOfFold(random.uniform(0.3, 1, 500), random.random(500) < 0.6, np.arange(500))
    choice = choose(PROMISE, guesses)
    assert choice.bands == Bands(None, None)
    assert [one.partition(":")[0] for one in choice.remarks] == ["act is empty", "suggest is empty"]
    assert "no threshold keeps 95%; the most that any is sure to keep is " in choice.remarks[0]


def test_answers_to_relatives_are_no_proof() -> None:
    """Two thousand right answers to the same ten tickets told ten things."""
    known = OutOfFold(np.linspace(0.5, 1, 2000), np.ones(2000, bool), np.arange(2000) % 10)
    assert choose(PROMISE, known).bands.act is None
    alone = OutOfFold(known.confidence, known.right, np.arange(2000))
    assert choose(PROMISE, alone).bands.act == pytest.approx(0.5)


@pytest.mark.parametrize(
    "more",
    [{}, {"confirm": 0.6}, {"by_hand": 5, "confirm": 0.1}, {"wrong_act": 2.1, "confirm": 0.9}, {"wrong_suggest": 0.5}],
)
def test_the_thresholds_of_a_cost_are_where_another_band_becomes_the_cheapest(more: dict[str, float]) -> None:
    """Against all expected costs written out, at every probability."""
    cost = {"confirm": 0.2, **COST, **more}
    bands = choose(BandRule.model_validate({"cost": cost}), answers(10, 0)).bands
    for p in np.linspace(0.001, 0.999, 999):
        expected = {
            "act": (1 - p) * cost["wrong_act"],
            "suggest": p * cost["confirm"] + (1 - p) * cost["wrong_suggest"],
            "by_hand": cost["by_hand"],
        }
        assert expected[bands.of(p)] == pytest.approx(min(expected.values()), abs=1e-9), p


def test_an_empty_band_of_a_cost_is_named() -> None:
    def remarks(**cost: float) -> tuple[str, ...]:
        return choose(BandRule.model_validate({"cost": {**COST, **cost}}), answers(10, 0)).remarks

    assert remarks() == ()
    assert remarks(wrong_suggest=0.5) == ("by_hand is empty: a suggestion always costs less",)
    [only] = remarks(wrong_act=2.1, by_hand=1, confirm=0.99)
    assert only.startswith("suggest is empty")


def test_a_row_of_a_class_that_its_fold_did_not_know_is_an_error_and_stays() -> None:
    scores = np.array([[2.0, 0.0, ABSENT], [0.0, 3.0, 0.0]])
    known = OutOfFold.of(scores, np.array([2, 1]), np.array([0, 1]), 1.0)
    assert known.right.tolist() == [False, True]
    assert known.confidence[0] == pytest.approx(np.exp(2) / (np.exp(2) + 1))
