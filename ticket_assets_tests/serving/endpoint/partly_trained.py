"""A bundle of some tickets of a finished line, so that the line's own tables hold more than it was trained on.

Here: training it, the answers that are to be expected of those tables. Not here: any test.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from ticket_assets.features.encoder import OnnxEncoder
from ticket_assets.features.vectors import VectorTable
from ticket_assets.models.rows import stored_features
from ticket_assets.models.training import train
from ticket_assets.models.workbench import Workbench
from ticket_assets.serving.bundle import TriageBundle, write_bundle
from ticket_assets.serving.prediction import Ticket
from ticket_assets.serving.store import Champion, write_champion
from ticket_assets_tests.line import Line
from ticket_assets_tests.serving.conftest import TOY_SCHEMA, toy_fields
from ticket_assets_tests.serving.endpoint.differing import VOTES

TRAINED_ON, TARGETS = 120, ("queue", "priority")


@dataclass(frozen=True)
class Trained:
    """A bundle of the first clean tickets of a line, and all of them."""

    line: Line
    root: Path
    bundle: TriageBundle
    clean: pd.DataFrame
    vectors: np.ndarray

    def nearest(self, ticket: Ticket) -> list[str]:
        """All ids by the cosine of their vectors, computed here."""
        order = np.argsort(-(self.vectors.astype(np.float64) @ self.bundle.vector(ticket)), kind="stable")
        return list(self.clean["ticket_id"].iloc[order])

    def labels(self, ticket_id: str) -> dict[str, str]:
        row = self.clean.set_index("ticket_id").loc[ticket_id]
        return {target: row[f"label_{target}"] for target in TARGETS if pd.notna(row[f"label_{target}"])}

    def ticket(self, row: int) -> Ticket:
        return Ticket(self.clean["text"].iloc[row])


def train_on_some(line: Line, encoder: OnnxEncoder, root: Path) -> Trained:
    """Write the bundle into a store, as its champion."""
    clean, text = line.table("tickets", "clean"), line.table("features", "text")
    table = VectorTable(line.folders.vectors, encoder.encoder_id, encoder.dimensions)
    vectors = table.read(list(clean["ticket_id"]))
    rows = np.flatnonzero(clean[[f"label_{target}" for target in TARGETS]].notna().all(axis=1))[:TRAINED_ON]
    features = stored_features(text.iloc[rows], vectors[rows])
    features = replace(features, columns=features.columns[:, : len(TOY_SCHEMA.columns)])
    models = []
    for target in TARGETS:
        y, labels = pd.factorize(clean[f"label_{target}"].iloc[rows], sort=True)
        bench = Workbench(
            features, y, rows, len(labels), seed=1, threads=1, ticket_ids=list(clean["ticket_id"].iloc[rows])
        )
        models.append(train(bench, VOTES, target, tuple(labels), np.eye(len(labels))[y]))
    named = {"id": encoder.encoder_id, "runtime": "onnx"}
    made = write_bundle(root, models, toy_fields(named, TARGETS), "a toy")
    write_champion(root, Champion(1, made.id, "2026-01-01T00:00:00+00:00"))
    bundle = TriageBundle.load(root / made.id, line.folders.encoders)
    return Trained(line, root, bundle, clean, vectors)
