"""The search: one Optuna study per target over model families, resumable, with rungs that prune.

Belongs here: the study, its budget, the quota of the boosted families.
Does not belong here: the space (space.py), the pruner (pruning.py), fits (training.py), what came of it (outcome.py).
"""

import json
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ticket_assets.models.fitting import require_libraries
from ticket_assets.models.label_scores import class_counts, macro_f1
from ticket_assets.models.leaderboard import fold_macro_f1, leaderboard
from ticket_assets.models.outcome import LATE, SearchOutcome, seconds_saved, trial_row
from ticket_assets.models.recipe import BOOSTED, Recipe
from ticket_assets.models.space import STARTING_POINTS, draw
from ticket_assets.models.training import RUNGS, fold_scores
from ticket_assets.models.workbench import Workbench

if TYPE_CHECKING:
    import optuna

BOOSTED_SHARE = 0.25
# A trial that by its fits so far would take more of the time than this gets no further fit: a forest of 81 trees was
# seen to take two thirds of it. A fit that has begun is not broken off, and a family's first trial is finished.
SLOW_SHARE = 0.25


@dataclass(frozen=True)
class Budget:
    """When a search stops: after so many trials, or when its trials took so many seconds together."""

    seconds: float
    trials: int | None = None


@dataclass(frozen=True)
class Search:
    """One target's search.

    Attributes:
        bench: training rows alone; the hold-out is not in it.
        folds: int (n,) fold of each row.
        families: to draw from.
        max_ngrams: vocabulary bound.
        budget: when to stop.
        storage_url: of Optuna's RDB.
        study: name of the study.
        folder: for out-of-fold scores, a file per finished trial.
        progress: called with a line after each trial.
    """

    bench: Workbench
    folds: np.ndarray
    families: tuple[str, ...]
    max_ngrams: int
    budget: Budget
    storage_url: str
    study: str
    folder: Path
    progress: Callable[[str], None]

    def run(self) -> SearchOutcome:
        """Search until the budget is used; a study that was begun goes on where it stopped.

        Raises:
            ModuleNotFoundError: a family's library is not installed.
        """
        require_libraries(self.families)
        import optuna

        from ticket_assets.models.pruning import FamilyHalving

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.folder.mkdir(parents=True, exist_ok=True)
        study = optuna.create_study(
            study_name=self.study,
            storage=open_storage(self.storage_url),
            pruner=FamilyHalving(),
            direction="maximize",
            load_if_exists=True,
        )
        while not self._is_over(study):
            self._queue_next(study)
            # Each trial draws by how many have ended: a search that was killed goes on as if it had not been.
            seed = self.bench.seed + len(_ended(study))
            study.sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=12)
            study.optimize(self._objective, n_trials=1, callbacks=[self._report])
        return self._outcome(study)

    def out_of_fold(self, trial: int) -> np.ndarray:
        """Scores float32 (n, K) that a finished trial gave to rows its models did not see."""
        return np.load(self.folder / f"trial-{trial}.npy", allow_pickle=False)

    def _objective(self, trial: "optuna.Trial") -> float:
        import optuna

        recipe = draw(trial, self.families, self.max_ngrams)
        trial.set_user_attr("recipe", json.dumps(recipe.as_dict()))
        numbers = np.unique(self.folds)
        scores = np.zeros((len(self.folds), self.bench.classes), dtype=np.float32)
        value, pace = 0.0, 0.0
        # Until a family has finished a trial, neither the pruner nor the clock stops one of its own.
        is_first = recipe.family not in _finished_families(trial.study)
        done: set[int] = set()
        for step, rung in enumerate(RUNGS):
            chosen = numbers[: rung.folds]
            for number in chosen:
                if number in done:
                    continue
                if pace and not is_first and self._is_slow(trial, pace * rung.share):
                    trial.set_user_attr(LATE, True)
                    raise optuna.TrialPruned
                begun = time.time()
                scores[self.folds == number] = fold_scores(self.bench, recipe, self.folds, number, rung.share)
                pace = (time.time() - begun) / rung.share
            done = set(chosen) if rung.share == 1 else set()
            scored = np.isin(self.folds, chosen)
            counts = class_counts(self.bench.y[scored], scores[scored].argmax(axis=1), self.bench.classes)
            value = float(macro_f1(counts))
            trial.report(value, step)
            if step + 1 == len(RUNGS) or is_first:
                continue
            if not trial.should_prune():
                if not self._is_late(trial, _share_done(step, len(numbers))):
                    continue
                trial.set_user_attr(LATE, True)
            raise optuna.TrialPruned
        np.save(self.folder / f"trial-{trial.number}.npy", scores, allow_pickle=False)
        return value

    def _queue_next(self, study: "optuna.Study") -> None:
        """Queue what must come next: the starting point of a family that has finished no trial, else a lagging one.

        One at a time: the starting point that died with its process comes again in its own place.
        """
        if any(one.state.name == "WAITING" for one in study.get_trials(deepcopy=False)):
            return
        finished, lagging = _finished_families(study), self._lagging(study, more=1)
        unfinished = [family for family in self.families if family not in finished]
        if unfinished:
            study.enqueue_trial({"family": unfinished[0], **STARTING_POINTS[unfinished[0]]})
        elif lagging is not None:
            study.enqueue_trial({"family": lagging})

    def _is_late(self, trial: "optuna.Trial", done: float) -> bool:
        """Whether time is up, or would mostly go into this trial, of which such a share is done."""
        if self.budget.trials is not None:
            return False
        running = _running(trial)
        return self._is_slow(trial, running / done - running) or _seconds(trial.study) + running >= self.budget.seconds

    def _is_slow(self, trial: "optuna.Trial", more: float) -> bool:
        """Whether a trial would have taken more than its share of the time after so many seconds more."""
        return self.budget.trials is None and _running(trial) + more > SLOW_SHARE * self.budget.seconds

    def _is_over(self, study: "optuna.Study") -> bool:
        if not set(self.families) <= _finished_families(study):
            return False
        if self.budget.trials is not None:
            return len(_ended(study)) >= self.budget.trials
        # One family of the two may lag by a trial when the time is up; it is given that trial.
        return _seconds(study) >= self.budget.seconds and self._lagging(study) is None

    def _lagging(self, study: "optuna.Study", more: int = 0) -> str | None:
        """A boosted family that has had less than its share of the trials, `more` to come counted."""
        drawn = [one.params.get("family") for one in _ended(study)]
        for family in BOOSTED:
            if family in self.families and drawn.count(family) < BOOSTED_SHARE * (len(drawn) + more):
                return family
        return None

    def _report(self, study: "optuna.Study", trial: "optuna.trial.FrozenTrial") -> None:
        row = trial_row(trial)
        score = "–" if row.score is None else f"{row.score:.3f}"
        used = _seconds(study)
        of = f"{self.budget.trials} trials" if self.budget.trials else f"{self.budget.seconds:.0f} s"
        self.progress(
            f"trial {row.number} {row.family} {row.state} at rung {row.rungs}/{len(RUNGS)}: macro F1 {score}, "
            f"{row.seconds:.1f} s ({used:.0f} s used of {of})"
        )

    def _outcome(self, study: "optuna.Study") -> SearchOutcome:
        trials = study.get_trials(deepcopy=False)
        finished = {trial.number: trial for trial in trials if trial.state.name == "COMPLETE"}
        boosted = [number for number, trial in finished.items() if trial.params["family"] in BOOSTED]
        values = {number: float(trial.value or 0.0) for number, trial in finished.items()}
        best = max(values, key=values.__getitem__)
        best_boosted = max(boosted, key=values.__getitem__) if boosted else best
        recipes = {n: Recipe.from_dict(json.loads(one.user_attrs["recipe"])) for n, one in finished.items()}
        light = [number for number, recipe in recipes.items() if not recipe.blocks.needs_vectors]
        best_light = max(light, key=values.__getitem__, default=None)
        chosen = {best, best_boosted} | ({best_light} if best_light is not None else set())
        rows = tuple(trial_row(trial) for trial in trials if trial.state.is_finished())
        return SearchOutcome(
            study.study_name,
            best,
            best_boosted,
            {number: recipes[number] for number in chosen},
            {number: values[number] for number in chosen},
            rows,
            seconds_saved(rows),
            leaderboard(rows, values, lambda number: fold_macro_f1(self.out_of_fold(number), self.bench.y, self.folds)),
            best_light,
        )


