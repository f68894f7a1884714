"""A bundle behind first stages encodes the tickets that one is unsure of, each once, and no other."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from ticket_assets.models.estimators import LinearEstimator
from ticket_assets.models.recipe import Recipe
from ticket_assets.models.representation import Blocks, Representation
from ticket_assets.models.target_model import TargetModel
from ticket_assets.serving.bundle import TriageBundle, write_bundle
from ticket_assets.serving.manifest import BundleManifest
from ticket_assets.serving.prediction import Ticket
from ticket_assets_tests.serving.conftest import toy_fields, toy_model

LOUD, QUIET, MIDDLING = Ticket("HELP NOW HELP NOW"), Ticket("please help please help"), Ticket("PLEASE HELP")
TICKETS = [LOUD, MIDDLING, QUIET, MIDDLING]


@dataclass
class RecordingEncoder:
    """Two dimensions; remembers what it was given."""

    dimensions: int = 2
    given: list[str] = field(default_factory=list)

    def encode(self, texts: Sequence[str], progress: object = None) -> np.ndarray:
        self.given += texts
        return np.array([[1.0, len(text) / 100] for text in texts], dtype=np.float32)


def cascade(target: str = "tone") -> TargetModel:
    """Its first stage hears shouting; what is neither loud nor quiet goes to one that reads vectors and says quiet."""
    blocks = Blocks(vectors=1.0)
    estimator = LinearEstimator(np.array([[3.0, 0.0], [0.0, 0.0]]), np.zeros(2))
    recipe = Recipe("linear_svm", blocks, {"C": 1.0})
    whole = TargetModel(target, ("quiet", "loud"), recipe, Representation(blocks), estimator, 1.0)
    return replace(whole, first=toy_model(target), sure_from=0.9)


def bundle(root: Path, models: Sequence[TargetModel]) -> tuple[TriageBundle, RecordingEncoder]:
    targets = tuple(model.target for model in models)
    made = write_bundle(root, models, toy_fields({"id": "onnx-toy", "runtime": "onnx"}, targets), "a card\n")
    encoder = RecordingEncoder()
    return TriageBundle(made, models, encoder), encoder


@pytest.fixture
def staged(tmp_path: Path) -> tuple[TriageBundle, RecordingEncoder]:
    return bundle(tmp_path, [cascade("tone"), cascade("mood")])


def test_only_what_a_first_stage_is_unsure_of_is_encoded_and_once_for_all_targets(
    staged: tuple[TriageBundle, RecordingEncoder],
) -> None:
    asked, encoder = staged
    answers = asked.predict(TICKETS)
    assert encoder.given == ["PLEASE HELP"] * 2
    assert [one["tone"].label for one in answers] == ["loud", "quiet", "quiet", "quiet"]
    encoder.given.clear()
    assert asked.predict([LOUD])[0]["mood"].label == "loud"
    assert encoder.given == []


def test_a_ticket_has_the_same_answer_alone_among_others_and_where_all_are_encoded(
    staged: tuple[TriageBundle, RecordingEncoder],
) -> None:
    asked, _ = staged
    together = asked.predict(TICKETS)
    assert [asked.predict([one])[0] for one in TICKETS] == together
    told = asked.probabilities(asked.features(TICKETS))["tone"]
    assert [dict(zip(("quiet", "loud"), row, strict=True)) for row in told] == [
        one["tone"].probabilities for one in together
    ]


def test_a_target_without_a_first_stage_has_every_ticket_encoded(tmp_path: Path) -> None:
    asked, encoder = bundle(tmp_path, [cascade("tone"), replace(cascade("mood"), first=None)])
    asked.predict(TICKETS)
    assert len(encoder.given) == len(TICKETS)


def test_reasons_are_of_the_model_that_answered(staged: tuple[TriageBundle, RecordingEncoder]) -> None:
    asked, _ = staged
    loud, middling = (one["tone"].reasons for one in asked.predict([LOUD, MIDDLING], reasons=3))
    assert {reason.kind for reason in loud} == {"measure"}
    assert {reason.kind for reason in middling} == {"meaning"}


def test_a_bundle_names_the_libraries_of_its_first_stages_too(tmp_path: Path) -> None:
    whole = cascade()
    assert whole.first is not None
    boosted = replace(whole, first=replace(whole.first, recipe=replace(whole.first.recipe, family="xgboost")))
    made = write_bundle(tmp_path, [boosted], toy_fields({"id": "onnx-toy", "runtime": "onnx"}), "a card\n")
    assert "xgboost" in made.libraries
    again = BundleManifest.read(tmp_path / made.id)
    assert "tone/first/model.json" in again.files
