"""With recent tickets the gain is asked on them, and the frozen hold-out says that nothing is lost."""

import json
from dataclasses import replace

import numpy as np
import pytest

from ticket_assets.models.promotion import Verdict, decide, judge
from ticket_assets.models.recent import RecentContest, score_recent
from ticket_assets_tests.models.test_promotion import LABELS, RULES, _answers, contest_of, replace_rules


def _recent(right, champion_right, rows=400, families=None, **given):
    """Recent tickets on which both are right so often; every tenth of people."""
    truth = np.random.default_rng(5).choice(4, rows)
    contest = RecentContest(
        **{
            "y_true": truth,
            "challenger": _answers(truth, right, 6),
            "champion": None if champion_right is None else _answers(truth, champion_right, 7),
            "families": np.arange(rows) if families is None else np.arange(rows) % families,
            "by_people": np.arange(rows) % 10 == 0,
            "labels": LABELS,
            **given,
        }
    )
    return score_recent(contest, RULES.recent_families, 0)


def test_with_recent_tickets_the_gain_is_asked_on_them_and_both_sets_are_told():
    decision = decide({"queue": contest_of(0.8, 0.8)}, RULES, 0, recent={"queue": _recent(0.8, 0.6)})
    told = decision.targets["queue"]
    assert decision.promoted and told.verdict is Verdict.GAINS
    on_recent, on_holdout = told.reasons
    assert on_recent.endswith("on 400 recent tickets") and on_holdout.endswith("on the hold-out")
    assert json.loads(json.dumps(decision.as_dict()))["targets"]["queue"]["recent"]["by_people"]["rows"] == 40


def test_a_gain_on_the_hold_out_is_none_where_recent_tickets_show_none():
    decision = decide({"queue": contest_of(0.9, 0.8)}, RULES, 0, recent={"queue": _recent(0.7, 0.7)})
    assert not decision.promoted and decision.targets["queue"].verdict is Verdict.HOLDS
    assert "on 400 recent tickets" in decision.reason and "on the hold-out" in decision.reason


def test_a_loss_on_recent_tickets_is_a_loss_whatever_the_hold_out_says():
    decision = decide({"queue": contest_of(0.9, 0.8)}, RULES, 0, recent={"queue": _recent(0.6, 0.8)})
    assert decision.targets["queue"].verdict is Verdict.LOSES
    assert "on 400 recent tickets is a loss" in decision.reason


def test_a_loss_on_the_hold_out_is_not_outweighed_by_recent_tickets():
    decision = decide({"queue": contest_of(0.7, 0.8)}, RULES, 0, recent={"queue": _recent(0.9, 0.5)})
    assert not decision.promoted and decision.targets["queue"].verdict is Verdict.LOSES


def test_min_gain_is_asked_of_recent_tickets_too():
    rules = replace_rules(min_gain=0.5)
    assert not decide({"queue": contest_of(0.8, 0.8)}, rules, 0, recent={"queue": _recent(0.8, 0.6)}).promoted


@pytest.mark.parametrize("families", [1, 29])
def test_too_few_recent_families_leave_the_question_to_the_hold_out(families):
    """Whatever the number of tickets: relatives are no independent evidence."""
    few = {"queue": _recent(0.5, 0.9, families=families)}
    assert decide({"queue": contest_of(0.9, 0.8)}, RULES, 0, recent=few).promoted
    assert not decide(
        {"queue": contest_of(0.8, 0.8)}, RULES, 0, recent={"queue": _recent(0.9, 0.5, families=29)}
    ).promoted
    assert decide({"queue": contest_of(0.8, 0.8)}, RULES, 0, recent={"queue": _recent(0.9, 0.5, families=30)}).promoted


def test_a_class_that_the_champion_does_not_know_is_its_error_on_recent_tickets():
    truth = np.where(np.arange(400) % 4 == 0, 4, np.arange(400) % 4)
    champion = np.where(truth == 4, 0, truth)
    labels = (*LABELS, "travel")
    scores = _recent(1, 1, y_true=truth, challenger=truth, champion=champion, labels=labels)
    assert scores.all.challenger_macro_f1 == 1 and scores.all.champion_macro_f1 < 0.8
    assert scores.difference.low > 0


def test_an_answer_of_a_class_that_the_hold_out_lacks_costs_what_a_wrong_answer_costs():
    """As a class of its own, never found, it cost a challenger that knows it a fifth of its macro F1."""
    contest = contest_of(0.8, 0.8)
    knows = contest.champion.copy()
    knows[:3] = 4
    fair = replace(contest, challenger=knows, labels=(*LABELS, "travel"))
    told = judge(fair, RULES, 0)
    assert told.verdict is Verdict.HOLDS and -0.005 < told.difference.estimate <= 0


def test_the_table_has_the_same_columns_for_targets_with_and_without_recent_tickets():
    contests = {"queue": contest_of(0.8, 0.8), "kind": contest_of(0.8, 0.8)}
    assert "recent tickets" not in decide(contests, RULES, 0).table()[0]
    rows = decide(contests, RULES, 0, recent={"queue": _recent(0.8, 0.6)}).table()
    assert rows[0].keys() == rows[1].keys() and (rows[0]["recent tickets"], rows[1]["recent tickets"]) == (400, 0)
