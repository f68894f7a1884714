"""One ticket through XGBoost's trees: the same margins as the library's, to the last bit."""

from pathlib import Path

import numpy as np
import pytest

from ticket_assets.models.estimators import XgboostEstimator, load_estimator
from ticket_assets.models.padded_trees import DEEPEST, PADDED_FILE, PaddedTrees

ROWS = np.random.default_rng(1).normal(size=(300, 12)).astype(np.float32).round(2)


def boosted(classes: int = 5, rounds: int = 12, labels: np.ndarray | None = None, **more: object):
    import xgboost

    y = ((ROWS[:, 0] * 3 + ROWS[:, 1] ** 2).round().astype(int) % classes) if labels is None else labels
    parameters = {"objective": "multi:softprob", "num_class": classes, "nthread": 1, "max_depth": 4, **more}
    return xgboost.train(parameters, xgboost.DMatrix(ROWS, y), rounds)


def margins(booster, rows: np.ndarray) -> np.ndarray:
    return booster.inplace_predict(rows, predict_type="margin")


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"max_depth": 8, "min_child_weight": 0.1},
        {"max_depth": 1},
        {"classes": 2},
        {"subsample": 0.5, "colsample_bytree": 0.3, "learning_rate": 0.05},
        {"gamma": 1e9},  # every tree is one leaf
        {"base_score": 0.3},
        {"grow_policy": "lossguide", "max_leaves": 9, "max_depth": 0},
    ],
    ids=str,
)
def test_a_row_has_the_margins_that_the_library_gives_it_to_the_last_bit(more: dict[str, object]) -> None:
    booster = boosted(**more)  # type: ignore[arg-type]
    padded = PaddedTrees.of(booster)
    assert padded is not None
    edges = np.vstack([ROWS, np.zeros_like(ROWS[:1]), -np.zeros_like(ROWS[:1]), np.full_like(ROWS[:1], 1e30)])
    np.testing.assert_array_equal([padded.margins(row) for row in edges], margins(booster, edges))


def test_a_value_that_equals_a_threshold_goes_where_the_library_sends_it() -> None:
    booster = boosted()
    padded = PaddedTrees.of(booster)
    assert padded is not None
    finite = np.isfinite(padded.thresholds)
    for column, threshold in list(zip(padded.features[finite], padded.thresholds[finite], strict=True))[:60]:
        row = ROWS[:1].copy()
        row[0, column] = threshold
        np.testing.assert_array_equal(padded.margins(row[0]), margins(booster, row)[0])


def test_a_class_that_no_row_has_keeps_its_place() -> None:
    booster = boosted(classes=6, labels=(ROWS[:, 0] > 0).astype(int) * 4)
    padded = PaddedTrees.of(booster)
    assert padded is not None
    np.testing.assert_array_equal([padded.margins(row) for row in ROWS], margins(booster, ROWS))


def test_trees_that_are_too_deep_are_left_to_the_library() -> None:
    assert PaddedTrees.of(boosted(classes=2, rounds=1, max_depth=DEEPEST)) is not None
    labels = np.arange(len(ROWS)) % 2  # no rule: it takes splits without end
    deep = boosted(classes=2, rounds=1, labels=labels, max_depth=30, min_child_weight=0, reg_lambda=0)
    assert PaddedTrees.of(deep) is None


def test_trees_of_several_in_parallel_a_round_are_left_to_the_library() -> None:
    assert PaddedTrees.of(boosted(num_parallel_tree=3)) is None


def test_what_was_saved_scores_as_before_and_without_the_file_too(tmp_path: Path) -> None:
    fitted = XgboostEstimator(boosted())
    fitted.save(tmp_path)
    loaded = load_estimator(tmp_path)
    assert isinstance(loaded, XgboostEstimator)
    assert loaded.padded is not None
    one_by_one = np.vstack([loaded.scores(row[None, :]) for row in ROWS])
    np.testing.assert_array_equal(one_by_one, fitted.scores(ROWS))
    (tmp_path / PADDED_FILE).unlink()  # a bundle of the version before
    older = load_estimator(tmp_path)
    assert isinstance(older, XgboostEstimator)
    assert older.padded is not None
    np.testing.assert_array_equal(older.scores(ROWS[:1]), one_by_one[:1])


def test_one_row_does_not_ask_the_library() -> None:
    class Silent:
        def inplace_predict(self, *_: object, **__: object) -> np.ndarray:
            raise AssertionError("one row went to the library")

    padded = PaddedTrees.of(boosted())
    assert XgboostEstimator(Silent(), padded).scores(ROWS[:1]).shape == (1, 5)
    with pytest.raises(AssertionError, match="went to the library"):
        XgboostEstimator(Silent(), padded).scores(ROWS[:2])
