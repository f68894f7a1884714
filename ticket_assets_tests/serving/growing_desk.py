"""A desk that grows: tickets of three topics, then of a fourth too; models that are really fitted to them.

Here: the tables as the line makes them, a model on them, a bundle before the court. Not here: any test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from ticket_assets.features.text import text_features
from ticket_assets.models.ngrams import TfidfSpec
from ticket_assets.models.recipe import Recipe
from ticket_assets.models.representation import Blocks
from ticket_assets.models.rows import TargetRows, target_rows
from ticket_assets.models.seen_tickets import SeenTickets
from ticket_assets.models.split import RECENT, TRAIN, Holdout, assign, choose_holdout
from ticket_assets.models.target_model import TargetModel
from ticket_assets.models.trained_rows import keep_trained
from ticket_assets.models.training import fold_scores, train
from ticket_assets.models.workbench import Workbench
from ticket_assets.profile import SplitSettings
from ticket_assets.serving.manifest import BundleManifest
from ticket_assets.serving.prediction import Ticket
from ticket_assets.serving.recent_tickets import recent_tickets
from ticket_assets.serving.succession import Succession, settle
from ticket_assets.serving.trial import held_out
from ticket_assets_tests.serving.conftest import TOY_SCHEMA
from ticket_assets_tests.serving.toys import SmallDesk

OLD, NEW = ("access", "hardware", "network"), ("access", "hardware", "network", "payroll")
RECIPE = Recipe("linear_svm", Blocks(tfidf=TfidfSpec(max_ngrams=1000), sparse=True), {"C": 0.5})
FOLDS, RECENT_SHARE = 3, 0.2


def arriving(count: int, topics: tuple[str, ...], seed: int, source: str = "desk") -> pd.DataFrame:
    """Clean tickets of their own families: three words of their topic, more or less, in eight that all use."""
    random = np.random.default_rng(seed)
    label = random.choice(topics, count)
    told = np.where(random.random(count) < 0.15, random.choice(topics, count), label)
    texts = [
        " ".join([*(f"{one}{random.integers(9)}" for _ in range(3)), *(f"word{random.integers(40)}" for _ in range(8))])
        for one in told
    ]
    ids = [f"{source}-{seed}-{number}" for number in range(count)]
    weight = 1.0 if source == "desk" else 2.0
    return pd.DataFrame(
        {"ticket_id": ids, "text": texts, "language": "en", "family_id": ids, "created_at": pd.NaT, "disputed": False}
        | {"label_queue": label, "source": source, "weight": weight}
    )


@dataclass
class GrowingDesk:
    """Tickets, the frozen hold-out, who was seen; and the court of a small desk."""

    court: SmallDesk
    clean: pd.DataFrame
    holdout: Holdout = field(init=False)
    seen: SeenTickets = field(init=False, default_factory=SeenTickets)

    def __post_init__(self) -> None:
        self.holdout = choose_holdout(self.clean, SplitSettings())
        self.seen = self.seen.and_those_of(assign(self.clean, self.holdout, FOLDS), RECENT)

    def grow(self, tickets: pd.DataFrame) -> None:
        self.clean = pd.concat([self.clean, tickets], ignore_index=True)
        self.seen = self.seen.and_those_of(self.split(), RECENT)

    def split(self) -> pd.DataFrame:
        return assign(self.clean, self.holdout, FOLDS, self.seen, RECENT_SHARE)

    def rows(self) -> TargetRows:
        made = text_features(list(self.clean["text"]), list(self.clean["language"]), [{}] * len(self.clean), TOY_SCHEMA)
        text = pd.DataFrame(made.columns, columns=list(TOY_SCHEMA.columns))
        text.insert(0, "document", list(made.documents))
        text.insert(0, "ticket_id", self.clean["ticket_id"])
        return target_rows("queue", self.clean, text, self.split(), None)

    def fitted(self, rows: TargetRows, y: np.ndarray | None = None, some: int | None = None) -> TargetModel:
        """The recipe on the training rows, or some of them, or on labels of one's own."""
        training, chosen = rows.training, np.arange(len(rows.training.y))[:some]
        labels = (training.y if y is None else y)[chosen]
        weights = None if training.weights is None else training.weights[chosen]
        features, classes = training.features.take(chosen), len(rows.labels)
        bench = Workbench(features, labels, rows.groups[chosen], classes, 0, 1, weights=weights)
        folds, scores = rows.folds[chosen], np.zeros((len(chosen), classes), dtype=np.float32)
        for number in range(FOLDS):
            scores[folds == number] = fold_scores(bench, RECIPE, folds, number)
        return train(bench, RECIPE, "queue", rows.labels, scores)

    def bundled(self, model: TargetModel, version: str) -> BundleManifest:
        """The model as a bundle of a version of the data, whose lists are kept as the asset keeps them."""
        split = self.split()
        trained, lately = (split.loc[split["side"] == side, "ticket_id"] for side in (TRAIN, RECENT))
        keep_trained(self.court.court.trained, version, trained, lately)
        return self.court.written([model], data={"tickets/clean": version})

    def settle(self, challenger: BundleManifest, model: TargetModel, rows: TargetRows) -> Succession:
        tickets: Mapping[str, Ticket] = {
            one: Ticket(text) for one, text in zip(self.clean["ticket_id"], self.clean["text"], strict=True)
        }
        answers = pd.DataFrame({"ticket_id": rows.holdout_ids, "target": "queue", "y": rows.holdout.y})
        answers["probabilities"] = list(model.probabilities(rows.holdout.features))
        ordered, held = held_out({"queue": rows}, answers, tickets, challenger.targets)
        recent = recent_tickets({"queue": rows}, tickets)
        with self.court.registry.closing(self.court.open_run()) as run:
            return settle(self.court.court, challenger, ordered, held, run, {"dagster_run": "a-run"}, recent)

    def challenge(self, model: TargetModel, version: str, rows: TargetRows) -> Succession:
        return self.settle(self.bundled(model, version), model, rows)


def begin(folder: Path, uri: str, count: int = 600) -> GrowingDesk:
    """A desk of three topics, without a champion."""
    court = SmallDesk(folder, uri)
    court.court = replace(court.court, trained=folder / "trained")
    return GrowingDesk(court, arriving(count, OLD, seed=1))
