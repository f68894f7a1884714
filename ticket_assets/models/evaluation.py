"""The report on one target: candidate, best boosted model and baselines on the same frozen rows.

Belongs here: who is scored, on which rows, against whom; the random split that published figures use.
Does not belong here: the measures (measures.py), bands (band_report.py), slices (slices.py), intervals
(significance.py), plots (plots.py), the decision (promotion.py).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from ticket_assets.features.text import TicketFeatures
from ticket_assets.models.band_report import BandReport, report_bands
from ticket_assets.models.baselines import BaselinePrediction, majority, nearest_neighbour, tfidf_linear_svc
from ticket_assets.models.calibration import apply
from ticket_assets.models.fitting import fit_estimator
from ticket_assets.models.labelled_rows import LabelledRows, joined
from ticket_assets.models.measures import Measures, PointScores, measure, measure_predictions, per_group
from ticket_assets.models.recent import RecentReport, report_recent
from ticket_assets.models.rows import RecentLabels
from ticket_assets.models.significance import (
    Interval,
    McNemar,
    bootstrap_interval,
    mcnemar,
    paired_difference,
)
from ticket_assets.models.slices import Slice, slices
from ticket_assets.models.target_model import TargetModel
from ticket_assets.models.thresholds import Choice
from ticket_assets.models.workbench import Workbench, some_of

CANDIDATE = "candidate"
LINEAR_BASELINE = "TF-IDF(1,2) + LinearSVC"
RANDOM_SEED = 42
RANDOM_SHARE = 0.15


@dataclass(frozen=True)
class Standing:
    """One recipe on the hold-out, beside the linear baseline and the candidate on the same rows and resamples.

    Attributes:
        name: of the recipe.
        scores: on the hold-out.
        macro_f1: with its interval, as `accuracy`.
        against_linear_macro_f1: this recipe less the linear baseline.
        against_linear_accuracy: likewise.
        candidate_ahead_macro_f1: the candidate less this recipe.
        mcnemar_against_linear: of the answers that one of the two gets right alone.
        mcnemar_against_candidate: likewise.
    """

    name: str
    scores: PointScores
    macro_f1: Interval
    accuracy: Interval
    against_linear_macro_f1: Interval
    against_linear_accuracy: Interval
    candidate_ahead_macro_f1: Interval
    mcnemar_against_linear: McNemar
    mcnemar_against_candidate: McNemar


@dataclass(frozen=True)
class Evaluation:
    """All that is reported of one target.

    Attributes:
        target: its name.
        labels: K class names.
        candidate: measures on the hold-out, families kept together.
        per_language: the same by detected language.
        slices: accuracy and macro F1 by language, length, class size and context.
        bands: what the thresholds do on the hold-out.
        training_rows: how many tickets the candidate was trained on.
        standings: candidate, best boosted model and baselines, in that order.
        random: candidate and baselines on the random split of published figures.
        probabilities: float64 (n, K) of the candidate on the hold-out.
        recent: the candidate on tickets that came since the freezing; None where there are none.
    """

    target: str
    labels: tuple[str, ...]
    candidate: Measures
    per_language: dict[str, Measures]
    slices: tuple[Slice, ...]
    bands: BandReport
    training_rows: int
    standings: tuple[Standing, ...]
    random: dict[str, PointScores]
    probabilities: np.ndarray
    recent: RecentReport | None = None

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; without probabilities, and without recent tickets where there are none."""
        left_out = {"probabilities", *(() if self.recent else ("recent",))}
        return {key: value for key, value in asdict(self).items() if key not in left_out}


def evaluate(
    candidate: TargetModel,
    boosted: TargetModel,
    training: LabelledRows,
    holdout: LabelledRows,
    choice: Choice,
    seed: int,
    threads: int,
    lately: RecentLabels | None = None,
) -> Evaluation:
    """Score everybody on the hold-out, and the candidate's recipe on the random split.

    Args:
        candidate: winner of the search.
        boosted: its best boosted model, which may be the same object.
        training: rows it was trained on.
        holdout: the frozen rows.
        choice: thresholds of its bands.
        seed: of intervals and baselines.
        threads: at most so many.
        lately: recent rows, which nothing was fitted to either.
    """
    labels = candidate.labels
    probabilities = candidate.probabilities(holdout.features)
    rivals = baseline_predictions(training, holdout.features, len(labels), seed)
    predicted = {CANDIDATE: probabilities.argmax(axis=1)}
    if boosted is not candidate:
        name = f"best boosted: {boosted.recipe.family}"
        predicted[name] = boosted.probabilities(holdout.features).argmax(axis=1)
    predicted |= {rival.name: rival.predicted for rival in rivals}
    linear = next(rival.predicted for rival in rivals if rival.name == LINEAR_BASELINE)
    thresholds = {"act": choice.bands.act_from, "suggest": choice.bands.suggest_from}
    right = predicted[CANDIDATE] == holdout.y
    return Evaluation(
        candidate.target,
        labels,
        measure(holdout.y, probabilities, labels, **thresholds),
        per_group(list(holdout.languages), holdout.y, probabilities, labels, **thresholds),
        slices(holdout, predicted[CANDIDATE], training, labels, seed),
        report_bands(choice, probabilities.max(axis=1), right, holdout.families),
        len(training.y),
        tuple(
            standing(name, holdout, one, linear, predicted[CANDIDATE], labels, seed) for name, one in predicted.items()
        ),
        random_split(candidate, training, holdout, seed, threads),
        probabilities,
        _on_recent(candidate, lately, seed),
    )


