"""What one sees of a model in the Dagster UI: tables and plots as metadata.

Belongs here: turning outcomes of the plain folders into Dagster metadata.
Does not belong here: drawing (models/plots.py), measuring (models/measures.py).
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from ticket_assets.assets.declaration import table
from ticket_assets.models import plots
from ticket_assets.models.evaluation import CANDIDATE, LINEAR_BASELINE, Evaluation
from ticket_assets.models.search import SearchOutcome


def search_metadata(target: str, outcome: SearchOutcome) -> dict[str, Any]:
    """Trials per family, what pruning saved, the course of the search."""
    families = sorted({row.family for row in outcome.trials})
    rows = [
        {
            "family": family,
            "trials": len(its),
            "finished": sum(row.state == "complete" for row in its),
            "pruned": sum(row.state == "pruned" for row in its),
            "best macro F1": max((row.score or 0.0 for row in its if row.state == "complete"), default=0.0),
            "seconds": sum(row.seconds for row in its),
        }
        for family in families
        if (its := [row for row in outcome.trials if row.family == family])
    ]
    scored = [
        plots.Trial(row.number, row.score, row.family, row.state == "pruned")
        for row in outcome.trials
        if row.score is not None
    ]
    return {
        "study": outcome.study,
        "trials": len(outcome.trials),
        "pruned": sum(row.state == "pruned" for row in outcome.trials),
        "seconds_used": round(sum(row.seconds for row in outcome.trials), 1),
        "seconds_saved_by_pruning": round(outcome.seconds_saved, 1),
        "best_family": outcome.recipes[outcome.best].family,
        "macro_f1": round(outcome.scores[outcome.best], 4),
        "families": table(rows),
        "course": dg.MetadataValue.md(
            plots.as_markdown_image(plots.search_progress(scored, f"Search: {target}"), f"search of {target}")
        ),
    }


def evaluation_metadata(reports: Mapping[str, Evaluation], scored: pd.DataFrame) -> dict[str, Any]:
    """Score table of all targets; per target the plots."""
    metadata: dict[str, Any] = {"scores": table([row for one in reports.values() for row in score_rows(one)])}
    for target, report in reports.items():
        rows = scored[scored["target"] == target]
        y, probabilities = rows["y"].to_numpy(), np.vstack(list(rows["probabilities"]))
        linear = next(one for one in report.standings if one.name == LINEAR_BASELINE)
        by_label = {one.label: one.f1 for one in linear.scores.per_class}
        drawn = {
            "scoreboard": plots.scoreboard(
                [(one.name, one.macro_f1.estimate, one.macro_f1.low, one.macro_f1.high) for one in report.standings],
                title=f"{target}: macro F1 on the hold-out",
                highlight=CANDIDATE,
            ),
            "confusion": plots.confusion_matrix(y, probabilities.argmax(axis=1), report.labels, f"{target}: confusion"),
            "reliability": plots.reliability(y, probabilities, f"{target}: reliability"),
            "per_class": plots.per_class_f1(
                [(one.label, one.f1, by_label.get(one.label)) for one in report.candidate.per_class],
                title=f"{target}: F1 per class",
                names=("candidate", LINEAR_BASELINE),
            ),
        }
        for name, image in drawn.items():
            metadata[f"{target}_{name}"] = dg.MetadataValue.md(plots.as_markdown_image(image, f"{target} {name}"))
    return metadata


def score_rows(report: Evaluation) -> list[dict[str, Any]]:
    """One row per recipe: scores with intervals, and the difference to the linear baseline."""
    return [
        {
            "target": report.target,
            "recipe": one.name,
            "macro F1": one.macro_f1.estimate,
            "low": one.macro_f1.low,
            "high": one.macro_f1.high,
            "accuracy": one.accuracy.estimate,
            "vs linear": one.against_linear_macro_f1.estimate,
            "vs linear, low": one.against_linear_macro_f1.low,
            "vs linear, high": one.against_linear_macro_f1.high,
            "random-split macro F1": report.random[one.name].macro_f1 if one.name in report.random else "",
        }
        for one in report.standings
    ]
