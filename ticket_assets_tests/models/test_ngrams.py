"""TF-IDF: equal to scikit-learn's, the same from text as from counts, blind to rows that it is not fitted on."""

import tracemalloc

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from ticket_assets.models.ngrams import Tfidf, TfidfSpec, count_ngrams, ngrams

DOCUMENTS = [
    "The printer prints blank pages, pages and PAGES",
    "printer out of toner: the printer beeps",
    "Passwort vergessen – bitte zurücksetzen, Straße 5",
    "bitte Passwort zurücksetzen",
    "blank pages and toner",
    "",
    "x y z",
]


@pytest.mark.parametrize("sublinear", [True, False])
@pytest.mark.parametrize("longest", [1, 2])
@pytest.mark.parametrize("min_df", [2, 3])
def test_it_equals_scikit_learns_vectoriser(clean, sublinear, longest, min_df):
    documents = [*clean["text"][:200], *DOCUMENTS]
    theirs = TfidfVectorizer(ngram_range=(1, longest), min_df=min_df, sublinear_tf=sublinear)
    expected = theirs.fit_transform(documents)
    counts = count_ngrams(documents)
    ours = Tfidf.fit(counts, np.arange(len(documents)), TfidfSpec(longest, min_df, 10**6, sublinear))
    assert list(ours.terms) == list(theirs.get_feature_names_out())
    assert abs(ours.transform(documents) - expected).max() < 1e-6
    later = list(clean["text"][200:260])
    assert abs(ours.transform(later) - theirs.transform(later)).max() < 1e-6


@pytest.mark.parametrize("spec", [TfidfSpec(), TfidfSpec(longest=1, min_df=3, max_ngrams=40, sublinear=False)])
def test_text_and_counts_give_the_same_bits(clean, spec):
    """The one is what training computes, the other what the service computes."""
    documents = [*clean["text"][:120], ""]
    counts = count_ngrams(documents)
    rows = np.arange(len(documents))[::-2]
    tfidf = Tfidf.fit(counts, rows, spec)
    wanted = np.array([3, 120, 0, 3])
    from_counts = tfidf.transform_counts(counts, wanted)
    from_text = tfidf.transform([documents[row] for row in wanted])
    for part in ("data", "indices", "indptr"):
        assert getattr(from_counts, part).tobytes() == getattr(from_text, part).tobytes()
    assert from_text.dtype == np.float32


def test_a_row_does_not_depend_on_the_others_of_its_batch(clean):
    documents = list(clean["text"][:50])
    tfidf = Tfidf.fit(count_ngrams(documents), np.arange(50), TfidfSpec())
    assert (tfidf.transform(documents)[7] != tfidf.transform([documents[7]])).nnz == 0


@pytest.mark.parametrize("sublinear", [True, False])
def test_one_document_alone_has_the_bits_that_it_has_among_others(clean, sublinear):
    """Alone it is weighed without scipy, which takes longer to make a row than to use it."""
    documents = [*clean["text"][:120], "", "nobody ever wrote thiswordhere"]
    tfidf = Tfidf.fit(count_ngrams(documents), np.arange(100), TfidfSpec(sublinear=sublinear))
    together = tfidf.transform(documents)
    random = np.random.default_rng(3)
    for width in (2, 8, 64, 300):
        weights = random.normal(size=(len(tfidf.terms), width)).astype(np.float32)
        products = together @ weights
        for row, document in enumerate(documents):
            alone, its = tfidf.transform_one(document), together[row]
            assert (alone.columns.tolist(), alone.values.tobytes()) == (its.indices.tolist(), its.data.tobytes())
            assert (alone @ weights).tobytes() == products[row].tobytes()


def test_fitting_is_blind_to_rows_it_was_not_given():
    counts = count_ngrams(["red car", "red car", "red bus", "blue car", "blue bus", "blue bus"])
    tfidf = Tfidf.fit(counts, np.array([0, 1, 2]), TfidfSpec())
    assert tfidf.terms == ("car", "red", "red car")
    np.testing.assert_allclose(tfidf.idf, [np.log(4 / 3) + 1, 1, np.log(4 / 3) + 1], rtol=1e-6)


def test_the_most_frequent_terms_stay_and_ties_go_by_alphabet():
    counts = count_ngrams(["delta", "alpha", "charly", "bravo"] * 2 + ["charly"])
    tfidf = Tfidf.fit(counts, np.arange(9), TfidfSpec(max_ngrams=3))
    assert tfidf.terms == ("alpha", "bravo", "charly")


def test_an_empty_document_gives_an_empty_row():
    tfidf = Tfidf.fit(count_ngrams(["red car", "red car"]), np.arange(2), TfidfSpec())
    assert tfidf.transform(["", "unheard of"]).nnz == 0
    assert tfidf.transform([]).shape == (0, 3)


def test_no_usable_term_is_said_with_its_numbers():
    counts = count_ngrams(["red", "blue", "red"])
    with pytest.raises(ValueError, match="no n-gram stands in 2 of 2 training rows"):
        Tfidf.fit(counts, np.array([0, 1]), TfidfSpec())


def test_a_bound_below_two_is_refused_since_counts_leave_single_documents_out():
    """It would be two in silence for all rows, and for some of them would know what stands in the others."""
    with pytest.raises(ValueError, match="min_df is 1"):
        TfidfSpec(min_df=1)


def test_a_long_word_costs_no_memory_in_every_other_term():
    """An array of fixed-width strings is as wide as its longest: a pasted attachment made it gigabytes."""
    attachment = "QUJD" * 10_000
    documents = [f"word{number} word{number + 1}" for number in range(4000)] + [f"see {attachment}"] * 2
    counts = count_ngrams(documents)
    tfidf = Tfidf.fit(counts, np.arange(len(documents)), TfidfSpec())
    tracemalloc.start()
    try:
        assert tfidf.transform_counts(counts, np.array([4000])).nnz == 3
        assert tracemalloc.get_traced_memory()[1] < 20e6  # bytes; it was 640 MB
    finally:
        tracemalloc.stop()


def test_a_vocabulary_that_the_counts_lack_is_refused_and_not_mistaken():
    tfidf = Tfidf.fit(count_ngrams(["red car", "red car"]), np.arange(2), TfidfSpec())
    with pytest.raises(KeyError, match="car"):
        tfidf.transform_counts(count_ngrams(["red bus", "red bus"]), np.arange(2))


def test_it_survives_its_files(tmp_path):
    tfidf = Tfidf.fit(count_ngrams(DOCUMENTS), np.arange(len(DOCUMENTS)), TfidfSpec(sublinear=False))
    tfidf.save(tmp_path)
    loaded = Tfidf.load(tmp_path, tfidf.spec)
    assert loaded.terms == tfidf.terms
    assert loaded.idf.tobytes() == tfidf.idf.tobytes()
    assert (loaded.transform(DOCUMENTS) != tfidf.transform(DOCUMENTS)).nnz == 0


def test_words_of_one_letter_are_left_out_before_pairs_are_made():
    assert ngrams("I am A b user") == ["am", "user", "am user"]
