"""Numbers of an evaluation: equal to scikit-learn's where it has them, worked by hand where it has not."""

import json

import numpy as np
import pytest
from sklearn import metrics

from ticket_assets.models.label_scores import class_counts, macro_f1
from ticket_assets.models.measures import (
    UNKNOWN_LABEL,
    confidence_bins,
    measure,
    measure_predictions,
    per_group,
)

LABELS = ("billing", "hardware", "network", "access")


def tickets(n=400, seed=0, unknown=0.1):
    """Truth with a few unknown classes, and probabilities that lean towards it; class 3 is never true."""
    random = np.random.default_rng(seed)
    y = random.choice(3, n, p=[0.6, 0.3, 0.1])
    scores = random.normal(0, 1, (n, 4)) + 1.5 * np.eye(4)[y]
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return np.where(random.random(n) < unknown, -1, y), probabilities


@pytest.mark.parametrize("unknown", [0.0, 0.1])
@pytest.mark.parametrize("seed", range(3))
def test_scores_of_labels_equal_those_of_scikit_learn(seed, unknown):
    y, probabilities = tickets(seed=seed, unknown=unknown)
    predicted = probabilities.argmax(axis=1)
    found = measure(y, probabilities, LABELS)
    assert found.macro_f1 == pytest.approx(metrics.f1_score(y, predicted, average="macro"), abs=1e-12)
    assert found.weighted_f1 == pytest.approx(metrics.f1_score(y, predicted, average="weighted"), abs=1e-12)
    assert found.accuracy == pytest.approx(metrics.accuracy_score(y, predicted), abs=1e-12)
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        y, predicted, labels=[0, 1, 2, 3], zero_division=0
    )
    for i, each in enumerate(found.per_class[:4]):
        assert each.label == LABELS[i]
        assert each.support == support[i]
        assert (each.precision, each.recall, each.f1) == pytest.approx((precision[i], recall[i], f1[i]))


def test_a_class_that_is_neither_true_nor_predicted_does_not_lower_macro_f1():
    y = np.array([0, 0, 1, 1])
    assert measure_predictions(y, y, LABELS).macro_f1 == 1.0
    assert measure_predictions(y, np.array([0, 0, 1, 3]), LABELS).macro_f1 == pytest.approx((1 + 2 / 3 + 0) / 3)


def test_brier_and_top2_equal_those_of_scikit_learn_when_all_classes_are_known():
    y, probabilities = tickets(unknown=0)
    found = measure(y, probabilities, LABELS)
    assert found.brier == pytest.approx(
        metrics.brier_score_loss(y, probabilities, labels=[0, 1, 2, 3], scale_by_half=False)
    )
    assert found.top2_accuracy == pytest.approx(
        metrics.top_k_accuracy_score(y, probabilities, k=2, labels=[0, 1, 2, 3])
    )


def test_a_class_unknown_to_the_model_is_an_error_in_every_measure():
    known = measure(np.array([0, 0]), np.eye(4)[[0, 0]], LABELS)
    found = measure(np.array([0, -1]), np.eye(4)[[0, 0]], LABELS)
    assert (known.accuracy, known.macro_f1, known.brier, known.coverage_at_90) == (1, 1, 0, 1)
    assert (found.accuracy, found.top2_accuracy) == (0.5, 0.5)
    assert found.macro_f1 == pytest.approx((2 / 3 + 0) / 2)  # billing given once too often, the unknown missed
    assert found.brier == pytest.approx((0 + 2) / 2)
    assert found.ece == pytest.approx(0.5)
    assert found.coverage_at_90 == 0  # both rows are equally sure, so no threshold parts them
    assert [(each.label, each.support) for each in found.per_class][-1] == (UNKNOWN_LABEL, 1)
    assert UNKNOWN_LABEL not in [each.label for each in known.per_class]


def test_calibration_error_is_small_for_honest_confidence_and_large_for_boasting():
    random = np.random.default_rng(1)
    confidence = random.uniform(0.5, 1, 20_000)
    y = (random.random(20_000) > confidence).astype(int)  # class 0 with exactly the stated probability
    honest = np.stack([confidence, 1 - confidence], axis=1)
    boasting = np.stack([0.5 + confidence / 2, 0.5 - confidence / 2], axis=1)
    assert measure(y, honest, ("a", "b")).ece < 0.02
    assert measure(y, boasting, ("a", "b")).ece == pytest.approx(0.125, abs=0.02)


def test_calibration_error_by_hand_in_two_bins():
    confidence = np.array([0.5, 0.6, 0.9, 1.0])
    bins = confidence_bins(confidence, np.array([True, False, True, True]), bins=2)
    np.testing.assert_allclose(bins.confidence, [0.55, 0.95])
    np.testing.assert_allclose(bins.accuracy, [0.5, 1.0])
    assert bins.rows.tolist() == [2, 2]


