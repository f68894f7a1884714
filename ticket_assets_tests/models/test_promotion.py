"""GATE: who becomes champion. Each rule refuses what it should, with its reason, and lets a true gain through."""

import json
from dataclasses import replace

import numpy as np
import pytest

from ticket_assets.models.promotion import Contest, Verdict, decide
from ticket_assets.profile import PromotionSettings

RULES = PromotionSettings()
LABELS = ("access", "hardware", "network", "payroll")
ROWS = 2000


def _answers(truth, accuracy, seed):
    """Predictions that are right on so large a share of the rows, by chance elsewhere."""
    random = np.random.default_rng(seed)
    wrong = (truth + random.integers(1, len(LABELS), len(truth))) % len(LABELS)
    return np.where(random.random(len(truth)) < accuracy, truth, wrong)


def contest_of(right, champion_right, rows=ROWS, **given):
    """A contest of challenger and champion that are right so often, in families of two."""
    truth = np.random.default_rng(0).choice(4, rows, p=[0.4, 0.3, 0.2, 0.1])
    return Contest(
        **{
            "y_true": truth,
            "challenger": _answers(truth, right, 1),
            "champion": None if champion_right is None else _answers(truth, champion_right, 2),
            "majority": np.zeros(rows, dtype=int),
            "families": np.arange(rows) // 2,
            "labels": LABELS,
            "latency_ms": 20.0,
            **given,
        }
    )


def replace_rules(**given):
    return RULES.model_copy(update=given)


def test_the_first_model_is_promoted_with_its_score():
    decision = decide({"queue": contest_of(0.8, None)}, RULES, 0)
    assert decision.promoted
    first = decision.targets["queue"]
    assert first.verdict is Verdict.FIRST
    assert decision.reason == f"promoted: queue: first model, macro F1 {first.challenger_macro_f1:.3f}"
    assert (first.champion_macro_f1, first.difference) == (None, None)


def test_a_first_model_below_the_floor_is_refused():
    decision = decide({"queue": contest_of(0.8, None, challenger=np.zeros(ROWS, dtype=int))}, RULES, 0)
    assert not decision.promoted
    assert decision.targets["queue"].verdict is Verdict.LOSES
    assert "is below the floor" in decision.reason
    assert decide({"queue": contest_of(0.8, None)}, replace_rules(floor_over_majority=0.9), 0).promoted is False


def test_a_first_model_that_is_too_slow_is_refused():
    decision = decide({"queue": contest_of(0.8, None, latency_ms=251.0)}, RULES, 0)
    assert not decision.promoted
    assert "one ticket takes 251 ms, more than 250" in decision.reason
    assert decide({"queue": contest_of(0.8, None, latency_ms=250.0)}, RULES, 0).promoted


def test_a_better_challenger_is_promoted_with_the_interval_of_its_gain():
    decision = decide({"queue": contest_of(0.85, 0.75)}, RULES, 0)
    assert decision.promoted
    gain = decision.targets["queue"].difference
    assert gain.low > 0
    assert decision.reason == f"promoted: queue: macro F1 {gain.estimate:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]"


def test_the_lower_end_of_the_gain_must_reach_the_least_gain_that_is_asked():
    contests = {"queue": contest_of(0.85, 0.75)}
    gain = decide(contests, RULES, 0).targets["queue"].difference
    told = f"macro F1 {gain.estimate:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]"
    reached = decide(contests, replace_rules(min_gain=gain.low), 0)
    assert reached.promoted
    assert reached.reason == f"promoted: queue: {told}, at least min_gain {gain.low}"
    missed = decide(contests, replace_rules(min_gain=gain.estimate), 0)
    assert not missed.promoted
    assert missed.targets["queue"].verdict is Verdict.HOLDS
    assert missed.reason == f"refused: no target gains over the champion by min_gain {gain.estimate}: queue: {told}"


def test_a_better_challenger_that_is_too_slow_is_refused():
    decision = decide({"queue": contest_of(0.85, 0.75, latency_ms=900.0)}, RULES, 0)
    assert not decision.promoted
    assert "900 ms" in decision.reason


def test_a_worse_challenger_is_refused_with_its_loss():
    decision = decide({"queue": contest_of(0.70, 0.80)}, RULES, 0)
    assert not decision.promoted
    loss = decision.targets["queue"].difference
    told = f"{loss.estimate:+.3f} [{loss.low:+.3f}, {loss.high:+.3f}]"
    assert f"queue: macro F1 {told} is a loss, or more than max_loss 0.01" in decision.reason


