"""Group models: from features to a promoted bundle.

Belongs here: declarations; `search` and `candidate` make one asset per target.
The arithmetic is in ticket_assets/models/ under the same words.
"""

import json
from typing import Any

import dagster as dg
import pandas as pd

from ticket_assets.assets import reporting
from ticket_assets.assets.declaration import HEAVY_POOL, OWNERS, asset, told_version
from ticket_assets.models.candidate import read_candidate, read_out_of_fold, write_candidate
from ticket_assets.models.card import model_card
from ticket_assets.models.class_shift import class_shifts, require_same_classes
from ticket_assets.models.evaluation import evaluate, report_rows
from ticket_assets.models.outcome import SearchOutcome
from ticket_assets.models.reports import MARK, read_evaluation, read_explanation, write_evaluation, write_explanation
from ticket_assets.models.seen_tickets import SeenTickets
from ticket_assets.models.split import RECENT, TRAIN, Holdout, assign, doubt_of_dates, frozen_holdout
from ticket_assets.models.thresholds import choose
from ticket_assets.models.trained_rows import keep_trained
from ticket_assets.models.training import fit_winners
from ticket_assets.resources.desk import Desk
from ticket_assets.serving.bundle import write_bundle
from ticket_assets.serving.fitted import DATA as CLEAN_DATA
from ticket_assets.serving.recent_tickets import recent_tickets
from ticket_assets.serving.succession import settle
from ticket_assets.serving.trial import held_out
from ticket_assets.storage import append_record, digest, write_text
from ticket_assets.tables import frame_digest
from ticket_assets.tickets.schema import LABEL_PREFIX

TABLES = {
    "clean": dg.AssetIn(["tickets", "clean"]),
    "text": dg.AssetIn(["features", "text"]),
    "split": dg.AssetIn(["models", "split"]),
}
VECTORS = dg.AssetKey(["features", "embeddings"])

pin = dg.AssetSpec(
    ["models", "pin"],
    group_name="models",
    owners=OWNERS,
    kinds={"pin"},
    description="What keeps the champion after a rollback; observed, and due again for judgement when it ends.",
)


@asset(
    "models",
    "split",
    kinds={"pandas", "parquet"},
    settings=["split", "monitoring.feedback.held_out_share"],
    ins={"clean": dg.AssetIn(["tickets", "clean"])},
)
def split(context: dg.AssetExecutionContext, desk: Desk, clean: pd.DataFrame) -> dg.MaterializeResult[pd.DataFrame]:
    """Which tickets are trained on and which are held out: frozen once, whole families, latest last."""
    path = desk.folders.split / "holdout.json"
    holdout = frozen_holdout(path, clean, desk.active.split)
    seen, share = SeenTickets.load(desk.folders.split), desk.active.monitoring.feedback.held_out_share
    frame = assign(clean, holdout, desk.active.split.folds, seen, share)
    shifts = class_shifts(clean, frame, [LABEL_PREFIX + name for name in desk.active.targets])
    if not path.exists():
        # At the freezing alone: later, classes that move are what retraining is for.
        require_same_classes(shifts.values(), desk.active.split.max_class_shift)
        holdout.save(path)
    (seen or SeenTickets()).and_those_of(frame, RECENT).save(desk.folders.split)
    doubt = doubt_of_dates(clean, holdout)
    if doubt:
        context.log.warning(f"the hold-out: {doubt}")
    return dg.MaterializeResult(
        value=frame,
        data_version=dg.DataVersion(frame_digest(frame)),
        metadata=reporting.split_metadata(holdout, clean, frame, shifts, doubt),
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
        context: dg.AssetExecutionContext, desk: Desk, clean: pd.DataFrame, text: pd.DataFrame, split: pd.DataFrame
    ) -> dg.MaterializeResult:
        """One Optuna study over model families on the training rows; resumes where it was stopped."""
        prepared = desk.search(target, desk.target_rows(target, clean, text, split), context.log.info)
        outcome = prepared.run()
        for path in (prepared.folder / "outcome.json", desk.folders.reports / f"search_{target}.json"):
            write_text(path, json.dumps(outcome.as_dict()))
        return dg.MaterializeResult(
            data_version=dg.DataVersion(digest([outcome.study, *outcome.winners])),
            metadata=reporting.search_metadata(target, outcome),
        )

    return search


def candidate(target: str) -> dg.AssetsDefinition:
    """`models/candidate_<target>`."""

    @asset(
        "models",
        f"candidate_{target}",
        kinds={"xgboost", "lightgbm", "catboost", "scikitlearn"},
        settings=["cascade"],
        ins=TABLES,
        deps=[["models", f"search_{target}"]],
        pool=HEAVY_POOL,
    )
    def candidate(
        context: dg.AssetExecutionContext, desk: Desk, clean: pd.DataFrame, text: pd.DataFrame, split: pd.DataFrame
    ) -> dg.MaterializeResult:
        """The search's winner and its best boosted model, fitted on all training rows and calibrated."""
        rows = desk.target_rows(target, clean, text, split)
        prepared = desk.search(target, rows, context.log.info)
        outcome = SearchOutcome.from_dict(json.loads((prepared.folder / "outcome.json").read_text()))
        may_lose = desk.active.cascade.max_loss
        fitted = fit_winners(prepared.bench, outcome, prepared.out_of_fold, target, rows.labels, may_lose)
        version = write_candidate(desk.folders.candidates / target, fitted.winner, fitted.boosted, fitted.known)
        return dg.MaterializeResult(
            data_version=dg.DataVersion(version),
            metadata=reporting.candidate_metadata(fitted.winner, fitted.boosted, rows),
        )

    return candidate


