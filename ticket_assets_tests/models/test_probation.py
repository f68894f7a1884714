"""What becomes of a challenger in the shadow: taken, refused or waiting, each for its reason, and by the settings."""

import numpy as np

from ticket_assets.models.probation import LiveAnswer, LivePair, Ruling, Verdict, live, rule
from ticket_assets.profile import PromotionSettings

RULES = PromotionSettings(shadow_pairs=100, shadow_days=10, shadow_max_loss=0.03, shadow_agreement=0.5)


def pairs(both: int = 0, old: int = 0, new: int = 0, neither: int = 0, unlabelled: int = 0) -> list[LivePair]:
    return [
        *[LivePair("a", "a", "a")] * both,
        *[LivePair("a", "b", "a")] * old,
        *[LivePair("b", "a", "a")] * new,
        *[LivePair("b", "b", "a")] * neither,
        *[LivePair("a", "a", None)] * unlabelled,
    ]


def ruled(days: float = 1, answered: int = 1000, rules: PromotionSettings = RULES, **targets: list[LivePair]) -> Ruling:
    return rule({name: live(its) for name, its in targets.items()}, answered, days, rules)


def test_with_pairs_enough_a_challenger_that_loses_nothing_is_taken_and_the_numbers_are_told() -> None:
    found = ruled(queue=pairs(both=90, old=4, new=9, neither=5, unlabelled=12))
    assert found.verdict is Verdict.TAKE
    assert found.reason == (
        "shadow: queue: 120 pairs, agreement 89 %, accuracy on 108 labelled +4.6 points [-2.3, +11.4]"
    )


def test_a_clear_loss_is_refused_and_says_so() -> None:
    found = ruled(queue=pairs(both=90, old=16, new=2))
    assert found.verdict is Verdict.REFUSE
    assert found.reason == "shadow: queue: accuracy on 108 labelled pairs -13.0 points [-20.3, -5.1] is a loss"


def test_a_loss_that_is_not_sure_is_refused_where_it_is_more_than_may_be_lost() -> None:
    worse = pairs(both=90, old=8, new=4)
    assert ruled(queue=worse).reason == (
        "shadow: queue: accuracy on 102 labelled pairs -3.9 points [-10.9, +3.2] is more than shadow_max_loss 0.03"
    )
    assert ruled(queue=worse, rules=RULES.model_copy(update={"shadow_max_loss": 0.05})).verdict is Verdict.TAKE


def test_without_pairs_enough_it_waits_and_says_how_many_are_missing_and_until_when() -> None:
    found = ruled(days=3, queue=pairs(both=60, unlabelled=30), type=pairs(both=100))
    assert found.verdict is Verdict.WAIT
    assert "shadow: 40 for queue labelled pairs of 100 are missing; decided without them in 7.0 days" in found.reason
    assert ruled(days=3, queue=pairs(both=60), rules=RULES.model_copy(update={"shadow_pairs": 60})).verdict is (
        Verdict.TAKE
    )


def test_after_its_time_the_hold_out_alone_decides_and_that_is_said() -> None:
    found = ruled(days=10, queue=pairs(both=20, unlabelled=300))
    assert found.verdict is Verdict.TAKE
    assert "after 10 days too few labels for queue: decided on the hold-out alone" in found.reason
    assert ruled(days=9.9, queue=pairs(both=20, unlabelled=300)).verdict is Verdict.WAIT


def test_while_others_are_waited_for_only_a_loss_beyond_doubt_refuses() -> None:
    """A look each hour at 95 % would find a loss sooner or later, where there is none."""
    loses, empty = pairs(both=92, old=10, new=2), pairs(both=5)
    assert ruled(queue=loses).verdict is Verdict.REFUSE
    assert ruled(queue=loses, type=empty).verdict is Verdict.WAIT
    assert ruled(days=10, queue=loses, type=empty).verdict is Verdict.REFUSE
    assert ruled(queue=pairs(both=60, old=30), type=empty).verdict is Verdict.REFUSE


def test_a_challenger_that_answered_nothing_of_what_came_is_refused() -> None:
    """It does not load in the service, say; without traffic there is nothing to hold against it."""
    silent = ruled(days=11, answered=4120, queue=[])
    assert silent.verdict is Verdict.REFUSE
    assert "it answered none of 4,120 tickets" in silent.reason
    assert ruled(days=11, answered=0, queue=[]).verdict is Verdict.TAKE


def test_one_that_hardly_ever_agrees_is_refused_where_nobody_says_who_is_right() -> None:
    odd = [LivePair("a", "b" if place % 4 else "a", None) for place in range(200)]
    found = ruled(days=10, queue=odd)
    assert found.verdict is Verdict.REFUSE
    assert "agrees with the champion on less than 50 %, and no labels say who is right" in found.reason
    assert ruled(days=10, queue=odd, rules=RULES.model_copy(update={"shadow_agreement": 0.2})).verdict is Verdict.TAKE
    right = [LivePair("a", "b", "b")] * 80 + pairs(both=40)
    assert ruled(queue=right).verdict is Verdict.TAKE, "labels say that the challenger is right"


def arms(old: tuple[int, int], new: tuple[int, int]) -> list[LiveAnswer]:
    """So many of so many right in each arm."""
    return [
        LiveAnswer(is_challenger, "a", "a" if place < right else "b")
        for is_challenger, (right, rows) in ((False, old), (True, new))
        for place in range(rows)
    ]


def test_arms_of_enough_tickets_decide_where_pairs_have_no_labels() -> None:
    few = pairs(both=3, unlabelled=200)
    good = rule({"queue": live(few, arms((80, 110), (85, 110)))}, 500, 1, RULES)
    assert good.verdict is Verdict.TAKE
    assert "A/B accuracy +4.5 points" in good.reason
    bad = rule({"queue": live(few, arms((90, 110), (60, 110)))}, 500, 1, RULES)
    assert bad.verdict is Verdict.REFUSE
    assert "A/B accuracy -27.3 points" in bad.reason
    assert rule({"queue": live(few, arms((90, 110), (20, 40)))}, 500, 1, RULES).verdict is Verdict.WAIT


def refused(share_lost: float, share_gained: float, seed: int) -> float:
    """How often the shipped rule refuses, of 400 trials that end with as many labels as it wants."""
    rules, rng = PromotionSettings(), np.random.default_rng(seed)
    rows = rules.shadow_pairs
    drawn = rng.multinomial(rows, [0.8, share_lost, share_gained, 0.2 - share_lost - share_gained], 400)
    found = [ruled(rules=rules, queue=pairs(*(int(one) for one in row))) for row in drawn]
    return float(np.mean([one.verdict is Verdict.REFUSE for one in found]))


def test_as_shipped_it_seldom_refuses_an_equal_and_hardly_ever_takes_one_that_is_ten_points_worse() -> None:
    assert refused(0.03, 0.03, 1) < 0.05
    assert refused(0.04, 0.08, 2) == 0
    assert refused(0.12, 0.02, 3) > 0.99
