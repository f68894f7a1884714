"""Whether the hold-out has the classes of training.

Belongs here: how far class shares move across the line, how far chance alone moves them, the refusal.
Does not belong here: who is held out (split.py), drift of what arrives later.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ticket_assets.models.split import HOLDOUT, TRAIN, SplitError

# Normal quantile of one in a thousand, both sides: of the many classes of a desk one is soon beyond one in twenty.
CHANCE_QUANTILE = 3.29


@dataclass(frozen=True)
class ClassShift:
    """How far the share of one class moves from training to hold-out: of a label column, the class furthest off.

    Attributes:
        column: the label column.
        label: the class; None where nobody has a label.
        training: its share there, 0 to 1.
        holdout: likewise.
        chance: shift that chance alone exceeds once in a thousand splits, 0 to 1.
    """

    column: str
    label: str | None
    training: float
    holdout: float
    chance: float

    @property
    def size(self) -> float:
        """The shift, 0 to 1; no number where nobody has a label."""
        return abs(self.training - self.holdout)

    def within(self, limit: float) -> bool:
        """Whether it is allowed: small, or no more than chance makes of so few families."""
        # Written so that a shift that is no number is not.
        return self.size <= limit or self.size <= self.chance


def class_shifts(tickets: pd.DataFrame, split: pd.DataFrame, columns: Sequence[str]) -> dict[str, ClassShift]:
    """Label column to its largest shift.

    The chance is that of two samples of families (normal approximation, pooled share), as whole families change sides:
    their tickets are no independent draws.

    Args:
        tickets: the label columns.
        split: side and family_id, row by row the same tickets.
        columns: names of the label columns.
    """
    sides = {side: (split["side"] == side).to_numpy() for side in (TRAIN, HOLDOUT)}
    return {column: _largest(tickets[column], split["family_id"], sides) for column in columns}


def _largest(labels: pd.Series, families: pd.Series, sides: dict[str, np.ndarray]) -> ClassShift:
    shares = pd.DataFrame({side: labels[rows].value_counts(normalize=True) for side, rows in sides.items()}).fillna(0.0)
    known = labels.notna().to_numpy()
    counts = {side: families[rows & known].nunique() for side, rows in sides.items()}
    if not all(counts.values()):  # nothing to compare: a side without labels is as far off as can be
        found = float("nan") if shares.empty else 1.0
        return ClassShift(str(labels.name), None, found, 0.0, 0.0)
    label = (shares[TRAIN] - shares[HOLDOUT]).abs().idxmax()
    training, holdout = (float(shares.at[label, side]) for side in (TRAIN, HOLDOUT))
    pooled = (training * counts[TRAIN] + holdout * counts[HOLDOUT]) / (counts[TRAIN] + counts[HOLDOUT])
    error = np.sqrt(pooled * (1 - pooled) * (1 / counts[TRAIN] + 1 / counts[HOLDOUT]))
    return ClassShift(str(labels.name), str(label), training, holdout, float(CHANCE_QUANTILE * error))


def require_same_classes(shifts: Iterable[ClassShift], limit: float) -> None:
    """Refuse a hold-out whose classes are not those of training.

    Args:
        shifts: of every label column.
        limit: share, 0 to 1, that any class may move; chance may move it further.

    Raises:
        SplitError: naming the label columns, their classes, the shifts and the setting.
    """
    moved = [shift for shift in shifts if not shift.within(limit)]
    if moved:
        told = "; ".join(_told(shift) for shift in moved)
        raise SplitError(
            f"class shares move across the line by more than split.max_class_shift = {limit} and more than chance "
            f"({told}): give tickets of a longer time, or raise split.max_class_shift knowingly"
        )


def _told(shift: ClassShift) -> str:
    if shift.label is None:
        return f"{shift.column}: a side has no label at all"
    return (
        f"{shift.column} {shift.label!r}: {100 * shift.training:.1f} % of training, {100 * shift.holdout:.1f} % of the "
        f"hold-out, chance {100 * shift.chance:.1f} points"
    )