def open_storage(url: str) -> "optuna.storages.RDBStorage":
    """Optuna's database; a trial whose process died is noticed by its missing heartbeat and marked failed."""
    import optuna

    with warnings.catch_warnings():
        # Optuna calls the heartbeat experimental; that it might change is known, and no news at every start.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.storages.RDBStorage(url, heartbeat_interval=30, grace_period=90)


def _running(trial: "optuna.Trial") -> float:
    """Seconds since a trial began."""
    started = trial.datetime_start
    assert started is not None
    return time.time() - started.timestamp()


def _ended(study: "optuna.Study") -> list["optuna.trial.FrozenTrial"]:
    """Trials that came to an end; not those that died with their process."""
    return [one for one in study.get_trials(deepcopy=False) if one.state.name in ("COMPLETE", "PRUNED")]


def _finished_families(study: "optuna.Study") -> set[str]:
    return {one.params["family"] for one in study.get_trials(deepcopy=False) if one.state.name == "COMPLETE"}


def _share_done(step: int, folds: int) -> float:
    """Share of a trial's work that its rungs up to this one are; a fit costs as many rows as it sees."""
    work, fitted = [], 0
    for rung in RUNGS:
        chosen = rung.folds or folds
        work.append(rung.share * (chosen - fitted))
        fitted = chosen if rung.share == 1 else 0
    return sum(work[: step + 1]) / sum(work)


def _seconds(study: "optuna.Study") -> float:
    return sum(trial_row(trial).seconds for trial in study.get_trials(deepcopy=False) if trial.state.is_finished())
