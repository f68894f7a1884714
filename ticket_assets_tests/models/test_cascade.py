"""A cascade: the first model is believed where it is sure, costs no more than allowed, and survives its files."""

from dataclasses import replace

import numpy as np
import pytest

from ticket_assets.models.calibration import apply
from ticket_assets.models.cascade import MOST_UNSURE, choose_threshold
from ticket_assets.models.ngrams import TfidfSpec
from ticket_assets.models.outcome import SearchOutcome
from ticket_assets.models.recipe import Recipe
from ticket_assets.models.representation import Blocks
from ticket_assets.models.target_model import TargetModel
from ticket_assets.models.training import behind_first_stage, fit_winners, train

LIGHT = Recipe("linear_svm", Blocks(tfidf=TfidfSpec(max_ngrams=300), sparse=True), {"C": 0.5})
WHOLE = Recipe("logistic_regression", Blocks(vectors=1.0, columns=1.0), {"C": 2.0})


def stages(rows: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A first stage that is right where it is sure and guesses elsewhere; a whole model that is mostly right."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 3, rows)
    sharpness = random.uniform(0, 6, rows)
    first = random.normal(size=(rows, 3))
    first[np.arange(rows), y] += sharpness
    whole = random.normal(size=(rows, 3))
    whole[np.arange(rows), y] += 4
    return apply(first, 1.0), apply(whole, 1.0), y


def accuracy(probabilities: np.ndarray, y: np.ndarray) -> float:
    return float((probabilities.argmax(axis=1) == y).mean())


@pytest.fixture(scope="module")
def cascade(bench, queue) -> TargetModel:
    random = np.random.default_rng(0)
    scores = random.normal(size=(len(bench.y), bench.classes))
    scores[np.arange(len(bench.y)), bench.y] += 1.5
    whole, first = (train(bench, recipe, "queue", queue.labels, scores) for recipe in (WHOLE, LIGHT))
    held = first.probabilities(queue.holdout.features).max(axis=1)
    return replace(whole, first=first, sure_from=float(np.median(held)))


def test_what_is_allowed_to_be_lost_is_not_exceeded_and_more_of_it_asks_the_whole_model_less():
    first, whole, y = stages(20_000)
    shares = []
    for allowed in (0.001, 0.005, 0.02):
        chosen = choose_threshold(first, whole, y, allowed)
        assert chosen is not None
        assert chosen.loss <= allowed
        unsure = first.max(axis=1) < chosen.sure_from
        assert chosen.unsure == pytest.approx(unsure.mean())
        shares.append(chosen.unsure)
    assert MOST_UNSURE > shares[0] > shares[1] > shares[2] > 0


def test_a_threshold_holds_on_rows_that_it_was_not_chosen_on():
    first, whole, y = stages(20_000)
    chosen = choose_threshold(first, whole, y, 0.005)
    assert chosen is not None
    first, whole, y = stages(20_000, seed=2)
    both = np.where((first.max(axis=1) < chosen.sure_from)[:, None], whole, first)
    assert accuracy(whole, y) - accuracy(both, y) < 0.008
    assert accuracy(whole, y) - accuracy(first, y) > 0.1


def test_a_first_stage_that_knows_nothing_is_not_asked():
    _, whole, y = stages(3000)
    guesses = apply(np.random.default_rng(5).normal(size=(3000, 3)), 1.0)
    assert choose_threshold(guesses, whole, y, 0.005) is None


def test_a_first_stage_that_is_better_than_the_whole_is_always_believed():
    first, whole, y = stages(3000)
    chosen = choose_threshold(whole, first, y, 0.0)
    assert chosen is not None
    assert chosen.unsure == 0
    assert chosen.loss < 0


def test_each_ticket_has_the_answer_of_the_model_that_answers_it(cascade, queue):
    held = queue.holdout.features
    early = cascade.early(held)
    assert 0 < early.unsure.sum() < len(held)
    told, whole = cascade.probabilities(held), replace(cascade, first=None).probabilities(held)
    np.testing.assert_array_equal(told[early.unsure], whole[early.unsure])
    np.testing.assert_array_equal(told[~early.unsure], cascade.first.probabilities(held)[~early.unsure])
    parts = cascade.answering(early, len(held))
    assert [model.recipe.family for model, _ in parts] == ["linear_svm", "logistic_regression"]
    assert sorted(np.concatenate([rows for _, rows in parts])) == list(range(len(held)))


def test_a_ticket_that_the_first_stage_is_sure_of_needs_no_vector(cascade, queue):
    held = queue.holdout.features
    sure = np.flatnonzero(~cascade.early(held).unsure)
    vectors = held.vectors.copy()
    vectors[sure] = np.nan
    blind = replace(held, vectors=vectors)
    np.testing.assert_array_equal(cascade.probabilities(blind), cascade.probabilities(held))
    alone = replace(held.take(sure[:1]), vectors=None)
    np.testing.assert_array_equal(cascade.probabilities(alone), cascade.probabilities(held)[sure[:1]])


def test_a_cascade_survives_its_files(cascade, queue, tmp_path):
    cascade.save(tmp_path)
    loaded = TargetModel.load(tmp_path)
    assert (loaded.sure_from, loaded.families) == (cascade.sure_from, {"linear_svm", "logistic_regression"})
    held = queue.holdout.features
    assert loaded.probabilities(held).tobytes() == cascade.probabilities(held).tobytes()


@pytest.mark.parametrize(("may_lose", "asked_first"), [(None, None), (0.05, "linear_svm")])
def test_the_winner_of_a_search_stands_behind_its_best_light_trial_only_where_that_is_wanted(
    bench, queue, may_lose, asked_first
):
    """Its answers out of fold, which the bands are chosen by, are then those of both together."""
    random = np.random.default_rng(0)
    scores = {number: random.normal(size=(len(bench.y), bench.classes)) for number in (3, 5)}
    for number, certain in ((3, 6.0), (5, 2.0)):
        scores[number][np.arange(len(bench.y)), bench.y] += certain
    outcome = SearchOutcome("study", 3, 3, {3: WHOLE, 5: LIGHT}, {3: 0.9, 5: 0.85}, (), 0.0, best_light=5)
    fitted = fit_winners(bench, outcome, scores.__getitem__, "queue", queue.labels, may_lose)
    assert (fitted.winner.first.recipe.family if fitted.winner.first else None) == asked_first
    assert fitted.boosted.first is None
    told = apply(scores[3], fitted.winner.inverse_temperature)
    if fitted.winner.first is not None:
        light = apply(scores[5], fitted.winner.first.inverse_temperature)
        unsure = light.max(axis=1) < fitted.winner.sure_from
        assert 0 < unsure.mean() < 1
        told = np.where(unsure[:, None], told, light)
    np.testing.assert_array_equal(fitted.known.confidence, told.max(axis=1))


def test_a_first_stage_that_saves_too_little_leaves_the_whole_model_as_it_was(cascade):
    _, told, y = stages(3000)
    guesses = apply(np.random.default_rng(5).normal(size=(3000, 3)), 1.0)
    whole = replace(cascade, first=None)
    model, known = behind_first_stage(whole, cascade.first, told, guesses, y, 0.005)
    assert model is whole
    assert known is told
