"""Whether the hold-out has the classes of training."""

import numpy as np
import pandas as pd
import pytest

from ticket_assets.models.class_shift import ClassShift, class_shifts, require_same_classes
from ticket_assets.models.split import BARRED, HOLDOUT, TRAIN, SplitError


def _split(*sides: tuple[str, int]) -> pd.DataFrame:
    """Rows on their sides, each a family of its own."""
    side = [name for name, count in sides for _ in range(count)]
    return pd.DataFrame({"side": side, "family_id": [f"f{row}" for row in range(len(side))]})


def test_of_each_label_the_class_that_moves_most_is_told_with_its_shares() -> None:
    split = _split((TRAIN, 10), (HOLDOUT, 10), (BARRED, 5))
    tickets = pd.DataFrame(
        {
            "label_queue": ["a"] * 5 + ["b"] * 5 + ["a"] * 6 + ["b"] * 4 + ["c"] * 5,
            "label_type": ["x"] * 10 + ["x"] * 5 + ["new"] * 5 + ["x"] * 5,
            "label_same": ["x", None] * 10 + ["y"] * 5,
        }
    )
    shifts = class_shifts(tickets, split, list(tickets))
    assert {name: shift.size for name, shift in shifts.items()} == pytest.approx(
        {"label_queue": 0.1, "label_type": 0.5, "label_same": 0.0}
    )
    assert (shifts["label_type"].training, shifts["label_type"].holdout) in {(1.0, 0.5), (0.0, 0.5)}


def test_a_shift_beyond_limit_and_chance_is_refused_by_class_and_setting() -> None:
    moved = ClassShift("label_queue", "Billing", 0.30, 0.38, chance=0.05)
    with pytest.raises(
        SplitError,
        match=r"max_class_shift = 0\.03 .*label_queue 'Billing': 30\.0 % of training, 38\.0 % .* chance 5\.0 points",
    ):
        require_same_classes([moved], 0.03)
    require_same_classes([moved], 0.1)


def test_a_shift_that_chance_makes_of_few_tickets_is_no_reason_to_refuse() -> None:
    """Three thousand tickets of a new user were refused for 3.1 points, well within what chance does to 450."""
    rng = np.random.default_rng(0)
    split = _split((TRAIN, 2550), (HOLDOUT, 450))
    tickets = pd.DataFrame({"label_queue": rng.choice(["a", "b"], 3000, p=[0.3, 0.7])})
    tickets.loc[2550:, "label_queue"] = ["a"] * 150 + ["b"] * 300  # 33.3 %
    shift = class_shifts(tickets, split, ["label_queue"])["label_queue"]
    assert 0.03 < shift.size < shift.chance
    require_same_classes([shift], 0.03)


def test_chance_is_exceeded_about_once_in_a_thousand_random_splits() -> None:
    rng = np.random.default_rng(1)
    split = _split((TRAIN, 850), (HOLDOUT, 150))
    beyond = 0
    for _ in range(400):
        tickets = pd.DataFrame({"label_queue": rng.choice(["a", "b"], 1000, p=[0.3, 0.7])})
        shift = class_shifts(tickets, split, ["label_queue"])["label_queue"]
        beyond += shift.size > shift.chance
    assert beyond <= 4


def test_tickets_of_one_family_count_once_for_chance() -> None:
    alone = _split((TRAIN, 80), (HOLDOUT, 20))
    related = alone.assign(family_id=[f"f{row // 10}" for row in range(100)])
    tickets = pd.DataFrame({"label_queue": ["a", "b"] * 50})
    chances = [class_shifts(tickets, one, ["label_queue"])["label_queue"].chance for one in (alone, related)]
    assert chances[1] == pytest.approx(chances[0] * np.sqrt(10))


def test_a_label_that_one_side_lacks_altogether_is_refused() -> None:
    shifts = class_shifts(
        pd.DataFrame({"label_queue": ["a", "a", None, None]}), _split((TRAIN, 2), (HOLDOUT, 2)), ["label_queue"]
    )
    with pytest.raises(SplitError, match="label_queue: a side has no label at all"):
        require_same_classes(shifts.values(), 0.03)


def test_a_label_that_nobody_has_is_refused() -> None:
    """Its shift is not a number, and no number is above a limit."""
    tickets = pd.DataFrame({"label_queue": pd.Series([None, None], dtype=object)})
    shifts = class_shifts(tickets, _split((TRAIN, 1), (HOLDOUT, 1)), ["label_queue"])
    with pytest.raises(SplitError, match="label_queue"):
        require_same_classes(shifts.values(), 0.03)
