"""Decision trees as arrays: what scikit-learn or CatBoost grew, scored by numpy alone.

Belongs here: walking down the trees, scores, contributions, the file.
Does not belong here: growing them (fitting_trees.py, fitting_catboost.py).

So that the service needs neither library, and no pickle: the arrays say everything.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ticket_assets.models.representation import Matrix, dense

TREES_FILE = "trees.npz"
LEAF = -1
# No share of votes is taken for less: its logarithm must be finite, and one tree of a thousand says so much at most.
LEAST_SHARE = 1e-4
# Rows x trees x classes that are looked up at once: some 20 MB, however many tickets are scored.
CELLS = 2**20


@dataclass(frozen=True)
class TreesEstimator:
    """A forest or boosted trees; a row's sum is that of the values of the leaves it falls into.

    Attributes:
        roots: int32 (T,) first node of each tree.
        children: int32 (N, 2), left and right; a leaf's are itself.
        features: int32 (N,) column that a node asks for, LEAF for a leaf.
        thresholds: float32 (N,); a value up to it goes left, a greater one right.
        values: float (N, K): what a leaf adds; of an inner node the mean of its leaves, weighted by their training
            rows, which only contributions need. float32 in forests, whose leaves are many.
        base: float64 (K,) added to every score.
        votes: whether the sum is a probability, as in a forest; the score is then its logarithm, on which a
            temperature works as on log-odds, with shares below LEAST_SHARE taken for that.
    """

    roots: np.ndarray
    children: np.ndarray
    features: np.ndarray
    thresholds: np.ndarray
    values: np.ndarray
    base: np.ndarray
    votes: bool

    def scores(self, matrix: Matrix) -> np.ndarray:
        """Raw scores float64 (n, K); memory does not grow with n beyond them."""
        sums = np.empty((matrix.shape[0], len(self.base)))
        for rows in self._chunks(len(sums)):
            nodes = np.tile(self.roots, rows.stop - rows.start)
            for pairs, _, reached in self._walk(dense(matrix[rows])):
                nodes[pairs] = reached
            leaves = nodes.reshape(-1, len(self.roots))
            sums[rows] = self.values[leaves].sum(axis=1, dtype=np.float64)
        return self.base + (np.log(np.clip(sums, LEAST_SHARE, None)) if self.votes else sums)

    def contributions(self, matrix: Matrix, chosen: np.ndarray) -> np.ndarray:
        """What each column adds to the score of one class per row, along the paths that the row takes.

        Each step down a tree changes the mean of the leaves that can still be reached; the change is credited to the
        column that the step asked for (Saabas 2014, "Interpreting random forests").

        Args:
            matrix: float32 (n, d).
            chosen: int (n,) class of each row.

        Returns:
            float64 (n, d + 1), the last column what is there before any step. A row sums to the raw score of its
            class; where `votes`, to its probability before the logarithm, which is what adds up over trees.
        """
        count, width = matrix.shape
        given = np.zeros((count, width + 1))
        for rows in self._chunks(count):
            for pairs, nodes, reached in self._walk(dense(matrix[rows])):
                row = pairs // len(self.roots) + rows.start
                classes = chosen[row]
                step = self.values[reached, classes].astype(np.float64) - self.values[nodes, classes]
                np.add.at(given, (row, self.features[nodes]), step)
        begin = self.values[self.roots].sum(axis=0, dtype=np.float64)
        given[:, -1] = (begin if self.votes else begin + self.base)[chosen]
        return given

    def _walk(self, block: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Send every row down every tree, level by level.

        Yields:
            Of the pairs of row and tree that are still on their way: their numbers (row * T + tree), the nodes they
            stand at, the nodes they reach.
        """
        flat, trees = block.ravel(), len(self.roots)
        nodes = np.tile(self.roots, len(block))
        pairs = np.flatnonzero(self.features[nodes] != LEAF)
        nodes = nodes[pairs]
        while pairs.size:
            right = flat[pairs // trees * block.shape[1] + self.features[nodes]] > self.thresholds[nodes]
            reached = self.children[nodes, right.astype(np.int8)]
            yield pairs, nodes, reached
            on = self.features[reached] != LEAF
            pairs, nodes = pairs[on], reached[on]

    def _chunks(self, count: int) -> Iterator[slice]:
        size = max(1, CELLS // (len(self.roots) * len(self.base)))
        return (slice(start, min(start + size, count)) for start in range(0, count, size))

    def save(self, folder: Path) -> None:
        """Write `trees.npz`."""
        np.savez_compressed(folder / TREES_FILE, **asdict(self))

    @classmethod
    def load(cls, folder: Path) -> "TreesEstimator":
        """Read what `save` wrote."""
        with np.load(folder / TREES_FILE, allow_pickle=False) as arrays:
            return cls(**{**{name: arrays[name] for name in arrays.files}, "votes": bool(arrays["votes"])})
