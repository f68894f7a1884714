"""Group models, second half: candidates judged on the hold-out, the best one promoted.

Belongs here: declarations. How candidates are made is declared in models.py; the arithmetic is in
ticket_assets/models/evaluation.py and promotion.py.
"""

import json
from typing import Any

import dagster as dg
import pandas as pd

from ticket_assets.assets.declaration import HEAVY_POOL, asset, table
from ticket_assets.assets.reporting import evaluation_metadata
from ticket_assets.models.candidate import read_candidate
from ticket_assets.models.card import model_card
from ticket_assets.models.evaluation import evaluate, report_rows
from ticket_assets.models.split import Holdout
from ticket_assets.resources import Desk
from ticket_assets.serving.bundle import write_bundle
from ticket_assets.serving.succession import held_out, settle
from ticket_assets.storage import append_record, write_text
from ticket_assets.tables import frame_digest

TABLES = {
    "clean": dg.AssetIn(["tickets", "clean"]),
    "text": dg.AssetIn(["features", "text"]),
    "split": dg.AssetIn(["models", "split"]),
}
VECTORS = dg.AssetKey(["features", "embeddings"])


def evaluation(targets: tuple[str, ...]) -> dg.AssetsDefinition:
    """`models/evaluation` over the candidates of all targets."""

    @asset(
        "models",
        "evaluation",
        kinds={"numpy", "parquet"},
        settings=["bands", "seed"],
        ins=TABLES,
        deps=[["models", f"candidate_{target}"] for target in targets],
        pool=HEAVY_POOL,
    )
    def evaluation(
        context: dg.AssetExecutionContext,
        desk: Desk,
        clean: pd.DataFrame,
        text: pd.DataFrame,
        split: pd.DataFrame,
    ) -> dg.MaterializeResult[pd.DataFrame]:
        """Candidates and baselines on the frozen hold-out; opening it is recorded."""
        holdout = Holdout.load(desk.folders.split / "holdout.json")
        append_record(desk.folders.records / "holdout_openings.jsonl", {"split": holdout.id, "run": context.run_id})
        reports, frames = {}, []
        for target in targets:
            rows = desk.target_rows(target, clean, text, split)
            best, boosted = read_candidate(desk.folders.candidates / target, desk.settings.threads)
            context.log.info(f"{target}: scoring {best.recipe.family} and baselines on {len(rows.holdout.y)} rows")
            report = evaluate(
                best,
                boosted,
                rows.training,
                rows.holdout,
                desk.active.bands,
                desk.settings.seed,
                desk.settings.threads,
            )
            reports[target] = report
            frames.append(report_rows(report, rows.holdout, rows.holdout_ids))
        told = {
            "split": holdout.id,
            "rule": holdout.rule,
            "targets": {k: v.as_dict() for k, v in reports.items()},
        }
        write_text(desk.folders.reports / "evaluation.json", json.dumps(told, indent=1))
        scored = pd.concat(frames, ignore_index=True)
        return dg.MaterializeResult(
            value=scored,
            data_version=dg.DataVersion(frame_digest(scored.astype({"probabilities": str}))),
            metadata={"split_id": holdout.id, "rule": holdout.rule, **evaluation_metadata(reports, scored)},
        )

    return evaluation


def champion(targets: tuple[str, ...]) -> dg.AssetsDefinition:
    """`models/champion` over the candidates of all targets."""

    @dg.failure_hook(required_resource_keys={"mlflow"})
    def mlflow_run_failed(context: dg.HookContext) -> None:
        """The resource opens the MLflow run before the inputs are read; where that fails, the asset never begins."""
        context.resources.mlflow.end_run("FAILED")

    @asset(
        "models",
        "champion",
        kinds={"mlflow"},
        settings=["promotion", "bands", "seed"],
        ins={**TABLES, "evaluation": dg.AssetIn(["models", "evaluation"])},
        hooks={mlflow_run_failed},
    )
    def champion(
        context: dg.AssetExecutionContext,
        desk: Desk,
        clean: pd.DataFrame,
        text: pd.DataFrame,
        split: pd.DataFrame,
        evaluation: pd.DataFrame,
        mlflow: dg.ResourceParam[Any],
    ) -> dg.MaterializeResult:
        """The decision: challenger against champion on the same frozen rows; the alias moves last."""
        with desk.registry().closing(mlflow.active_run().info.run_id) as run_id:
            models = [read_candidate(desk.folders.candidates / target, desk.settings.threads)[0] for target in targets]
            report = json.loads((desk.folders.reports / "evaluation.json").read_text())
            data = {
                "tickets/clean": frame_digest(clean.drop(columns="ingested_at")),
                "features/text": frame_digest(text),
                "features/embeddings": _version(context.instance, VECTORS),
            }
            challenger = write_bundle(
                desk.folders.bundles,
                models,
                desk.manifest(report, data),
                model_card(desk.profile, desk.active.licence, report),
            )
            rows = {target: desk.target_rows(target, clean, text, split) for target in targets}
            tickets, held = held_out(rows, evaluation, desk.original_tickets(), challenger.targets)
            tags = {"dagster_run": context.run_id, "split": report["split"], **data}
            outcome = settle(desk.court(), challenger, tickets, held, run_id, tags)
        # Where the challenger is the champion already nothing was judged, and a table without rows is refused.
        judged = {"targets": table(outcome.decision.table())} if outcome.decision.targets else {}
        return dg.MaterializeResult(
            data_version=dg.DataVersion(outcome.champion.bundle if outcome.champion else "none"),
            metadata={
                "decision": outcome.decision.reason,
                "promoted": outcome.decision.promoted,
                "challenger": challenger.id,
                "champion": f"v{outcome.champion.version}" if outcome.champion else "none",
                **judged,
                "mlflow_run": run_id,
            },
        )

    return champion


def _version(instance: dg.DagsterInstance, key: dg.AssetKey) -> str:
    """Data version of an asset that does not come in as a table: the one it was given when it was made."""
    event = instance.get_latest_materialization_event(key)
    made = event.asset_materialization if event else None
    return (made.tags or {}).get("dagster/data_version", "unknown") if made else "unknown"
