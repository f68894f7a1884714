"""The bundle: a plain folder with one model per target, which answers tickets.

Belongs here: writing it so that no reader meets half of one, loading it, predicting with it.
Does not belong here: what it says of itself and when it is refused (manifest.py), which bundle is champion (store.py),
transports (service.py), how it is packaged (bento.py).

Light on purpose: no dagster, mlflow, torch, optuna, pandas; XGBoost or LightGBM only when a model in it is theirs.
"""

import errno
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from ticket_assets.features.encoder import Encoder
from ticket_assets.features.encoder_manifest import EncoderFilesError
from ticket_assets.features.encoder_runtimes import load_encoder
from ticket_assets.features.text import FeatureSchema, TicketFeatures, text_features
from ticket_assets.models.attribution import explain, spoken_words
from ticket_assets.models.reasons import Reason
from ticket_assets.models.target_model import TargetModel
from ticket_assets.serving import relatives
from ticket_assets.serving.manifest import (
    MANIFEST,
    BundleError,
    BundleManifest,
    damage,
    file_sums,
    library_versions,
    mismatches,
)
from ticket_assets.serving.prediction import ReadTickets, TargetPrediction, Ticket, target_prediction
from ticket_assets.serving.staged import Staged, early_answers, stage
from ticket_assets.storage import temporary_sibling, write_text
from ticket_assets.tickets.cleaning import ticket_text
from ticket_assets.tickets.language import detect_languages
from ticket_assets.tickets.words import WordRules

MODEL_CARD = "MODEL_CARD.md"
DRAFT = "draft"
# Longer than any bundle takes to be written: a draft of this age was left by a process that was killed.
LEFT_BEHIND_SECONDS = 24 * 3600


def write_bundle(root: Path, models: Sequence[TargetModel], manifest: Mapping[str, Any], card: str) -> BundleManifest:
    """Write a bundle under `root/<its id>`; one that is there already, and whole, is kept.

    Args:
        root: the bundle store.
        models: one per target.
        manifest: fields of BundleManifest but targets, libraries and files, which are found out here. Its encoder goes
            into the bundle only where a model needs sentence vectors.
        card: the model card, Markdown.

    Raises:
        ValueError: a model needs sentence vectors, and the manifest names no encoder; or it has no bands.
    """
    if odd := {model.target for model in models} ^ {*manifest["bands"]}:
        raise ValueError(f"bands and models speak of other targets, see {', '.join(sorted(odd))}")
    needing = [model.target for model in models if model.needs_vectors]
    if needing and not manifest["encoder"]:
        raise ValueError(f"the models of {', '.join(needing)} need sentence vectors, and no encoder is named")
    _sweep(root)
    # Nobody else's: two runs at a time may write the very same bundle.
    draft = temporary_sibling(root / DRAFT)
    try:
        draft.mkdir()
        for model in models:
            (draft / model.target).mkdir()
            model.save(draft / model.target)
        (draft / MODEL_CARD).write_text(card, encoding="utf-8")
        made = BundleManifest(
            targets={model.target: model.labels for model in models},
            libraries=library_versions(
                set().union(*(model.families for model in models)),
                runtime=manifest["encoder"]["runtime"] if needing else None,
                stems=manifest.get("words", WordRules()).stem,
            ),
            files=file_sums(draft),
            **{**manifest, "encoder": manifest["encoder"] if needing else None},
        )
        (draft / MANIFEST).write_text(json.dumps(asdict(made), indent=2, sort_keys=True))
        _put(draft, root / made.id)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return made


def rewrite_bundle(
    root: Path, bundle: str, change: Callable[[Path], object], names: Mapping[str, str] | None = None
) -> BundleManifest:
    """Write what a change makes of a bundle's files as a bundle of its own; the one before stays where it is.

    Args:
        root: the bundle store.
        bundle: id of the one to change.
        change: is given the folder of a copy.
        names: see `describe`.

    Raises:
        BundleError: it cannot be read.
    """
    before = BundleManifest.read(root / bundle)
    draft = temporary_sibling(root / DRAFT)
    try:
        shutil.copytree(root / bundle, draft)
        change(draft)
        made = describe(draft, before, names or {})
        _put(draft, root / made.id)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return made


def describe(folder: Path, before: BundleManifest, names: Mapping[str, str]) -> BundleManifest:
    """Give a bundle's folder the manifest of the files that it now has; all else it says stays.

    Args:
        folder: of the bundle.
        before: its manifest until now.
        names: bundles that kept models come from, where they are called otherwise now: id before to id now.
    """
    kept = {target: replace(one, bundle=names.get(one.bundle, one.bundle)) for target, one in before.kept.items()}
    made = replace(before, files=file_sums(folder), kept=kept)
    write_text(folder / MANIFEST, json.dumps(asdict(made), indent=2, sort_keys=True))
    return made


def _put(draft: Path, place: Path) -> None:
    """Give a finished draft its place; a whole bundle that has it keeps it, a damaged one makes room."""
    hold(place)
    while damage(place):
        try:
            draft.rename(place)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            aside = temporary_sibling(place.with_name(DRAFT))
            with suppress(FileNotFoundError):  # another writer was quicker
                place.rename(aside)
            shutil.rmtree(aside, ignore_errors=True)


