"""Reasons add up to the score, speak of the ticket's own words, and are what the model really goes by."""

import numpy as np
import pytest

from ticket_assets.features.text import FeatureSchema, TicketFeatures, text_features
from ticket_assets.models.attribution import Explanation, explain, spoken_words
from ticket_assets.models.estimators import LightgbmEstimator, XgboostEstimator
from ticket_assets.models.neighbours import NEIGHBOURS
from ticket_assets.models.ngrams import TfidfSpec, ngrams
from ticket_assets.models.recipe import Recipe
from ticket_assets.models.representation import Blocks
from ticket_assets.models.target_model import TargetModel
from ticket_assets.models.training import train
from ticket_assets.models.workbench import Workbench
from ticket_assets.tickets.words import WordRules

SCHEMA = FeatureSchema(("en", "de"))
TFIDF = TfidfSpec(max_ngrams=800)
SPARSE = Blocks(tfidf=TFIDF, sparse=True, columns=0.5)
VOTES = Blocks(tfidf=TFIDF, scores=True, votes=True, columns=1.0)
STACKED = Blocks(tfidf=TFIDF, svd=6, scores=True, votes=True, vectors=1.0, columns=1.0)
LIGHTGBM = {"num_iterations": 40, "learning_rate": 0.1, "num_leaves": 7, "min_data_in_leaf": 5}
XGBOOST = {"num_boost_round": 40, "learning_rate": 0.1, "max_depth": 4}
RECIPES = {
    "linear_svm on n-grams": Recipe("linear_svm", SPARSE, {"C": 0.5}),
    "logistic_regression stacked": Recipe("logistic_regression", STACKED, {"C": 2.0}),
    "lightgbm on votes": Recipe("lightgbm", VOTES, LIGHTGBM),
    "lightgbm on n-grams": Recipe("lightgbm", SPARSE, LIGHTGBM),
    "xgboost stacked": Recipe("xgboost", STACKED, XGBOOST),
    "xgboost on n-grams": Recipe("xgboost", SPARSE, XGBOOST),
}


@pytest.fixture(scope="module", params=RECIPES)
def model(request, bench, queue) -> TargetModel:
    scores = np.random.default_rng(0).normal(size=(len(bench.y), bench.classes)) + 1.5 * np.eye(bench.classes)[bench.y]
    return train(bench, RECIPES[request.param], "queue", queue.labels, scores)


@pytest.fixture(scope="module")
def held(queue) -> TicketFeatures:
    return queue.holdout.features


def test_contributions_of_columns_add_up_to_the_score_of_the_chosen_class(model, held):
    matrix = model.representation.transform(held)
    scores = model.estimator.scores(matrix)
    rows, chosen = np.arange(len(held)), np.random.default_rng(1).integers(0, scores.shape[1], len(held))
    parts = model.estimator.contributions(matrix, chosen)
    assert parts.shape == (len(held), matrix.shape[1] + 1) and parts.dtype == np.float64
    np.testing.assert_allclose(parts.sum(axis=1), scores[rows, chosen], atol=1e-6)


def test_the_base_is_one_value_per_class_whatever_the_ticket_says(model, held):
    """A sum that is right because the base takes what is left over would pass the other test."""
    matrix = model.representation.transform(held)
    for label in range(len(model.labels)):
        base = model.estimator.contributions(matrix, np.full(len(held), label))[:, -1]
        assert np.ptp(base) < 1e-4


def test_names_of_columns_are_as_many_as_the_columns(model, held):
    columns = model.representation.columns(model.labels, SCHEMA.columns, held.vectors.shape[1])
    assert sum(len(its.names) for its in columns) == model.representation.transform(held).shape[1]


def test_reasons_and_base_add_up_to_the_calibrated_score_of_the_likeliest_label(model, held):
    scores = model.inverse_temperature * model.estimator.scores(model.representation.transform(held))
    for row, one in zip(scores, explain(model, held, SCHEMA), strict=True):
        assert one.label == row.argmax()
        assert one.base + sum(reason.contribution for reason in one.reasons) == pytest.approx(row.max(), abs=1e-6)


