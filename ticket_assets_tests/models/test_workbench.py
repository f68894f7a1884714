"""The workbench never lets a fit see what it must not: other rows, their labels, relatives across inner folds."""

from dataclasses import replace

import numpy as np
import pytest

from ticket_assets.features.text import TicketFeatures
from ticket_assets.models import workbench as module
from ticket_assets.models.ngrams import TfidfSpec
from ticket_assets.models.representation import Blocks
from ticket_assets.models.workbench import INNER_FOLDS, Workbench

SMALL = TfidfSpec(max_ngrams=400)
EVERYTHING = Blocks(tfidf=SMALL, svd=6, scores=True, vectors=1.0, columns=1.0)


def _parts(representation):
    yield representation.tfidf.idf
    yield representation.svd_components
    yield representation.score_weights
    yield representation.column_scale


def test_fitting_on_some_rows_never_sees_the_others(bench):
    """Whatever stands in the other rows, words, labels, vectors or columns, the fitted blocks are the same bits."""
    n = len(bench.y)
    seen, others = np.arange(0, n, 2), np.arange(1, n, 2)
    documents, columns = list(bench.features.documents), bench.features.columns.copy()
    y, vectors = bench.y.copy(), bench.features.vectors.copy()
    common = documents[0]
    for row in others:
        documents[row] = f"{common} poison{row} {'venom ' * 50}"
        y[row] = (y[row] + 1) % bench.classes
        columns[row], vectors[row] = 1e6, 0
    poisoned = replace(bench, features=TicketFeatures(tuple(documents), columns, vectors), y=y)
    (clean, matrix), (dirty, other) = (replace(one).fit_representation(EVERYTHING, seen) for one in (bench, poisoned))
    assert "venom" in poisoned.counts.terms
    assert dirty.tfidf.terms == clean.tfidf.terms
    for one, two in zip(_parts(clean), _parts(dirty), strict=True):
        assert one.tobytes() == two.tobytes()
    assert matrix.tobytes() == other.tobytes()


def test_inner_scores_come_from_a_model_that_saw_neither_the_row_nor_its_relatives(bench):
    """Other labels for one inner fold change the scores of the rest, and of that fold not a bit."""
    rows = np.arange(len(bench.y))
    fold = bench.groups % INNER_FOLDS
    blocks = Blocks(tfidf=SMALL, scores=True)
    before = replace(bench).fit_representation(blocks, rows)[1]
    y = np.where(fold == 2, (bench.y + 1) % bench.classes, bench.y)
    after = replace(bench, y=y).fit_representation(blocks, rows)[1]
    assert before[fold == 2].tobytes() == after[fold == 2].tobytes()
    assert (before[fold != 2] != after[fold != 2]).any(axis=1).mean() > 0.9


def test_no_relatives_stand_in_two_inner_folds(bench, queue):
    for family in np.unique(queue.training.families):
        assert np.unique(bench.groups[queue.training.families == family] % INNER_FOLDS).size == 1


def test_the_scores_that_serve_come_from_all_rows_and_those_of_training_do_not(bench):
    rows = np.arange(len(bench.y))
    representation, inner = bench.fit_representation(Blocks(tfidf=SMALL, scores=True), rows)
    served = bench.matrix(representation, rows)
    right = [(scores.argmax(axis=1) == bench.y).mean() for scores in (served, inner)]
    assert right[0] > right[1] + 0.05  # in sample it looks better than it is
    assert served.tobytes() == representation.transform(bench.features).tobytes()


def test_a_remembered_result_equals_a_fresh_one(bench):
    rows, later = np.arange(0, 120), np.arange(120, 160)
    used = replace(bench)
    for blocks in (EVERYTHING, Blocks(tfidf=SMALL, sparse=True), EVERYTHING):
        representation, matrix = used.fit_representation(blocks, rows)
    used.matrix(representation, later)
    fresh, expected = replace(bench).fit_representation(EVERYTHING, rows)
    assert matrix.tobytes() == expected.tobytes()
    assert used.matrix(representation, later).tobytes() == replace(bench).matrix(fresh, later).tobytes()


@pytest.mark.parametrize(
    ("blocks", "rows"),
    [(EVERYTHING, np.arange(60, 180)), (replace(EVERYTHING, svd=7), np.arange(120))],
    ids=["other rows", "other blocks"],
)
def test_what_is_remembered_of_one_fit_is_not_given_to_another(bench, blocks, rows):
    used = replace(bench)
    used.fit_representation(EVERYTHING, np.arange(120))
    found, matrix = used.fit_representation(blocks, rows)
    fresh, expected = replace(bench).fit_representation(blocks, rows)
    assert found.tfidf.terms == fresh.tfidf.terms
    for one, two in zip((*_parts(found), matrix), (*_parts(fresh), expected), strict=True):
        assert one.tobytes() == two.tobytes()


def test_what_was_fitted_once_is_not_fitted_again(bench, monkeypatch):
    bench, rows = replace(bench), np.arange(100)
    bench.fit_representation(EVERYTHING, rows)
    monkeypatch.setattr(module, "fit_linear_svm", None)  # a call would raise
    bench.fit_representation(EVERYTHING, rows)
    with pytest.raises(TypeError):
        bench.fit_representation(EVERYTHING, np.arange(101))


def test_memory_is_bounded_and_what_was_used_last_stays(bench, monkeypatch):
    monkeypatch.setattr(module, "REMEMBERED", 4)
    bench = replace(bench)
    blocks = Blocks(tfidf=SMALL, sparse=True)
    keep = bench.fit_representation(blocks, np.arange(50))[0]
    for size in range(60, 66):
        bench.fit_representation(blocks, np.arange(size))
        assert bench.fit_representation(blocks, np.arange(50))[0].tfidf is keep.tfidf
        assert len(bench._remembered) <= 4


def test_a_column_that_never_varies_is_left_as_zero(bench):
    columns = bench.features.columns.copy()
    columns[:, 0] = 7
    constant = replace(bench, features=replace(bench.features, columns=columns))
    matrix = constant.fit_representation(Blocks(columns=1.0), np.arange(50))[1]
    assert (matrix[:, 0] == 0).all()
    np.testing.assert_allclose(matrix[:, 1].std(), 1, rtol=1e-4)


def test_a_vocabulary_smaller_than_the_svd_bounds_it():
    documents = ("red car", "red bus", "red car", "blue bus") * 4
    features = TicketFeatures(documents, np.zeros((16, 1), dtype=np.float32))
    few = Workbench(features, np.arange(16) % 2, np.arange(16), 2, seed=0, threads=1)
    blocks = Blocks(tfidf=TfidfSpec(longest=1), svd=128)
    assert few.fit_representation(blocks, np.arange(16))[1].shape == (16, 3)


def test_an_inner_fold_without_rows_is_passed_over(bench):
    rows = np.flatnonzero(bench.groups % INNER_FOLDS != 3)[:120]
    matrix = bench.fit_representation(Blocks(tfidf=SMALL, scores=True), rows)[1]
    assert (matrix != 0).any(axis=1).all()
