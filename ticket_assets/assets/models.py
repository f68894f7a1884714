"""Group models, first half: from features to fitted candidates.

Belongs here: declarations; `search` and `candidate` make one asset per target. How candidates are judged and promoted
is declared in judging.py. The arithmetic is in ticket_assets/models/ under the same words.
"""

import json

import dagster as dg
import pandas as pd

from ticket_assets.assets.declaration import HEAVY_POOL, asset
from ticket_assets.assets.reporting import search_metadata
from ticket_assets.models.candidate import write_candidate
from ticket_assets.models.outcome import SearchOutcome
from ticket_assets.models.split import assign, class_shifts, frozen_holdout, require_same_classes
from ticket_assets.models.training import train
from ticket_assets.resources import Desk
from ticket_assets.storage import digest, write_text
from ticket_assets.tables import frame_digest
from ticket_assets.tickets.schema import LABEL_PREFIX

TABLES = {
    "clean": dg.AssetIn(["tickets", "clean"]),
    "text": dg.AssetIn(["features", "text"]),
    "split": dg.AssetIn(["models", "split"]),
}
VECTORS = dg.AssetKey(["features", "embeddings"])


@asset(
    "models",
    "split",
    kinds={"pandas", "parquet"},
    settings=["split"],
    ins={"clean": dg.AssetIn(["tickets", "clean"])},
)
def split(desk: Desk, clean: pd.DataFrame) -> dg.MaterializeResult[pd.DataFrame]:
    """Which tickets are trained on and which are held out: frozen once, whole families, latest last."""
    path = desk.folders.split / "holdout.json"
    holdout = frozen_holdout(path, clean, desk.active.split)
    frame = assign(clean, holdout, desk.active.split.folds)
    shifts = class_shifts(clean, frame, [LABEL_PREFIX + name for name in desk.active.targets])
    if not path.exists():
        # At the freezing alone: later, classes that move are what retraining is for.
        require_same_classes(shifts, desk.active.split.max_class_shift)
        holdout.save(path)
    return dg.MaterializeResult(
        value=frame,
        data_version=dg.DataVersion(frame_digest(frame)),
        metadata={
            "split_id": holdout.id,
            "rule": holdout.rule,
            "undated": int(clean["created_at"].isna().sum()),
            "sides": frame["side"].value_counts().to_dict(),
            "class_shifts": {name: round(shift, 4) for name, shift in shifts.items()},
        },
    )


def search(target: str) -> dg.AssetsDefinition:
    """`models/search_<target>`."""

    @asset(
        "models",
        f"search_{target}",
        kinds={"optuna"},
        settings=["search", "seed"],
        ins=TABLES,
        deps=[VECTORS],
        pool=HEAVY_POOL,
    )
    def search(
        context: dg.AssetExecutionContext,
        desk: Desk,
        clean: pd.DataFrame,
        text: pd.DataFrame,
        split: pd.DataFrame,
    ) -> dg.MaterializeResult:
        """One Optuna study over model families on the training rows; resumes where it was stopped."""
        prepared = desk.search(target, desk.target_rows(target, clean, text, split), context.log.info)
        outcome = prepared.run()
        for path in (prepared.folder / "outcome.json", desk.folders.reports / f"search_{target}.json"):
            write_text(path, json.dumps(outcome.as_dict()))
        return dg.MaterializeResult(
            data_version=dg.DataVersion(digest([outcome.study, str(outcome.best), str(outcome.best_boosted)])),
            metadata=search_metadata(target, outcome),
        )

    return search


def candidate(target: str) -> dg.AssetsDefinition:
    """`models/candidate_<target>`."""

    @asset(
        "models",
        f"candidate_{target}",
        kinds={"xgboost", "lightgbm", "scikitlearn"},
        ins=TABLES,
        deps=[["models", f"search_{target}"]],
        pool=HEAVY_POOL,
    )
    def candidate(
        context: dg.AssetExecutionContext,
        desk: Desk,
        clean: pd.DataFrame,
        text: pd.DataFrame,
        split: pd.DataFrame,
    ) -> dg.MaterializeResult:
        """The search's winner and its best boosted model, fitted on all training rows and calibrated."""
        rows = desk.target_rows(target, clean, text, split)
        prepared = desk.search(target, rows, context.log.info)
        outcome = SearchOutcome.from_dict(json.loads((prepared.folder / "outcome.json").read_text()))
        fitted = {
            number: train(prepared.bench, recipe, target, rows.labels, prepared.out_of_fold(number))
            for number, recipe in outcome.recipes.items()
        }
        best, boosted = fitted[outcome.best], fitted[outcome.best_boosted]
        version = write_candidate(desk.folders.candidates / target, best, boosted)
        return dg.MaterializeResult(
            data_version=dg.DataVersion(version),
            metadata={
                "family": best.recipe.family,
                "recipe": best.recipe.as_dict(),
                "best_boosted": boosted.recipe.family,
                "labels": list(rows.labels),
                "training_rows": len(rows.training.y),
                "inverse_temperature": best.inverse_temperature,
            },
        )

    return candidate
