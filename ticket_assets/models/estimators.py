"""Fitted estimators at the moment of use: a matrix in, raw scores out, native files on disk.

Belongs here: scoring, what each column adds to a score, saving and loading; XGBoost and LightGBM are imported only when
one of theirs is loaded.
Does not belong here: estimators that are arrays of our own (trees.py, padded_trees.py, perceptron.py), fitting
(fitting.py), turning scores into probabilities (calibration.py), contributions into words (reasons.py).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from scipy import sparse

from ticket_assets.models.padded_trees import PADDED_FILE, PaddedTrees
from ticket_assets.models.perceptron import PERCEPTRON_FILE, PerceptronEstimator
from ticket_assets.models.representation import Matrix
from ticket_assets.models.trees import TREES_FILE, TreesEstimator

LINEAR_FILE, XGBOOST_FILE, LIGHTGBM_FILE = "linear.npz", "model.ubj", "model.lightgbm.txt"


class Estimator(Protocol):
    """Anything that scores a matrix."""

    def scores(self, matrix: Matrix) -> np.ndarray:
        """Raw scores float64 (n, K): log-odds or margins, higher is likelier."""
        ...

    def contributions(self, matrix: Matrix, chosen: np.ndarray) -> np.ndarray:
        """What each column adds to the score of one class per row.

        Args:
            matrix: float32 (n, d).
            chosen: int (n,), the class that is explained in each row.

        Returns:
            float64 (n, d + 1); the last column is the base value. A row sums to `scores(matrix)[row, chosen[row]]`.
        """
        ...

    def save(self, folder: Path) -> None:
        """Write the native file."""
        ...


@dataclass(frozen=True)
class LinearEstimator:
    """A linear model: logistic regression or linear SVM.

    Attributes:
        weights: float64 (K, d).
        intercepts: float64 (K,).
        centre: float64 (d,), the mean of the training matrix, from which contributions are counted; None: zero, which
            on n-grams is the ticket without the word.
    """

    weights: np.ndarray
    intercepts: np.ndarray
    centre: np.ndarray | None = None

    def scores(self, matrix: Matrix) -> np.ndarray:
        """Raw scores float64 (n, K)."""
        return np.asarray(matrix @ self.weights.T + self.intercepts, dtype=np.float64)

    def contributions(self, matrix: Matrix, chosen: np.ndarray) -> np.ndarray:
        """Weight times distance from the centre, float64 (n, d + 1): Shapley values where columns are independent.

        Corollary 1 of Lundberg and Lee (2017), A Unified Approach to Interpreting Model Predictions.
        """
        weights = self.weights[chosen]
        if sparse.issparse(matrix):
            parts, base = sparse.csr_matrix(matrix).multiply(weights).toarray(), self.intercepts[chosen]
        else:
            centre = 0.0 if self.centre is None else self.centre
            parts = weights * (np.asarray(matrix, dtype=np.float64) - centre)
            base = self.intercepts[chosen] + (weights * centre).sum(axis=1)
        return np.hstack([parts, base[:, None]])

    def save(self, folder: Path) -> None:
        """Write `linear.npz`; weights as float32, which `fit` rounds to as well."""
        centre = np.empty(0) if self.centre is None else self.centre
        weights = self.weights.astype(np.float32)
        np.savez(folder / LINEAR_FILE, weights=weights, intercepts=self.intercepts, centre=centre)

    @classmethod
    def load(cls, folder: Path) -> "LinearEstimator":
        """Read what `save` wrote."""
        with np.load(folder / LINEAR_FILE, allow_pickle=False) as arrays:
            centre = arrays["centre"]
            return cls(arrays["weights"].astype(np.float64), arrays["intercepts"], centre if centre.size else None)


@dataclass(frozen=True)
class XgboostEstimator:
    """A boosted model of XGBoost, objective multi:softprob.

    Attributes:
        booster: of the library.
        padded: the same trees for one ticket at a time; None where they cannot be padded, or were just fitted.
    """

    booster: Any
    padded: PaddedTrees | None = None

    def scores(self, matrix: Matrix) -> np.ndarray:
        """Raw margins float64 (n, K)."""
        # What a sparse row does not hold the library takes for missing, and sends by a rule of its own.
        if self.padded is not None and isinstance(matrix, np.ndarray) and len(matrix) == 1:
            return self.padded.margins(matrix[0])[None, :].astype(np.float64)
        return np.asarray(self.booster.inplace_predict(matrix, predict_type="margin"), dtype=np.float64)

    def contributions(self, matrix: Matrix, chosen: np.ndarray) -> np.ndarray:
        """Shapley values of the trees, float64 (n, d + 1): TreeSHAP (Lundberg et al. 2020), as XGBoost computes it."""
        import xgboost

        rows = np.arange(len(chosen))
        found = self.booster.predict(xgboost.DMatrix(matrix, nthread=1), pred_contribs=True, strict_shape=True)
        return _summing_to(self.scores(matrix)[rows, chosen], found[rows, chosen].astype(np.float64))

    def save(self, folder: Path) -> None:
        """Write `model.ubj`, and the padded trees beside it."""
        self.booster.save_model(folder / XGBOOST_FILE)
        padded = self.padded or PaddedTrees.of(self.booster)
        if padded is not None:
            padded.save(folder)

    @classmethod
    def load(cls, folder: Path, threads: int) -> "XgboostEstimator":
        """Read what `save` wrote."""
        import xgboost

        booster = xgboost.Booster({"nthread": threads})
        booster.load_model(folder / XGBOOST_FILE)
        # A bundle of an earlier version has no such file.
        there = (folder / PADDED_FILE).exists()
        return cls(booster, PaddedTrees.load(folder) if there else PaddedTrees.of(booster))


@dataclass(frozen=True)
class LightgbmEstimator:
    """A boosted model of LightGBM, objective multiclass."""

    booster: Any
    threads: int

    def scores(self, matrix: Matrix) -> np.ndarray:
        """Raw margins float64 (n, K)."""
        scored = self.booster.predict(matrix, raw_score=True, num_threads=self.threads)
        return np.asarray(scored, dtype=np.float64)

    def contributions(self, matrix: Matrix, chosen: np.ndarray) -> np.ndarray:
        """Shapley values of the trees, float64 (n, d + 1): TreeSHAP as LightGBM computes it."""
        rows, width = np.arange(len(chosen)), matrix.shape[1] + 1
        found = self.booster.predict(matrix, pred_contrib=True, num_threads=self.threads)
        if sparse.issparse(matrix):  # one sparse matrix per class
            parts = np.vstack([found[label][row].toarray() for row, label in zip(rows, chosen, strict=True)])
        else:
            parts = found.reshape(len(rows), -1, width)[rows, chosen]
        return _summing_to(self.scores(matrix)[rows, chosen], parts.astype(np.float64))

    def save(self, folder: Path) -> None:
        """Write LightGBM's text format."""
        self.booster.save_model(folder / LIGHTGBM_FILE)

    @classmethod
    def load(cls, folder: Path, threads: int) -> "LightgbmEstimator":
        """Read what `save` wrote."""
        import lightgbm

        return cls(lightgbm.Booster(model_file=str(folder / LIGHTGBM_FILE)), threads)


def _summing_to(scores: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """Give the base what rounding lost: sums of float32 over hundreds of trees miss the score by some 1e-5."""
    parts[:, -1] += scores - parts.sum(axis=1)
    return parts


def load_estimator(folder: Path, threads: int = 1) -> Estimator:
    """Load whichever estimator lies in a folder.

    Raises:
        FileNotFoundError: none does.
    """
    if (folder / LINEAR_FILE).exists():
        return LinearEstimator.load(folder)
    if (folder / XGBOOST_FILE).exists():
        return XgboostEstimator.load(folder, threads)
    if (folder / LIGHTGBM_FILE).exists():
        return LightgbmEstimator.load(folder, threads)
    if (folder / TREES_FILE).exists():
        return TreesEstimator.load(folder)
    if (folder / PERCEPTRON_FILE).exists():
        return PerceptronEstimator.load(folder)
    raise FileNotFoundError(f"no estimator in {folder}")
