"""The same real ticket gets the same answer in the asset, in the bundle, over HTTP and gRPC, alone and in batch."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pandas as pd
import pytest

from ticket_assets.features.encoder import OnnxEncoder
from ticket_assets.features.text import FeatureSchema, TicketFeatures, text_features
from ticket_assets.features.vectors import VectorTable
from ticket_assets.models.bands import Bands
from ticket_assets.models.ngrams import TfidfSpec
from ticket_assets.models.recipe import Recipe
from ticket_assets.models.representation import Blocks
from ticket_assets.models.rows import stored_features
from ticket_assets.models.training import train
from ticket_assets.models.workbench import Workbench
from ticket_assets.serving.bento import build_bento
from ticket_assets.serving.bundle import TriageBundle, write_bundle
from ticket_assets.serving.contract import triage_v1_pb2 as pb
from ticket_assets.serving.contract.triage_v1_pb2_grpc import TriageStub
from ticket_assets.serving.prediction import Ticket
from ticket_assets.serving.probe import TOLERANCE, free_port, requested, served
from ticket_assets.serving.probe import ask as ask_alone
from ticket_assets.serving.store import Champion, write_champion
from ticket_assets.storage import digest
from ticket_assets.tables import write_parquet
from ticket_assets.tickets.cleaning import CLEANING_VERSION, ticket_text
from ticket_assets.tickets.language import detect_languages
from ticket_assets_tests.public_data import public_data

pytestmark = [pytest.mark.data, pytest.mark.slow]

Told = dict[str, tuple[str, dict[str, float]]]  # target to its label and the probabilities of all

TRAINED_ON, ASKED = 600, 1000
SCHEMA = FeatureSchema(("en", "de", "es", "fr"))
GRAMS = TfidfSpec(longest=1, max_ngrams=3000)
RECIPES = {
    "linear": Recipe("linear_svm", Blocks(tfidf=GRAMS, sparse=True, vectors=0.5), {"C": 0.5}),
    "boosted": Recipe(
        "xgboost",
        Blocks(tfidf=GRAMS, svd=16, scores=True, vectors=1.0, columns=1.0),
        {"num_boost_round": 15, "learning_rate": 0.3, "max_depth": 4},
    ),
    # Two on the same index, which the service searches once for both.
    "voted": Recipe("logistic_regression", Blocks(votes=True), {"C": 1.0}),
    "voted_again": Recipe("linear_svm", Blocks(votes=True, columns=0.3), {"C": 0.5}),
}


@dataclass(frozen=True)
class Parity:
    """A bundle of two recipes, real tickets, and what the asset's path computed of them."""

    root: Path
    encoders: Path
    champion: Champion
    trained: list[str]
    labels: list[str]
    bodies: list[str]
    computed: dict[str, np.ndarray]


@pytest.fixture(scope="module")
def parity(tmp_path_factory: pytest.TempPathFactory, encoder_folder: Path) -> Parity:
    bodies, y, labels = _tickets()
    root = tmp_path_factory.mktemp("parity")
    features = _asset_features(bodies, OnnxEncoder.load(encoder_folder, 2), root)
    rows = np.arange(TRAINED_ON)
    ids = [f"t-{number}" for number in rows]
    bench = Workbench(features.take(rows), y[:TRAINED_ON], rows, len(labels), seed=1, threads=1, ticket_ids=ids)
    # Good scores instead of real out-of-fold ones: near chance, the calibration would flatten every difference.
    noise = np.random.default_rng(1).normal(size=(TRAINED_ON, len(labels)))
    scores = noise + 3 * np.eye(len(labels))[y[:TRAINED_ON]]
    models = [train(bench, recipe, name, labels, scores) for name, recipe in RECIPES.items()]
    said = {
        **{"profile": "parity", "languages": SCHEMA.languages, "context": (), "feature_schema": SCHEMA.hash},
        **{"cleaning": CLEANING_VERSION, "split": "none", "data": {}, "scores": {}},
        "encoder": {"id": encoder_folder.name, "runtime": "onnx"},
        "bands": dict.fromkeys(RECIPES, Bands(0.85, 0.6)),
    }
    made = write_bundle(root / "bundles", models, said, "a card")
    champion = Champion(1, made.id, "2026-01-02T03:04:05+00:00")
    write_champion(root / "bundles", champion)
    asked = features.take(np.arange(TRAINED_ON, TRAINED_ON + ASKED))
    computed = {model.target: model.probabilities(asked) for model in models}
    named = [labels[one] for one in y[:TRAINED_ON]]
    return Parity(root, encoder_folder.parent, champion, bodies[:TRAINED_ON], named, bodies[TRAINED_ON:], computed)


def _tickets() -> tuple[list[str], np.ndarray, tuple[str, ...]]:
    tickets = pd.read_parquet(public_data("it_service.parquet")).sample(TRAINED_ON + ASKED, random_state=1)
    labels = tuple(sorted(tickets["Topic_group"].unique()))
    return list(tickets["Document"]), tickets["Topic_group"].map(labels.index).to_numpy(), labels


def _asset_features(bodies: list[str], encoder: OnnxEncoder, root: Path) -> TicketFeatures:
    """What `features/text` and `features/embeddings` store, read back as `models/*` read it."""
    texts = [ticket_text("", body) for body in bodies]
    made = text_features(texts, detect_languages(texts, SCHEMA.languages), [{}] * len(texts), SCHEMA)
    ids = [f"t-{number}" for number in range(len(texts))]
    frame = pd.DataFrame(made.columns, columns=list(SCHEMA.columns))
    frame.insert(0, "document", list(made.documents))
    frame.insert(0, "ticket_id", ids)
    write_parquet(root / "text.parquet", frame)
    table = VectorTable(root / "lancedb", encoder.encoder_id, encoder.dimensions)
    table.fill(ids, [digest([text]) for text in texts], texts, encoder, lambda done, total: None)
    return stored_features(pd.read_parquet(root / "text.parquet"), table.read(ids))