def explanation(targets: tuple[str, ...]) -> dg.AssetsDefinition:
    """`models/explanation` over the candidates of all targets."""

    @asset(
        "models",
        "explanation",
        kinds={"numpy", "matplotlib"},
        settings=["seed"],
        ins=TABLES,
        deps=[["models", f"candidate_{target}"] for target in targets],
        pool=HEAVY_POOL,
    )
    def explanation(desk: Desk, clean: pd.DataFrame, text: pd.DataFrame, split: pd.DataFrame) -> dg.MaterializeResult:
        """What each candidate goes by: mean contributions on a sample of training rows, never of the hold-out."""
        found, candidates = {}, desk.latest_candidates(targets)
        for target, version in candidates.items():
            best, _ = read_candidate(desk.folders.candidates / target, desk.settings.threads, version)
            found[target] = desk.summary(best, desk.target_rows(target, clean, text, split))
        return dg.MaterializeResult(
            data_version=dg.DataVersion(write_explanation(desk.folders.reports, candidates, found)),
            metadata=reporting.explanation_metadata(found),
        )

    return explanation


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
        context: dg.AssetExecutionContext, desk: Desk, clean: pd.DataFrame, text: pd.DataFrame, split: pd.DataFrame
    ) -> dg.MaterializeResult[pd.DataFrame]:
        """Candidates and baselines on the frozen hold-out; opening it is recorded."""
        holdout = Holdout.load(desk.folders.split / "holdout.json")
        append_record(desk.folders.records / "holdout_openings.jsonl", {"split": holdout.id, "run": context.run_id})
        reports, frames, candidates = {}, [], desk.latest_candidates(targets)
        for target, version in candidates.items():
            rows, folder = desk.target_rows(target, clean, text, split), desk.folders.candidates / target
            best, boosted = read_candidate(folder, desk.settings.threads, version)
            context.log.info(f"{target}: scoring {best.recipe.family} and baselines on {len(rows.holdout.y)} rows")
            bands = choose(desk.active.bands.of(target), read_out_of_fold(folder, version))
            seed, threads = desk.settings.seed, desk.settings.threads
            reports[target] = evaluate(best, boosted, rows.training, rows.holdout, bands, seed, threads, rows.lately)
            frames.append(report_rows(reports[target], rows.holdout, rows.holdout_ids))
        frame, told = pd.concat(frames, ignore_index=True), {"split": holdout.id, "rule": holdout.rule}
        scored = write_evaluation(desk.folders.reports, told, candidates, reports, frame)
        return dg.MaterializeResult(
            value=scored,
            data_version=dg.DataVersion(scored[MARK].iloc[0]),
            metadata={"split_id": holdout.id, "rule": holdout.rule, **reporting.evaluation_metadata(reports, scored)},
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
        settings=["promotion", "bands", "seed", "licence", "description", "cleaning", "features", "targets", "words"],
        ins={**TABLES, "evaluation": dg.AssetIn(["models", "evaluation"])},
        deps=[pin, ["models", "explanation"]],
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
            candidates = desk.latest_candidates(targets)
            report = read_evaluation(desk.folders.reports, evaluation, candidates)
            goes_by = read_explanation(desk.folders.reports, candidates)
            data = {
                CLEAN_DATA: frame_digest(clean.drop(columns="ingested_at")),
                "features/text": frame_digest(text),
                "features/embeddings": told_version(context.instance, VECTORS),
            }
            rows = {target: desk.target_rows(target, clean, text, split) for target in targets}
            manifest = desk.manifest(report, data)
            card = model_card(manifest, desk.active.licence, desk.active.description, report, goes_by)
            trained, lately = (split.loc[split["side"] == side, "ticket_id"] for side in (TRAIN, RECENT))
            # Before any bundle names that version.
            keep_trained(desk.folders.trained, data[CLEAN_DATA], trained, lately)
            challenger = write_bundle(desk.folders.bundles, desk.winners(candidates), manifest, card)
            originals = desk.original_tickets()
            tickets, held = held_out(rows, evaluation, originals, challenger.targets)
            recent = recent_tickets(rows, originals)
            # Before anybody is seated; then under the id that was decided upon, which may be another.
            vectors = desk.keep_vectors(challenger.id)
            tags = {"dagster_run": context.run_id, "split": report["split"], "vectors": vectors, **data}
            outcome = settle(desk.court(), challenger, tickets, held, run_id, tags, recent)
            desk.keep_vectors(outcome.bundle, like=challenger.id)
        swept = desk.sweep()
        return dg.MaterializeResult(
            data_version=dg.DataVersion(outcome.champion.bundle if outcome.champion else "none"),
            metadata=reporting.succession_metadata(outcome, challenger.id, swept, vectors, run_id),
        )

    return champion
