"""The overall decision on a window of toy tickets."""

import json
from dataclasses import replace

import numpy as np
import pytest

from ticket_assets.monitoring.drift.detector import Detector
from ticket_assets.monitoring.sample import Sample
from ticket_assets.monitoring.verdict import Verdict
from ticket_assets.monitoring_settings import DriftRule, WindowSettings
from ticket_assets_tests.monitoring.drift.toys import reference, sample

RULE = DriftRule(permutations=200)


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector.fit(reference(), RULE, 3)


def test_windows_without_drift_warn_as_seldom_as_the_level_says() -> None:
    """Three references of 30 windows each, at 4 %: at most 9 of 90, the binomial's bound of one in two hundred."""
    warned = 0
    for seed in range(3):
        fitted = Detector.fit(reference(seed + 50), RULE, seed)
        windows = (sample(300, 1000 * (seed + 1) + number, told=0.2) for number in range(30))
        warned += sum(fitted.judge(window).verdict is not Verdict.PASS for window in windows)
    assert warned <= 9


@pytest.mark.parametrize(
    ("odd", "subject"),
    [
        ({"new": 0.3}, "embeddings: mean"),
        ({"new": 0.3}, "vocabulary: words"),
        ({"new": 0.3}, "vocabulary: unseen words"),
        ({"german": 0.6}, "language"),
        ({"words": 12}, "text length"),
        ({"shares": (0.1, 0.7, 0.2)}, "queue: predictions"),
        ({"told": 1.0, "shares": (0.1, 0.7, 0.2)}, "queue: true classes"),
        ({"told": 0.5, "wrong": 0.6}, "queue: errors"),
    ],
)
def test_each_drift_alarms_in_its_own_test_and_says_so_with_numbers(
    detector: Detector, odd: dict[str, float], subject: str
) -> None:
    found = detector.judge(sample(300, 7, **odd))  # type: ignore[arg-type]
    finding = next(one for one in found.findings if one.subject == subject)
    assert found.verdict is Verdict.ALARM and finding.verdict is Verdict.ALARM
    assert finding.p_value <= finding.adjusted <= RULE.sure_alpha
    assert finding.words.startswith(f"{subject}: ") and finding.words.endswith(f"{len(found.findings)} tests")
    assert any(character.isdigit() for character in finding.words)


def test_findings_come_worst_first_and_make_json(detector: Detector) -> None:
    found = detector.judge(sample(300, 7, new=0.3))
    assert [one.adjusted for one in found.findings] == sorted(one.adjusted for one in found.findings)
    assert json.loads(json.dumps(found.as_dict()))["verdict"] == "alarm"
    assert found.verdict_of("embedding_drift") is Verdict.ALARM


def test_the_levels_decide(detector: Detector) -> None:
    window = sample(300, 7, german=0.42)
    p_value = min(one.adjusted for one in detector.judge(window).findings)
    assert 1e-6 < p_value < 0.04
    strict = replace(detector, rule=DriftRule(alpha=p_value / 2, sure_alpha=p_value / 3, permutations=200))
    sure = replace(detector, rule=DriftRule(alpha=0.9, sure_alpha=p_value * 1.01, permutations=200))
    assert strict.judge(window).verdict is Verdict.PASS
    assert sure.judge(window).verdict is Verdict.ALARM


def test_the_same_window_gives_the_same_summary(detector: Detector) -> None:
    again = Detector.fit(reference(), RULE, 3)
    assert detector.judge(sample(300, 9)) == again.judge(sample(300, 9))


def test_another_seed_permutes_otherwise(detector: Detector) -> None:
    assert detector.judge(sample(300, 9)) != replace(detector, seed=4).judge(sample(300, 9))


def test_each_window_has_permutations_of_its_own(detector: Detector) -> None:
    """With those of the seed alone chance would strike every window of a champion alike."""
    window = sample(300, 9)
    other = replace(window, ids=tuple(f"other-{one}" for one in window.ids))
    assert detector.judge(window).findings != detector.judge(other).findings


def test_too_few_rows_are_not_judged(detector: Detector) -> None:
    found = detector.judge(sample(199, 7, new=0.5))
    assert found.verdict is Verdict.UNJUDGED and not found.findings
    assert "199 rows, fewer than window.min_sample = 200" in found.notes[-1]
    assert Detector.fit(reference(inputs=100), RULE, 3).judge(sample(300, 7)).verdict is Verdict.UNJUDGED


def test_an_empty_reference_is_not_judged() -> None:
    assert Detector.fit(reference(inputs=0, answers=0), RULE, 3).judge(sample(300, 7)).verdict is Verdict.UNJUDGED


