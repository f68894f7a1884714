"""What the finished line left for serving: its champion's bundle, its held-out tickets, the asset's own answers.

And a toy model on numeric columns alone, which needs no encoder.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from ticket_assets.features.text import FeatureSchema, TicketFeatures, text_features
from ticket_assets.models.bands import Bands
from ticket_assets.models.fitting import fit_estimator
from ticket_assets.models.recipe import Recipe
from ticket_assets.models.representation import Blocks, Representation
from ticket_assets.models.target_model import TargetModel
from ticket_assets.resources.desk import Desk
from ticket_assets.serving.bundle import TriageBundle
from ticket_assets.serving.manifest import BundleManifest
from ticket_assets.serving.prediction import Ticket
from ticket_assets.serving.store import Champion, require_champion
from ticket_assets.serving.throne import Court
from ticket_assets.tickets.cleaning import CLEANING_VERSION
from ticket_assets_tests.line import PROFILE, Line

if TYPE_CHECKING:
    from ticket_assets_tests.serving.toys import SmallDesk

TOY_SCHEMA = FeatureSchema(("en", "de"))


@dataclass(frozen=True)
class Served:
    """A champion, and held-out tickets with the probabilities that `models/evaluation` stored."""

    line: Line
    champion: Champion
    manifest: BundleManifest
    tickets: Mapping[str, Ticket]
    scored: pd.DataFrame

    @property
    def folder(self) -> Path:
        return self.line.folders.bundles / self.champion.bundle

    @property
    def encoders(self) -> Path:
        return self.line.folders.encoders

    def load(self, folder: Path | None = None) -> TriageBundle:
        return TriageBundle.load(folder or self.folder, self.encoders)

    def of_both_targets(self) -> list[str]:
        """Ids of held-out tickets with both labels."""
        counts = self.scored["ticket_id"].value_counts()
        return sorted(counts.index[counts == 2])

    def expected(self, ids: list[str]) -> list[dict[str, dict[str, float]]]:
        """Per ticket, target to label to probability, as the asset computed it."""
        rows = self.scored.set_index(["ticket_id", "target"])["probabilities"]
        return [
            {
                target: dict(zip(labels, map(float, rows[one, target]), strict=True))
                for target, labels in self.manifest.targets.items()
            }
            for one in ids
        ]


@pytest.fixture(scope="session")
def served_line(finished_line: Line) -> Served:
    with finished_line.environment():
        tickets = Desk(profile=PROFILE).original_tickets()
    champion = require_champion(finished_line.folders.bundles)
    manifest = BundleManifest.read(finished_line.folders.bundles / champion.bundle)
    return Served(finished_line, champion, manifest, tickets, finished_line.table("models", "evaluation"))


@pytest.fixture
def copied(served_line: Served, tmp_path: Path) -> Path:
    """A copy of the champion's bundle that may be damaged."""
    return Path(shutil.copytree(served_line.folder, tmp_path / "bundles" / served_line.folder.name))


@pytest.fixture(scope="session")
def toy_database(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One MLflow database for all tests: its schema takes seconds."""
    return f"sqlite:///{tmp_path_factory.mktemp('toys') / 'mlflow.db'}"


@pytest.fixture
def desk(tmp_path: Path, toy_database: str) -> "SmallDesk":
    from ticket_assets_tests.serving.toys import SmallDesk

    return SmallDesk(tmp_path, toy_database)


@pytest.fixture
def court(desk: "SmallDesk") -> Court:
    """Of a profile whose challengers are asked by live tickets: 30 pairs, or 14 days."""
    return replace(desk.court, rules=desk.court.rules.model_copy(update={"shadow": True, "shadow_pairs": 30}))


@pytest.fixture
def shadowed(desk: "SmallDesk", court: Court) -> "SmallDesk":
    """v1 is champion, and v2, which is better on the hold-out, is in its shadow."""
    from ticket_assets_tests.serving.toys import GOOD, HARD_OF_HEARING

    desk.crown(desk.bundle(tone=HARD_OF_HEARING))
    done = desk.settle(desk.bundle(tone=GOOD), court)
    assert not done.decision.promoted
    return desk


def change_manifest(folder: Path, **changes: object) -> None:
    path = folder / "bundle.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def as_arrays(bundle: TriageBundle, tickets: list[Ticket]) -> dict[str, np.ndarray]:
    return bundle.probabilities(bundle.features(tickets))


def toy_model(target: str = "tone") -> TargetModel:
    """Tells loud tickets from quiet ones by their numeric columns: no n-grams, no vectors."""
    texts = [("HELP NOW " if loud else "please help ") * (1 + length) for length in range(20) for loud in (0, 1)]
    columns = text_features(texts, ["en"] * len(texts), [{}] * len(texts), TOY_SCHEMA).columns
    spread = columns.std(axis=0)
    scale = np.vstack([columns.mean(axis=0), np.where(spread > 0, spread, 1)]).astype(np.float32)
    recipe = Recipe("linear_svm", Blocks(columns=1.0), {"C": 1.0})
    representation = Representation(recipe.blocks, column_scale=scale)
    matrix = representation.transform(TicketFeatures(tuple(texts), columns))
    estimator = fit_estimator(recipe, matrix, np.arange(len(texts)) % 2, 2, 1, 1)
    return TargetModel(target, ("quiet", "loud"), recipe, representation, estimator, 3.0)


def toy_fields(encoder: dict[str, str] | None = None, targets: tuple[str, ...] = ("tone",)) -> dict[str, object]:
    """What `write_bundle` is told beside models and card."""
    return {
        **{"profile": "toy", "encoder": encoder, "languages": TOY_SCHEMA.languages, "context": (), "split": "none"},
        **{"feature_schema": TOY_SCHEMA.hash, "cleaning": CLEANING_VERSION, "data": {}, "scores": {}},
        "bands": dict.fromkeys(targets, Bands(act=0.85, suggest=0.6)),
    }
