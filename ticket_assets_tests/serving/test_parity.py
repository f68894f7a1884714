"""The same real ticket gives the same probabilities in the asset, in the bundle and over HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

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
from ticket_assets.serving.prediction import Ticket
from ticket_assets.serving.probe import TOLERANCE, ask, largest_gap, served
from ticket_assets.serving.store import Champion, write_champion
from ticket_assets.storage import digest
from ticket_assets.tables import write_parquet
from ticket_assets.tickets.cleaning import CLEANING_VERSION, ticket_text
from ticket_assets.tickets.language import detect_languages
from ticket_assets_tests.public_data import public_data

pytestmark = [pytest.mark.data, pytest.mark.slow]

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
}


@dataclass(frozen=True)
class Parity:
    """A bundle of two recipes, real tickets, and what the asset's path computed of them."""

    root: Path
    encoders: Path
    champion: Champion
    bodies: list[str]
    computed: dict[str, np.ndarray]


@pytest.fixture(scope="module")
def parity(tmp_path_factory: pytest.TempPathFactory, encoder_folder: Path) -> Parity:
    bodies, y, labels = _tickets()
    root = tmp_path_factory.mktemp("parity")
    features = _asset_features(bodies, OnnxEncoder.load(encoder_folder, 2), root)
    rows = np.arange(TRAINED_ON)
    bench = Workbench(features.take(rows), y[:TRAINED_ON], rows, len(labels), seed=1, threads=1)
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
    return Parity(root, encoder_folder.parent, champion, bodies[TRAINED_ON:], computed)


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
def bento_server(parity: Parity) -> Iterator[int]:
    home = parity.root / "bentoml"
    tag = build_bento("parity", parity.champion, parity.root / "bundles", parity.encoders, home)
    with served(home, tag) as port:
        yield port


def test_a_thousand_real_tickets_have_the_asset_s_probabilities_one_at_a_time(parity: Parity) -> None:
    bundle = TriageBundle.load(parity.root / "bundles" / parity.champion.bundle, parity.encoders)
    gaps = dict.fromkeys(RECIPES, 0.0)
    for place, body in enumerate(parity.bodies):
        [answer] = bundle.predict([Ticket(body)])
        for target, rows in parity.computed.items():
            found = np.array(list(answer[target].probabilities.values()))
            gaps[target] = max(gaps[target], float(np.abs(found - rows[place]).max()))
    assert len(parity.bodies) == ASKED
    assert max(gaps.values()) <= TOLERANCE, gaps


def test_a_thousand_real_tickets_have_the_asset_s_probabilities_over_http(parity: Parity) -> None:
    labels = TriageBundle.load(parity.root / "bundles" / parity.champion.bundle, parity.encoders).manifest.targets
    expected = [
        {
            target: dict(zip(labels[target], map(float, rows[place]), strict=True))
            for target, rows in parity.computed.items()
        }
        for place in range(ASKED)
    ]
    with bento_server(parity) as port:
        answers = [ask(port, Ticket(body)) for body in parity.bodies]
    assert largest_gap(answers, expected) <= TOLERANCE


def test_the_boosted_model_sees_the_vectors(parity: Parity) -> None:
    """Guards the comparison: models that ignore what is computed twice would agree whatever happens."""
    bundle = TriageBundle.load(parity.root / "bundles" / parity.champion.bundle, parity.encoders)
    features = bundle.features([Ticket(body) for body in parity.bodies[:50]])
    assert features.vectors is not None
    turned = TicketFeatures(features.documents, features.columns, features.vectors[::-1].copy())
    for target, rows in bundle.probabilities(features).items():
        assert np.abs(bundle.probabilities(turned)[target] - rows).max() > 0.01, target