def _on_recent(candidate: TargetModel, lately: RecentLabels | None, seed: int) -> RecentReport | None:
    if lately is None:
        return None
    rows, by_people = lately
    predicted = candidate.probabilities(rows.features).argmax(axis=1)
    return report_recent(rows.y, predicted, rows.families, by_people, len(candidate.labels), seed)


def report_rows(report: Evaluation, rows: LabelledRows, ticket_ids: Sequence[str]) -> pd.DataFrame:
    """The candidate's answers: ticket_id, target, family_id, y, predicted, confidence, probabilities."""
    return pd.DataFrame(
        {
            "ticket_id": list(ticket_ids),
            "target": report.target,
            "family_id": rows.families,
            "y": rows.y,
            "predicted": report.probabilities.argmax(axis=1),
            "confidence": report.probabilities.max(axis=1),
            "probabilities": list(report.probabilities),
        }
    )


def standing(
    name: str,
    rows: LabelledRows,
    predicted: np.ndarray,
    linear: np.ndarray,
    candidate: np.ndarray,
    labels: Sequence[str],
    seed: int,
) -> Standing:
    """One recipe's scores with intervals, alone, against the linear baseline, and behind the candidate."""
    common = {"n_labels": len(labels), "seed": seed}

    def alone(statistic: str) -> Interval:
        return bootstrap_interval(rows.y, predicted, rows.families, statistic=statistic, **common)  # type: ignore[arg-type]

    def ahead(one: np.ndarray, other: np.ndarray, statistic: str) -> Interval:
        return paired_difference(rows.y, one, other, rows.families, statistic=statistic, **common)  # type: ignore[arg-type]

    return Standing(
        name,
        measure_predictions(rows.y, predicted, labels),
        alone("macro_f1"),
        alone("accuracy"),
        ahead(predicted, linear, "macro_f1"),
        ahead(predicted, linear, "accuracy"),
        ahead(candidate, predicted, "macro_f1"),
        mcnemar(rows.y, predicted, linear),
        mcnemar(rows.y, candidate, predicted),
    )


def baseline_predictions(
    training: LabelledRows, features: TicketFeatures, classes: int, seed: int
) -> list[BaselinePrediction]:
    """What must be beaten: majority, nearest neighbour on vectors, TF-IDF with a linear SVM."""
    found = [
        majority(training.y, len(features), n_labels=classes),
        tfidf_linear_svc(training.features.documents, training.y, features.documents, seed=seed),
    ]
    if training.features.vectors is not None and features.vectors is not None:
        found.insert(1, nearest_neighbour(training.features.vectors, training.y, features.vectors))
    return found


def random_split(
    candidate: TargetModel, training: LabelledRows, holdout: LabelledRows, seed: int, threads: int
) -> dict[str, PointScores]:
    """The candidate's recipe refitted on a random 85/15 split of all rows, beside the baselines.

    It measures memory of paraphrases as much as skill; it is reported because published figures use it.
    """
    from sklearn.model_selection import train_test_split

    known = holdout.y >= 0
    kept = holdout.features.take(np.flatnonzero(known))
    features = joined(training.features, kept)
    y = np.concatenate([training.y, holdout.y[known]])
    groups = np.arange(len(y))
    # Strata need two rows of each class, and a test row for each.
    stratify = y if np.bincount(y).min() >= 2 and RANDOM_SHARE * len(y) >= len(candidate.labels) else None
    seen, unseen = train_test_split(groups, test_size=RANDOM_SHARE, random_state=RANDOM_SEED, stratify=stratify)
    weights = None if training.weights is None else np.concatenate([training.weights, np.ones(int(known.sum()))])
    bench = Workbench(features, y, groups, len(candidate.labels), seed, threads, weights=weights)
    representation, matrix = bench.fit_representation(candidate.recipe.blocks, seen)
    heavy = some_of(weights, seen)
    estimator = fit_estimator(candidate.recipe, matrix, y[seen], bench.classes, seed, threads, weights=heavy)
    scores = estimator.scores(bench.matrix(representation, unseen))
    probabilities = apply(scores, candidate.inverse_temperature)
    fitted = LabelledRows(features.take(seen), y[seen], groups[seen], groups[seen])
    rivals = baseline_predictions(fitted, features.take(unseen), bench.classes, seed)
    return {
        CANDIDATE: measure(y[unseen], probabilities, candidate.labels),
        **{one.name: measure_predictions(y[unseen], one.predicted, candidate.labels) for one in rivals},
    }
