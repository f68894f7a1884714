"""The desk: one profile as the assets see it.

Belongs here: turning the profile's name into settings, folders, tables, encoders, searches, registries.
Does not belong here: any arithmetic; what the objects do stands in the plain folders.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import dagster as dg
import pandas as pd

from ticket_assets.code_version import code_digest
from ticket_assets.features.encoder import Encoder
from ticket_assets.features.encoder_choice import EncoderShelf
from ticket_assets.features.encoder_manifest import EncoderManifest
from ticket_assets.features.encoder_runtimes import load_encoder
from ticket_assets.features.text import FeatureSchema
from ticket_assets.features.vectors import VectorTable
from ticket_assets.models.bands import Bands
from ticket_assets.models.candidate import latest_version, read_candidate
from ticket_assets.models.explanation import Summary, summarise
from ticket_assets.models.plain_baseline import SCORE as BASELINE_SCORE
from ticket_assets.models.plain_baseline import baseline_score
from ticket_assets.models.registry import Registry
from ticket_assets.models.rows import TargetRows, target_rows
from ticket_assets.models.search import Budget, Search
from ticket_assets.models.space import draw
from ticket_assets.models.target_model import TargetModel
from ticket_assets.models.trained_rows import sweep_trained
from ticket_assets.models.training import fold_scores
from ticket_assets.models.workbench import Workbench
from ticket_assets.process import end_with_parent
from ticket_assets.profile import Profile
from ticket_assets.resources.tracking import mlflow_uri, optuna_url
from ticket_assets.serving.corrected import read_corrections
from ticket_assets.serving.fitted import versions_in_store
from ticket_assets.serving.former_work import sweep_work
from ticket_assets.serving.manifest import BundleManifest
from ticket_assets.serving.prediction import Ticket
from ticket_assets.serving.prediction_log.corrections import Correction
from ticket_assets.serving.retention import needed_bundles, sweep
from ticket_assets.serving.throne import Court
from ticket_assets.settings import Settings, load_settings, resolve
from ticket_assets.state import open_root
from ticket_assets.storage import ProfileFolders, digest
from ticket_assets.tickets.cleaning import CLEANING_VERSION
from ticket_assets.tickets.curation import originals
from ticket_assets.tickets.fed_tickets import said_in_log
from ticket_assets.tickets.snapshot import read_snapshot
from ticket_assets.tickets.taxonomy import Taxonomy
from ticket_assets.tickets.taxonomy_file import load_taxonomy
from ticket_assets.tickets.words import WordRules


class Desk(dg.ConfigurableResource):
    """One profile: its settings, its folders, and the plain objects made from them."""

    profile: str

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """At the start of a step, in its process."""
        end_with_parent()

    @cached_property
    def settings(self) -> Settings:
        """Settings with this profile active."""
        return load_settings(profile=self.profile)

    @property
    def active(self) -> Profile:
        """The profile's own settings."""
        return self.settings.active

    @property
    def folders(self) -> ProfileFolders:
        """Where its state lies; refuses one that another source, or another version of the project, filled."""
        folders = ProfileFolders(self.settings.profile_root)
        open_root(folders, self.active.identity(), self.active.frozen())
        return folders

    @property
    def feature_schema(self) -> FeatureSchema:
        """What the feature function makes for this profile."""
        words = self.active.words
        rules = WordRules(words.stop_words, words.stem, tuple(sorted(words.drop.items())))
        return FeatureSchema(self.active.features.languages, self.active.features.context, rules)

    @property
    def taxonomies(self) -> dict[str, Taxonomy]:
        """Target to how its labels changed, for the targets that have a file of it."""
        files = {name: target.taxonomy for name, target in self.active.targets.items()}
        return {name: load_taxonomy(resolve(path)) for name, path in files.items() if path}

    @property
    def encoder_shelf(self) -> EncoderShelf:
        """Where the profile's encoder is chosen and made."""
        folders = self.folders
        return EncoderShelf(
            self.active.encoder, resolve("."), folders.encoders, folders.encoder_choices, self.settings.threads
        )

    def encoder(self) -> Encoder:
        """The profile's encoder, opened to encode; made at first use, and then the same one."""
        return load_encoder(self.folders.encoders / self.encoder_id, self.settings.threads)

    def vectors(self) -> VectorTable:
        """The LanceDB table of the profile's encoder, which need not be opened for it."""
        folders, encoder_id = self.folders, self.encoder_id
        return VectorTable(folders.vectors, encoder_id, EncoderManifest.load(folders.encoders / encoder_id).dimensions)

    def keep_vectors(self, bundle: str, like: str | None = None) -> str:
        """Keep the vectors that fed a bundle under its id, let go of those that nobody needs; say which they are.

        Args:
            bundle: its id.
            like: id of a bundle whose kept vectors they are; None: those of today.
        """
        table = self.vectors()
        version = table.keep(bundle, like)
        needed = needed_bundles(self.court())
        for one in table.kept():
            if one not in needed:
                table.forget(one)
        return f"version {version} of {table.encoder_id}"

    def target_rows(self, target: str, clean: pd.DataFrame, text: pd.DataFrame, split: pd.DataFrame) -> TargetRows:
        """Training and hold-out rows of a target, with their vectors."""
        return target_rows(target, clean, text, split, self.vectors().read(list(clean["ticket_id"])))

    def latest_candidates(self, targets: Iterable[str]) -> dict[str, str]:
        """Target to version of its latest candidate: looked up once, so that all that follows is of the same ones."""
        return {target: latest_version(self.folders.candidates / target) for target in targets}

    def winners(self, candidates: Mapping[str, str]) -> list[TargetModel]:
        """The best model of these versions of candidates, one per target."""
        folder, threads = self.folders.candidates, self.settings.threads
        return [read_candidate(folder / target, threads, version)[0] for target, version in candidates.items()]

    def search(self, target: str, rows: TargetRows, progress: Callable[[str], None]) -> Search:
        """The search of a target; its study is named by what it sees, so changed rows or code begin a new one."""
        chosen, training = self.active.search, rows.training
        seen = digest(
            [
                rows.training_digest,
                self.encoder_id,
                code_digest(draw, fold_scores),
                str(self.settings.seed),
                str(chosen.families),
                str(chosen.max_ngrams),
            ]
        )
        classes, seed, threads = len(rows.labels), self.settings.seed, self.settings.threads
        return Search(
            bench=Workbench(
                *(training.features, training.y, rows.groups, classes, seed, threads, rows.training_ids),
                weights=training.weights,
            ),
            folds=rows.folds,
            families=chosen.families,
            max_ngrams=chosen.max_ngrams,
            budget=Budget(60 * chosen.minutes / len(self.active.targets), chosen.trials),
            storage_url=optuna_url(self.settings),
            study=f"{self.profile}-{target}-{seen}",
            folder=self.folders.search / target / seen,
            progress=lambda line: progress(f"{target}: {line}"),
        )

    def summary(self, model: TargetModel, rows: TargetRows) -> Summary:
        """What a model goes by, on a sample of its training rows."""
        return summarise(model, rows.training.features, rows.groups, self.feature_schema, self.settings.seed)

    @property
    def encoder_id(self) -> str:
        """Id of the profile's encoder: it names the vector table, and goes into bundles."""
        return self.encoder_shelf.choice().encoder_id

    @property
    def columns_read(self) -> set[str]:
        """Columns of the source that curation reads: texts, id and date, labels and what splits them, context."""
        columns = self.active.columns
        named = {columns.id, columns.subject, columns.body, columns.created_at}
        labels = {target.column for target in self.active.targets.values()}
        splits = {one for taxonomy in self.taxonomies.values() for one in taxonomy.columns}
        return {*filter(None, named), *labels, *splits, *self.active.features.context}

    def original_tickets(self) -> dict[str, Ticket]:
        """Tickets as they arrived, by id; those that only the prediction log has, as it keeps them."""
        columns, context = self.active.columns, self.active.features.context
        read = filter(None, (columns.id, columns.subject, columns.body, *context))
        frame = originals(read_snapshot(self.folders.raw, set(read)), columns, context)
        told = {
            name: Ticket(body, subject, {column: its.get(column) for column in context})
            for name, (subject, body, its) in self._said_in_log().items()
        }
        return told | {
            str(row.Index): Ticket(row.body, row.subject, {name: frame.at[row.Index, name] for name in context})
            for row in frame[["subject", "body"]].itertuples()
        }

    def _said_in_log(self) -> dict[str, tuple[str, str, dict[str, str | None]]]:
        path = self.folders.parquet / "tickets" / "feedback.parquet"
        return said_in_log(pd.read_parquet(path)) if path.exists() else {}  # not on a root of before

    def corrections(self) -> Sequence[Correction]:
        """All corrections in the profile's prediction log; none where it has no log yet."""
        return read_corrections(self.folders)

    def manifest(self, report: Mapping[str, Any], data: Mapping[str, str]) -> dict[str, Any]:
        """What a bundle of this profile says of itself, but for the files and labels of its models.

        Args:
            report: content of reports/evaluation.json.
            data: asset key to data version.
        """
        schema = self.feature_schema
        return {
            "profile": self.profile,
            "encoder": {"id": self.encoder_id, "runtime": self.encoder_id.partition("-")[0]},
            "languages": schema.languages,
            "context": schema.context,
            "feature_schema": schema.hash,
            "cleaning": CLEANING_VERSION,
            "mask": self.active.cleaning.mask,
            "words": schema.words,
            "taxonomy": {target: taxonomy.current for target, taxonomy in self.taxonomies.items()},
            "split": report["split"],
            "data": dict(data),
            "bands": {target: Bands(**one["bands"]["bands"]) for target, one in report["targets"].items()},
            "scores": {
                target: {name: one["candidate"][name] for name in ("macro_f1", "accuracy", "ece")}
                | {BASELINE_SCORE: baseline_score(one["standings"])}
                for target, one in report["targets"].items()
            },
        }

    def makes_features_of(self, manifest: BundleManifest) -> bool:
        """Whether today's tables hold the features that a bundle was trained on."""
        encoder = manifest.encoder is None or manifest.encoder["id"] == self.encoder_id
        ours = (self.feature_schema.hash, CLEANING_VERSION, self.active.cleaning.mask)
        return encoder and ours == (manifest.feature_schema, manifest.cleaning, manifest.mask)

    def court(self) -> Court:
        """Where a challenger meets the champion."""
        return Court(
            bundles=self.folders.bundles,
            encoders=self.folders.encoders,
            records=self.folders.records,
            registry=self.registry(),
            rules=self.active.promotion,
            seed=self.settings.seed,
            threads=self.settings.threads,
            trained=self.folders.trained,
            taxonomies=self.taxonomies,
        )

    def sweep(self) -> dict[str, Any]:
        """Remove bundles, candidates, searches and vectors that nobody needs any more; say what went."""
        folders, keep = self.folders, self.active.retention.former
        gone = sweep(self.court(), self.profile, folders.bentos)  # first: vectors stay as long as a bundle needs them
        sweep_trained(folders.trained, versions_in_store(folders.bundles))
        work = sweep_work(folders, self.profile, optuna_url(self.settings), self.encoder_id, keep)
        return {"bundles_removed": list(gone), **vars(work)}

    def registry(self) -> Registry:
        """The MLflow registry of this profile's bundle."""
        return Registry(mlflow_uri(self.settings), f"ticket-assets-{self.profile}")
