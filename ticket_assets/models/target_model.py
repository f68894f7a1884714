"""A fitted model of one target: features in, calibrated probabilities out.

Belongs here: putting representation, estimator and calibration together; its folder.
Does not belong here: fitting (training.py); several targets and their guards (serving/bundle.py).
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ticket_assets.features.text import TicketFeatures
from ticket_assets.models.calibration import apply
from ticket_assets.models.estimators import Estimator, load_estimator
from ticket_assets.models.recipe import Recipe
from ticket_assets.models.representation import InnerBlocks, Representation


@dataclass(frozen=True)
class TargetModel:
    """One target's model.

    Attributes:
        target: its name.
        labels: K class names, in the order of the columns of the probabilities.
        recipe: what it was made from.
        representation: fitted blocks.
        estimator: fitted estimator.
        inverse_temperature: of the calibration, > 0.
    """

    target: str
    labels: tuple[str, ...]
    recipe: Recipe
    representation: Representation
    estimator: Estimator
    inverse_temperature: float

    @property
    def needs_vectors(self) -> bool:
        """Whether tickets must be encoded before they are given to it."""
        return self.recipe.blocks.needs_vectors

    def probabilities(self, features: TicketFeatures, votes: np.ndarray | None = None) -> np.ndarray:
        """Calibrated probabilities float64 (n, K), rows sum to 1; `votes` of its neighbours where they are known."""
        matrix = self.representation.transform(features, InnerBlocks(votes=votes))
        return apply(self.estimator.scores(matrix), self.inverse_temperature)

    def save(self, folder: Path) -> None:
        """Write `model.json` and the native files of the parts."""
        described = {
            "target": self.target,
            "labels": self.labels,
            "recipe": self.recipe.as_dict(),
            "inverse_temperature": self.inverse_temperature,
        }
        (folder / "model.json").write_text(json.dumps(described, indent=2))
        self.representation.save(folder)
        self.estimator.save(folder)

    @classmethod
    def load(cls, folder: Path, threads: int = 1) -> "TargetModel":
        """Read what `save` wrote."""
        described = json.loads((folder / "model.json").read_text())
        return cls(
            described["target"],
            tuple(described["labels"]),
            Recipe.from_dict(described["recipe"]),
            Representation.load(folder),
            load_estimator(folder, threads),
            described["inverse_temperature"],
        )
