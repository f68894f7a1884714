"""The model families of a search, best first: their best recipe, how it varies over the folds, what it cost.

Belongs here: one row per family of trials.
Does not belong here: the trials (search.py, outcome.py), the table (assets/reporting.py).
"""

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ticket_assets.models.label_scores import class_counts, macro_f1

if TYPE_CHECKING:
    from ticket_assets.models.outcome import TrialRow


@dataclass(frozen=True)
class FamilyStanding:
    """One family.

    Attributes:
        rank: 1 for the best.
        family: its name.
        trial: number of its best trial.
        macro_f1: of that trial over all folds, out of fold.
        worst_fold: least macro F1 of any fold.
        best_fold: greatest.
        deviation: standard deviation over the folds.
        trials: of the family; finished, pruned and late are among them.
        finished: trials that were scored on all folds.
        pruned: trials that stopped at a cheap rung.
        late: trials that the clock stopped.
        seconds: all of them together.
    """

    rank: int
    family: str
    trial: int
    macro_f1: float
    worst_fold: float
    best_fold: float
    deviation: float
    trials: int
    finished: int
    pruned: int
    late: int
    seconds: float


def leaderboard(
    rows: Sequence["TrialRow"], values: dict[int, float], per_fold: Callable[[int], Sequence[float]]
) -> tuple[FamilyStanding, ...]:
    """Families with a finished trial, best first; equals by name.

    Args:
        rows: every ended trial.
        values: macro F1 of the finished ones, by number.
        per_fold: number of a finished trial to its macro F1 in each fold.
    """
    best: dict[str, int] = {}
    for row in rows:
        if row.number in values and values[row.number] > values.get(best.get(row.family, -1), -1.0):
            best[row.family] = row.number
    ranked = sorted(best, key=lambda family: (-values[best[family]], family))
    return tuple(
        _standing(rank, family, best[family], values, per_fold(best[family]), rows)
        for rank, family in enumerate(ranked, 1)
    )


def fold_macro_f1(scores: np.ndarray, y: np.ndarray, folds: np.ndarray) -> list[float]:
    """Macro F1 of each fold, in the order of their numbers.

    Args:
        scores: float (n, K).
        y: int (n,).
        folds: int (n,).
    """
    predicted, classes = scores.argmax(axis=1), scores.shape[1]
    return [
        float(macro_f1(class_counts(y[folds == fold], predicted[folds == fold], classes))) for fold in np.unique(folds)
    ]


def _standing(
    rank: int,
    family: str,
    trial: int,
    values: dict[int, float],
    per_fold: Sequence[float],
    rows: Iterable["TrialRow"],
) -> FamilyStanding:
    its = [row for row in rows if row.family == family]
    states = [row.state for row in its]
    return FamilyStanding(
        rank,
        family,
        trial,
        values[trial],
        min(per_fold),
        max(per_fold),
        statistics.stdev(per_fold) if len(per_fold) > 1 else 0.0,
        len(its),
        states.count("complete"),
        states.count("pruned"),
        states.count("late"),
        sum(row.seconds for row in its),
    )
