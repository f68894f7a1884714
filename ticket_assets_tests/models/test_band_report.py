"""What the bands do on the hold-out, beside what was promised and what all by hand would cost."""

import numpy as np
import pytest

from ticket_assets.band_settings import BandRule
from ticket_assets.models.band_report import report_bands
from ticket_assets.models.bands import Bands
from ticket_assets.models.thresholds import Choice

CONFIDENCE = np.array([0.99, 0.95, 0.92, 0.8, 0.7, 0.3])
RIGHT = np.array([True, True, False, True, False, True])
FAMILIES = np.arange(6)
PROMISE = BandRule.model_validate({"promise": {"act": 0.7, "suggest": 0.6}})
COST = BandRule.model_validate({"cost": {"wrong_act": 10, "wrong_suggest": 2, "by_hand": 1, "confirm": 0.25}})


def test_each_band_has_its_share_and_accuracy_and_that_of_it_and_above() -> None:
    report = report_bands(Choice(PROMISE, Bands(0.9, 0.6)), CONFIDENCE, RIGHT, FAMILIES)
    told = [(one.name, one.rows, one.accuracy.estimate, one.or_above.estimate) for one in report.standings]  # type: ignore[union-attr]
    assert told == [("act", 3, 2 / 3, 2 / 3), ("suggest", 2, 1 / 2, 3 / 5), ("by_hand", 1, 1.0, 4 / 6)]
    assert [one.threshold for one in report.standings] == [0.9, 0.6, 0.0]
    assert [one.promised for one in report.standings] == [0.7, 0.6, None]
    assert [one.kept for one in report.standings] == [False, True, None]
    assert sum(one.share for one in report.standings) == pytest.approx(1)
    act = report.standings[0].accuracy
    assert act is not None and 0 < act.low < act.estimate < act.high < 1


def test_a_band_without_a_ticket_has_no_accuracy_and_kept_no_promise() -> None:
    report = report_bands(Choice(PROMISE, Bands(None, 0.6), ("act is empty",)), CONFIDENCE, RIGHT, FAMILIES)
    act = report.standings[0]
    assert (act.threshold, act.rows, act.accuracy, act.or_above, act.kept) == (None, 0, None, None, None)
    assert report.remarks == ("act is empty",)


def test_the_cost_of_a_ticket_stands_beside_that_of_all_by_hand() -> None:
    report = report_bands(Choice(COST, Bands(0.9, 0.6)), CONFIDENCE, RIGHT, FAMILIES)
    assert report.cost_per_ticket == pytest.approx((10 + 0.25 + 2 + 1) / 6)
    assert report.cost_by_hand == 1
    assert report_bands(Choice(PROMISE, Bands(0.9, 0.6)), CONFIDENCE, RIGHT, FAMILIES).cost_per_ticket is None
