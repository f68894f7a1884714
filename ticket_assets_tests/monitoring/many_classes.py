"""Answers over many classes with a known truth. Not here: any test."""

import numpy as np

from ticket_assets.monitoring.sample import TargetSample


def answered(n: int, classes: int, rng: np.random.Generator, worse: float = 0.0) -> TargetSample:
    """n answers of a model that knows common classes well and rare ones less; `worse` of them are of any class.

    Class k has a share like 1 / (k + 2), and nine to five in ten of its tickets are answered right. Sure answers are
    right more often than unsure ones, as of a calibrated model.
    """
    shares = 1 / np.arange(2, classes + 2)
    shares /= shares.sum()
    truth = rng.choice(classes, n, p=shares)
    right = rng.random(n) < np.linspace(0.9, 0.5, classes)[truth]
    right &= rng.random(n) >= worse
    others = rng.choice(classes, n, p=shares)
    predicted = np.where(right, truth, np.where(others == truth, (truth + 1) % classes, others))
    sure = np.where(right, 1 - 0.6 * rng.random(n) ** 2, 0.4 + 0.6 * rng.random(n) ** 2)
    probabilities = np.repeat((1 - sure[:, None]) / (classes - 1), classes, axis=1)
    probabilities[np.arange(n), predicted] = sure
    labels = tuple(f"class {place:02d}" for place in range(classes))
    return TargetSample(labels, probabilities.astype(np.float32), tuple(labels[one] for one in truth))
