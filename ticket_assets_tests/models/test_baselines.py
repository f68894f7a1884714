"""Baselines: each learns what it should from a few real-looking tickets, and nothing from the test rows."""

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from ticket_assets.models import baselines
from ticket_assets.models.baselines import majority, nearest_neighbour, tfidf_linear_svc

TEXTS = [
    "Cannot log in, my password expired",
    "Password reset link does not arrive",
    "Please reset the password of my account",
    "Locked out of my account after three tries",
    "Printer on floor two prints blank pages",
    "The printer is out of toner again",
    "Paper jam in the printer next to reception",
    "New toner for the printer, please",
]
Y = np.array([0, 0, 0, 0, 1, 1, 1, 1])


def test_the_majority_is_the_commonest_class_with_its_shares_as_probabilities():
    found = majority(np.array([2, 0, 2, 1]), 3, n_labels=5)
    assert found.predicted.tolist() == [2, 2, 2]
    np.testing.assert_allclose(found.probabilities, [[0.25, 0.25, 0.5, 0, 0]] * 3)
    assert majority(np.array([2, 0, 2, 1]), 3).probabilities is None


def test_the_lowest_class_wins_a_tie_for_the_majority():
    assert majority(np.array([3, 1, 3, 1]), 1).predicted.tolist() == [1]


def test_the_nearest_neighbour_equals_scikit_learns_across_blocks(monkeypatch):
    monkeypatch.setattr(baselines, "_BLOCK", 7)
    random = np.random.default_rng(0)
    train, test = random.normal(size=(60, 16)), random.normal(size=(40, 16))
    y = random.integers(0, 4, 60)
    expected = KNeighborsClassifier(1, metric="cosine", algorithm="brute").fit(train, y).predict(test)
    found = nearest_neighbour(train, y, test)
    assert found.predicted.tolist() == expected.tolist()
    assert found.probabilities is None


def test_the_nearest_neighbour_looks_at_direction_and_not_at_length():
    train = np.array([[10.0, 1.0], [0.1, 0.2]])
    assert nearest_neighbour(train, np.array([0, 1]), np.array([[3.0, 6.0]])).predicted.tolist() == [1]


def test_an_empty_ticket_gets_a_neighbour_and_no_warning():
    train = np.array([[0.0, 0.0], [1.0, 0.0]])
    found = nearest_neighbour(train, np.array([0, 1]), np.array([[0.0, 0.0], [2.0, 0.0]]))
    assert found.predicted.tolist() == [0, 1]


def test_the_linear_svm_tells_passwords_from_printers():
    found = tfidf_linear_svc(TEXTS, Y, ["my PASSWORD is wrong", "toner for our printer", "account locked"])
    assert found.predicted.tolist() == [0, 1, 0]
    assert found.probabilities is None
    assert found.predicted.dtype == np.int64


def test_the_linear_svm_reads_pairs_of_words():
    """With single words alone both classes hold the same bag, and nothing could be learnt."""
    texts = ["mail works printer fails", "printer works mail fails"] * 4
    y = np.array([0, 1] * 4)
    assert tfidf_linear_svc(texts, y, texts[:2]).predicted.tolist() == [0, 1]


def test_other_test_rows_do_not_change_an_answer():
    """A vocabulary or an IDF fitted on test rows too would let them."""
    alone = tfidf_linear_svc(TEXTS, Y, ["reset reset toner"]).predicted[0]
    crowd = tfidf_linear_svc(TEXTS, Y, ["reset reset toner"] + ["reset reset password"] * 50).predicted[0]
    assert alone == crowd


def test_no_test_rows_give_no_answers():
    assert majority(Y, 0).predicted.shape == (0,)
    assert nearest_neighbour(np.eye(8), Y, np.empty((0, 8))).predicted.shape == (0,)
    assert tfidf_linear_svc(TEXTS, Y, []).predicted.shape == (0,)


@pytest.mark.parametrize("y", [np.array([], dtype=int), np.array([0, -1]), np.array([0.0, 1.0])])
def test_training_rows_without_a_usable_label_are_refused(y):
    with pytest.raises(ValueError, match="y_train"):
        majority(y, 1)
    with pytest.raises(ValueError, match="y_train"):
        nearest_neighbour(np.ones((len(y), 2)), y, np.ones((1, 2)))
    with pytest.raises(ValueError, match="y_train"):
        tfidf_linear_svc(["text"] * len(y), y, ["text"])


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="vectors_test"):
        nearest_neighbour(np.eye(8), Y, np.ones((1, 3)))
    with pytest.raises(ValueError, match="texts_train"):
        tfidf_linear_svc(TEXTS[:3], Y, TEXTS)
    with pytest.raises(ValueError, match="n_labels"):
        majority(np.array([0, 4]), 1, n_labels=3)
