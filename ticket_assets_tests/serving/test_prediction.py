"""The answer for one row of probabilities, and its band."""

import numpy as np
import pytest

from ticket_assets.models.bands import Bands
from ticket_assets.serving.prediction import Ticket, target_prediction

BANDS = Bands(act=0.85, suggest=0.6)


@pytest.mark.parametrize(
    ("probability", "band"),
    [(1.0, "act"), (0.85, "act"), (0.8499, "suggest"), (0.6, "suggest"), (0.5999, "by_hand"), (0.0, "by_hand")],
)
def test_a_band_begins_at_its_own_probability(probability: float, band: str) -> None:
    assert BANDS.of(probability) == band


def test_an_empty_band_takes_no_ticket_however_sure_the_answer_is() -> None:
    assert [Bands(act=None, suggest=0.6).of(one) for one in (1.0, 0.6, 0.5)] == ["suggest", "suggest", "by_hand"]
    assert [Bands(act=0.9, suggest=None).of(one) for one in (1.0, 0.8)] == ["act", "by_hand"]
    assert Bands(act=None, suggest=None).of(1.0) == "by_hand"


def test_the_answer_is_the_likeliest_label_with_all_the_others() -> None:
    answer = target_prediction(("hr", "it", "sales"), np.array([0.1, 0.7, 0.2]), BANDS)
    assert (answer.label, answer.probability, answer.band) == ("it", 0.7, "suggest")
    assert answer.probabilities == {"hr": 0.1, "it": 0.7, "sales": 0.2}
    assert all(type(one) is float for one in (answer.probability, *answer.probabilities.values()))


@pytest.mark.parametrize(("probability", "review"), [(0.9, False), (0.7, True), (0.55, True)])
def test_a_person_looks_at_whatever_is_not_acted_upon(probability: float, review: bool) -> None:
    row = np.array([probability, 1 - probability])
    assert target_prediction(("hr", "it"), row, BANDS).needs_review is review


def test_probabilities_without_a_label_each_are_refused() -> None:
    with pytest.raises(ValueError, match="argument"):
        target_prediction(("hr", "it"), np.array([0.5, 0.3, 0.2]), BANDS)


def test_a_ticket_needs_its_body_alone() -> None:
    assert Ticket("help") == Ticket(body="help", subject="", context={})
