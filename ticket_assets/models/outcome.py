"""What a search found: its trials, its winner, what pruning saved.

Belongs here: the outcome, its form on disk, a trial as a row.
Does not belong here: running the study (search.py), plots (plots.py).
"""

import json
import statistics
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ticket_assets.models.leaderboard import FamilyStanding
from ticket_assets.models.recipe import Recipe

if TYPE_CHECKING:
    import optuna

# State, and attribute in the study, of a trial that the clock stopped, which counts as nothing saved.
LATE = "late"


@dataclass(frozen=True)
class TrialRow:
    """One trial, for tables and plots.

    Attributes:
        number: in its study.
        family: of the model.
        state: complete; pruned, being worse than its family; late, when the time was up or it would have taken too much
            of it; or fail.
        score: macro F1 at its last rung; None before the first.
        rungs: it reached.
        seconds: it took; 0 where it died with its process.
    """

    number: int
    family: str
    state: str
    score: float | None
    rungs: int
    seconds: float


@dataclass(frozen=True)
class SearchOutcome:
    """What a search found.

    Attributes:
        study: name in the storage; the same rows, folds and space give the same name.
        best: trial number of the winner, `best_boosted` of the best boosted trial.
        recipes: of both, and of `best_light`, by trial number.
        scores: of the same, out-of-fold macro F1 over all folds.
        trials: every trial.
        seconds_saved: what pruned trials would have cost, by their family's median.
        leaders: the families that finished a trial, best first.
        best_light: trial number of the best that needs no sentence vectors; None where none finished.
    """

    study: str
    best: int
    best_boosted: int
    recipes: dict[int, Recipe]
    scores: dict[int, float]
    trials: tuple[TrialRow, ...]
    seconds_saved: float
    leaders: tuple[FamilyStanding, ...] = ()
    best_light: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)

    @property
    def winners(self) -> tuple[str, ...]:
        """Recipes of all trials that are fitted, as JSON: their numbers count trials that died, too."""
        numbers = (self.best, self.best_boosted, self.best_light)
        return tuple(json.dumps(self.recipes[one].as_dict(), sort_keys=True) for one in numbers if one is not None)

    def fitted(self, cascade: bool) -> set[int]:
        """Trials whose recipes are fitted on all rows; that of `best_light` only where it may be asked first."""
        light = {self.best_light} if cascade and self.best_light is not None else set()
        return {self.best, self.best_boosted} | light

    @property
    def pruned(self) -> int:
        """Trials that stopped at a cheap rung."""
        return sum(row.state == "pruned" for row in self.trials)

    @property
    def seconds_used(self) -> float:
        """What all trials took together."""
        return sum(row.seconds for row in self.trials)

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> "SearchOutcome":
        """The inverse of `as_dict`, also after a round through JSON."""
        return cls(
            **{
                **raw,
                "recipes": {int(number): Recipe.from_dict(one) for number, one in raw["recipes"].items()},
                "scores": {int(number): score for number, score in raw["scores"].items()},
                "trials": tuple(TrialRow(**row) for row in raw["trials"]),
                "leaders": tuple(FamilyStanding(**row) for row in raw["leaders"]),
            }
        )


def seconds_saved(rows: tuple[TrialRow, ...]) -> float:
    """What pruning saved: per pruned trial, the median of its family's finished ones less what it took."""
    finished: dict[str, list[float]] = {}
    for row in rows:
        if row.state == "complete":
            finished.setdefault(row.family, []).append(row.seconds)
    return sum(
        max(0.0, statistics.median(finished[row.family]) - row.seconds)
        for row in rows
        if row.state == "pruned" and row.family in finished
    )


def trial_row(trial: "optuna.trial.FrozenTrial") -> TrialRow:
    """What is told of an ended trial."""
    values = trial.intermediate_values
    # A dead trial is failed when somebody looks again, so what it seems to have taken is mostly idle time.
    took = trial.duration if trial.state.name != "FAIL" else None
    return TrialRow(
        trial.number,
        trial.params.get("family", "unknown"),
        LATE if trial.user_attrs.get(LATE) else trial.state.name.lower(),
        values[max(values)] if values else None,
        len(values),
        took.total_seconds() if took else 0.0,
    )
