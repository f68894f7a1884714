"""When a challenger is made: the pure decision, cause by cause and setting by setting."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ticket_assets.monitoring.decision import Decision
from ticket_assets.monitoring.decision import decide as decided
from ticket_assets.monitoring.evidence import Champion, Evidence, Order, Retraining, State
from ticket_assets.monitoring.verdict import WindowRecord
from ticket_assets.monitoring_settings import CAUSES, DriftRule, RetrainSettings
from ticket_assets_tests.monitoring.windows import BUNDLE, SEATED, VERSION, window

SETTINGS, RULE = RetrainSettings(), DriftRule()
RECENT = 30  # families
NOW = SEATED + timedelta(days=2)
CHAMPION = Champion(BUNDLE, VERSION, SEATED)
SCORES = {"macro_f1": 0.70, "low": 0.65, "high": 0.74, "promised_low": 0.80, "rows": 200.0}
BY_HAND = {"share": 0.45, "promised": 0.20}
DRIFTED = window(2, data_drift="alarm")
BAD = window(2, performance="alarm", scores=SCORES)
UNSURE = window(2, low_confidence="alarm", by_hand=BY_HAND)


def evidence(*windows: WindowRecord, **more: Any) -> Evidence:
    told = {"champion": CHAMPION, "fresh_rows": 1000, "recent_families": 100, "now": NOW}
    return Evidence(windows=(window(1), *windows), **{**told, **more})


def decide(found: Evidence, settings: RetrainSettings, rule: DriftRule, recent_families: int = RECENT) -> Decision:
    return decided(found, settings, rule, recent_families)


def done(event: str, state: State = State.DONE, hours: float = 8, run: str = "0123456789") -> Retraining:
    """A retraining that ended so many hours ago."""
    ended = NOW - timedelta(hours=hours)
    return Retraining(run, (event,), state, ended - timedelta(minutes=30), None if state is State.AT_WORK else ended)


def test_nobody_is_retrained_before_there_is_a_champion() -> None:
    found = decide(evidence(champion=None), SETTINGS, RULE)
    assert (found.retrain, found.why) == (False, "nobody is champion yet, so there is nothing to retrain: make run")


def test_twenty_windows_that_pass_are_no_reason_and_the_numbers_are_told() -> None:
    found = decide(evidence(*(window(one) for one in range(2, 21)), feedback_rows=12), SETTINGS, RULE)
    assert not found.retrain
    assert found.why == (
        "nothing speaks for a retraining: 20 windows of v3 without an open alarm, 12 of 500 corrections unseen, "
        "2.0 of 90 days old, no order"
    )


@pytest.mark.parametrize(
    ("told", "event", "words"),
    [
        ({"windows": DRIFTED}, f"{BUNDLE}-0002", "data drift: an alarm in window 2 (500 predictions)"),
        ({"windows": window(2, embedding_drift="alarm")}, f"{BUNDLE}-0002", "embedding drift: an alarm in window 2"),
        ({"windows": window(2, prediction_drift="alarm")}, f"{BUNDLE}-0002", "prediction drift: an alarm in window 2"),
        ({"windows": BAD}, f"{BUNDLE}-0002", "queue macro F1 0.700 on feedback, promised 0.800 at least"),
        ({"windows": UNSURE}, f"{BUNDLE}-0002", "queue 45% of the answers by hand, 20% on the hold-out"),
        ({"feedback_rows": 520}, f"feedback-{BUNDLE}-500", "520 corrections that the champion has not seen, of 500"),
        ({"feedback_rows": 1520}, f"feedback-{BUNDLE}-1500", "1,520 corrections that the champion has not seen"),
        ({"now": SEATED + timedelta(days=91)}, f"stale-{BUNDLE}-1", "the champion is 91 days old, of 90"),
        ({"orders": (Order("a1", "new product", NOW),)}, "order-a1", "ordered by hand: new product"),
    ],
)
def test_each_cause_leads_to_a_run_by_itself_and_tells_its_numbers(told: dict, event: str, words: str) -> None:
    windows = [told.pop("windows")] if "windows" in told else []
    found = decide(evidence(*windows, **told), SETTINGS, RULE)
    assert found.retrain
    assert found.events == (event,)
    assert found.run_key == f"{event}@20260301T080000"
    assert words in found.why


def test_the_causes_are_those_of_the_settings_and_an_order() -> None:
    assert set(CAUSES) == {
        *("data_drift", "embedding_drift", "prediction_drift", "performance", "low_confidence"),
        *("feedback", "staleness"),
    }


WARNED = (window(2, data_drift="warn"), window(3, data_drift="warn"))
FAILED_ONCE = {"retrainings": (done(DRIFTED.window, State.FAILED),)}
CHANGES = {
    "causes": (evidence(DRIFTED), {"causes": ("feedback",)}, {}),
    "performance_drop": (evidence(BAD), {"performance_drop": 0.15}, {}),
    "low_confidence_share": (evidence(UNSURE), {"low_confidence_share": 0.3}, {}),
    "feedback_rows": (evidence(feedback_rows=520), {"feedback_rows": 521}, {}),
    "fresh_rows": (evidence(DRIFTED), {"fresh_rows": 1001}, {}),
    "max_age_days": (evidence(now=SEATED + timedelta(days=91)), {"max_age_days": 92}, {}),
    "cool_down_minutes": (evidence(DRIFTED, decided_at=NOW - timedelta(hours=7)), {"cool_down_minutes": 421}, {}),
    "retries": (evidence(DRIFTED, **FAILED_ONCE), {"retries": 0}, {}),
    "warnings": (evidence(*WARNED), {}, {"warnings": 3}),
}


def test_every_setting_of_the_decision_is_among_those_that_are_changed() -> None:
    assert set(CHANGES) == {*RetrainSettings.model_fields, "warnings"}


@pytest.mark.parametrize("setting", CHANGES)
def test_changing_a_setting_changes_the_decision(setting: str) -> None:
    found, retrain, rule = CHANGES[setting]
    assert decide(found, SETTINGS, RULE).retrain
    assert not decide(found, RetrainSettings(**retrain), DriftRule(**rule)).retrain


def test_how_many_recent_families_promotion_asks_for_changes_the_decision() -> None:
    assert decide(evidence(DRIFTED), SETTINGS, RULE, 100).retrain
    assert not decide(evidence(DRIFTED), SETTINGS, RULE, 101).retrain


@pytest.mark.parametrize("cause", CAUSES)
def test_a_cause_that_does_not_count_leads_to_nothing(cause: str) -> None:
    told = {"feedback": {"feedback_rows": 520}, "staleness": {"now": SEATED + timedelta(days=91)}}.get(cause, {})
    windows = {"performance": BAD, "low_confidence": UNSURE}.get(cause, window(2, **{cause: "alarm"}))
    found = evidence(*([] if told else [windows]), **told)
    assert decide(found, RetrainSettings(causes=(cause,)), RULE).retrain
    others = tuple(one for one in CAUSES if one != cause)
    assert not decide(found, RetrainSettings(causes=others), RULE).retrain


def test_one_warning_is_no_alarm_and_two_of_different_kinds_are_none_either() -> None:
    assert not decide(evidence(window(2, data_drift="warn")), SETTINGS, RULE).retrain
    mixed = evidence(window(2, data_drift="warn"), window(3, prediction_drift="warn"))
    assert not decide(mixed, SETTINGS, RULE).retrain
    parted = evidence(window(2, data_drift="warn"), window(3), window(4, data_drift="warn"))
    assert not decide(parted, SETTINGS, RULE).retrain


def test_a_window_that_was_not_judged_parts_no_warnings() -> None:
    between = window(3, data_drift="unjudged")
    found = decide(evidence(window(2, data_drift="warn"), between, window(4, data_drift="warn")), SETTINGS, RULE)
    assert found.retrain
    assert "warnings in 2 windows in a row, up to window 4" in found.why


def test_windows_of_another_champion_say_nothing() -> None:
    assert not decide(evidence(window(2, bundle="a" * 16, data_drift="alarm")), SETTINGS, RULE).retrain


def test_windows_of_an_earlier_reign_of_the_same_bundle_say_nothing() -> None:
    """After a rollback a champion is back, with windows of before under its name."""
    back = Champion(BUNDLE, VERSION, NOW - timedelta(hours=1))
    assert not decide(evidence(DRIFTED, champion=back), SETTINGS, RULE).retrain


def test_a_retraining_of_an_earlier_reign_settles_nothing_of_this_one() -> None:
    """Window ids begin anew after a rollback: a second episode would look like one that had its run."""
    back = Champion(BUNDLE, VERSION, NOW - timedelta(hours=4))
    again = window(2, seated=back.since, data_drift="alarm")
    before = (done(again.window, hours=20),)
    found = decide(evidence(again, champion=back, retrainings=before), SETTINGS, RULE)
    assert found.retrain
    assert found.run_key != decide(evidence(DRIFTED), SETTINGS, RULE).run_key


def test_several_causes_at_once_are_one_run_that_names_them_all() -> None:
    both = window(2, data_drift="alarm", performance="alarm", scores=SCORES)
    found = decide(evidence(both, feedback_rows=600), SETTINGS, RULE)
    assert found.events == (both.window, f"feedback-{BUNDLE}-500")
    assert [one.split(":")[0].split(" in ")[0] for one in found.causes] == [
        "data drift",
        "performance drop",
        "feedback",
    ]


def test_an_episode_has_one_run_whatever_its_challenger_was_worth_and_says_so() -> None:
    later = (DRIFTED, window(3, data_drift="alarm"), window(4, prediction_drift="alarm"))
    found = decide(evidence(*later, retrainings=(done(DRIFTED.window),)), SETTINGS, RULE)
    assert not found.retrain
    assert f"run 01234567 for {DRIFTED.window} ended without a new champion" in found.why
    assert "no second run for the same event" in found.why


def test_an_episode_ends_with_a_window_that_passes_and_the_next_alarm_is_another_event() -> None:
    ended = evidence(DRIFTED, window(3), retrainings=(done(DRIFTED.window),))
    assert decide(ended, SETTINGS, RULE).why.startswith("nothing speaks")
    again = evidence(DRIFTED, window(3), window(4, data_drift="alarm"), retrainings=(done(DRIFTED.window),))
    assert decide(again, SETTINGS, RULE).events == (f"{BUNDLE}-0004",)


@pytest.mark.parametrize("after", ["warn", "unjudged"])
def test_an_episode_goes_on_through_warnings_and_windows_that_were_not_judged(after: str) -> None:
    unjudged = dict.fromkeys(
        ("data_drift", "embedding_drift", "prediction_drift", "performance", "low_confidence"), after
    )
    found = decide(evidence(DRIFTED, window(3, **unjudged)), SETTINGS, RULE)
    assert found.events == (DRIFTED.window,)


def test_one_retraining_at_a_time_even_for_an_order() -> None:
    running = (done("stale", State.AT_WORK),)
    found = decide(evidence(orders=(Order("a1", "now", NOW),), retrainings=running), SETTINGS, RULE)
    assert (found.retrain, found.why[:30]) == (False, "run 01234567 retrains already,")


def test_runs_of_others_that_make_models_are_waited_for() -> None:
    found = decide(evidence(DRIFTED, at_work=("abcdefgh99",)), SETTINGS, RULE)
    assert (found.retrain, found.why.split(" (")[0]) == (False, "run abcdefgh makes models already")


def test_a_retraining_waits_until_the_data_is_up_to_date() -> None:
    """Corrections that are counted but not in the features yet would be learned from by nobody."""
    found = decide(evidence(DRIFTED, behind=("features/text",)), SETTINGS, RULE)
    assert (found.retrain, found.why.split(" (")[0]) == (False, "the data is not up to date yet: features/text")


def test_an_order_waits_for_no_cool_down_no_pin_and_no_data_and_is_carried_out_once() -> None:
    hindered = {"decided_at": NOW - timedelta(minutes=1), "pinned_until": NOW + timedelta(days=1)}
    hindered |= {"fresh_rows": 0, "recent_families": 0}
    order = Order("a1", "now", NOW)
    assert decide(evidence(orders=(order,), **hindered), SETTINGS, RULE).retrain
    served = evidence(orders=(order,), retrainings=(done("order-a1"),))
    assert not decide(served, SETTINGS, RULE).retrain


def test_a_pinned_champion_gets_no_challenger_until_the_pin_ends() -> None:
    found = evidence(DRIFTED, pinned_until=NOW + timedelta(hours=1))
    assert decide(found, SETTINGS, RULE).why.startswith("the champion is pinned until 2026-03-03 09:00 UTC")
    assert decide(replace(found, pinned_until=NOW - timedelta(hours=1)), SETTINGS, RULE).retrain


def test_drift_without_anything_new_to_learn_waits_for_it_and_then_runs() -> None:
    """A challenger from the same tickets is the champion again; the episode's one run would be gone."""
    found = decide(evidence(DRIFTED, fresh_rows=12), SETTINGS, RULE)
    assert found.why.startswith(
        "there is too little to learn from: 12 labelled tickets that the champion has not seen, of 100 (data drift"
    )
    assert decide(evidence(DRIFTED, fresh_rows=100), SETTINGS, RULE).retrain
    assert decide(evidence(DRIFTED, fresh_rows=None), SETTINGS, RULE).retrain, "nobody knows: it is tried"