def hold(folder: Path) -> None:
    """Somebody is about to judge this bundle, or to seat it: however old, it is not swept within a day from now."""
    with suppress(FileNotFoundError):
        os.utime(folder)


def _sweep(root: Path) -> None:
    """Remove what processes that were killed left of their drafts."""
    for left in root.glob(f".{DRAFT}*"):
        with suppress(FileNotFoundError):  # its writer, or another sweep, was quicker
            if time.time() - left.stat().st_mtime > LEFT_BEHIND_SECONDS:
                shutil.rmtree(left, ignore_errors=True)


class TriageBundle:
    """A loaded bundle: tickets in, one answer per target out."""

    def __init__(self, manifest: BundleManifest, models: Sequence[TargetModel], encoder: Encoder | None) -> None:
        self.manifest = manifest
        self.schema = FeatureSchema(manifest.languages, manifest.context, manifest.words)
        self._models = tuple(relatives.sharing(models))
        self._encoder = encoder

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
        faults = mismatches(manifest, folder, encoders)
        if faults:
            raise BundleError(f"bundle {folder.name} does not fit: " + "; ".join(faults))
        models = [TargetModel.load(folder / target, threads) for target in manifest.targets]
        try:
            encoder = load_encoder(encoders / manifest.encoder["id"], threads) if manifest.encoder else None
        except EncoderFilesError as error:  # such as a processor that lacks the precision it was made for
            raise BundleError(f"bundle {folder.name} does not fit: {error}") from error
        return cls(manifest, models, encoder)

    def predict(self, tickets: Sequence[Ticket], reasons: int = 0) -> list[dict[str, TargetPrediction]]:
        """Answers for n tickets, each target name to its prediction; with so many reasons each."""
        return self.answer(self.read(tickets), reasons)

    def read(self, tickets: Sequence[Ticket]) -> ReadTickets:
        """Clean n tickets and detect their languages."""
        texts = [ticket_text(ticket.subject, ticket.body, self.manifest.mask) for ticket in tickets]
        return ReadTickets(tuple(tickets), texts, detect_languages(texts, self.schema.languages))

    def answer(self, read: ReadTickets, reasons: int = 0) -> list[dict[str, TargetPrediction]]:
        """The same as `predict`, for tickets that were read."""
        if not read.tickets:
            return []
        staged = self._staged(read)
        answers: list[dict[str, TargetPrediction]] = [{} for _ in read.tickets]
        for target, probabilities in relatives.probabilities(self._models, staged.features, staged.early).items():
            labels, bands = self.manifest.targets[target], self.manifest.bands[target]
            for answer, row in zip(answers, probabilities, strict=True):
                answer[target] = target_prediction(labels, row, bands)
        return self._with_reasons(answers, staged, read, reasons) if reasons else answers

    def explain(self, tickets: Sequence[Ticket], top: int = 5) -> list[dict[str, tuple[Reason, ...]]]:
        """Why each target of n tickets has its label: the largest reasons, for and against."""
        return [{name: one.reasons for name, one in its.items()} for its in self.predict(tickets, top)]

    def features(self, tickets: Sequence[Ticket]) -> TicketFeatures:
        """The very features that training used, from tickets as they arrive; every ticket is encoded."""
        read = self.read(tickets)
        features = self._stateless(read)
        return replace(features, vectors=self._encoder.encode(read.texts)) if self._encoder else features

    def _stateless(self, read: ReadTickets) -> TicketFeatures:
        contexts = [ticket.context for ticket in read.tickets]
        return text_features(read.texts, read.languages, contexts, self.schema)

    def _staged(self, read: ReadTickets) -> Staged:
        return stage(self._models, self._stateless(read), read.texts, self._encoder)

    def _with_reasons(
        self, answers: list[dict[str, TargetPrediction]], staged: Staged, read: ReadTickets, top: int
    ) -> list[dict[str, TargetPrediction]]:
        rules = self.schema.words
        spoken = [spoken_words(text, code, rules) for text, code in zip(read.texts, read.languages, strict=True)]
        for target in self._models:
            for model, rows in target.answering(staged.early.get(target.target), len(answers)):
                its = [spoken[row] for row in rows]
                told = explain(model, staged.features.take(rows), self.schema, top=top, spoken=its)
                for row, one in zip(rows, told, strict=True):
                    answers[row][target.target] = replace(answers[row][target.target], reasons=one.reasons)
        return answers

    def probabilities(self, features: TicketFeatures) -> dict[str, np.ndarray]:
        """Target name to calibrated probabilities float64 (n, K)."""
        return relatives.probabilities(self._models, features, early_answers(self._models, features))

    def similar(self, ticket: Ticket, limit: int) -> list[relatives.SimilarTicket]:
        """The trained tickets nearest to one, nearest first.

        Raises:
            relatives.NoIndexError: the bundle cannot tell.
        """
        return relatives.similar_tickets(self._models, self.vector(ticket), limit)

    def vector(self, ticket: Ticket) -> np.ndarray:
        """The sentence vector of a ticket, float32 (d,).

        Raises:
            relatives.NoIndexError: the models need none, and no encoder was loaded.
        """
        if self._encoder is None:
            raise relatives.NoIndexError("no model of this bundle uses sentence vectors")
        return np.asarray(self._encoder.encode(self.read([ticket]).texts)[0])
