"""A fitted model of one target: features in, calibrated probabilities out.

Belongs here: putting representation, estimator and calibration together, and a model that is asked first; its folder.
Does not belong here: fitting (training.py); when the first one is believed (cascade.py); several targets and their
guards (serving/bundle.py).
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ticket_assets.features.text import TicketFeatures
from ticket_assets.models.calibration import apply
from ticket_assets.models.cascade import Early
from ticket_assets.models.estimators import Estimator, load_estimator
from ticket_assets.models.recipe import Recipe
from ticket_assets.models.representation import InnerBlocks, Representation

FIRST = "first"


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
        first: a model of the same labels without sentence vectors, which answers where it is sure; None: this one
            answers every ticket.
        sure_from: confidence from which `first` is believed.
    """

    target: str
    labels: tuple[str, ...]
    recipe: Recipe
    representation: Representation
    estimator: Estimator
    inverse_temperature: float
    first: "TargetModel | None" = None
    sure_from: float = 0.0

    @property
    def families(self) -> set[str]:
        """Families of the models in it."""
        return {self.recipe.family} | (self.first.families if self.first else set())

    @property
    def needs_vectors(self) -> bool:
        """Whether tickets must be encoded before they are given to it."""
        return self.recipe.blocks.needs_vectors

    def early(self, features: TicketFeatures) -> Early | None:
        """What the first stage says of tickets, which need no vectors for it; None where there is no first stage."""
        if self.first is None:
            return None
        probabilities = self.first.probabilities(features)
        return Early(probabilities, probabilities.max(axis=1) < self.sure_from)

    def probabilities(
        self, features: TicketFeatures, votes: np.ndarray | None = None, early: Early | None = None
    ) -> np.ndarray:
        """Calibrated probabilities float64 (n, K), rows sum to 1.

        Args:
            features: of n tickets; those of which the first stage is sure need no vector.
            votes: of their neighbours, where they are known.
            early: what the first stage says of them, where that is known.
        """
        early = early or self.early(features)
        if early is None:
            return self._whole(features, votes)
        rows = np.flatnonzero(early.unsure)
        answers = early.probabilities.copy()
        if rows.size:
            answers[rows] = self._whole(features.take(rows), None if votes is None else votes[rows])
        return answers

    def answering(self, early: Early | None, tickets: int) -> list[tuple["TargetModel", np.ndarray]]:
        """Which model answers which of n tickets: pairs of a model and int rows, none of them empty."""
        whole = replace(self, first=None)
        if early is None or self.first is None:
            return [(whole, np.arange(tickets))]
        pairs = [(self.first, np.flatnonzero(~early.unsure)), (whole, np.flatnonzero(early.unsure))]
        return [(model, rows) for model, rows in pairs if rows.size]

    def _whole(self, features: TicketFeatures, votes: np.ndarray | None) -> np.ndarray:
        matrix = self.representation.transform(features, InnerBlocks(votes=votes))
        return apply(self.estimator.scores(matrix), self.inverse_temperature)

    def save(self, folder: Path) -> None:
        """Write `model.json` and the native files of the parts."""
        described: dict[str, Any] = {
            "target": self.target,
            "labels": self.labels,
            "recipe": self.recipe.as_dict(),
            "inverse_temperature": self.inverse_temperature,
        }
        if self.first is not None:
            described["sure_from"] = self.sure_from
            (folder / FIRST).mkdir()
            self.first.save(folder / FIRST)
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
            cls.load(folder / FIRST, threads) if "sure_from" in described else None,
            described.get("sure_from", 0.0),
        )
