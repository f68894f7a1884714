"""A retraining that failed, was stopped or given up: when it is tried again, and under which key."""

from dataclasses import replace
from datetime import timedelta

from ticket_assets.monitoring.evidence import Order, Retraining, State
from ticket_assets_tests.monitoring.test_decision import DRIFTED, NOW, RULE, SETTINGS, decide, done, evidence
from ticket_assets_tests.monitoring.windows import SEATED


def test_a_failed_retraining_is_tried_again_once_and_under_another_key() -> None:
    first = decide(evidence(DRIFTED), SETTINGS, RULE)
    again = decide(evidence(DRIFTED, retrainings=(done(DRIFTED.window, State.FAILED, hours=1),)), SETTINGS, RULE)
    assert again.retrain, "it need not wait for the cool-down"
    assert again.run_key == f"{first.run_key}:again-1"
    twice = tuple(done(DRIFTED.window, State.FAILED, hours=one) for one in (2, 1))
    last = decide(evidence(DRIFTED, retrainings=twice), SETTINGS, RULE)
    assert not last.retrain
    assert "failed 2 times, last in run 01234567, and is not tried again" in last.why


def test_a_failed_retraining_is_not_tried_again_in_the_same_minute() -> None:
    failed = (done(DRIFTED.window, State.FAILED, hours=1 / 60),)
    found = decide(evidence(DRIFTED, retrainings=failed), SETTINGS, RULE)
    assert found.why.startswith("run 01234567 failed 1 min ago; it is tried again after 5 min")


def test_an_event_that_was_given_up_lifts_no_cool_down_of_another() -> None:
    """It is not tried again, so that nothing has to go first for it."""
    twice = tuple(done(DRIFTED.window, State.FAILED, hours=one) for one in (2, 1))
    both = evidence(DRIFTED, feedback_rows=520, retrainings=twice)
    assert decide(both, SETTINGS, RULE).why.startswith("cool-down: the last retraining ended 60 min ago, of 360 min")
    later = evidence(DRIFTED, feedback_rows=520, retrainings=tuple(replace(one, ended=SEATED) for one in twice))
    assert decide(later, SETTINGS, RULE).retrain


def test_an_order_that_was_given_up_opens_no_way_for_what_speaks_next() -> None:
    """Its pin, cool-down, shadow and fresh rows would not be waited for."""
    twice = tuple(done("order-a1", State.FAILED, hours=one) for one in (2, 1))
    hindered = {"pinned_until": NOW + timedelta(days=3), "fresh_rows": 0, "recent_families": 0}
    found = evidence(DRIFTED, orders=(Order("a1", "now", NOW - timedelta(hours=3)),), retrainings=twice, **hindered)
    assert decide(found, SETTINGS, RULE).why.startswith("the champion is pinned")
    free = evidence(
        DRIFTED,
        orders=(Order("a1", "now", NOW - timedelta(hours=3)),),
        retrainings=(*(replace(one, ended=SEATED) for one in twice),),
    )
    assert decide(free, SETTINGS, RULE).run_key == f"{DRIFTED.window}@{SEATED:%Y%m%dT%H%M%S}"


def test_no_key_comes_back_that_a_failed_run_had() -> None:
    """Dagster begins no second run of a key, so nothing was retrained any more and nobody was told."""
    failed: list[Retraining] = []
    keys: list[str] = []
    for rows in (520, 520, 520, 1040, 1040, 1560):
        for windows in ((), (DRIFTED,)):
            found = decide(evidence(*windows, feedback_rows=rows, retrainings=tuple(failed)), SETTINGS, RULE)
            if found.retrain:
                assert found.run_key is not None
                keys.append(found.run_key)
                failed.append(Retraining(str(len(keys)), found.events, State.FAILED, SEATED, SEATED))
    assert len(keys) >= 6 and len({*keys}) == len(keys)


def test_something_new_that_speaks_does_not_have_a_failed_try_repeated_in_the_same_minute() -> None:
    failed = (done(DRIFTED.window, State.FAILED, hours=1 / 60),)
    assert not decide(evidence(DRIFTED, feedback_rows=520, retrainings=failed), SETTINGS, RULE).retrain
    again = (done(DRIFTED.window, State.FAILED, hours=1),)
    assert decide(evidence(DRIFTED, feedback_rows=520, retrainings=again), SETTINGS, RULE).retrain


def test_a_retraining_that_was_stopped_by_hand_is_not_tried_again() -> None:
    found = decide(evidence(DRIFTED, retrainings=(done(DRIFTED.window, State.STOPPED),)), SETTINGS, RULE)
    assert "was stopped by hand" in found.why and not found.retrain


def test_a_retraining_given_up_is_done_again_when_it_is_ordered() -> None:
    twice = tuple(done(DRIFTED.window, State.FAILED, hours=one) for one in (2, 1))
    ordered = evidence(DRIFTED, retrainings=twice, orders=(Order("a1", "the disk is back", NOW),))
    found = decide(ordered, SETTINGS, RULE)
    assert found.retrain
    assert found.events == ("order-a1", DRIFTED.window)
