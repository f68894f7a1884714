"""XGBoost's trees as arrays that one ticket falls through level by level, all trees at a time.

Belongs here: reading a booster's trees, padding them to full depth, the margins of one row, their file.
Does not belong here: many rows, which the library scores faster (estimators.py), other kinds of trees (trees.py).

For one row the library takes some 0.4 microseconds a tree, and a model of eight classes has 1,600: two targets are then
most of what an answer costs without the encoder. Here a level is six operations of numpy over all trees, however many.
The sums are made in the library's order and precision, so that the margins are the same to the last bit: a test holds
them to that.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

PADDED_FILE = "padded_trees.npz"
DEEPEST = 10
"""Levels beyond which padding would cost more memory than it saves time."""
_LEAF = -1


@dataclass(frozen=True)
class PaddedTrees:
    """T trees of one depth, R rounds of K classes each.

    Attributes:
        depth: levels of questions, D.
        features: int32 (T * (2^D - 1),) column asked for, tree after tree, in the order of a heap.
        thresholds: float32, alike; a value below goes left.
        leaves: float32 (T * 2^D,).
        base: float32 (K,), what a margin begins with.
    """

    depth: int
    features: np.ndarray
    thresholds: np.ndarray
    leaves: np.ndarray
    base: np.ndarray

    @classmethod
    def of(cls, booster: Any) -> "PaddedTrees | None":
        """The trees of a booster of objective multi:softprob; None where they cannot be padded.

        That is where one is too deep, splits by categories, or does not stand in its class's place of a round.
        """
        learner = json.loads(bytes(booster.save_raw("json")))["learner"]
        base = np.atleast_1d(np.array(json.loads(learner["learner_model_param"]["base_score"]), dtype=np.float32))
        model = learner["gradient_booster"].get("model", {})
        trees, classes = model.get("trees", []), max(1, int(learner["learner_model_param"]["num_class"]))
        in_order = [place % classes for place in range(len(trees))] == list(model.get("tree_info", [])) and trees
        if not in_order or len(base) != classes or any(any(tree["split_type"]) for tree in trees):
            return None
        depth = max(1, *map(_depth, trees))  # one at least: a tree may be a single leaf
        if depth > DEEPEST:
            return None
        parts = [_padded(tree, depth) for tree in trees]
        features, thresholds, leaves = (np.concatenate(part) for part in zip(*parts, strict=True))
        return cls(depth, features, thresholds, leaves, base)

    def margins(self, row: np.ndarray) -> np.ndarray:
        """Margins float32 (K,) of one row float32 (d,) of finite numbers."""
        inner = 2**self.depth - 1
        begins = np.arange(0, len(self.features), inner)
        node = np.zeros(len(begins), dtype=np.intp)
        for _ in range(self.depth):
            at = begins + node
            node = 2 * node + 2 - (row[self.features[at]] < self.thresholds[at])
        # Of tree t the leaf that stands at t * (inner + 1) + node - inner.
        fallen = self.leaves[np.arange(-inner, len(self.leaves) - inner, inner + 1) + node]
        # Over the first axis numpy adds round after round, as the library does.
        return np.asarray(np.add.reduce(np.vstack([self.base, fallen.reshape(-1, len(self.base))]), axis=0))

    def save(self, folder: Path) -> None:
        """Write `padded_trees.npz`: to read the library's JSON takes a third of a second at each start."""
        np.savez_compressed(folder / PADDED_FILE, **asdict(self))

    @classmethod
    def load(cls, folder: Path) -> "PaddedTrees":
        """Read what `save` wrote."""
        with np.load(folder / PADDED_FILE, allow_pickle=False) as arrays:
            return cls(**{**{name: arrays[name] for name in arrays.files}, "depth": int(arrays["depth"])})


def _depth(tree: dict[str, Any]) -> int:
    left, right = tree["left_children"], tree["right_children"]
    deepest, waiting = 0, [(0, 0)]
    while waiting:
        node, level = waiting.pop()
        deepest = max(deepest, level)
        if left[node] != _LEAF:
            waiting += [(left[node], level + 1), (right[node], level + 1)]
    return deepest


def _padded(tree: dict[str, Any], depth: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Heap of one tree: below a leaf that comes early every place leads to its value."""
    left, right = np.array(tree["left_children"]), np.array(tree["right_children"])
    asked, said = np.array(tree["split_indices"]), np.array(tree["split_conditions"], dtype=np.float32)
    standing = np.zeros(1, dtype=np.intp)  # node of the tree at each place of the level
    features, thresholds = [], []
    for _ in range(depth):
        ends = left[standing] == _LEAF
        features.append(np.where(ends, 0, asked[standing]).astype(np.int32))
        thresholds.append(np.where(ends, np.float32(np.inf), said[standing]))
        standing = np.column_stack(
            [np.where(ends, standing, left[standing]), np.where(ends, standing, right[standing])]
        ).ravel()
    none = np.zeros(0, dtype=np.float32)
    return np.concatenate([none.astype(np.int32), *features]), np.concatenate([none, *thresholds]), said[standing]