def test_a_small_holdout_whose_interval_is_wide_does_not_make_an_equal_challenger_a_loser():
    """Judged by its lower bound, every equal challenger lost on some hundred rows, and kept all others from gaining."""
    one = contest_of(0.8, 0.8, rows=300)
    swapped = one.champion.copy()
    wrong, right = np.flatnonzero(swapped != one.y_true)[:15], np.flatnonzero(swapped == one.y_true)[:15]
    swapped[wrong], swapped[right] = one.y_true[wrong], (one.y_true[right] + 1) % 4
    decision = decide({"queue": replace(one, challenger=swapped), "type": contest_of(0.9, 0.6)}, RULES, 0)
    held = decision.targets["queue"]
    assert held.difference.low < -RULES.max_loss
    assert held.verdict is Verdict.HOLDS
    assert decision.promoted


def test_an_equal_challenger_is_refused_as_no_gain():
    one = contest_of(0.8, 0.8)
    decision = decide({"queue": replace(one, challenger=one.champion)}, RULES, 0)
    assert not decision.promoted
    assert decision.targets["queue"].verdict is Verdict.HOLDS
    assert decision.reason == "refused: no target gains over the champion"
    assert decision.targets["queue"].worst_class is None


def test_an_equal_challenger_succeeds_a_champion_that_does_otherwise_than_is_set_and_a_worse_one_does_not():
    one, old = contest_of(0.8, 0.8), "the champion masks nothing, and set is email"
    equal = replace(one, challenger=one.champion)
    decision = decide({"queue": equal}, RULES, 0, outdated=old)
    assert (decision.promoted, decision.reason) == (True, f"promoted: no target loses, and {old}")
    assert not decide({"queue": contest_of(0.6, 0.9)}, RULES, 0, outdated=old).promoted
    better = decide({"queue": contest_of(0.9, 0.6)}, RULES, 0, outdated=old)
    assert better.reason.startswith("promoted: queue: macro F1"), "a gain is reason enough"


def test_a_fall_of_one_class_is_refused_though_the_whole_gains():
    one = contest_of(0.9, 0.6)
    challenger = np.where(one.y_true == 3, 0, one.challenger)
    decision = decide({"queue": replace(one, challenger=challenger)}, replace_rules(max_loss=1.0), 0)
    assert not decision.promoted
    judged = decision.targets["queue"]
    assert judged.worst_class == "payroll"
    assert f"F1 of payroll falls by {judged.worst_class_drop:.3f} [" in decision.reason
    assert "], more than max_class_drop 0.1" in decision.reason
    lenient = replace_rules(max_loss=1.0, max_class_drop=1.0)
    assert decide({"queue": replace(one, challenger=challenger)}, lenient, 0).promoted


def test_a_target_that_loses_refuses_the_bundle_though_another_gains():
    decision = decide({"queue": contest_of(0.85, 0.75), "type": contest_of(0.70, 0.80)}, RULES, 0)
    assert not decision.promoted
    assert [one.verdict for one in decision.targets.values()] == [Verdict.GAINS, Verdict.LOSES]
    assert decision.reason.startswith("refused: type: ")
    assert "queue" not in decision.reason


def test_a_target_that_loses_keeps_the_champions_model_where_it_can_and_the_gain_of_another_is_not_lost():
    contests = {"queue": contest_of(0.85, 0.75), "type": contest_of(0.70, 0.80)}
    decision = decide(contests, RULES, 0, keepable={"queue", "type"})
    assert decision.promoted
    assert [one.verdict for one in decision.targets.values()] == [Verdict.GAINS, Verdict.KEPT]
    assert decision.kept == ("type",)
    won, stays = decision.reason.split("; the champion's model stays for ")
    assert won.startswith("promoted: queue: macro F1 +") and stays.startswith("type: macro F1 -")
    assert "is a loss" in stays


def test_champions_models_are_not_kept_where_nothing_gains():
    contests = {"queue": contest_of(0.70, 0.80), "type": contest_of(0.70, 0.80)}
    decision = decide(contests, RULES, 0, keepable={"queue", "type"})
    assert not decision.promoted and decision.kept == ()
    assert {one.verdict for one in decision.targets.values()} == {Verdict.LOSES}


def test_one_target_that_loses_and_cannot_be_kept_refuses_the_bundle():
    contests = {"queue": contest_of(0.85, 0.75), "type": contest_of(0.70, 0.80), "mood": contest_of(0.70, 0.80)}
    decision = decide(contests, RULES, 0, keepable={"type"})
    assert not decision.promoted
    assert decision.reason.startswith("refused: mood: ")


def test_a_decision_that_something_else_forbids_keeps_its_verdicts():
    decision = decide({"queue": contest_of(0.85, 0.75)}, RULES, 0)
    forbidden = decision.refused("the probe failed: it said nothing")
    assert (forbidden.promoted, forbidden.reason) == (False, "refused: the probe failed: it said nothing")
    assert forbidden.targets == decision.targets


