"""Words as numbers."""

import numpy as np

from ticket_assets.monitoring.drift.mean_difference import Permutations
from ticket_assets.monitoring.drift.word_features import hashed_words, unseen_shares, vocabulary, weighted_words
from ticket_assets_tests.monitoring.drift.toys import sample


def test_case_and_single_letters_do_not_count() -> None:
    assert vocabulary(["The printer", "the VPN a"]) == {"the": 2, "printer": 1, "vpn": 1}
    assert unseen_shares(["The printer", "the vpn", "", "?"], {"the"}).tolist() == [0.5, 0.5, 0.0, 0.0]


def test_a_word_of_few_texts_is_left_out_whichever_side_it_is_of() -> None:
    """Left out by the reference's count alone, words would be rarer in every window than in the reference."""
    words = weighted_words(hashed_words(["once here", "again here", "again here"]), hashed_words(["again twice twice"]))
    assert words.shape == (4, 2)


def test_texts_without_words_are_rows_of_zeros() -> None:
    words = weighted_words(hashed_words(["", "one two", "one two", "one two"]), hashed_words(["?"]))
    assert words[[0, 4]].nnz == 0 and np.isfinite(words.data).all()


def test_a_new_topic_is_found_by_its_words_and_the_same_topics_are_not() -> None:
    before = hashed_words(sample(800, 1).texts)
    p_values = []
    for seed, new in ((2, 0.0), (3, 0.15)):
        rows = weighted_words(before, hashed_words(sample(300, seed, new=new).texts))
        p_values.append(
            Permutations(np.arange(800), np.arange(300), 200, np.random.default_rng(seed)).compare(rows).p_value
        )
    assert p_values[0] > 0.01 and p_values[1] < 1e-6
