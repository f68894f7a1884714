"""Fitted estimators at the moment of use: a matrix in, raw scores out, native files on disk.

Belongs here: scoring, saving and loading; XGBoost and LightGBM are imported only when one of theirs is loaded.
Does not belong here: estimators that are arrays of our own (trees.py, perceptron.py), fitting (fitting.py), turning
scores into probabilities (calibration.py).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ticket_assets.models.perceptron import PERCEPTRON_FILE, PerceptronEstimator
from ticket_assets.models.representation import Matrix
from ticket_assets.models.trees import TREES_FILE, TreesEstimator

LINEAR_FILE, XGBOOST_FILE, LIGHTGBM_FILE = "linear.npz", "model.ubj", "model.lightgbm.txt"


class Estimator(Protocol):
    """Anything that scores a matrix."""

    def scores(self, matrix: Matrix) -> np.ndarray:
        """Raw scores float64 (n, K): log-odds or margins, higher is likelier."""
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
    """

    weights: np.ndarray
    intercepts: np.ndarray

    def scores(self, matrix: Matrix) -> np.ndarray:
        """Raw scores float64 (n, K)."""
        return np.asarray(matrix @ self.weights.T + self.intercepts, dtype=np.float64)

    def save(self, folder: Path) -> None:
        """Write `linear.npz`; weights as float32, which `fit` rounds to as well."""
        np.savez(folder / LINEAR_FILE, weights=self.weights.astype(np.float32), intercepts=self.intercepts)

    @classmethod
    def load(cls, folder: Path) -> "LinearEstimator":
        """Read what `save` wrote."""
        with np.load(folder / LINEAR_FILE, allow_pickle=False) as arrays:
            return cls(arrays["weights"].astype(np.float64), arrays["intercepts"])


@dataclass(frozen=True)
class XgboostEstimator:
    """A boosted model of XGBoost, objective multi:softprob."""

    booster: Any

    def scores(self, matrix: Matrix) -> np.ndarray:
        """Raw margins float64 (n, K)."""
        return np.asarray(self.booster.inplace_predict(matrix, predict_type="margin"), dtype=np.float64)

    def save(self, folder: Path) -> None:
        """Write `model.ubj`."""
        self.booster.save_model(folder / XGBOOST_FILE)

    @classmethod
    def load(cls, folder: Path, threads: int) -> "XgboostEstimator":
        """Read what `save` wrote."""
        import xgboost

        booster = xgboost.Booster({"nthread": threads})
        booster.load_model(folder / XGBOOST_FILE)
        return cls(booster)


@dataclass(frozen=True)
class LightgbmEstimator:
    """A boosted model of LightGBM, objective multiclass."""

    booster: Any
    threads: int

    def scores(self, matrix: Matrix) -> np.ndarray:
        """Raw margins float64 (n, K)."""
        scored = self.booster.predict(matrix, raw_score=True, num_threads=self.threads)
        return np.asarray(scored, dtype=np.float64)

    def save(self, folder: Path) -> None:
        """Write LightGBM's text format."""
        self.booster.save_model(folder / LIGHTGBM_FILE)

    @classmethod
    def load(cls, folder: Path, threads: int) -> "LightgbmEstimator":
        """Read what `save` wrote."""
        import lightgbm

        return cls(lightgbm.Booster(model_file=str(folder / LIGHTGBM_FILE)), threads)


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
