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
from ticket_assets.models.band_report import BandReport, BandStanding
from ticket_assets.models.class_shift import ClassShift
from ticket_assets.models.evaluation import CANDIDATE, LINEAR_BASELINE, Evaluation, Standing
from ticket_assets.models.explanation import FeatureWeight, Summary
from ticket_assets.models.feature_plot import feature_weights
from ticket_assets.models.leaderboard import FamilyStanding
from ticket_assets.models.outcome import SearchOutcome
from ticket_assets.models.proportion import Proportion
from ticket_assets.models.recent import RecentReport
from ticket_assets.models.rows import TargetRows
from ticket_assets.models.significance import Interval
from ticket_assets.models.split import Holdout
from ticket_assets.models.target_model import TargetModel
from ticket_assets.serving.succession import Succession


def split_metadata(
    holdout: Holdout, clean: pd.DataFrame, frame: pd.DataFrame, shifts: Mapping[str, ClassShift], doubt: str
) -> dict[str, Any]:
    """Which rule, how many on each side, how far classes moved, and whether today's dates would choose another."""
    return {
        **({"doubt": doubt} if doubt else {}),
        "split_id": holdout.id,
        "rule": holdout.rule,
        "undated": int(clean["created_at"].isna().sum()),
        "sides": frame["side"].value_counts().to_dict(),
        "class_shifts": {name: round(shift.size, 4) for name, shift in shifts.items()},
    }


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
    """The leaderboard of families, what pruning saved, the course of the search."""
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
        "leaderboard": table([leader_row(one) for one in outcome.leaders]),
        "course": dg.MetadataValue.md(
            plots.as_markdown_image(plots.search_progress(scored, f"Search: {target}"), f"search of {target}")
        ),
    }


def leader_row(one: FamilyStanding) -> dict[str, Any]:
    """One family of a search."""
    return {
        "rank": one.rank,
        "family": one.family,
        "macro F1 out of fold": one.macro_f1,
        "worst to best fold": f"{one.worst_fold:.3f} to {one.best_fold:.3f}",
        "deviation": one.deviation,
        "trials": one.trials,
        "finished": one.finished,
        "pruned": one.pruned,
        "stopped by the clock": one.late,
        "seconds": one.seconds,
    }


def candidate_metadata(best: TargetModel, boosted: TargetModel, rows: TargetRows) -> dict[str, Any]:
    """What was fitted, on how much."""
    return {
        "family": best.recipe.family,
        "recipe": best.recipe.as_dict(),
        "best_boosted": boosted.recipe.family,
        "labels": list(rows.labels),
        "training_rows": len(rows.training.y),
        "inverse_temperature": best.inverse_temperature,
        **({"asked_first": best.first.recipe.family, "believed_from": best.sure_from} if best.first else {}),
    }


def explanation_metadata(found: Mapping[str, Summary]) -> dict[str, Any]:
    """Per target the largest features as a table and as a plot."""
    metadata: dict[str, Any] = {}
    for target, summary in found.items():
        if summary.features:
            metadata[f"{target}_features"] = table([feature_row(one) for one in summary.features])
            drawn = plots.as_markdown_image(feature_weights(summary), f"{target}: what the model goes by")
            metadata[f"{target}_plot"] = dg.MetadataValue.md(drawn)
    return metadata


def feature_row(one: FeatureWeight) -> dict[str, Any]:
    """One feature over the sample."""
    return {
        "kind": one.kind,
        "feature": one.name,
        "mean size": one.size,
        "mean": one.mean,
        "share of tickets": one.share,
        "moves most": one.label,
    }


def evaluation_metadata(reports: Mapping[str, Evaluation], scored: pd.DataFrame) -> dict[str, Any]:
    """Per target a score table, its bands, and one page of plots."""
    metadata: dict[str, Any] = {}
    for target, report in reports.items():
        metadata[f"{target}_scores"] = table([score_row(one, report) for one in report.standings])
        metadata[f"{target}_bands"] = table([band_row(one) for one in report.bands.standings])
        metadata |= {f"{target}_{name}": value for name, value in band_notes(report.bands).items()}
        metadata |= {f"{target}_{name}": value for name, value in recent_notes(report.recent).items()}
        metadata[f"{target}_plots"] = dg.MetadataValue.md(
            "\n\n".join(
                plots.as_markdown_image(image, name) for name, image in evaluation_plots(report, scored).items()
            )
        )
    return metadata


def band_row(one: BandStanding) -> dict[str, Any]:
    """One band on the hold-out; 95 % intervals."""
    return {
        "band": one.name,
        "from confidence": "never" if one.threshold is None else f"{one.threshold:.3f}",
        "tickets": one.rows,
        "share": one.share,
        "accuracy": _told(one.accuracy, ".3f") if one.accuracy else "",
        "in it or above": _told(one.or_above, ".3f") if one.or_above else "",
        "promised": "" if one.promised is None else f"{one.promised:.2f}",
        "kept": "" if one.kept is None else "yes" if one.kept else "no",
    }


def band_notes(report: BandReport) -> dict[str, Any]:
    """How the thresholds were chosen, what they cost, which band is empty."""
    notes: dict[str, Any] = {"band_rule": report.rule}
    if report.cost_per_ticket is not None:
        notes |= {"cost_per_ticket": report.cost_per_ticket, "cost_by_hand": report.cost_by_hand}
    return notes | ({"band_remarks": "; ".join(report.remarks)} if report.remarks else {})


def recent_notes(recent: RecentReport | None) -> dict[str, Any]:
    """The candidate on tickets that came since the freezing; those that people looked at are the held-out feedback."""
    if recent is None:
        return {}
    scores = {"recent_macro_f1": recent.macro_f1, "feedback_macro_f1": recent.people_macro_f1}
    told = {name: _told(one, ".3f") for name, one in scores.items() if one}
    return {"recent_tickets": recent.rows, "held_out_feedback": recent.people_rows, **told}


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


def succession_metadata(
    outcome: Succession, challenger: str, swept: Mapping[str, Any], vectors: str, run_id: str
) -> dict[str, Any]:
    """The decision, per target where any was judged (a table without rows is refused), who is champion, what went."""
    judged = {"targets": table(outcome.decision.table())} if outcome.decision.targets else {}
    return {
        "decision": outcome.decision.reason,
        "promoted": outcome.decision.promoted,
        "champion": f"v{outcome.champion.version}" if outcome.champion else "none",
        "challenger": challenger,
        "vectors": f"{vectors}, kept as {outcome.bundle}",
        **swept,
        "mlflow_run": run_id,
        **judged,
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


def _told(one: Interval | Proportion, form: str) -> str:
    return f"{one.estimate:{form}} [{one.low:{form}}, {one.high:{form}}]"
