"""Classes of which a challenger knows less than the champion.

Belongs here: how far each class falls on the hold-out, and whether chance explains it.
Does not belong here: what a fall means for the decision (promotion.py), intervals (significance.py).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ticket_assets.models.significance import Interval, paired_by_class

LEAST_ROWS = 10
"""Of a class in the hold-out; with fewer nothing is told of it."""


@dataclass(frozen=True)
class ClassFall:
    """F1 of one class, challenger less champion: negative where it falls."""

    label: str
    difference: Interval

    @property
    def drop(self) -> float:
        """F1 that is lost, above 0."""
        return -self.difference.estimate

    def is_beyond(self, most: float) -> bool:
        """Whether more than `most` is lost, and chance does not explain that anything is.

        A class of twenty held-out tickets loses 0.1 by two of them. Of two models fitted to as many tickets of the
        same desk, one in eight would lose that in some class; and a drift that begins with a small hold-out would be
        answered by no model, however much it gains on the tickets that come now.
        """
        return self.drop > most and self.difference.high < 0

    def told(self) -> str:
        """The numbers for people."""
        one = self.difference
        return f"F1 of {self.label} falls by {self.drop:.3f} [{-one.high:.3f}, {-one.low:.3f}]"


def class_falls(
    y_true: NDArray[np.integer],
    challenger: NDArray[np.integer],
    champion: NDArray[np.integer],
    families: NDArray[np.generic],
    labels: tuple[str, ...],
    seed: int,
) -> list[ClassFall]:
    """Classes with LEAST_ROWS or more that fall, the deepest fall first.

    Args:
        y_true: int (n,), -1 for a class that nobody knows.
        challenger: int (n,) predicted.
        champion: int (n,) predicted.
        families: (n,) family of each row.
        labels: of the classes.
        seed: of the intervals.
    """
    rows = np.bincount(y_true[y_true >= 0], minlength=len(labels))
    found = paired_by_class(y_true, challenger, champion, families, n_labels=len(labels), seed=seed)
    falls = [
        ClassFall(label, one)
        for label, one, number in zip(labels, found, rows, strict=True)
        if number >= LEAST_ROWS and one.estimate < 0
    ]
    return sorted(falls, key=lambda one: one.difference.estimate)
