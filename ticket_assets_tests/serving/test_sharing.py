"""Targets that were trained on the same rows hold one vocabulary and one index in memory, and answer as before."""

from dataclasses import replace

import numpy as np

from ticket_assets.features.text import TicketFeatures
from ticket_assets.models import ngrams
from ticket_assets.models.estimators import LinearEstimator
from ticket_assets.models.neighbours import Neighbours
from ticket_assets.models.ngrams import Tfidf, TfidfSpec, count_ngrams
from ticket_assets.models.recipe import Recipe
from ticket_assets.models.representation import Blocks, Representation
from ticket_assets.models.target_model import TargetModel
from ticket_assets.serving.relatives import probabilities, sharing

TEXTS = ["red car", "red bus", "blue car", "blue bus", "red car stops", "blue bus stops"]
VECTORS = np.eye(6, 4, dtype=np.float32) + 0.1
BLOCKS = Blocks(scores=True, votes=True)


def model(target: str, rows: int = 6) -> TargetModel:
    """Everything made anew, as when a bundle's folders are read."""
    tfidf = Tfidf.fit(count_ngrams(TEXTS[:rows]), np.arange(rows), TfidfSpec())
    weights = np.random.default_rng(1).normal(size=(len(tfidf.terms) + 1, 2)).astype(np.float32)
    index = Neighbours.fit(VECTORS[:rows], np.arange(rows) % 2, 2)
    representation = Representation(BLOCKS, tfidf, score_weights=weights, neighbours=index)
    estimator = LinearEstimator(np.random.default_rng(2).normal(size=(2, 2 + index.width)), np.zeros(2))
    return TargetModel(target, ("a", "b"), Recipe("linear_svm", BLOCKS, {"C": 1.0}), representation, estimator, 1.0)


def test_equal_vocabularies_and_indexes_are_one_of_first_stages_too_and_others_stay_apart() -> None:
    queue, kind, other = sharing([model("queue"), replace(model("type"), first=model("type")), model("other", rows=4)])
    assert kind.first is not None
    for one in (kind, kind.first):
        assert one.representation.tfidf is queue.representation.tfidf
        assert one.representation.neighbours.vectors is queue.representation.neighbours.vectors  # type: ignore[union-attr]
    assert other.representation.tfidf is not queue.representation.tfidf
    assert len(other.representation.neighbours.vectors) == 4  # type: ignore[union-attr]


def test_models_that_share_answer_as_they_did_apart() -> None:
    apart = [model("queue"), model("type"), model("other", rows=4)]
    together = sharing(apart)
    for text, vector in zip(TEXTS, VECTORS, strict=True):
        features = TicketFeatures((text,), np.zeros((1, 1), dtype=np.float32), vector[None, :])
        told = probabilities(together, features, {})
        for one in apart:
            np.testing.assert_array_equal(told[one.target], one.probabilities(features))


def test_a_ticket_is_counted_once_for_all_targets_that_share_a_vocabulary(monkeypatch) -> None:
    counted = []
    monkeypatch.setattr(ngrams, "ngrams", lambda text, count=ngrams.ngrams: counted.append(text) or count(text))
    together = sharing([model("queue"), model("type")])
    counted.clear()
    for text in ("red car", "blue bus", "red car"):
        probabilities(together, TicketFeatures((text,), np.zeros((1, 1), dtype=np.float32), VECTORS[:1]), {})
    assert counted == ["red car", "blue bus", "red car"]