def test_drift_waits_until_a_challenger_can_be_judged_on_what_is_new() -> None:
    """Of 100 to 299 new tickets fewer than 30 families are held out: the old hold-out was asked, and saw no gain."""
    found = decide(evidence(DRIFTED, fresh_rows=250, recent_families=26), SETTINGS, RULE)
    assert found.why.startswith(
        "there is too little to judge a challenger by: 26 families of recent tickets that the champion has not seen, "
        "of 30 (data drift"
    )
    assert decide(evidence(DRIFTED, fresh_rows=300, recent_families=30), SETTINGS, RULE).retrain
    assert decide(evidence(DRIFTED, recent_families=None), SETTINGS, RULE).retrain, "nobody knows: it is tried"


def test_the_cool_down_counts_from_the_latest_end_and_tells_its_numbers() -> None:
    found = decide(evidence(DRIFTED, retrainings=(done("other", hours=1),)), SETTINGS, RULE)
    assert found.why.startswith("cool-down: the last retraining ended 60 min ago, of 360 min")


def test_refused_feedback_counts_again_after_as_much_again() -> None:
    settled = (done(f"feedback-{BUNDLE}-500"),)
    assert not decide(evidence(feedback_rows=999, retrainings=settled), SETTINGS, RULE).retrain
    assert decide(evidence(feedback_rows=1000, retrainings=settled), SETTINGS, RULE).events == (
        f"feedback-{BUNDLE}-1000",
    )


def test_a_fall_that_is_smaller_than_allowed_is_no_cause_even_where_it_is_certain() -> None:
    small = window(2, performance="alarm", scores={**SCORES, "macro_f1": 0.76})
    assert not decide(evidence(small), SETTINGS, RULE).retrain
