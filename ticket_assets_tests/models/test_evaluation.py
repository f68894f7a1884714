"""The report: everybody on the same frozen rows, baselines included, unknown classes as errors; and its card."""

import json
from dataclasses import replace

import numpy as np
import pytest

from ticket_assets.band_settings import BandRule, BandSettings
from ticket_assets.features.text import TicketFeatures
from ticket_assets.models.band_report import report_bands
from ticket_assets.models.bands import Bands
from ticket_assets.models.baselines import majority, nearest_neighbour, tfidf_linear_svc
from ticket_assets.models.card import model_card
from ticket_assets.models.evaluation import (
    CANDIDATE,
    LINEAR_BASELINE,
    baseline_predictions,
    evaluate,
    random_split,
    report_rows,
)
from ticket_assets.models.labelled_rows import LabelledRows
from ticket_assets.models.ngrams import TfidfSpec
from ticket_assets.models.recipe import Recipe
from ticket_assets.models.representation import Blocks
from ticket_assets.models.significance import mcnemar, paired_difference
from ticket_assets.models.slices import slices
from ticket_assets.models.thresholds import Choice
from ticket_assets.models.training import fold_scores, train
from ticket_assets_tests.models.test_card import MANIFEST

FIXED = Choice(BandSettings(), Bands(0.85, 0.6))
SVM = Recipe("linear_svm", Blocks(tfidf=TfidfSpec(), sparse=True), {"C": 0.5})
TREES = Recipe(
    "lightgbm",
    Blocks(tfidf=TfidfSpec(longest=1, max_ngrams=200), sparse=True),
    {"num_iterations": 5, "learning_rate": 0.3, "num_leaves": 7, "min_data_in_leaf": 5},
)


@pytest.fixture(scope="module")
def models(bench, queue):
    scores = np.zeros((len(bench.y), bench.classes))
    for number in np.unique(queue.folds):
        scores[queue.folds == number] = fold_scores(bench, SVM, queue.folds, number)
    return [train(bench, recipe, "queue", queue.labels, scores) for recipe in (SVM, TREES)]


@pytest.fixture(scope="module")
def report(models, queue):
    return evaluate(*models, training=queue.training, holdout=queue.holdout, choice=FIXED, seed=0, threads=1)


def test_candidate_best_boosted_and_every_baseline_stand_in_the_report(report):
    names = [one.name for one in report.standings]
    assert names == [CANDIDATE, "best boosted: lightgbm", "majority", "1-NN on embeddings", LINEAR_BASELINE]


def test_a_candidate_that_is_boosted_stands_in_it_once(models, queue):
    report = evaluate(models[1], models[1], queue.training, queue.holdout, FIXED, seed=0, threads=1)
    assert not [one for one in report.standings if one.name.startswith("best boosted")]


def test_the_candidate_beats_the_majority_on_generated_tickets(report):
    by_name = {one.name: one.macro_f1 for one in report.standings}
    assert by_name[CANDIDATE].low > by_name["majority"].high


def test_standings_are_paired_on_the_same_rows(report, models, queue):
    held = queue.holdout
    predicted = models[0].probabilities(held.features).argmax(axis=1)
    linear = tfidf_linear_svc(queue.training.features.documents, queue.training.y, held.features.documents).predicted
    found, classes = report.standings[0], len(queue.labels)
    expected = paired_difference(held.y, predicted, linear, held.families, n_labels=classes, seed=0)
    assert found.against_linear_macro_f1 == expected
    assert found.mcnemar_against_linear == mcnemar(held.y, predicted, linear)
    assert {one.scores.n for one in report.standings} == {len(held.y)}
    assert found.candidate_ahead_macro_f1.low == found.candidate_ahead_macro_f1.high == 0
    for one in report.standings[1:]:
        rival = _predicted(one.name, models, queue)
        ahead = paired_difference(held.y, predicted, rival, held.families, n_labels=classes, seed=0)
        assert one.candidate_ahead_macro_f1 == ahead
        assert one.mcnemar_against_candidate == mcnemar(held.y, predicted, rival)
    itself = report.standings[-1]
    assert itself.name == LINEAR_BASELINE
    assert (itself.against_linear_macro_f1.low, itself.against_linear_accuracy.high) == (0, 0)


