"""CatBoost, fitted and read into arrays.

Belongs here: the fit; its symmetric trees as nodes.
Does not belong here: scoring (trees.py), the trees of scikit-learn (fitting_trees.py).
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from ticket_assets.models.fit_task import FitTask
from ticket_assets.models.trees import LEAF, TreesEstimator

BORDERS = 32


def fit_catboost(parameters: dict[str, float], task: FitTask) -> TreesEstimator:
    """Boosted symmetric trees, which ask the same question at all nodes of a level (Prokhorenkova et al. 2018)."""
    import catboost

    model = catboost.CatBoostClassifier(
        **parameters,
        loss_function="MultiClass",
        boosting_type="Plain",
        bootstrap_type="Bernoulli",
        border_count=BORDERS,
        random_seed=task.seed,
        thread_count=task.threads,
        allow_writing_files=False,
        logging_level="Silent",
    )
    model.fit(task.matrix, np.searchsorted(task.known, task.y), sample_weight=task.weights)
    return read_trees(_exported(model), task)


def _exported(model: Any) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        model.save_model(str(path), format="json")
        return json.loads(path.read_text())


def read_trees(exported: dict[str, Any], task: FitTask) -> TreesEstimator:
    """Trees of CatBoost's JSON export; its borders are float32, and a value greater than one goes right."""
    trees = exported["oblivious_trees"]
    scale, bias = exported["scale_and_bias"]
    sizes = [2 ** (len(tree["splits"]) + 1) - 1 for tree in trees]
    roots = np.cumsum([0, *sizes[:-1]], dtype=np.int32)
    children, features, thresholds, values = [], [], [], []
    for root, size, tree in zip(roots, sizes, trees, strict=True):
        nodes, inner = np.arange(size, dtype=np.int32), size // 2
        below = np.column_stack([2 * nodes + 1, 2 * nodes + 2])
        children.append(root + np.where(nodes[:, None] < inner, below, nodes[:, None]))
        # A leaf's number has the answer to the first split as its lowest bit: the last split stands at the top.
        asked = [split for level, split in enumerate(reversed(tree["splits"])) for _ in range(2**level)]
        leaves = [LEAF] * (size - inner)
        features.append([*(split["float_feature_index"] for split in asked), *leaves])
        thresholds.append([*(split["border"] for split in asked), *map(float, leaves)])
        values.append(scale * _means(tree, len(task.known)))
    return TreesEstimator(
        roots=roots,
        children=np.vstack(children).astype(np.int32),
        features=np.hstack(features).astype(np.int32),
        thresholds=np.hstack(thresholds).astype(np.float32),
        values=task.spread(np.vstack(values)),
        base=task.base(np.asarray(bias)),
        votes=False,
    )


def _means(tree: dict[str, Any], known: int) -> np.ndarray:
    """Values float64 (nodes, known), level by level from the root; an inner node's is the mean of its leaves."""
    levels = [np.reshape(tree["leaf_values"], (-1, known))]
    weights = np.asarray(tree["leaf_weights"], dtype=np.float64)
    while len(weights) > 1:
        weights = weights.reshape(-1, 2)
        # A pair of leaves that no training row reached counts alike.
        shares = np.where(weights.sum(axis=1, keepdims=True) > 0, weights, 1.0)
        shares = shares / shares.sum(axis=1, keepdims=True)
        levels.insert(0, (levels[0].reshape(-1, 2, known) * shares[:, :, None]).sum(axis=1))
        weights = weights.sum(axis=1)
    return np.vstack(levels)