@contextmanager
def bento_server(parity: Parity, **variables: str) -> Iterator[int]:
    home = parity.root / "bentoml"
    tag = build_bento("parity", parity.champion, parity.root / "bundles", parity.encoders, home)
    with served(home, tag, variables=variables) as port:
        yield port


def test_a_thousand_real_tickets_have_the_asset_s_answers_in_the_bundle_one_at_a_time(parity: Parity) -> None:
    bundle = TriageBundle.load(parity.root / "bundles" / parity.champion.bundle, parity.encoders)
    answers = [bundle.predict([Ticket(body)])[0] for body in parity.bodies]
    _must_be_the_asset_s(
        parity, [{target: (one.label, dict(one.probabilities)) for target, one in its.items()} for its in answers]
    )


@pytest.fixture(scope="module")
def service(parity: Parity) -> Iterator[tuple[int, int]]:
    """Ports of HTTP and gRPC."""
    grpc_port = free_port()
    with bento_server(parity, TICKET_ASSETS_SERVICE__GRPC__ADDRESS=f"127.0.0.1:{grpc_port}") as port:
        yield port, grpc_port


@pytest.mark.parametrize("way", ["http", "http_batch", "grpc", "grpc_batch"])
def test_a_thousand_real_tickets_have_the_asset_s_answers_over_http_and_grpc_alone_and_in_batch(
    parity: Parity, service: tuple[int, int], way: str
) -> None:
    port, grpc_port = service
    ask: dict[str, Callable[[], list[Told]]] = {
        "http": lambda: [_of_http(ask_alone(port, Ticket(body))) for body in parity.bodies],
        "http_batch": lambda: [one for part in _parts(parity) for one in _http_batch(port, part)],
        "grpc": lambda: _over_grpc(grpc_port, lambda stub: [stub.Predict(pb.Ticket(body=b)) for b in parity.bodies]),
        "grpc_batch": lambda: _over_grpc(grpc_port, lambda stub: [a for p in _parts(parity) for a in _rows(stub, p)]),
    }
    _must_be_the_asset_s(parity, ask[way]())


def _must_be_the_asset_s(parity: Parity, told: list[Told]) -> None:
    """The same label of every target, and each probability of it to 1e-6."""
    labels = TriageBundle.load(parity.root / "bundles" / parity.champion.bundle, parity.encoders).manifest.targets
    assert len(told) == len(parity.bodies) == ASKED
    assert all(set(one) == set(RECIPES) for one in told)
    for target, rows in parity.computed.items():
        assert all(set(one[target][1]) == set(labels[target]) for one in told), target
        found = np.array([[one[target][1][label] for label in labels[target]] for one in told])
        assert np.abs(found - rows).max() <= TOLERANCE, target
        assert [one[target][0] for one in told] == [labels[target][place] for place in rows.argmax(axis=1)], target


def _parts(parity: Parity) -> list[list[str]]:
    """As many at once as a batch of the default bound takes, and a last one that is not full."""
    return [parity.bodies[first : first + 400] for first in range(0, ASKED, 400)]


def _of_http(answer: dict[str, Any]) -> Told:
    return {target: (one["label"], one["probabilities"]) for target, one in answer["targets"].items()}


def _http_batch(port: int, bodies: list[str]) -> list[Told]:
    status, said = requested(port, "POST", "/predict_batch", json.dumps({"tickets": [{"body": one} for one in bodies]}))
    assert status == 200, said
    return [_of_http(row["answer"]) for row in json.loads(said)["rows"]]


def _over_grpc(port: int, call: Callable[[TriageStub], list[pb.Answer]]) -> list[Told]:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        answers = call(TriageStub(channel))
    return [{name: (one.label, dict(one.probabilities)) for name, one in its.targets.items()} for its in answers]


def _rows(stub: TriageStub, bodies: list[str]) -> list[pb.Answer]:
    told = stub.PredictBatch(pb.Batch(tickets=[pb.Ticket(body=body) for body in bodies]))
    assert [row.index for row in told.rows] == list(range(len(bodies)))
    return [row.answer for row in told.rows]


def test_similar_tickets_are_the_nearest_trained_ones_with_their_labels(parity: Parity) -> None:
    bundle = TriageBundle.load(parity.root / "bundles" / parity.champion.bundle, parity.encoders)
    told = bundle.similar(Ticket(parity.trained[7]), 5)
    assert told[0].ticket_id == "t-7"
    assert told[0].similarity == pytest.approx(1, abs=1e-3)
    assert [one.similarity for one in told] == sorted((one.similarity for one in told), reverse=True)
    assert set(told[0].labels) == {"voted", "voted_again"}
    assert told[0].labels["voted"] == told[0].labels["voted_again"] == parity.labels[7]


def test_the_boosted_model_sees_the_vectors(parity: Parity) -> None:
    """Guards the comparison: models that ignore what is computed twice would agree whatever happens."""
    bundle = TriageBundle.load(parity.root / "bundles" / parity.champion.bundle, parity.encoders)
    features = bundle.features([Ticket(body) for body in parity.bodies[:50]])
    assert features.vectors is not None
    turned = TicketFeatures(features.documents, features.columns, features.vectors[::-1].copy())
    for target, rows in bundle.probabilities(features).items():
        assert np.abs(bundle.probabilities(turned)[target] - rows).max() > 0.01, target