def test_words_are_the_ticket_s_own_and_the_largest_reasons_come_first(model, held):
    seen = 0
    for document, one in zip(held.documents, explain(model, held, SCHEMA, top=8), strict=True):
        words = [reason.name for reason in one.reasons if reason.kind == "word"]
        assert set(words) <= set(ngrams(document))
        seen += len(words)
        sizes = [abs(reason.contribution) for reason in one.reasons]
        assert len(sizes) <= 8 and sizes == sorted(sizes, reverse=True)
    assert seen > len(held)


def test_no_thing_is_named_twice(model, held):
    for one in explain(model, held, SCHEMA):
        names = [(reason.kind, reason.name) for reason in one.reasons]
        assert len(names) == len(set(names))


def test_without_its_strongest_word_a_ticket_is_less_likely_of_its_label(model, held):
    """Behaviour of the model, not arithmetic: reasons that named other words would not move the answer so."""
    told = list(explain(model, held, SCHEMA))
    strongest = [_words(one, 1)[:1] for one in told]
    weakest = [_words(one, 0)[-1:] for one in told]
    fell, moved = (_fall(model, held, told, words) for words in (strongest, weakest))
    assert sum(map(len, strongest)) > 0.9 * len(held)
    assert (fell > 0).mean() > 0.8
    assert fell.mean() > 3 * np.abs(moved).mean()


def _words(one: Explanation, least: int) -> list[str]:
    """Words of a ticket, largest first; with `least` 1 those that speak for the label."""
    return [reason.name for reason in one.reasons if reason.kind == "word" and (reason.contribution > 0 or not least)]


def _fall(model, held, told, without) -> np.ndarray:
    """How much the probability of the label falls when a word is taken out of the document."""
    rows, labels = np.arange(len(held)), [one.label for one in told]
    documents = [
        " ".join(one for one in document.lower().split() if not {*" ".join(words).split()} & set(ngrams(one)))
        for document, words in zip(held.documents, without, strict=True)
    ]
    changed = TicketFeatures(tuple(documents), held.columns, held.vectors)
    return model.probabilities(held)[rows, labels] - model.probabilities(changed)[rows, labels]


def test_similar_tickets_are_counted_among_the_nearest(bench, queue, held):
    model = train(bench, RECIPES["lightgbm on votes"], "queue", queue.labels, np.eye(bench.classes)[bench.y])
    index = model.representation.neighbours
    near = np.argsort(-(held.vectors[0].astype(np.float64) @ index.vectors.T.astype(np.float64)))[:NEIGHBOURS]
    [one] = explain(model, held.take(np.array([0])), SCHEMA, top=100)
    told = {reason.name: reason.detail for reason in one.reasons if reason.kind == "similar_tickets"}
    assert told
    for name, detail in told.items():
        count = int((bench.y[near] == queue.labels.index(name)).sum())
        assert detail == f"{count} of the {NEIGHBOURS} nearest training tickets"


CONTEXT = FeatureSchema(("en", "de"), ("channel", "product line"), WordRules(stem=True))
TEXTS = ["The invoices were charged twice again", "My printers are printing nothing at all"] * 12


@pytest.fixture(scope="module")
def small() -> TargetModel:
    """Invoices by mail, printers by phone; stems are counted."""
    features = _small_features(TEXTS)
    bench = Workbench(features, np.arange(len(TEXTS)) % 2, np.arange(len(TEXTS)), 2, seed=0, threads=1)
    recipe = Recipe("linear_svm", Blocks(tfidf=TfidfSpec(), sparse=True, columns=0.2), {"C": 1.0})
    return train(bench, recipe, "queue", ("billing", "it"), np.eye(2)[bench.y])


def _small_features(texts: list[str]) -> TicketFeatures:
    lines = {"channel": "E-Mail", "product line": "Old"}, {"channel": "phone", "product line": None}
    contexts = [lines["invoice" not in text] for text in texts]
    return text_features(texts, ["en"] * len(texts), contexts, CONTEXT)


