"""Blocks side by side: the same for one ticket as for many, in memory as from disk."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from ticket_assets.features.text import TicketFeatures
from ticket_assets.models.ngrams import TfidfSpec
from ticket_assets.models.representation import Blocks, InnerBlocks, Representation, linear_scores

SMALL = TfidfSpec(max_ngrams=300)
MIXTURES = {
    "ngrams": Blocks(tfidf=SMALL, sparse=True),
    "ngrams and all": Blocks(tfidf=SMALL, sparse=True, svd=5, scores=True, vectors=0.5, columns=2.0),
    "stacked": Blocks(tfidf=SMALL, svd=5, scores=True, vectors=1.0, columns=1.0),
    "scores and votes": Blocks(tfidf=SMALL, scores=True, votes=True, columns=1.0),
    "vectors": Blocks(vectors=1.5),
    "columns": Blocks(columns=1.0),
}


@pytest.mark.parametrize("name", MIXTURES)
def test_a_ticket_alone_gets_the_row_that_it_gets_among_others(bench, name):
    representation, _ = bench.fit_representation(MIXTURES[name], np.arange(150))
    together = _dense(representation.transform(bench.features.take(np.arange(150, 170))))
    alone = np.vstack(
        [_dense(representation.transform(bench.features.take(np.array([row])))) for row in range(150, 170)]
    )
    assert alone.tobytes() == together.tobytes()


@pytest.mark.parametrize("name", MIXTURES)
def test_a_representation_survives_its_files(bench, tmp_path, name):
    representation, _ = bench.fit_representation(MIXTURES[name], np.arange(150))
    representation.save(tmp_path)
    loaded = Representation.load(tmp_path)
    assert loaded.blocks == representation.blocks
    unseen = bench.features.take(np.arange(150, 170))
    assert _dense(loaded.transform(unseen)).tobytes() == _dense(representation.transform(unseen)).tobytes()


def test_a_loaded_matrix_lies_so_that_no_ticket_has_to_copy_it(bench, tmp_path):
    """scipy copies what does not lie in C order, for each product: 60,000 n-grams a ticket took half a millisecond."""
    representation, _ = bench.fit_representation(MIXTURES["stacked"], np.arange(150))
    turned = replace(representation, score_weights=np.asfortranarray(representation.score_weights))
    turned.save(tmp_path)
    loaded = Representation.load(tmp_path)
    assert loaded.score_weights.flags.c_contiguous
    assert loaded.svd_components.flags.c_contiguous


def test_blocks_stand_in_a_fixed_order_with_their_weights(bench):
    blocks = MIXTURES["stacked"]
    representation, _ = bench.fit_representation(blocks, np.arange(150))
    features = bench.features.take(np.arange(150, 160))
    matrix = representation.transform(features)
    grams = representation.tfidf.transform(features.documents)
    width = bench.classes
    np.testing.assert_allclose(matrix[:, :5], grams @ representation.svd_components, atol=1e-4)
    np.testing.assert_allclose(matrix[:, 5 : 5 + width], linear_scores(grams, representation.score_weights), atol=1e-4)
    np.testing.assert_allclose(matrix[:, 5 + width : 5 + width + 8], features.vectors, atol=1e-4)
    assert matrix.shape[1] == 5 + width + 8 + features.columns.shape[1]
    assert matrix.dtype == np.float32


def test_vectors_and_columns_are_scaled_by_their_weights(bench):
    rows = np.arange(100)
    (_, once), (_, thrice) = (bench.fit_representation(Blocks(vectors=w, columns=w), rows) for w in (1.0, 3.0))
    np.testing.assert_allclose(thrice, 3 * once, rtol=1e-5)


def test_with_ngrams_in_it_the_matrix_is_sparse_else_dense(bench):
    rows = np.arange(100)
    assert sparse.issparse(bench.fit_representation(MIXTURES["ngrams and all"], rows)[1])
    assert isinstance(bench.fit_representation(MIXTURES["stacked"], rows)[1], np.ndarray)


def test_given_scores_replace_the_computed_ones(bench):
    representation, _ = bench.fit_representation(Blocks(tfidf=SMALL, scores=True), np.arange(100))
    features = bench.features.take(np.arange(4))
    given = InnerBlocks(scores=np.full((4, bench.classes), 0.25, dtype=np.float32))
    assert (representation.assemble(representation.tfidf.transform(features.documents), features, given) == 0.25).all()


def test_a_choice_of_nothing_is_refused():
    with pytest.raises(ValueError, match="no block is chosen"):
        Blocks()


def test_missing_vectors_are_asked_for_by_name():
    features = TicketFeatures(("a ticket",), np.zeros((1, 2), dtype=np.float32))
    with pytest.raises(ValueError, match="encode the tickets first"):
        Representation(Blocks(vectors=1.0)).transform(features)


@pytest.mark.parametrize(("name", "needed"), [("ngrams", True), ("stacked", True), ("vectors", False)])
def test_it_is_known_which_blocks_are_made_from_ngrams(name, needed):
    assert MIXTURES[name].needs_ngrams is needed


def _dense(matrix):
    return matrix.toarray() if sparse.issparse(matrix) else matrix
