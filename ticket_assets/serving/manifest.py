"""What a bundle says of itself, and what of that does not fit this process.

Belongs here: the manifest, its file, the list of all mismatches of files, code, libraries and encoder.
Does not belong here: the models themselves, writing and loading them (bundle.py).
"""

import json
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ticket_assets.features.encoder_manifest import EncoderFilesError, EncoderManifest
from ticket_assets.features.encoder_runtimes import LIBRARIES as ENCODER_LIBRARIES
from ticket_assets.features.text import FeatureSchema
from ticket_assets.models.bands import Bands
from ticket_assets.storage import digest, file_digest
from ticket_assets.tickets.cleaning import CLEANING_VERSION
from ticket_assets.tickets.masking import DEFAULT_KINDS
from ticket_assets.tickets.words import WordRules

CONTRACT_VERSION = 3
MANIFEST = "bundle.json"
# Fields that whoever writes a bundle finds out; all others are told.
FOUND_OUT = ("targets", "libraries", "files", "contract")
# Where another minor version may change a number; a patch may not.
PINNED_LIBRARIES = ("ftfy", "lingua-language-detector", "numpy", "scipy")
STEM_LIBRARIES = ("snowballstemmer",)
# Every other family is arrays, which numpy scores.
FAMILY_LIBRARIES = {"xgboost": ("xgboost",), "lightgbm": ("lightgbm",)}
# The same library without its parts for GPUs, which the image has.
CPU_BUILDS = {"xgboost": "xgboost-cpu"}


class BundleError(RuntimeError):
    """A bundle does not fit this process; the message lists every mismatch."""


@dataclass(frozen=True)
class Origin:
    """Where a model of an earlier bundle comes from: that bundle, and the data versions that it was made from."""

    bundle: str
    data: dict[str, str]


@dataclass(frozen=True)
class BundleManifest:
    """What a bundle says of itself.

    Attributes:
        profile: it was made for.
        targets: target name to labels.
        encoder: id and runtime; None where no model needs vectors.
        languages: that features were made with.
        context: context names that features were made with.
        feature_schema: hash of both, of the words and of the feature code's version.
        cleaning: version of the cleaning.
        split: id of the frozen hold-out.
        data: asset key to data version; of all models but those kept.
        libraries: package to version.
        bands: target to the probabilities from which its answer is acted upon or suggested.
        scores: target to score name to value, on the hold-out.
        files: path in the folder to sha256.
        mask: kinds of personal data that its tickets were cleaned of; it is asked with the same, whatever is set now.
        words: which words were counted; the same holds.
        taxonomy: target to version of its labels, where a taxonomy names them.
        kept: target to where its model comes from, if the champion's stayed when this bundle took over.
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
    bands: dict[str, Bands]
    scores: dict[str, dict[str, float]]
    files: dict[str, str]
    mask: tuple[str, ...] = DEFAULT_KINDS
    words: WordRules = field(default_factory=WordRules)
    taxonomy: dict[str, str] = field(default_factory=dict)
    kept: dict[str, Origin] = field(default_factory=dict)
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
            tuples = {name: tuple(raw[name]) for name in ("languages", "context", "mask")}
            targets = {name: tuple(labels) for name, labels in raw["targets"].items()}
            bands = {name: Bands(**raw["bands"][name]) for name in targets}
            drop = tuple((language, tuple(words)) for language, words in raw["words"]["drop"])
            words = WordRules(**{**raw["words"], "drop": drop})
            kept = {target: Origin(**origin) for target, origin in raw["kept"].items()}
            return cls(**{**raw, **tuples, "targets": targets, "bands": bands, "words": words, "kept": kept})
        except FileNotFoundError:
            raise BundleError(f"{folder} holds no {MANIFEST}: it is no bundle") from None
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise BundleError(f"{folder / MANIFEST} cannot be read: {error}") from error


def library_versions(families: set[str], runtime: str | None, stems: bool = False) -> dict[str, str]:
    """Versions of the libraries that models of these families answer with, of encoder's runtime and stemmer if any."""
    names = {*PINNED_LIBRARIES, *(name for family in families for name in FAMILY_LIBRARIES.get(family, ()))}
    names |= {*ENCODER_LIBRARIES.get(runtime or "", ()), *(STEM_LIBRARIES if stems else ())}
    return {name: _installed(name) for name in sorted(names)}


def _installed(name: str) -> str:
    """Version of a library, of its build for CPUs where that stands in for it.

    Raises:
        PackageNotFoundError: neither is installed.
    """
    try:
        return version(name)
    except PackageNotFoundError:
        if name not in CPU_BUILDS:
            raise
    return version(CPU_BUILDS[name])


def file_sums(folder: Path) -> dict[str, str]:
    """Path to sha256 of every file of a bundle but its manifest."""
    return {
        path.relative_to(folder).as_posix(): file_digest(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }


def mismatches(manifest: BundleManifest, folder: Path, encoders: Path) -> list[str]:
    """Every file, version, schema or encoder that does not fit; one sentence each."""
    return [*file_faults(manifest, folder), *_code_faults(manifest), *_encoder_faults(manifest, encoders)]


def file_faults(manifest: BundleManifest, folder: Path) -> list[str]:
    """Files that are missing, unknown or changed."""
    found = file_sums(folder)
    missing = [f"{name} is missing" for name in manifest.files.keys() - found.keys()]
    unknown = [f"{name} is not in its list" for name in found.keys() - manifest.files.keys()]
    changed = [f"{name} was changed" for name, its in manifest.files.items() if name in found and found[name] != its]
    # The manifest lists the files' sums; its own is the folder's name.
    forged = [] if manifest.id == folder.name else [f"{MANIFEST} was changed: its content is bundle {manifest.id}"]
    return sorted([*missing, *unknown, *changed, *forged])


def damage(folder: Path) -> list[str]:
    """Why a bundle's folder is not whole; nothing where it is as it was written."""
    try:
        return file_faults(BundleManifest.read(folder), folder)
    except BundleError as error:
        return [str(error)]


def _code_faults(manifest: BundleManifest) -> list[str]:
    faults = []
    schema = FeatureSchema(manifest.languages, manifest.context, manifest.words).hash
    if schema != manifest.feature_schema:
        faults.append(f"its features are {manifest.feature_schema}, this code makes {schema}: train again")
    if manifest.cleaning != CLEANING_VERSION:
        faults.append(f"its cleaning is version {manifest.cleaning}, this code's {CLEANING_VERSION}: train again")
    for name, wanted in manifest.libraries.items():
        try:
            found = _installed(name)
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
    if runtime not in ENCODER_LIBRARIES:
        return [f"its encoder runs on {runtime}, which the service does not have: encode again with onnx"]
    folder = encoders / wanted
    try:
        found = EncoderManifest.load(folder)
        mismatches = found.mismatches(folder)
    except (EncoderFilesError, OSError, ValueError) as error:
        return [f"its encoder {wanted} cannot be read: {error}"]
    wrong = [] if found.encoder_id == wanted else [f"its encoder is {wanted}, {folder} holds {found.encoder_id}"]
    return [*wrong, *mismatches]