def test_the_measures_are_the_candidates_on_the_hold_out(report, models, queue):
    right = models[0].probabilities(queue.holdout.features).argmax(axis=1) == queue.holdout.y
    assert report.candidate.accuracy == pytest.approx(right.mean())
    assert report.standings[0].accuracy.estimate == pytest.approx(right.mean())
    assert sum(one.n for one in report.per_language.values()) == report.candidate.n == len(right)


def test_a_class_that_training_lacks_counts_as_an_error_of_everybody(report, models, queue):
    y = queue.holdout.y.copy()
    right = np.flatnonzero(report.probabilities.argmax(axis=1) == y)[:10]
    y[right] = -1
    other = evaluate(
        *models, training=queue.training, holdout=replace(queue.holdout, y=y), choice=FIXED, seed=0, threads=1
    )
    lost = len(right) / len(y)
    assert other.candidate.accuracy == pytest.approx(report.candidate.accuracy - lost)
    for before, after in zip(report.standings, other.standings, strict=True):
        assert after.scores.accuracy <= before.scores.accuracy
        assert after.scores.macro_f1 < before.scores.macro_f1


def test_the_random_split_is_reported_beside_it_on_other_rows(report, queue):
    assert set(report.random) == {CANDIDATE, "majority", "1-NN on embeddings", LINEAR_BASELINE}
    n = len(queue.training.y) + len(queue.holdout.y)
    assert report.random[CANDIDATE].n == report.random[LINEAR_BASELINE].n == int(np.ceil(0.15 * n))
    assert report.random[CANDIDATE].macro_f1 > report.standings[2].scores.macro_f1  # the majority


def test_the_random_split_leaves_out_rows_of_a_class_that_training_lacks(models, queue):
    y = np.where(np.arange(len(queue.holdout.y)) % 2, queue.holdout.y, -1)
    found = random_split(models[0], queue.training, replace(queue.holdout, y=y), 0, 1)
    assert found[CANDIDATE].n == int(np.ceil(0.15 * (len(queue.training.y) + (y >= 0).sum())))


def test_few_tickets_of_many_classes_are_split_at_random_without_strata():
    """Strata need a test row for each class, and two rows of it: scikit-learn raises where they are missing."""
    random = np.random.default_rng(0)
    for y in (np.arange(40) % 10, np.array([0] * 20 + [1] * 19 + [2])):
        documents = tuple(f"topic{label} word{label} some{random.integers(5)}" for label in y)
        rows = LabelledRows(TicketFeatures(documents, np.zeros((40, 2), dtype=np.float32)), y, y, y)
        some = replace(rows, features=rows.features.take(np.arange(2)), y=y[:2])
        labels = tuple(f"label{label}" for label in range(y.max() + 1))
        model = train(_bench(rows, len(labels)), SVM, "queue", labels, np.eye(len(labels))[y])
        assert random_split(model, rows, some, 0, 1)[CANDIDATE].n == 7


def test_baselines_are_fitted_on_training_rows_alone(queue):
    found = baseline_predictions(queue.training, queue.holdout.features, len(queue.labels), 0)
    training, held = queue.training, queue.holdout.features
    expected = [
        majority(training.y, len(held)),
        nearest_neighbour(training.features.vectors, training.y, held.vectors),
        tfidf_linear_svc(training.features.documents, training.y, held.documents),
    ]
    for one, two in zip(found, expected, strict=True):
        assert one.predicted.tolist() == two.predicted.tolist()


