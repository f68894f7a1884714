"""Bundles that share nothing but a target's name: other families, other blocks, other labels, with and without encoder.

Here: fitting and writing them, and spoiling one. Not here: any test.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from ticket_assets.features.encoder import OnnxEncoder
from ticket_assets.features.text import text_features
from ticket_assets.models.bands import Bands
from ticket_assets.models.estimators import LinearEstimator
from ticket_assets.models.ngrams import TfidfSpec
from ticket_assets.models.recipe import Recipe
from ticket_assets.models.representation import Blocks
from ticket_assets.models.target_model import TargetModel
from ticket_assets.models.training import train
from ticket_assets.models.workbench import Workbench
from ticket_assets.serving.bundle import write_bundle
from ticket_assets_tests.serving.conftest import TOY_SCHEMA, toy_fields, toy_model

QUIET = ("please help with the printer", "a new mouse, please", "could you reset my password", "I need a licence")
LOUD = ("HELP NOW the server is down", "NOTHING works HERE", "WHERE is my laptop", "the VPN FAILS AGAIN")
ANGRY = ("this is a scandal, I will call your boss!!!", "what a mess, shame on you!!!", "useless, all of you!!!")
TEXTS = tuple(f"{text}, floor {floor}" for floor in range(8) for text in (*QUIET, *LOUD, *ANGRY))
TONES = tuple(kind for _ in range(8) for kind, its in ((0, QUIET), (1, LOUD), (2, ANGRY)) for _ in its)
VOTES = Recipe("logistic_regression", Blocks(votes=True, vectors=1.0), {"C": 1.0})
TREES = Recipe(
    "lightgbm",
    Blocks(tfidf=TfidfSpec(longest=1, max_ngrams=500), scores=True, columns=1.0),
    {"num_iterations": 15, "learning_rate": 0.2, "num_leaves": 4, "min_data_in_leaf": 3},
)


def write_differing(root: Path, encoder: OnnxEncoder) -> list[str]:
    """Three bundles; their ids.

    The first is linear on columns alone. The second asks the encoder and its index of neighbours, and has one target
    more. The third is of trees on words, and knows a third label.
    """
    named = {"id": encoder.encoder_id, "runtime": "onnx"}
    made = [
        ([toy_model()], None),
        (
            [_fitted("tone", VOTES, ("quiet", "loud"), encoder), _fitted("floor", VOTES, ("low", "high"), encoder)],
            named,
        ),
        ([_fitted("tone", TREES, ("quiet", "loud", "angry"), None)], None),
    ]
    return [_write(root, models, encoder_of) for models, encoder_of in made]


def write_flipped(root: Path) -> str:
    """A bundle of which one byte is another than was written; its id."""
    bundle = _write(root, [toy_model()], None, act=0.95)
    arrays = root / bundle / "tone" / "model.json"
    content = bytearray(arrays.read_bytes())
    content[len(content) // 2] ^= 1
    arrays.write_bytes(content)
    return bundle


def write_unfinished(root: Path) -> str:
    """A bundle whose copying broke off before its manifest; its id."""
    bundle = _write(root, [toy_model()], None, act=0.96)
    (root / bundle / "bundle.json").unlink()
    return bundle


def write_numberless(root: Path) -> str:
    """A bundle whose files are what they ought to be, and whose answers are no numbers; its id."""
    model = toy_model()
    assert isinstance(model.estimator, LinearEstimator)
    broken = LinearEstimator(model.estimator.weights * np.nan, model.estimator.intercepts)
    return _write(root, [replace(model, estimator=broken)], None)


def _write(root: Path, models: list[TargetModel], encoder: dict[str, str] | None, act: float = 0.85) -> str:
    targets = tuple(model.target for model in models)
    fields = toy_fields(encoder, targets) | {"bands": dict.fromkeys(targets, Bands(act=act, suggest=0.6))}
    return write_bundle(root, models, fields, "a toy").id


def _fitted(target: str, recipe: Recipe, labels: tuple[str, ...], encoder: OnnxEncoder | None) -> TargetModel:
    y = np.array(TONES) if target == "tone" else np.arange(len(TEXTS)) // (len(TEXTS) // 2)
    rows = np.flatnonzero(y < len(labels))
    y, texts = y[rows], [TEXTS[row] for row in rows]
    features = text_features(texts, ["en"] * len(texts), [{}] * len(texts), TOY_SCHEMA)
    if encoder:
        features = replace(features, vectors=encoder.encode(texts))
    ids = [f"t-{row}" for row in rows]
    bench = Workbench(features, y, np.arange(len(texts)), len(labels), seed=1, threads=1, ticket_ids=ids)
    # Scores that are little better than chance, so that no probability ends at 0 or 1, where all models agree.
    noise = np.random.default_rng(1).normal(size=(len(texts), len(labels)))
    return train(bench, recipe, target, labels, 3 * noise + np.eye(len(labels))[y])