def test_fifteen_bins_hold_equal_numbers_of_rows_when_no_confidences_tie():
    confidence = np.random.default_rng(0).random(1000)
    assert set(confidence_bins(confidence, confidence > 0.5).rows) == {66, 67}


def test_the_order_of_rows_changes_nothing_even_when_confidences_tie():
    y, probabilities = tickets()
    probabilities = np.round(probabilities * 4) + 0.25  # few distinct values: most rows tie
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    shuffled = np.random.default_rng(5).permutation(len(y))
    straight = measure(y, probabilities, LABELS).as_dict()
    mixed = measure(y[shuffled], probabilities[shuffled], LABELS).as_dict()
    assert straight["coverage_at_90"] == mixed["coverage_at_90"]
    assert straight["ece"] == pytest.approx(mixed["ece"], abs=1e-12)


def test_coverage_is_the_largest_share_that_still_holds_nine_in_ten():
    confidence = np.linspace(0.99, 0.60, 20)
    probabilities = np.stack([confidence, 1 - confidence], axis=1)
    y = np.zeros(20, dtype=int)
    y[[3, 12, 15, 16]] = 1  # 11 of the first 12 are right; with the next error 11 of 13, and never 9 in 10 again
    assert measure(y, probabilities, ("a", "b")).coverage_at_90 == pytest.approx(12 / 20)
    assert measure(np.ones(20, dtype=int), probabilities, ("a", "b")).coverage_at_90 == 0


def test_bands_split_rows_at_their_thresholds_and_say_how_right_each_is():
    confidence = np.array([0.95, 0.85, 0.84, 0.60, 0.59])
    probabilities = np.stack([confidence, 1 - confidence], axis=1)
    y = np.array([0, 1, 0, 0, 1])
    act, suggest, by_hand = measure(y, probabilities, ("a", "b")).bands
    assert [(band.name, band.rows, band.accuracy) for band in (act, suggest, by_hand)] == [
        ("act", 2, 0.5),
        ("suggest", 2, 1.0),
        ("by_hand", 1, 0.0),
    ]
    assert act.share == pytest.approx(0.4)
    strict = measure(y, probabilities, ("a", "b"), act=0.99, suggest=0.9).bands
    assert [(band.rows, band.accuracy) for band in strict] == [(0, None), (1, 1.0), (4, 0.5)]


def test_each_group_is_measured_on_its_own_rows_only():
    y, probabilities = tickets()
    language = np.where(np.arange(len(y)) % 3 == 0, "de", "en")
    found = per_group(language.tolist(), y, probabilities, LABELS)
    assert list(found) == ["de", "en"]
    assert found["de"] == measure(y[language == "de"], probabilities[language == "de"], LABELS)
    assert found["de"].n + found["en"].n == len(y)


def test_the_record_survives_json_unchanged():
    y, probabilities = tickets(n=50)
    record = measure(y, probabilities, LABELS, act=1.0, suggest=0.999).as_dict()
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert record["bands"][0]["name"] == "act"


def test_counts_of_groups_add_up_to_the_counts_of_all_rows():
    y, probabilities = tickets()
    predicted = probabilities.argmax(axis=1)
    groups = np.arange(len(y)) % 7
    by_group = class_counts(y, predicted, 4, groups)
    assert by_group.shape == (7, 3, 5)
    np.testing.assert_array_equal(by_group.sum(axis=0), class_counts(y, predicted, 4))
    assert macro_f1(by_group)[2] == pytest.approx(
        metrics.f1_score(y[groups == 2], predicted[groups == 2], average="macro")
    )


@pytest.mark.parametrize(
    ("y", "probabilities", "names"),
    [
        ([], np.empty((0, 2)), "y_true"),
        ([0, 2], [[1, 0], [1, 0]], "y_true"),
        ([0, -2], [[1, 0], [1, 0]], "y_true"),
        ([0.0, 1.0], [[1, 0], [1, 0]], "y_true"),
        ([0, 1], [[1, 0, 0], [1, 0, 0]], "probabilities"),
        ([0, 1], [[2.5, 0.1], [1, 0]], "probabilities"),
        ([0, 1], [[np.nan, 0.1], [1, 0]], "probabilities"),
        ([0, 1], [[1.5, -0.5], [1, 0]], "probabilities"),
    ],
)
def test_input_that_cannot_be_measured_is_refused_by_name(y, probabilities, names):
    with pytest.raises(ValueError, match=names):
        measure(np.array(y, dtype=None if y else int), np.array(probabilities), ("a", "b"))


def test_thresholds_out_of_order_are_refused():
    with pytest.raises(ValueError, match="suggest"):
        measure(np.array([0]), np.array([[0.9, 0.1]]), ("a", "b"), act=0.5, suggest=0.6)
