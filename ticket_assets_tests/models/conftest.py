"""Generated tickets as the rows of one target, cut once for the whole session; nobody changes them."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from ticket_assets.features.text import FeatureSchema, TicketFeatures, text_features
from ticket_assets.models.rows import TargetRows, target_rows
from ticket_assets.models.search import Budget, Search
from ticket_assets.models.split import assign, choose_holdout
from ticket_assets.models.workbench import Workbench
from ticket_assets.profile import SplitSettings
from ticket_assets.tickets.families import number_families
from ticket_assets.tickets.sample import generate
from ticket_assets.tickets.sample_spec import SampleSpec

DIMENSIONS = 8
FEW = 120


@pytest.fixture(scope="session")
def clean() -> pd.DataFrame:
    """A table like `tickets/clean`: whole tickets with a family, a language and two labels."""
    tickets = generate(SampleSpec(rows=700, seed=3))
    tickets = tickets[tickets["body"].str.len() > 0].dropna(subset=["subject", "queue"]).reset_index(drop=True)
    text = tickets["subject"] + "\n" + tickets["body"]
    return pd.DataFrame(
        {
            "ticket_id": tickets["ticket_id"],
            "text": text,
            "language": tickets["language"].fillna("und").astype(str),
            "created_at": tickets["created_at"],
            "family_id": number_families(list(text), list(tickets["ticket_id"]), cut=0.5).family_ids,
            "label_queue": tickets["queue"],
            "label_priority": tickets["priority"],
        }
    )


@pytest.fixture(scope="session")
def tables(clean: pd.DataFrame) -> SimpleNamespace:
    """What `target_rows` joins: clean, text, split, vectors (random ones of length 1)."""
    schema = FeatureSchema(("en", "de"))
    made = text_features(list(clean["text"]), list(clean["language"]), [{}] * len(clean), schema)
    text = pd.DataFrame({"ticket_id": clean["ticket_id"], "document": made.documents})
    text = pd.concat([text, pd.DataFrame(made.columns, columns=list(schema.columns))], axis=1)
    vectors = np.random.default_rng(0).normal(size=(len(clean), DIMENSIONS)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    settings = SplitSettings()
    split = assign(clean, choose_holdout(clean, settings), settings.folds)
    return SimpleNamespace(clean=clean, text=text, split=split, vectors=vectors)


@pytest.fixture(scope="session")
def queue(tables: SimpleNamespace) -> TargetRows:
    """The rows of the target `queue`."""
    return target_rows("queue", tables.clean, tables.text, tables.split, tables.vectors)


@pytest.fixture(scope="session")
def bench(queue: TargetRows) -> Workbench:
    """A workbench on the training rows of `queue`."""
    training, ids = queue.training, queue.training_ids
    return Workbench(training.features, training.y, queue.groups, len(queue.labels), 0, 1, ids)


@pytest.fixture(scope="session")
def few() -> Workbench:
    """Three topics of twelve words each, in some noise, so that models differ but learn."""
    random = np.random.default_rng(0)
    y = np.arange(FEW) % 3
    documents = []
    for topic in y:
        told = topic if random.random() < 0.8 else (topic + 1) % 3
        words = [f"topic{told}word{word}" for word in random.integers(0, 12, 3)]
        documents.append(" ".join([*words, *(f"common{word}" for word in random.integers(0, 30, 8))]))
    vectors = random.normal(size=(FEW, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    features = TicketFeatures(tuple(documents), random.normal(size=(FEW, 3)).astype(np.float32), vectors)
    return Workbench(features, y, random.integers(0, 2**31, FEW), 3, 0, 1, [f"t-{one}" for one in range(FEW)])


@pytest.fixture
def search(few: Workbench, tmp_path: Path) -> Search:
    """A search of eight trials on few tickets, with a database of its own."""
    return Search(
        bench=few,
        folds=(few.groups // 1000) % 3,
        families=("linear_svm", "lightgbm", "xgboost", "logistic_regression"),
        max_ngrams=1000,
        budget=Budget(seconds=1000, trials=8),
        storage_url=f"sqlite:///{tmp_path}/optuna.db",
        study="few",
        folder=tmp_path / "out_of_fold",
        progress=lambda _: None,
    )