def test_without_vectors_there_is_no_nearest_neighbour(models, queue):
    training, held = (
        replace(rows, features=replace(rows.features, vectors=None)) for rows in (queue.training, queue.holdout)
    )
    report = evaluate(models[0], models[0], training, held, FIXED, seed=0, threads=1)
    assert [one.name for one in report.standings] == [CANDIDATE, "majority", LINEAR_BASELINE]


def test_the_answers_become_a_table(report, queue):
    frame = report_rows(report, queue.holdout, queue.holdout_ids)
    assert list(frame["ticket_id"]) == list(queue.holdout_ids)
    assert (frame["predicted"] == report.probabilities.argmax(axis=1)).all()
    assert (frame["confidence"] == report.probabilities.max(axis=1)).all()
    assert frame["y"].tolist() == queue.holdout.y.tolist()
    assert np.vstack(frame["probabilities"].tolist()).tobytes() == report.probabilities.tobytes()


def test_the_bands_are_measured_with_the_chosen_thresholds(models, queue, report):
    rule = BandRule.model_validate({"promise": {"act": 0.9, "suggest": 0.7}})
    choice = Choice(rule, Bands(None, 0.4), ("act is empty",))
    found = evaluate(*models, training=queue.training, holdout=queue.holdout, choice=choice, seed=0, threads=1)
    confidence = found.probabilities.max(axis=1)
    right = found.probabilities.argmax(axis=1) == queue.holdout.y
    assert found.bands == report_bands(choice, confidence, right, queue.holdout.families)
    assert [one.rows for one in found.candidate.bands] == [0, (confidence >= 0.4).sum(), (confidence < 0.4).sum()]
    assert [one.rows for one in found.bands.standings] == [one.rows for one in found.candidate.bands]
    assert found.bands.standings[1].or_above.estimate == pytest.approx(right[confidence >= 0.4].mean())


def test_the_slices_are_the_candidates(report, queue):
    assert report.slices == slices(
        queue.holdout, report.probabilities.argmax(axis=1), queue.training, queue.labels, seed=0
    )
    assert report.training_rows == len(queue.training.y)


def test_the_card_tells_the_reports_numbers_after_a_round_through_json(report):
    told = json.loads(json.dumps({"split": "abc", "rule": "at random", "targets": {"queue": report.as_dict()}}))
    assert "probabilities" not in told["targets"]["queue"]
    card = model_card(MANIFEST, "CC0", "", told, {"queue": {"family": "svm", "rows": 5, "features": []}})
    assert card.startswith("# Ticket triage, profile tiny\n")
    assert "Hold-out abc: at random; near-duplicate families stay on one side." in card
    held, random = report.candidate, report.random[CANDIDATE]
    assert f"| macro F1 | {held.macro_f1:.3f} | {random.macro_f1:.3f} |" in card
    assert f"| coverage at 90 % accuracy | {held.coverage_at_90:.3f} | {random.coverage_at_90:.3f} |" in card
    for row in held.per_class:
        assert f"| {row.label} | {row.support} | {row.precision:.3f} | {row.recall:.3f} | {row.f1:.3f} |" in card
    for one in report.slices:
        assert f"| {one.by} | {one.name} | {one.rows} | {one.accuracy.estimate:.3f} [" in card
    for standing in report.standings:
        assert f"| {standing.name} | {standing.macro_f1.estimate:.3f} [{standing.macro_f1.low:.3f}, " in card
    assert f"{report.training_rows} training tickets, {held.n} held-out tickets" in card


def _predicted(name, models, queue):
    rivals = baseline_predictions(queue.training, queue.holdout.features, len(queue.labels), 0)
    boosted = models[1].probabilities(queue.holdout.features).argmax(axis=1)
    return {"best boosted: lightgbm": boosted, **{one.name: one.predicted for one in rivals}}[name]


def _bench(rows, classes):
    from ticket_assets.models.workbench import Workbench

    return Workbench(rows.features, rows.y, np.arange(len(rows.y)), classes, seed=0, threads=1)
