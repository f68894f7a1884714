"""A cascade: a model that needs no sentence vectors answers first, the whole model only where that one is unsure.

Belongs here: from which confidence the first one is believed, what an answer of both looks like.
Does not belong here: fitting either (training.py), putting them together (target_model.py), encoding only what is asked
for (serving/staged.py).

Encoding a ticket costs ten times as much as all the rest of an answer, and on most tickets both models say the same:
the cascade of Viola and Jones (2001), with the threshold of a reject option (Chow 1970) between its stages.
"""

from dataclasses import dataclass

import numpy as np

from ticket_assets.models.label_scores import class_counts, macro_f1

# With more than this share unsure a cascade saves too little to be worth a second model.
MOST_UNSURE = 0.6
_STEPS = 60


@dataclass(frozen=True)
class Early:
    """What the first stage says of n tickets.

    Attributes:
        probabilities: float64 (n, K), calibrated.
        unsure: bool (n,), whether the whole model is to be asked.
    """

    probabilities: np.ndarray
    unsure: np.ndarray


@dataclass(frozen=True)
class Threshold:
    """From which confidence the first stage is believed, and what that is to cost.

    Attributes:
        sure_from: 0..1.
        unsure: share of the rows that go to the whole model.
        loss: macro F1 that is lost against asking the whole model always, on the rows it was chosen on.
    """

    sure_from: float
    unsure: float
    loss: float


def choose_threshold(first: np.ndarray, whole: np.ndarray, y: np.ndarray, max_loss: float) -> Threshold | None:
    """The least threshold from which on no higher one loses more than is allowed; None where none saves enough.

    Args:
        first: float (n, K) probabilities of the first stage, of rows that neither model was fitted to.
        whole: float (n, K) of the whole model.
        y: int (n,) classes.
        max_loss: macro F1, at least 0.
    """
    confidence, classes = first.max(axis=1), first.shape[1]
    at_best = _score(whole, y, classes)
    chosen = None
    for share in np.linspace(MOST_UNSURE, 0, _STEPS + 1):
        threshold = float(np.quantile(confidence, share))
        unsure = confidence < threshold
        loss = at_best - _score(np.where(unsure[:, None], whole, first), y, classes)
        if loss > max_loss:
            break
        chosen = Threshold(threshold, float(unsure.mean()), loss)
    return chosen


def _score(probabilities: np.ndarray, y: np.ndarray, classes: int) -> float:
    return float(macro_f1(class_counts(y, probabilities.argmax(axis=1), classes)))