def test_a_target_that_holds_does_not_refuse_a_gain_of_another():
    one = contest_of(0.8, 0.8)
    same = replace(one, challenger=one.champion)
    decision = decide({"queue": contest_of(0.85, 0.75), "type": same}, RULES, 0)
    assert decision.promoted
    assert decision.reason.startswith("promoted: queue: ")
    assert "type" not in decision.reason


def test_a_new_target_beside_an_old_one_that_holds_is_promoted():
    one = contest_of(0.8, 0.8)
    decision = decide({"queue": replace(one, challenger=one.champion), "mood": contest_of(0.8, None)}, RULES, 0)
    assert decision.promoted


@pytest.mark.parametrize("champion", [None, 0.4])
@pytest.mark.parametrize("seed", range(5))
def test_a_challenger_trained_on_random_labels_is_refused(champion, seed):
    """It guesses classes as often as they occur: macro F1 1/4, which is far above the majority's 0.143."""
    one = contest_of(0.5, champion)
    guesses = np.random.default_rng(seed).permutation(one.y_true)
    decision = decide({"queue": replace(one, challenger=guesses)}, RULES, 0)
    assert not decision.promoted
    assert "is below the floor 0.300" in decision.reason


def test_a_class_that_the_champion_does_not_know_is_its_error():
    """The challenger learnt payroll; on all other rows both say the same."""
    one = contest_of(0.9, 0.9)
    champion = np.where(one.challenger == 3, 0, one.challenger)
    decision = decide({"queue": replace(one, champion=champion)}, RULES, 0)
    assert decision.promoted
    assert decision.targets["queue"].champion_macro_f1 < decision.targets["queue"].challenger_macro_f1


def test_a_gain_that_chance_explains_is_no_gain():
    decision = decide({"queue": contest_of(0.82, 0.80, rows=100)}, replace_rules(max_loss=0.5, max_class_drop=1.0), 0)
    assert not decision.promoted
    assert decision.targets["queue"].verdict is Verdict.HOLDS


def test_the_decision_goes_into_a_record_and_a_table():
    decision = decide({"queue": contest_of(0.85, 0.75), "mood": contest_of(0.8, None)}, RULES, 0)
    told = json.loads(json.dumps(decision.as_dict()))
    assert told["promoted"] is True
    assert told["targets"]["queue"]["verdict"] == "gains"
    assert told["targets"]["queue"]["difference"]["draws"] == 1000
    queue, mood = decision.table()
    assert queue["champion macro F1"] == decision.targets["queue"].champion_macro_f1
    assert (mood["target"], mood["verdict"], mood["champion macro F1"]) == ("mood", "first", "none")
    assert queue["reasons"] == decision.targets["queue"].reasons[0]


def test_a_champion_that_does_not_answer_leaves_the_floors_to_decide_and_is_named():
    silence = "bundle 0123 does not fit: its cleaning is version 0, this code's 1: train again"
    decision = decide({"queue": contest_of(0.8, None), "type": contest_of(0.7, None)}, RULES, 0, unanswered=silence)
    assert decision.promoted
    assert {one.verdict for one in decision.targets.values()} == {Verdict.UNOPPOSED}
    assert decision.unanswered == decision.as_dict()["unanswered"] == silence
    f1 = decision.targets["queue"].challenger_macro_f1
    assert decision.reason.startswith(f"promoted: queue: unopposed, macro F1 {f1:.3f}; type: unopposed, ")
    assert decision.reason.endswith(f"; the champion did not answer: {silence}")


def test_a_champion_that_does_not_answer_does_not_let_a_bad_challenger_pass():
    bad = contest_of(0.8, None, challenger=np.zeros(ROWS, dtype=int))
    decision = decide({"queue": bad}, RULES, 0, unanswered="bundle 0123 is no bundle")
    assert not decision.promoted
    assert decision.targets["queue"].verdict is Verdict.LOSES
    assert "is below the floor" in decision.reason and "bundle 0123 is no bundle" in decision.reason


def test_where_a_champion_answers_or_there_is_none_no_silence_is_recorded():
    for champion in (None, 0.75):
        decision = decide({"queue": contest_of(0.85, champion)}, RULES, 0)
        assert decision.unanswered is None
        assert "did not answer" not in decision.reason


def test_the_same_contest_is_decided_the_same_way_again():
    contests = {"queue": contest_of(0.81, 0.80)}
    assert decide(contests, RULES, 3) == decide(contests, RULES, 3)


def test_no_target_at_all_promotes_nothing():
    assert not decide({}, RULES, 0).promoted