def test_of_more_rows_than_are_read_a_seeded_sample_is_compared_and_it_says_so() -> None:
    small = Detector.fit(reference(), RULE, 3, WindowSettings(predictions=200, min_sample=100, max_rows=250))
    found = small.judge(sample(700, 7))
    assert (found.rows, found.of_rows, found.reference_rows) == (250, 700, 250)
    assert "of the window, 250 of 700 rows were drawn at random with seed 3" in found.notes
    assert found == small.judge(sample(700, 7))
    assert "700 of the window's 1,000,000 rows were read" in small.judge(sample(700, 7), of_rows=1_000_000).notes


def test_a_window_without_vectors_is_judged_by_the_rest_and_says_so(detector: Detector) -> None:
    found = detector.judge(sample(300, 7, vectors=False))
    assert found.verdict_of("embedding_drift") is Verdict.UNJUDGED
    assert any("no vectors" in note for note in found.notes)


def test_rows_without_a_vector_are_left_out(detector: Detector) -> None:
    window = sample(300, 7)
    assert window.vectors is not None
    vectors = window.vectors.copy()
    vectors[:20] = np.nan
    found = detector.judge(replace(window, vectors=vectors))
    assert any("20 rows without a vector" in note for note in found.notes)
    assert found.verdict_of("embedding_drift") is Verdict.PASS
    vectors[:150] = np.nan
    assert detector.judge(replace(window, vectors=vectors)).verdict_of("embedding_drift") is Verdict.UNJUDGED


def test_vectors_of_another_encoder_are_not_compared(detector: Detector) -> None:
    window = sample(300, 7)
    assert window.vectors is not None
    found = detector.judge(replace(window, vectors=window.vectors[:, :4]))
    assert any("another encoder" in note for note in found.notes)


def test_columns_and_context_that_one_side_lacks_are_named(detector: Detector) -> None:
    window = sample(300, 7)
    found = detector.judge(
        replace(window, column_names=("renamed", *window.column_names[1:]), context={"product": ("x",) * 300})
    )
    assert any("channel" in note and "product" in note and "renamed" in note for note in found.notes)


def test_a_channel_nobody_saw_and_one_that_goes_missing_alarm(detector: Detector) -> None:
    window = sample(300, 7)
    values = window.context["channel"]
    for odd in ("fax", None):
        found = detector.judge(replace(window, context={"channel": (*((odd,) * 30), *values[30:])}))
        worst = next(one for one in found.findings if one.subject == "channel")
        assert worst.verdict is Verdict.ALARM


def test_a_broken_column_alarms_and_breaks_nothing(detector: Detector) -> None:
    window = sample(300, 7)
    columns = window.columns.copy()
    columns[:100, 3] = np.nan
    columns[:, 4] = np.inf
    found = detector.judge(replace(window, columns=columns))
    broken = {one.subject for one in found.findings if one.verdict is Verdict.ALARM}
    assert {f"column {window.column_names[3]}", f"column {window.column_names[4]}"} <= broken


def test_empty_texts_break_nothing(detector: Detector) -> None:
    window = sample(300, 7)
    found = detector.judge(replace(window, texts=("",) * 300))
    assert found.verdict is Verdict.ALARM and all(np.isfinite(one.effect) for one in found.findings)


def test_a_target_without_held_out_answers_is_named(detector: Detector) -> None:
    window: Sample = sample(300, 7)
    found = detector.judge(replace(window, targets={"team": window.targets["queue"]}))
    assert any(note.startswith("team: answers were not compared") for note in found.notes)


def test_answers_are_not_compared_with_few_held_out_ones_and_that_is_named() -> None:
    found = Detector.fit(reference(answers=150), RULE, 3).judge(sample(300, 7, shares=(0.1, 0.7, 0.2)))
    assert found.verdict_of("prediction_drift") is Verdict.UNJUDGED
    assert "queue: answers were not compared, as too few held-out ones are known" in found.notes


def test_corrections_alone_are_no_concept_shift(detector: Detector) -> None:
    window = sample(400, 7, told=1.0)
    asked = window.targets["queue"]
    predicted = np.array(asked.labels)[asked.probabilities.argmax(axis=1)]
    truth = tuple(told if told != said else None for told, said in zip(asked.truth, predicted, strict=True))
    found = detector.judge(replace(window, targets={"queue": replace(asked, truth=truth)}))
    assert any("only corrections were told" in note for note in found.notes)
    assert "queue: errors" not in {one.subject for one in found.findings}
