"""A small multilayer perceptron as arrays: what torch trained, scored by numpy alone.

Belongs here: scores, contributions, the file.
Does not belong here: training it (fitting_torch.py).
"""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ticket_assets.models.representation import Matrix, dense

PERCEPTRON_FILE = "perceptron.npz"


@dataclass(frozen=True)
class PerceptronEstimator:
    """One hidden layer of rectified units.

    Attributes:
        hidden: float64 (d, H) weights, the standardisation of the columns in them.
        hidden_shift: float64 (H,).
        output: float64 (H, K).
        output_shift: float64 (K,).
        reference: float64 (d,) mean row of the training rows, which contributions are told against.
    """

    hidden: np.ndarray
    hidden_shift: np.ndarray
    output: np.ndarray
    output_shift: np.ndarray
    reference: np.ndarray

    def scores(self, matrix: Matrix) -> np.ndarray:
        """Raw scores float64 (n, K)."""
        return _rectified(matrix @ self.hidden + self.hidden_shift) @ self.output + self.output_shift

    def contributions(self, matrix: Matrix, chosen: np.ndarray) -> np.ndarray:
        """What each column adds to the score of one class per row, against the mean training row.

        DeepLIFT's rescale rule (Shrikumar, Greenside, Kundaje 2017): a unit passes on the difference of its output
        from that of the reference, shared by its inputs as they share the difference that goes in.

        Args:
            matrix: float32 (n, d).
            chosen: int (n,) class of each row.

        Returns:
            float64 (n, d + 1), the last column the score of the reference. A row sums to the raw score of its class.
        """
        rows = dense(matrix).astype(np.float64)
        before = self.reference @ self.hidden + self.hidden_shift
        into = rows @ self.hidden + self.hidden_shift
        difference = into - before
        # Of no difference, or one that rounding made, the slope there.
        tiny = np.abs(difference) < 1e-9
        slope = np.where(tiny, into > 0, (_rectified(into) - _rectified(before)) / np.where(tiny, 1.0, difference))
        passed = slope * self.output.T[chosen]
        begin = _rectified(before) @ self.output + self.output_shift
        return np.column_stack([passed @ self.hidden.T * (rows - self.reference), begin[chosen]])

    def save(self, folder: Path) -> None:
        """Write `perceptron.npz`."""
        np.savez(folder / PERCEPTRON_FILE, **asdict(self))

    @classmethod
    def load(cls, folder: Path) -> "PerceptronEstimator":
        """Read what `save` wrote."""
        with np.load(folder / PERCEPTRON_FILE, allow_pickle=False) as arrays:
            return cls(**{name: arrays[name] for name in arrays.files})


def _rectified(values: np.ndarray) -> np.ndarray:
    return np.maximum(values, 0.0)
