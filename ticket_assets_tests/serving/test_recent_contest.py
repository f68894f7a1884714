"""GATE: on what came since the champion a challenger must gain, and on the frozen hold-out lose nothing."""

from pathlib import Path

import numpy as np
import pytest

from ticket_assets.models.promotion import Verdict
from ticket_assets_tests.serving.growing_desk import NEW, GrowingDesk, arriving, begin


@pytest.fixture
def desk(tmp_path: Path, toy_database: str) -> GrowingDesk:
    """Its champion knows three topics; then tickets of a fourth come, by the desk and by corrections."""
    desk = begin(tmp_path, toy_database)
    rows = desk.rows()
    first = desk.challenge(desk.fitted(rows), "v1", rows)
    assert first.decision.promoted and first.decision.targets["queue"].recent is None
    desk.grow(arriving(500, NEW, seed=2))
    desk.grow(arriving(400, NEW, seed=3, source="feedback"))
    return desk


def test_a_worse_one_and_one_of_random_labels_are_refused_and_a_truly_better_one_is_promoted(desk: GrowingDesk) -> None:
    champion, rows = desk.court.champion, desk.rows()
    assert champion is not None and "payroll" in rows.labels

    worse = desk.challenge(desk.fitted(rows, some=40), "v2-some", rows)
    assert not worse.decision.promoted
    assert worse.decision.reason.startswith("refused: queue: ") and "is a loss" in worse.decision.reason
    assert worse.champion == desk.court.champion == champion, "it keeps its seat"

    labels = np.random.default_rng(0).permutation(rows.training.y)
    chance = desk.challenge(desk.fitted(rows, y=labels), "v2-random", rows)
    assert not chance.decision.promoted
    assert "is below the floor" in chance.decision.reason and "is a loss" in chance.decision.reason
    assert desk.court.champion == champion

    better = desk.challenge(desk.fitted(rows), "v2", rows)
    told = better.decision.targets["queue"]
    assert better.decision.promoted and told.verdict is Verdict.GAINS, better.decision.reason
    assert desk.court.champion == better.champion != champion
    assert told.recent is not None and told.recent.asked and told.recent.difference is not None
    assert told.recent.difference.low > 0.1, "the champion calls every payroll ticket something else"
    assert told.difference is not None and told.difference.estimate > -0.01, "the hold-out has no payroll ticket"
    assert f"on {told.recent.all.rows} recent tickets" in better.decision.reason
    assert "on the hold-out" in better.decision.reason

    people = told.recent.by_people
    assert 30 < people.rows < told.recent.all.rows
    assert people.challenger_macro_f1 is not None and people.champion_macro_f1 is not None
    assert people.challenger_macro_f1 > people.champion_macro_f1
    refused, random, promoted = desk.court.lines()[1:]
    assert (refused["promoted"], random["promoted"], promoted["promoted"]) == (False, False, True)
    assert promoted["targets"]["queue"]["recent"]["all"]["rows"] == told.recent.all.rows
    [row] = better.decision.table()
    assert row["recent tickets"] == told.recent.all.rows and row["by people"] == people.rows


def test_a_promotion_begins_a_new_recent_set_and_until_it_is_large_enough_the_hold_out_is_asked(
    desk: GrowingDesk,
) -> None:
    rows = desk.rows()
    assert desk.challenge(desk.fitted(rows), "v2", rows).decision.promoted
    same = desk.challenge(desk.fitted(rows, some=900), "v2", rows)
    assert same.decision.targets["queue"].recent is None, "nothing came since"
    assert same.decision.targets["queue"].verdict is not Verdict.GAINS

    desk.grow(arriving(60, NEW, seed=5))
    rows = desk.rows()
    few = desk.challenge(desk.fitted(rows), "v3", rows).decision
    recent = few.targets["queue"].recent
    assert recent is not None and 2 <= recent.all.rows < 30 and not recent.asked
    assert "too few to be asked for the gain" in few.reason and not few.promoted


def test_what_is_recent_is_never_trained_on_whatever_comes(desk: GrowingDesk) -> None:
    recent = {*desk.rows().recent_ids}
    for seed in (6, 7, 8):
        desk.grow(arriving(200, NEW, seed=seed))
        rows = desk.rows()
        assert recent <= {*rows.recent_ids} and not recent & {*rows.training_ids}
        recent = {*rows.recent_ids}


def test_a_challenger_that_forgets_the_old_for_the_new_is_refused_by_the_hold_out(desk: GrowingDesk) -> None:
    """On the recent tickets alone it would gain: there are more of payroll than of hardware."""
    rows = desk.rows()
    payroll = rows.labels.index("payroll")
    hardware, access = rows.labels.index("hardware"), rows.labels.index("access")
    labels = np.where(rows.training.y == hardware, access, rows.training.y)
    found = desk.challenge(desk.fitted(rows, y=labels), "v2-forgets", rows).decision
    told = found.targets["queue"]
    assert payroll >= 0 and not found.promoted and told.verdict is Verdict.LOSES
    assert "is a loss" in found.reason or "F1 of hardware falls" in found.reason