def test_stems_are_told_as_the_words_that_the_ticket_holds(small):
    text = "Invoices! They were charging me for PRINTERS"
    spoken = [spoken_words(text, "en", CONTEXT.words)]
    [one] = explain(small, _small_features([text]), CONTEXT, top=50, spoken=spoken)
    words = {word for reason in one.reasons if reason.kind == "word" for word in reason.name.split()}
    assert {"invoices", "printers", "charging"} <= words <= set(text.lower().replace("!", "").split())
    assert spoken_words(text, "en", WordRules()) == {}


def test_a_context_value_is_a_reason_of_its_own_and_names_column_and_value(small):
    [one] = explain(small, _small_features(["invoice"]), CONTEXT, top=50)
    contexts = {reason.name: reason for reason in one.reasons if reason.kind == "context"}
    assert {name: its.detail for name, its in contexts.items()} == {"channel": "e mail", "product line": "old"}
    assert contexts["channel"].contribution > 0 and small.labels[one.label] == "billing"
    assert not [reason for reason in one.reasons if "ctx" in reason.name]
    scores = small.estimator.scores(small.representation.transform(_small_features(["invoice"])))
    total = one.base + sum(reason.contribution for reason in one.reasons)
    assert total == pytest.approx(small.inverse_temperature * scores.max()), "a pair of two contexts is shared by both"


def test_context_columns_whose_names_begin_alike_are_reasons_apart():
    schema = FeatureSchema(("en",), ("channel", "channel_type"))
    contexts = [{"channel": "type web", "channel_type": "old"}, {"channel": "mail", "channel_type": "web"}] * 12
    features = text_features(["help"] * len(contexts), ["en"] * len(contexts), contexts, schema)
    bench = Workbench(features, np.arange(len(contexts)) % 2, np.arange(len(contexts)), 2, seed=0, threads=1)
    recipe = Recipe("linear_svm", Blocks(tfidf=TfidfSpec(), sparse=True), {"C": 1.0})
    model = train(bench, recipe, "queue", ("billing", "it"), np.eye(2)[bench.y])
    told = list(explain(model, features.take(np.array([0, 1])), schema, top=50))
    assert [model.labels[one.label] for one in told] == ["billing", "it"]
    values = [{reason.name: reason.detail for reason in one.reasons if reason.kind == "context"} for one in told]
    assert values == contexts[:2]


def test_form_and_language_are_told_with_their_values(small):
    [one] = explain(small, _small_features(["invoice? invoice??"]), CONTEXT, top=50)
    told = {(reason.kind, reason.name): reason.detail for reason in one.reasons}
    assert told["measure", "length in characters"] == "18"
    assert told.get(("language", "en"), "") == ""
    assert [name for kind, name in told if kind == "language"] in ([], ["en"])


def test_a_ticket_without_a_known_word_says_what_the_linear_model_starts_from(bench, queue):
    model = train(bench, RECIPES["lightgbm on votes"], "queue", queue.labels, np.eye(bench.classes)[bench.y])
    strange = TicketFeatures(("zzzz qqqq",), bench.features.columns[:1], bench.features.vectors[:1])
    [one] = explain(model, strange, SCHEMA, top=50)
    kinds = {reason.kind for reason in one.reasons}
    assert "linear_model" in kinds and "word" not in kinds
    assert all(reason.detail.startswith("score ") for reason in one.reasons if reason.kind == "linear_model")


@pytest.mark.filterwarnings("ignore")  # shap's own imports
@pytest.mark.parametrize("name", ["lightgbm on votes", "xgboost stacked"])
def test_contributions_of_trees_are_those_of_the_shap_library(name, bench, queue, held):
    import shap

    model = train(bench, RECIPES[name], "queue", queue.labels, np.eye(bench.classes)[bench.y])
    matrix = model.representation.transform(held)
    assert isinstance(model.estimator, LightgbmEstimator | XgboostEstimator)
    values = shap.TreeExplainer(model.estimator.booster).shap_values(matrix)
    for label in range(bench.classes):
        ours = model.estimator.contributions(matrix, np.full(len(held), label))
        np.testing.assert_allclose(ours[:, :-1], values[:, :, label], atol=1e-4)
