"""What a model goes by over many tickets: its real reasons, on training rows, without their own families' votes."""

from collections import defaultdict

import numpy as np
import pytest

from ticket_assets.canvas import MOST_BYTES
from ticket_assets.features.text import FeatureSchema
from ticket_assets.models import explanation
from ticket_assets.models.attribution import explain
from ticket_assets.models.explanation import KEPT, SAMPLE, Summary, summarise
from ticket_assets.models.feature_plot import feature_weights
from ticket_assets.models.neighbours import Neighbours
from ticket_assets.models.ngrams import TfidfSpec
from ticket_assets.models.recipe import Recipe
from ticket_assets.models.representation import Blocks, InnerBlocks
from ticket_assets.models.target_model import TargetModel
from ticket_assets.models.training import train

SCHEMA = FeatureSchema(("en", "de"))
SVM = Recipe("linear_svm", Blocks(tfidf=TfidfSpec(), sparse=True), {"C": 0.5})
TREES = Recipe(
    "lightgbm",
    Blocks(tfidf=TfidfSpec(), scores=True, votes=True, columns=1.0),
    {"num_iterations": 20, "learning_rate": 0.1, "num_leaves": 7, "min_data_in_leaf": 5},
)


def trained(bench, queue, recipe) -> TargetModel:
    return train(bench, recipe, "queue", queue.labels, np.eye(bench.classes)[bench.y])


@pytest.fixture(scope="module")
def linear(bench, queue) -> TargetModel:
    return trained(bench, queue, SVM)


@pytest.fixture(scope="module")
def summary(linear, bench) -> Summary:
    return summarise(linear, bench.features, bench.groups, SCHEMA, seed=0)


def test_a_feature_s_size_is_the_mean_of_its_contributions(linear, bench, summary, monkeypatch):
    monkeypatch.setattr(explanation, "SAMPLE", len(bench.y))
    whole = summarise(linear, bench.features, bench.groups, SCHEMA, seed=0)
    found = defaultdict(list)
    for one in explain(linear, bench.features, SCHEMA):
        for reason in one.reasons:
            found[reason.kind, reason.name].append(reason.contribution)
    assert whole.rows == len(bench.y) > SAMPLE == summary.rows
    for weight in whole.features:
        values = found[weight.kind, weight.name]
        assert weight.size == pytest.approx(np.abs(values).sum() / len(bench.y))
        assert weight.mean == pytest.approx(np.sum(values) / len(bench.y))
        assert weight.share == len(values) / len(bench.y)
    largest = sorted((np.abs(values).sum() for values in found.values()), reverse=True)
    assert [one.size * len(bench.y) for one in whole.features] == pytest.approx(largest[:KEPT])
    assert whole.remaining == pytest.approx(1 - sum(largest[:KEPT]) / sum(largest))


def test_the_same_seed_gives_the_same_summary_and_another_another(linear, bench, summary):
    assert summarise(linear, bench.features, bench.groups, SCHEMA, seed=0) == summary
    assert summarise(linear, bench.features, bench.groups, SCHEMA, seed=1) != summary


def test_the_words_that_make_a_class_lead(few):
    """The topics' own words, three of eleven in a ticket, before the common ones; each of the label that it makes."""
    labels = ("topic0", "topic1", "topic2")
    model = train(few, SVM, "topic", labels, np.eye(3)[few.y])
    found = summarise(model, few.features, few.groups, SCHEMA, seed=0)
    leading = [one for one in found.features[:10] if one.kind == "word"]
    assert sum(one.name.startswith("topic") for one in leading) >= 6
    told = [one for one in leading if one.name.startswith("topic") and " " not in one.name]
    assert sum(one.name.startswith(one.label) for one in told) > 0.7 * len(told)


def test_a_ticket_s_own_family_does_not_vote_on_it(bench, queue, monkeypatch):
    """With its own vote every training ticket would be explained by itself."""
    model = trained(bench, queue, TREES)
    monkeypatch.setattr(explanation, "SAMPLE", len(bench.y))
    found = summarise(model, bench.features, bench.groups, SCHEMA, seed=0)
    votes = model.representation.neighbours.votes(bench.features.vectors, bench.groups)
    grams = model.representation.tfidf.transform(bench.features.documents)
    unrelated = model.representation.assemble(grams, bench.features, InnerBlocks(votes=votes))
    assert _of_similar_tickets(found) == pytest.approx(_size(explain(model, bench.features, SCHEMA, matrix=unrelated)))
    with_itself = _size(explain(model, bench.features, SCHEMA)) / len(bench.y)
    assert abs(_of_similar_tickets(found) / len(bench.y) - with_itself) > 0.01


def test_votes_on_some_training_rows_are_those_on_all(bench, queue):
    index, rows = Neighbours.fit(bench.features.vectors, bench.y, bench.classes), np.arange(3, 9)
    some = index.votes(bench.features.vectors[rows], bench.groups, bench.groups[rows])
    np.testing.assert_array_equal(some, index.votes(bench.features.vectors, bench.groups)[rows])
    assert some[:, 0].max() < 0.999 < index.votes(bench.features.vectors[rows])[:, 0].min()


def _of_similar_tickets(summary: Summary) -> float:
    return sum(one.size for one in summary.features if one.kind == "similar_tickets") * summary.rows


def _size(told) -> float:
    return sum(abs(each.contribution) for one in told for each in one.reasons if each.kind == "similar_tickets")


def test_the_plot_is_a_picture_of_bounded_size_for_names_of_any_kind(summary):
    png = feature_weights(summary)
    assert png.startswith(b"\x89PNG") and len(png) < MOST_BYTES
    assert feature_weights(summary) == png
    with pytest.raises(ValueError, match="features is empty"):
        feature_weights(Summary("queue", "linear_svm", 3, (), 0.0))
