"""What the finished line left for serving: its champion's bundle, its held-out tickets, the asset's own answers."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ticket_assets.resources import Desk
from ticket_assets.serving.bundle import BundleManifest, TriageBundle
from ticket_assets.serving.prediction import Ticket
from ticket_assets.serving.store import Champion, require_champion
from ticket_assets_tests.line import PROFILE, Line


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


def change_manifest(folder: Path, **changes: object) -> None:
    path = folder / "bundle.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def as_arrays(bundle: TriageBundle, tickets: list[Ticket]) -> dict[str, np.ndarray]:
    return bundle.probabilities(bundle.features(tickets))
