"""Answers and their truth against the hold-out."""

from dataclasses import replace

import numpy as np

from ticket_assets.monitoring.drift import answers
from ticket_assets.monitoring.sample import TargetSample
from ticket_assets_tests.monitoring.drift.toys import sample


def asked(rows: int, seed: int, **odd: float) -> TargetSample:
    return sample(rows, seed, **odd).targets["queue"]  # type: ignore[arg-type]


def test_a_moved_mix_of_predictions_is_found_and_told_in_shares() -> None:
    moved = sample(300, 2, shares=(0.2, 0.6, 0.2)).targets["queue"]
    found = answers.predictions("queue", asked(600, 1), moved, 200, np.random.default_rng(0))
    assert found is not None and found.p_value < 1e-6
    assert found.subject == "queue: predictions" and "'printer'" in found.said and "%" in found.said


def test_a_model_less_sure_is_found() -> None:
    now = asked(300, 2)
    flat = replace(now, probabilities=0.8 * now.probabilities + 0.2 / 3)
    found = answers.confidence("queue", asked(600, 1), flat)
    assert found is not None and found.p_value < 1e-6 and found.effect > 0.3
    assert "mean confidence" in found.said


def test_probabilities_that_are_no_numbers_are_no_crash() -> None:
    now = asked(300, 2)
    odd = now.probabilities.copy()
    odd[:100] = np.nan
    broken = replace(now, probabilities=odd)
    found = answers.confidence("queue", asked(600, 1), broken)
    assert found is not None and found.p_value < 1e-6
    assert answers.predictions("queue", asked(600, 1), broken, 200, np.random.default_rng(0)) is not None
    everything = replace(now, probabilities=np.full_like(odd, np.nan))
    found = answers.confidence("queue", asked(600, 1), everything)
    assert found is not None and "not known" in found.said


def test_classes_told_later_that_moved_are_found_also_where_the_model_knows_none_of_them() -> None:
    found = answers.true_classes(
        "queue", asked(600, 1, told=1.0), asked(300, 2, told=0.4, new=0.2), 200, np.random.default_rng(0)
    )
    assert found is not None and found.p_value < 1e-4
    assert "'legal'" in found.said or "has not" in found.said


def test_two_classes_whose_labels_change_places_are_found_and_one_is_named() -> None:
    now = asked(400, 2, told=0.5)
    swap: dict[str | None, str | None] = {"network": "printer", "printer": "network"}
    swapped = replace(now, truth=tuple(swap.get(label, label) for label in now.truth))
    found = answers.errors("queue", asked(600, 1, told=1.0), swapped)
    assert found is not None and found.p_value < 1e-6 and found.effect > 0.3
    assert "were wrong" in found.said


def test_errors_as_on_the_hold_out_speak_no_more_often_than_the_level_says() -> None:
    before = asked(600, 1, told=1.0)
    found = [answers.errors("queue", before, asked(300, 100 + seed, told=0.3)) for seed in range(200)]
    assert np.mean([one.p_value <= 0.1 for one in found if one is not None]) <= 0.17


def test_fewer_errors_call_for_nothing() -> None:
    found = answers.errors("queue", asked(600, 1, told=1.0, wrong=0.4), asked(300, 2, told=1.0, wrong=0.02))
    assert found is not None and found.p_value > 0.5


def test_few_truths_say_nothing() -> None:
    before, now = asked(600, 1, told=1.0), asked(300, 2, told=0.02)
    assert answers.errors("queue", before, now) is None
    assert answers.true_classes("queue", before, now, 100, np.random.default_rng(0)) is None
    assert answers.errors("queue", asked(600, 1), asked(300, 2, told=1.0)) is None


def test_corrections_without_a_confirmation_say_nothing_of_errors() -> None:
    """Whoever only corrects tells errors alone: without this, every window with 20 corrections would alarm."""
    now = asked(400, 2, told=1.0)
    predicted = np.array(now.labels)[now.probabilities.argmax(axis=1)]
    corrections = replace(now, truth=tuple(t if t != p else None for t, p in zip(now.truth, predicted, strict=True)))
    assert sum(label is not None for label in corrections.truth) >= answers.LEAST_TOLD
    assert answers.errors("queue", asked(600, 1, told=1.0), corrections) is None
    assert answers.only_errors_told(corrections) and not answers.only_errors_told(now)
