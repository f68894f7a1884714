"""Candidates lie under their content hash; the pointer moves last."""

import numpy as np
import pytest

from ticket_assets.models.candidate import (
    LATEST,
    OUT_OF_FOLD,
    read_candidate,
    read_out_of_fold,
    write_candidate,
)
from ticket_assets.models.recipe import Recipe
from ticket_assets.models.representation import Blocks
from ticket_assets.models.thresholds import OutOfFold
from ticket_assets.models.training import train

SVM = Recipe("linear_svm", Blocks(vectors=1.0), {"C": 0.5})
TREES = Recipe(
    "lightgbm",
    Blocks(columns=1.0),
    {"num_iterations": 2, "learning_rate": 0.2, "num_leaves": 4, "min_data_in_leaf": 20},
)


KNOWN = OutOfFold(np.array([0.9, 0.4, 0.7]), np.array([True, False, True]), np.array([4, 4, 9]))


@pytest.fixture(scope="module")
def models(bench, queue):
    scores = bench.features.columns[:, : bench.classes] * 0.01
    assert scores.shape[1] == bench.classes
    return [train(bench, recipe, "queue", queue.labels, scores) for recipe in (SVM, TREES)]


def test_winner_and_best_boosted_come_back(models, queue, tmp_path):
    write_candidate(tmp_path, *models, known=KNOWN)
    for loaded, model in zip(read_candidate(tmp_path, threads=1), models, strict=True):
        assert loaded.recipe == model.recipe
        held = queue.holdout.features
        assert loaded.probabilities(held).tobytes() == model.probabilities(held).tobytes()


def test_a_winner_that_is_boosted_is_written_once(models, tmp_path):
    version = write_candidate(tmp_path, models[1], models[1], KNOWN)
    assert {path.name for path in (tmp_path / version).iterdir()} == {"winner", OUT_OF_FOLD}
    winner, boosted = read_candidate(tmp_path, threads=1)
    assert winner is boosted


def test_the_same_models_give_the_same_version_and_others_another(models, tmp_path):
    first = write_candidate(tmp_path, *models, known=KNOWN)
    other = write_candidate(tmp_path, models[0], models[0], KNOWN)
    assert write_candidate(tmp_path, *models, known=KNOWN) == first != other
    assert {path.name for path in tmp_path.iterdir()} == {first, other, LATEST}
    assert (tmp_path / LATEST).read_text() == first


def test_a_write_that_broke_off_leaves_the_latest_as_it_was_and_does_not_hinder_the_next(models, tmp_path, monkeypatch):
    first = write_candidate(tmp_path, *models, known=KNOWN)
    with monkeypatch.context() as patched:
        patched.setattr(type(models[1].estimator), "save", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
        with pytest.raises(OSError, match="disk full"):
            write_candidate(tmp_path, models[1], models[1], KNOWN)
    assert read_candidate(tmp_path, threads=1)[0].recipe == SVM
    assert (tmp_path / LATEST).read_text() == first
    second = write_candidate(tmp_path, models[1], models[1], KNOWN)
    assert second != first
    assert read_candidate(tmp_path, threads=1)[0].recipe == TREES
    assert {path.name for path in tmp_path.iterdir()} == {first, second, LATEST}


def test_answers_out_of_fold_come_back_and_are_part_of_the_version(models, tmp_path):
    """The bands are chosen by them: others are another candidate."""
    first = write_candidate(tmp_path, *models, known=KNOWN)
    found = read_out_of_fold(tmp_path)
    for name, values in vars(KNOWN).items():
        np.testing.assert_array_equal(getattr(found, name), values)
    surer = OutOfFold(KNOWN.confidence + 0.05, KNOWN.right, KNOWN.families)
    assert write_candidate(tmp_path, *models, known=surer) != first
    np.testing.assert_array_equal(read_out_of_fold(tmp_path).confidence, surer.confidence)
