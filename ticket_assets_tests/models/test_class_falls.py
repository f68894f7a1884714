"""A class that falls refuses a challenger where chance does not explain it."""

from dataclasses import replace

import numpy as np
import pytest

from ticket_assets.models.promotion import decide, judge
from ticket_assets_tests.models.test_promotion import contest_of, replace_rules


@pytest.mark.parametrize(("mistaken", "refused"), [(3, False), (9, True)])
def test_a_fall_of_a_small_class_by_a_ticket_or_two_does_not_refuse_a_gain_and_an_evident_one_does(mistaken, refused):
    """A retraining that gained .22 on the tickets of its day was refused for two held-out tickets of a rare class."""
    truth = np.array([0] * 300 + [1] * 280 + [2] * 20)
    champion, challenger = truth.copy(), truth.copy()
    champion[:140] = 1
    challenger[-mistaken:] = 0  # of the rare class
    champion[-20] = 0  # which it finds 19 of 20 times
    one = replace(contest_of(0.8, 0.8, rows=len(truth)), y_true=truth, champion=champion, challenger=challenger)
    decision = decide({"queue": one}, replace_rules(max_loss=1.0, max_class_drop=0.05), 0)
    judged = decision.targets["queue"]
    assert judged.worst_class == "network" and judged.worst_class_drop > 0.05
    assert decision.promoted is not refused
    assert any("F1 of network falls" in reason for reason in judged.reasons) is refused


@pytest.mark.parametrize("families", [1, 2, 3])
def test_a_class_of_few_families_that_is_lost_altogether_refuses(families):
    """Tickets of an alert that comes by template: draws without them made of the loss one that may be none."""
    truth = np.array([0] * 300 + [1] * 280 + [2] * 12)
    champion, challenger = truth.copy(), truth.copy()
    champion[:140], challenger[-12:] = 1, 0
    family = np.concatenate([np.arange(580), 1000 + np.arange(12) % families])
    sides = {"y_true": truth, "champion": champion, "challenger": challenger, "families": family}
    decision = decide({"queue": replace(contest_of(0.8, 0.8, rows=592), **sides)}, replace_rules(max_loss=1.0), 0)
    assert not decision.promoted and "F1 of network falls by 1.000 [1.000, 1.000]" in decision.reason


@pytest.mark.parametrize(("rows", "refused"), [(9, False), (10, True)])
def test_a_class_of_fewer_than_ten_rows_cannot_refuse(rows, refused):
    truth = np.array([0] * 1000 + [1] * 1000 + [2] * rows)
    challenger = np.where(truth == 2, 0, truth)
    one = contest_of(0.8, 0.8, rows=len(truth))
    judged = judge(replace(one, y_true=truth, champion=truth, challenger=challenger), replace_rules(max_loss=1.0), 0)
    assert any("F1 of network falls" in reason for reason in judged.reasons) is refused
