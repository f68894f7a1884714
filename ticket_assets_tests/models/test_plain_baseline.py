"""A model below the plain baseline is told so; what reads as equal, and what nobody measured, is not."""

from ticket_assets.models.evaluation import LINEAR_BASELINE
from ticket_assets.models.plain_baseline import SCORE, baseline_score, below_baseline


def test_each_target_below_it_has_a_sentence_with_both_figures() -> None:
    scores = {"queue": {"macro_f1": 0.4101, SCORE: 0.44}, "type": {"macro_f1": 0.5, SCORE: 0.44}}
    [(target, said)] = below_baseline(scores).items()
    assert target == "queue"
    assert said == (
        "queue: macro F1 0.410 is below the plain baseline's 0.440 on the same rows (TF-IDF and a linear SVM)"
    )


def test_what_reads_as_equal_is_not_below_and_of_an_earlier_bundle_nothing_is_said() -> None:
    assert below_baseline({"queue": {"macro_f1": 0.43999, SCORE: 0.44001}}) == {}
    assert below_baseline({"queue": {"macro_f1": 0.1}}) == {}


def test_the_baselines_score_is_that_of_its_own_standing() -> None:
    standings = [{"name": "candidate", "macro_f1": {"estimate": 0.9}}]
    assert baseline_score([*standings, {"name": LINEAR_BASELINE, "macro_f1": {"estimate": 0.4}}]) == 0.4
