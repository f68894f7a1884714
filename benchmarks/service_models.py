"""The models that are asked in the service's benchmark: bundles by variant, and the classifiers of the plain app.

Belongs here: rows, hold-out, one fit per variant with the package's own functions, macro F1 on the hold-out.
Does not belong here: serving and measuring them (service.py).

A folder is made once and found again; each step is kept when it is done, so a run that broke off goes on behind it.
Every bundle answers two targets, as the plain app has two classifiers: the tickets have one label, so the second target
is the same model under another name.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import pandas as pd

from ticket_assets.features.distillation import distil
from ticket_assets.features.encoder import OnnxEncoder
from ticket_assets.features.encoder_folder import openvino_folder
from ticket_assets.features.encoder_runtimes import load_encoder
from ticket_assets.features.onnx_export import export_encoder, packaged_model_folder
from ticket_assets.features.text import FeatureSchema, TicketFeatures, text_features
from ticket_assets.models.bands import Bands
from ticket_assets.models.calibration import apply
from ticket_assets.models.ngrams import TfidfSpec
from ticket_assets.models.recipe import Recipe
from ticket_assets.models.representation import Blocks
from ticket_assets.models.significance import bootstrap_interval, paired_difference
from ticket_assets.models.split import HOLDOUT, TRAIN, assign, choose_holdout
from ticket_assets.models.target_model import TargetModel
from ticket_assets.models.training import behind_first_stage, fold_scores, train
from ticket_assets.models.workbench import Workbench
from ticket_assets.profile import SplitSettings
from ticket_assets.serving.bundle import write_bundle
from ticket_assets.serving.store import Champion, write_champion
from ticket_assets.storage import write_text
from ticket_assets.tickets.cleaning import CLEANING_VERSION, ticket_text
from ticket_assets.tickets.families import number_families
from ticket_assets.tickets.language import detect_languages
from ticket_assets.tickets.sample import generate
from ticket_assets.tickets.sample_spec import SampleSpec

TARGETS = ("first", "second")
SCHEMA = FeatureSchema(("en", "de", "es", "fr"))
CUT = 0.7
BOOSTING = {
    **{"num_boost_round": 200, "learning_rate": 0.1, "max_depth": 5, "min_child_weight": 3.0, "subsample": 0.8},
    "colsample_bytree": 0.5,
}
_GRAMS = TfidfSpec()
# Where the search starts, and most champions end: what a linear SVM and the neighbours say. Without an encoder there
# are no neighbours, and the n-grams' SVD stands in.
FULL = Recipe("xgboost", Blocks(tfidf=_GRAMS, scores=True, votes=True, columns=1.0), BOOSTING)
BARE = Recipe("xgboost", Blocks(tfidf=_GRAMS, scores=True, svd=64, columns=1.0), BOOSTING)
# Variant to the encoder whose vectors its model was fitted on, and its recipe. OpenVINO's are ONNX's to 1e-5.
VARIANTS: dict[str, tuple[str | None, Recipe]] = {
    "onnx f32": ("onnx", FULL),
    "openvino f32": ("onnx", FULL),
    "openvino bf16": ("onnx", FULL),
    "static": ("static", FULL),
    "no encoder": (None, BARE),
    "cascade": ("onnx", FULL),  # behind the model without an encoder
}
CASCADE = "cascade"
MAY_LOSE = 0.004  # macro F1 out of fold; 0.005 may be lost in the end
OUT_OF_FOLD = "out_of_fold.npy"
PLAIN, REFERENCE = "plain", "onnx f32"
Say = Callable[[str], None]


@dataclass
class Models:
    """The folder of everything that is asked.

    Attributes:
        folder: of bundles, encoders, vectors and scores.
        tickets: Parquet file of the profile it_service; None: generated tickets.
        rows: so many of them; 0: all.
        threads: of encoding.
        say: told of each step.
        variants: which ones.
    """

    folder: Path
    tickets: Path | None
    rows: int
    threads: int
    say: Say
    variants: Sequence[str] = tuple(VARIANTS)

    def made(self) -> dict[str, dict[str, float]]:
        """Make what is missing; per variant macro F1, its interval and the loss against `onnx f32` on the hold-out."""
        for variant in self._ours:
            if not (self.folder / "stores" / variant / "champion.json").exists():
                self._make(variant)
        if not (self.folder / "plain" / "second.json").exists():
            self._make_plain()
        return self._compared()

    @property
    def _ours(self) -> list[str]:
        """Those asked for, and what all are compared with."""
        return [one for one in VARIANTS if one in (REFERENCE, *self.variants)]

    def made_alone(self, variant: str) -> Path:
        """The store of one variant, made where it is missing, without those that it is compared with."""
        if not (self.store(variant) / "champion.json").exists():
            self._make(variant)
        return self.store(variant)

    def store(self, variant: str) -> Path:
        """Bundle store of a variant."""
        return self.folder / "stores" / variant

    @property
    def encoders(self) -> Path:
        """Of all variants."""
        return self.folder / "encoders"

    @cached_property
    def rows_used(self) -> pd.DataFrame:
        """ticket_id, body, label, text, family_id, side, group, fold; without tickets that cleaning leaves empty."""
        kept = self.folder / "rows.parquet"
        if kept.exists():
            return pd.read_parquet(kept)
        table = self._read()
        if 0 < self.rows < len(table):
            table = table.sample(self.rows, random_state=1, ignore_index=True)
        self.say(f"cleaning {len(table)} tickets, numbering families")
        table["text"] = [ticket_text("", body) for body in table["body"]]
        table = table[table["text"] != ""].reset_index(drop=True)
        table["family_id"] = number_families(list(table["text"]), list(table["ticket_id"]), CUT).family_ids
        table["created_at"] = pd.NaT
        settings = SplitSettings()
        sides = assign(table, choose_holdout(table, settings), settings.folds)
        table[["side", "group", "fold"]] = sides[["side", "group", "fold"]]
        table = table.drop(columns="created_at")
        self.folder.mkdir(parents=True, exist_ok=True)
        table.to_parquet(kept)
        return table

    def asked(self, number: int) -> list[str]:
        """Bodies of held-out tickets, as they arrive; over again where there are fewer."""
        held = self.rows_used[self.rows_used["side"] == HOLDOUT]
        return list(islice(cycle(held["body"]), number))

    def _read(self) -> pd.DataFrame:
        if self.tickets is not None:
            table = pd.read_parquet(self.tickets)
            return table.rename(columns={"Document": "body", "Topic_group": "label"})[["ticket_id", "body", "label"]]
        table = generate(SampleSpec(rows=self.rows or 12_000, seed=7)).rename(columns={"queue": "label"})
        return table[["ticket_id", "body", "label"]].dropna().drop_duplicates("ticket_id").reset_index(drop=True)

    def _encoder(self, name: str) -> Path:
        onnx = export_encoder(packaged_model_folder(), self.encoders)
        if name.startswith("openvino"):
            return openvino_folder(onnx, name.split()[1], lambda folder: None)
        return distil(OnnxEncoder.load(onnx, self.threads), onnx, 256, lambda *_: None) if name == "static" else onnx

    def _vectors(self, name: str) -> np.ndarray:
        """Of all rows."""
        kept = self.folder / f"vectors {name}.npy"
        if not kept.exists():
            texts = list(self.rows_used["text"])

            def told(done: int) -> None:
                if done % 2000 == 0:
                    self.say(f"{name}: {done} of {len(texts)} tickets encoded")

            np.save(kept, load_encoder(self._encoder(name), self.threads).encode(texts, told))
        return np.asarray(np.load(kept))

    def _features(self, vectors: np.ndarray | None) -> TicketFeatures:
        texts = list(self.rows_used["text"])
        plain = text_features(texts, detect_languages(texts, SCHEMA.languages), [{}] * len(texts), SCHEMA)
        return replace(plain, vectors=vectors)

    def _labels(self) -> tuple[tuple[str, ...], np.ndarray]:
        labels, y = np.unique(self.rows_used["label"].to_numpy(dtype=str), return_inverse=True)
        return tuple(map(str, labels)), y

    def _fitted(self, encoder: str | None, recipe: Recipe) -> TargetModel:
        kept = self.folder / "fitted" / (encoder or "none")
        if not (kept / "done").exists():
            table, (labels, y) = self.rows_used, self._labels()
            train_rows = np.flatnonzero(table["side"] == TRAIN)
            features = self._features(self._vectors(encoder) if encoder else None).take(train_rows)
            groups, folds = (table[name].to_numpy()[train_rows] for name in ("group", "fold"))
            ids = [str(table["ticket_id"][row]) for row in train_rows]
            # One thread: 1,600 small trees each wait for the slowest, which on a busy machine takes ten times as long.
            bench = Workbench(features, y[train_rows], groups, len(labels), 1, 1, ids)
            scores = np.zeros((len(train_rows), len(labels)))
            for fold in range(SplitSettings().folds):
                self.say(f"fitting with {encoder or 'no encoder'}: fold {fold}")
                scores[folds == fold] = fold_scores(bench, recipe, folds, fold)
            self.say(f"fitting with {encoder or 'no encoder'}: all {len(train_rows)} training rows")
            kept.mkdir(parents=True, exist_ok=True)
            np.save(kept / OUT_OF_FOLD, scores)
            train(bench, recipe, TARGETS[0], labels, scores).save(kept)
            (kept / "done").touch()
        return TargetModel.load(kept, self.threads)

    def _model(self, variant: str) -> TargetModel:
        encoder, recipe = VARIANTS[variant]
        whole = self._fitted(encoder, recipe)
        if variant != CASCADE:
            return whole
        first, train_rows = self._fitted(None, BARE), self.rows_used["side"] == TRAIN
        told = [
            apply(np.load(self.folder / "fitted" / name / OUT_OF_FOLD), model.inverse_temperature)
            for name, model in (("onnx", whole), ("none", first))
        ]
        made, _ = behind_first_stage(whole, first, told[0], told[1], self._labels()[1][train_rows], MAY_LOSE)
        return made

    def _make(self, variant: str) -> None:
        encoder, _ = VARIANTS[variant]
        model = self._model(variant)
        named = None
        if encoder:
            folder = self._encoder(variant if variant.startswith("openvino") else encoder)
            named = {"id": folder.name, "runtime": folder.name.rpartition("-")[0]}
        fields = {
            **{"profile": "benchmark", "encoder": named, "languages": SCHEMA.languages, "context": (), "split": "none"},
            **{"feature_schema": SCHEMA.hash, "cleaning": CLEANING_VERSION, "data": {}, "scores": {}},
            "bands": dict.fromkeys(TARGETS, Bands(act=0.85, suggest=0.6)),
        }
        models = [replace(model, target=target) for target in TARGETS]
        made = write_bundle(self.store(variant), models, fields, "made by benchmarks/service_models.py\n")
        write_champion(self.store(variant), Champion(1, made.id, "2026-01-01T00:00:00+00:00"))

    def _make_plain(self) -> None:
        from xgboost import XGBClassifier

        self.say("fitting the classifiers of the plain app")
        (labels, y), train_rows = self._labels(), np.flatnonzero(self.rows_used["side"] == TRAIN)
        place = self.folder / "plain"
        place.mkdir(parents=True, exist_ok=True)
        write_text(place / "labels.json", json.dumps(labels))
        model = XGBClassifier(n_estimators=200, max_depth=5, learning_rate=0.1, tree_method="hist", n_jobs=1)
        model.fit(self._vectors("onnx")[train_rows], y[train_rows])
        for target in TARGETS:
            model.save_model(place / f"{target}.json")

    def _compared(self) -> dict[str, dict[str, float]]:
        kept = self.folder / "quality.json"
        there = dict(json.loads(kept.read_text())) if kept.exists() else {}
        if not {PLAIN, *self._ours} <= there.keys():
            there |= self._compare()
            write_text(kept, json.dumps(there))
        return there

    def _compare(self) -> dict[str, dict[str, float]]:
        from xgboost import XGBClassifier

        (labels, y), held = self._labels(), np.flatnonzero(self.rows_used["side"] == HOLDOUT)
        families = self.rows_used["family_id"].to_numpy()[held]
        said: dict[str, np.ndarray] = {}
        for variant in self._ours:
            encoder, _ = VARIANTS[variant]
            self.say(f"{variant}: the hold-out")
            texts = [self.rows_used["text"][row] for row in held]
            vectors = None
            if encoder:
                own = self._encoder(variant) if variant.startswith("openvino") else None
                vectors = load_encoder(own, self.threads).encode(texts) if own else self._vectors(encoder)[held]
            features = replace(self._features(None).take(held), vectors=vectors)
            model = self._model(variant)
            said[variant] = model.probabilities(features).argmax(axis=1)
            if (early := model.early(features)) is not None:
                self.say(f"{variant}: believed from {model.sure_from:.3f}, {early.unsure.mean():.1%} are encoded")
        plain = XGBClassifier()
        plain.load_model(self.folder / "plain" / f"{TARGETS[0]}.json")
        said[PLAIN] = plain.predict_proba(self._vectors("onnx")[held]).argmax(axis=1)
        told = {}
        for variant, answers in said.items():
            one = bootstrap_interval(y[held], answers, families, n_labels=len(labels))
            lost = paired_difference(y[held], said[REFERENCE], answers, families, n_labels=len(labels))
            told[variant] = {
                **{"macro_f1": one.estimate, "low": one.low, "high": one.high, "held_out": len(held)},
                **{"loss": lost.estimate, "loss_low": lost.low, "loss_high": lost.high},
            }
        return told
