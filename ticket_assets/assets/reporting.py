"""What one sees of a model in the Dagster UI: tables and plots as metadata.

Belongs here: turning outcomes of the plain folders into Dagster metadata.
Does not belong here: drawing (models/plots.py), measuring (models/measures.py).
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from ticket_assets.assets.declaration import table
from ticket_assets.features.encoder_choice import EncoderChoice
from ticket_assets.features.vectors import Encoding
from ticket_assets.models import plots
from ticket_assets.models.evaluation import CANDIDATE, LINEAR_BASELINE, Evaluation, Standing
from ticket_assets.models.outcome import LATE, SearchOutcome
from ticket_assets.models.significance import Interval


def embedding_metadata(
    choice: EncoderChoice, dimensions: int, done: Encoding, stored: Mapping[str, Any]
) -> dict[str, Any]:
    """Which encoder and why, what was encoded and how fast, what the table holds now."""
    rate = {"tickets_per_second": round(done.encoded / done.seconds, 1)} if done.seconds else {}
    measured = {"measured": table([asdict(row) for row in choice.measured])} if choice.measured else {}
    return {
        "encoder": choice.encoder_id,
        "runtime": choice.runtime,
        "why": choice.why,
        **measured,
        "dimensions": dimensions,
        "encoded": done.encoded,
        "kept": done.kept,
        "removed": done.removed,
        **rate,
        **stored,
    }


def search_metadata(target: str, outcome: SearchOutcome) -> dict[str, Any]:
    """Trials per family, what pruning saved, the course of the search."""
    families = sorted({row.family for row in outcome.trials})
    rows = [
        {
            "family": family,
            "trials": len(its),
            "finished": sum(row.state == "complete" for row in its),
            "pruned": sum(row.state == "pruned" for row in its),
            "stopped by the clock": sum(row.state == LATE for row in its),
            "best macro F1": max((row.score or 0.0 for row in its if row.state == "complete"), default=0.0),
            "seconds": sum(row.seconds for row in its),
        }
        for family in families
        if (its := [row for row in outcome.trials if row.family == family])
    ]
    scored = [
        plots.Trial(row.number, row.score, row.family, row.state != "complete")
        for row in outcome.trials
        if row.score is not None
    ]
    return {
        "study": outcome.study,
        "trials": len(outcome.trials),
        "pruned": outcome.pruned,
        "seconds_used": round(outcome.seconds_used, 1),
        "seconds_saved_by_pruning": round(outcome.seconds_saved, 1),
        "best_family": outcome.recipes[outcome.best].family,
        "macro_f1": round(outcome.scores[outcome.best], 4),
        "families": table(rows),
        "course": dg.MetadataValue.md(
            plots.as_markdown_image(plots.search_progress(scored, f"Search: {target}"), f"search of {target}")
        ),
    }


def evaluation_metadata(reports: Mapping[str, Evaluation], scored: pd.DataFrame) -> dict[str, Any]:
    """Per target a score table, and one page of plots."""
    metadata: dict[str, Any] = {}
    for target, report in reports.items():
        metadata[f"{target}_scores"] = table([score_row(one, report) for one in report.standings])
        metadata[f"{target}_plots"] = dg.MetadataValue.md(
            "\n\n".join(
                plots.as_markdown_image(image, name) for name, image in evaluation_plots(report, scored).items()
            )
        )
    return metadata


def evaluation_plots(report: Evaluation, scored: pd.DataFrame) -> dict[str, bytes]:
    """PNG images of one target: scoreboard, F1 per class, confusion, reliability."""
    rows = scored[scored["target"] == report.target]
    y, probabilities = rows["y"].to_numpy(), np.vstack(list(rows["probabilities"]))
    linear = next(one for one in report.standings if one.name == LINEAR_BASELINE)
    by_label = {one.label: one.f1 for one in linear.scores.per_class}
    return {
        f"{report.target} scoreboard": plots.scoreboard(
            [(one.name, one.macro_f1.estimate, one.macro_f1.low, one.macro_f1.high) for one in report.standings],
            title=f"{report.target}: macro F1 on the hold-out",
            highlight=CANDIDATE,
        ),
        f"{report.target} F1 per class": plots.per_class_f1(
            [(one.label, one.f1, by_label.get(one.label)) for one in report.candidate.per_class],
            title=f"{report.target}: F1 per class",
            names=("candidate", LINEAR_BASELINE),
        ),
        f"{report.target} confusion": plots.confusion_matrix(
            y, probabilities.argmax(axis=1), report.labels, f"{report.target}: confusion of the candidate"
        ),
        f"{report.target} reliability": plots.reliability(
            y, probabilities, f"{report.target}: reliability of the candidate"
        ),
    }


def score_row(one: Standing, report: Evaluation) -> dict[str, Any]:
    """One recipe: its scores, how far it is from the linear baseline and behind the candidate; 95 % intervals."""
    random = report.random.get(one.name)
    return {
        "recipe": one.name,
        "macro F1": _told(one.macro_f1, ".3f"),
        "accuracy": f"{one.accuracy.estimate:.3f}",
        "vs linear": _told(one.against_linear_macro_f1, "+.3f"),
        "behind by": "" if one.name == CANDIDATE else _told(one.candidate_ahead_macro_f1, "+.3f"),
        "random split": f"{random.macro_f1:.3f}" if random else "",
    }


def _told(one: Interval, form: str) -> str:
    return f"{one.estimate:{form}} [{one.low:{form}}, {one.high:{form}}]"
