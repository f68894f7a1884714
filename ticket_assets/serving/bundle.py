"""The bundle: a plain folder with one model per target, and the list of all that must fit before it answers.

Belongs here: writing it, refusing it, predicting with it.
Does not belong here: which bundle is champion (store.py), transports (service.py), how it is packaged (bento.py).

Light on purpose: no dagster, mlflow, torch, optuna, pandas; XGBoost or LightGBM only when a model in it is theirs.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from ticket_assets.features.encoder import Encoder, EncoderFilesError, EncoderManifest, OnnxEncoder
from ticket_assets.features.text import FeatureSchema, TicketFeatures, text_features
from ticket_assets.models.target_model import TargetModel
from ticket_assets.serving.prediction import Bands, TargetPrediction, Ticket, target_prediction
from ticket_assets.storage import digest, file_digest
from ticket_assets.tickets.cleaning import CLEANING_VERSION, ticket_text
from ticket_assets.tickets.language import detect_languages

CONTRACT_VERSION = 1
MANIFEST = "bundle.json"
MODEL_CARD = "MODEL_CARD.md"
# Where another minor version may change a number; a patch may not.
PINNED_LIBRARIES = ("ftfy", "lingua-language-detector", "numpy", "onnxruntime", "scipy", "tokenizers")
FAMILY_LIBRARIES = {"xgboost": ("xgboost",), "lightgbm": ("lightgbm",)}


class BundleError(RuntimeError):
    """A bundle does not fit this process; the message lists every mismatch."""


@dataclass(frozen=True)
class BundleManifest:
    """What a bundle says of itself.

    Attributes:
        profile: it was made for.
        targets: target name to labels.
        encoder: id and runtime; None where no model needs vectors.
        languages: that features were made with.
        context: context names that features were made with.
        feature_schema: hash of both and of the feature code's version.
        cleaning: version of the cleaning.
        split: id of the frozen hold-out.
        data: asset key to data version.
        libraries: package to version.
        bands: act and suggest.
        scores: target to score name to value, on the hold-out.
        files: path in the folder to sha256.
        contract: version of this layout.
    """

    profile: str
    targets: dict[str, tuple[str, ...]]
    encoder: dict[str, str] | None
    languages: tuple[str, ...]
    context: tuple[str, ...]
    feature_schema: str
    cleaning: str
    split: str
    data: dict[str, str]
    libraries: dict[str, str]
    bands: dict[str, float]
    scores: dict[str, dict[str, float]]
    files: dict[str, str]
    contract: int = CONTRACT_VERSION

    @property
    def id(self) -> str:
        """Content hash: the same models, guards and scores give the same id."""
        return digest([json.dumps(asdict(self), sort_keys=True)])

    @classmethod
    def read(cls, folder: Path) -> "BundleManifest":
        """Read `bundle.json`.

        Raises:
            BundleError: it is missing, no JSON, or of another layout.
        """
        try:
            raw = json.loads((folder / MANIFEST).read_text())
            found = raw.get("contract")
            if found != CONTRACT_VERSION:
                raise BundleError(f"{folder.name}: contract {found}, this code reads {CONTRACT_VERSION}")
            tuples = {name: tuple(raw[name]) for name in ("languages", "context")}
            targets = {name: tuple(labels) for name, labels in raw["targets"].items()}
            return cls(**{**raw, **tuples, "targets": targets})
        except FileNotFoundError:
            raise BundleError(f"{folder} holds no {MANIFEST}: it is no bundle") from None
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise BundleError(f"{folder / MANIFEST} cannot be read: {error}") from error


def write_bundle(root: Path, models: Sequence[TargetModel], manifest: Mapping[str, Any], card: str) -> BundleManifest:
    """Write a bundle under `root/<its id>`; one that is there already is kept.

    Args:
        root: the bundle store.
        models: one per target.
        manifest: fields of BundleManifest but targets, libraries and files, which are found out here.
        card: the model card, Markdown.
    """
    draft = root / f".draft-{digest([model.target for model in models])}"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    for model in models:
        (draft / model.target).mkdir()
        model.save(draft / model.target)
    (draft / MODEL_CARD).write_text(card, encoding="utf-8")
    made = BundleManifest(
        targets={model.target: model.labels for model in models},
        libraries=_libraries({model.recipe.family for model in models}),
        files=_files(draft),
        **manifest,
    )
    (draft / MANIFEST).write_text(json.dumps(asdict(made), indent=2, sort_keys=True))
    if (root / made.id).exists():
        shutil.rmtree(draft)
    else:
        draft.rename(root / made.id)
    return made


class TriageBundle:
    """A loaded bundle: tickets in, one answer per target out."""

    def __init__(self, manifest: BundleManifest, models: Sequence[TargetModel], encoder: Encoder | None) -> None:
        self.manifest = manifest
        self.schema = FeatureSchema(manifest.languages, manifest.context)
        self._models = tuple(models)
        self._encoder = encoder
        self._bands = Bands(**manifest.bands)

    @classmethod
    def load(cls, folder: Path, encoders: Path, threads: int = 1) -> "TriageBundle":
        """Load a bundle.

        Args:
            folder: of the bundle.
            encoders: folder that holds encoders by id.
            threads: at most so many per request.

        Raises:
            BundleError: listing every file, version, schema or encoder that does not fit.
        """
        manifest = BundleManifest.read(folder)
        faults = [
            *_file_faults(manifest, folder),
            *_code_faults(manifest),
            *_encoder_faults(manifest, encoders),
        ]
        if faults:
            raise BundleError(f"bundle {folder.name} does not fit: " + "; ".join(faults))
        models = [TargetModel.load(folder / target, threads) for target in manifest.targets]
        encoder = OnnxEncoder.load(encoders / manifest.encoder["id"], threads) if manifest.encoder else None
        return cls(manifest, models, encoder)

    def predict(self, tickets: Sequence[Ticket]) -> list[dict[str, TargetPrediction]]:
        """Answers for n tickets, each target name to its prediction."""
        if not tickets:
            return []
        features = self.features(tickets)
        answers: list[dict[str, TargetPrediction]] = [{} for _ in tickets]
        for target, probabilities in self.probabilities(features).items():
            labels = self.manifest.targets[target]
            for answer, row in zip(answers, probabilities, strict=True):
                answer[target] = target_prediction(labels, row, self._bands)
        return answers

    def features(self, tickets: Sequence[Ticket]) -> TicketFeatures:
        """The very features that training used, from tickets as they arrive."""
        texts = [ticket_text(ticket.subject, ticket.body) for ticket in tickets]
        languages = detect_languages(texts, self.schema.languages)
        features = text_features(texts, languages, [ticket.context for ticket in tickets], self.schema)
        if self._encoder is None:
            return features
        return TicketFeatures(features.documents, features.columns, self._encoder.encode(texts))

    def probabilities(self, features: TicketFeatures) -> dict[str, np.ndarray]:
        """Target name to calibrated probabilities float64 (n, K)."""
        return {model.target: model.probabilities(features) for model in self._models}


def _libraries(families: set[str]) -> dict[str, str]:
    names = {*PINNED_LIBRARIES, *(name for family in families for name in FAMILY_LIBRARIES.get(family, ()))}
    return {name: version(name) for name in sorted(names)}


def _files(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): file_digest(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }


def _file_faults(manifest: BundleManifest, folder: Path) -> list[str]:
    found = _files(folder)
    missing = [f"{name} is missing" for name in manifest.files.keys() - found.keys()]
    unknown = [f"{name} is not in its list" for name in found.keys() - manifest.files.keys()]
    changed = [f"{name} was changed" for name, its in manifest.files.items() if name in found and found[name] != its]
    # The manifest lists the files' sums; its own is the folder's name.
    forged = [] if manifest.id == folder.name else [f"{MANIFEST} was changed: its content is bundle {manifest.id}"]
    return sorted([*missing, *unknown, *changed, *forged])


def _code_faults(manifest: BundleManifest) -> list[str]:
    faults = []
    schema = FeatureSchema(manifest.languages, manifest.context).hash
    if schema != manifest.feature_schema:
        faults.append(f"its features are {manifest.feature_schema}, this code makes {schema}: train again")
    if manifest.cleaning != CLEANING_VERSION:
        faults.append(f"its cleaning is version {manifest.cleaning}, this code's {CLEANING_VERSION}: train again")
    for name, wanted in manifest.libraries.items():
        try:
            found = version(name)
        except PackageNotFoundError:
            faults.append(f"{name} {wanted} is not installed")
            continue
        if found.split(".")[:2] != wanted.split(".")[:2]:
            faults.append(f"it was made with {name} {wanted}, {found} is installed")
    return faults


def _encoder_faults(manifest: BundleManifest, encoders: Path) -> list[str]:
    if manifest.encoder is None:
        return []
    wanted, runtime = manifest.encoder["id"], manifest.encoder["runtime"]
    if runtime != "onnx":
        return [f"its encoder runs on {runtime}, which the service does not have: encode again with onnx"]
    folder = encoders / wanted
    try:
        found = EncoderManifest.load(folder)
        mismatches = found.mismatches(folder)
    except (EncoderFilesError, OSError, ValueError) as error:
        return [f"its encoder {wanted} cannot be read: {error}"]
    wrong = [] if found.encoder_id == wanted else [f"its encoder is {wanted}, {folder} holds {found.encoder_id}"]
    return [*wrong, *mismatches]
