"""The tickets of the drift benchmark: read, cleaned, one of each family, perturbed and encoded once.

Belongs here: pools and what they are made of, their files, champions fitted on a part of them.
Does not belong here: which rows make a window (drift_kinds.py), judging (drift.py).

Of a family of near-duplicates one ticket enters, drawn at random: windows and reference then share no family, and their
rows are independent. `whole_families` keeps all, to see what relatives do to the false alarms.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.drift_perturbed import PERTURBED, Perturbation
from ticket_assets.features.encoder_choice import EncoderShelf
from ticket_assets.features.encoder_runtimes import load_encoder
from ticket_assets.features.text import FeatureSchema, text_features
from ticket_assets.models.fit_task import FitTask
from ticket_assets.models.fitting import fit_logistic_regression
from ticket_assets.monitoring.sample import Sample, TargetSample
from ticket_assets.profile import EncoderSettings
from ticket_assets.storage import digest
from ticket_assets.tickets.cleaning import ticket_text
from ticket_assets.tickets.families import number_families
from ticket_assets.tickets.language import detect_languages

# Rows that are perturbed, and never in a reference.
RESERVED = {"static": 4000, "onnx": 1000}

Encode = Callable[[Sequence[str]], np.ndarray]
"""Texts to float32 vectors of L2 norm 1."""


@dataclass(frozen=True)
class Source:
    """A data set of the benchmark: file, text columns, targets, languages, cut of families."""

    file: str
    subject: str | None
    body: str
    targets: tuple[str, ...]
    languages: tuple[str, ...]
    cut: float


SOURCES = {
    "it_service": Source("it_service.parquet", None, "Document", ("Topic_group",), ("en",), 0.7),
    "helpdesk": Source("helpdesk_multilingual.parquet", "subject", "body", ("type", "queue"), ("en", "de"), 0.5),
}


@dataclass(frozen=True)
class Pool:
    """Tickets of which windows are drawn.

    Attributes:
        rows: all of them, without answers.
        labels: target to (n,) true classes.
        families: (n,) codes.
        reserved: positions in `rows` that are perturbed.
        perturbed: name to the reserved rows, perturbed, in their order.
        cut: cosine of near-duplicates.
    """

    rows: Sample
    labels: dict[str, np.ndarray]
    families: np.ndarray
    reserved: np.ndarray
    perturbed: dict[str, Sample]
    cut: float


def read_pool(
    name: str, data: Path, state: Path, encoder: str, most: int | None = None, whole_families: bool = False
) -> Pool:
    """A pool of `most` tickets at most; what takes long is kept under `state` and taken from there.

    Args:
        name: of SOURCES.
        data: folder of the public files.
        state: folder of what is kept.
        encoder: `static` or `onnx`, both made from the packaged model.
        most: tickets.
        whole_families: keep relatives.
    """
    source = SOURCES[name]
    table = one_of_each_family(name, data, state, whole_families).head(most).reset_index(drop=True)
    return make_pool(table, source.targets, source.languages, Encoded(state, encoder), source.cut, RESERVED[encoder])


def one_of_each_family(name: str, data: Path, state: Path, whole_families: bool = False) -> pd.DataFrame:
    """Cleaned tickets of a data set in a drawn order: ticket_id, text, language, family and its targets.

    Args:
        name: of SOURCES.
        data: folder of the public files.
        state: where they are kept once they are cleaned.
        whole_families: keep relatives.
    """
    table = _cleaned(name, SOURCES[name], data, state).sample(frac=1, random_state=11)
    return table if whole_families else table.groupby("family", sort=False).head(1)


class Encoded:
    """The packaged encoder of a runtime, whose vectors are kept by the texts that they are of."""

    def __init__(self, state: Path, runtime: str) -> None:
        self._runtime = runtime
        self._state = state

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """float32 (n, d), L2 norm 1."""
        kept = self._state / "vectors" / f"{self._runtime}-{digest(list(texts))}.npy"
        if not kept.exists():
            settings = EncoderSettings(runtime=self._runtime)  # type: ignore[arg-type]
            shelf = EncoderShelf(settings, self._state, self._state / "encoders", self._state / "choices", 1)
            encoder = load_encoder(self._state / "encoders" / shelf.choice(print).encoder_id, 1)
            kept.parent.mkdir(parents=True, exist_ok=True)
            part = kept.with_suffix(".part.npy")
            np.save(part, encoder.encode(list(texts)))
            part.rename(kept)
        return np.asarray(np.load(kept), dtype=np.float32)


def make_pool(
    table: pd.DataFrame,
    targets: tuple[str, ...],
    languages: tuple[str, ...],
    encode: Encode,
    cut: float,
    most: int = RESERVED["static"],
) -> Pool:
    """Pool of a table with ticket_id, text, language, family and the targets; at most so many rows are perturbed."""
    rng = np.random.default_rng(12)
    reserved = np.sort(rng.permutation(len(table))[: min(most, len(table) // 5)])
    texts = table["text"].tolist()
    rows = plain_rows(table["ticket_id"].astype(str).tolist(), texts, table["language"].tolist(), languages, encode)
    common = Perturbation.of(texts)
    perturbed = {}
    for kind, change in PERTURBED.items():
        changed = [change(common, texts[row], np.random.default_rng([13, int(row)])) for row in reserved]
        ids = [f"{rows.ids[row]}-{kind}" for row in reserved]
        perturbed[kind] = plain_rows(ids, changed, [rows.languages[row] for row in reserved], languages, encode)
    labels = {target: table[target].to_numpy(dtype=object) for target in targets}
    return Pool(rows, labels, pd.factorize(table["family"])[0], reserved, perturbed, cut)


@dataclass(frozen=True)
class Champion:
    """A linear model on words for each target, fitted in seconds by the package's own fit."""

    models: dict[str, tuple[object, object, tuple[str, ...]]]

    @classmethod
    def fit(cls, pool: Pool, rows: np.ndarray) -> "Champion":
        """On the tickets at these positions."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        models = {}
        for target, labels in pool.labels.items():
            words = TfidfVectorizer(min_df=2, sublinear_tf=True, max_features=20_000, dtype=np.float32)
            matrix = words.fit_transform([pool.rows.texts[row] for row in rows])
            names, y = np.unique(labels[rows].astype(str), return_inverse=True)
            task = FitTask(matrix, y, np.ones(len(y)), len(names), 0, 1)
            models[target] = (words, fit_logistic_regression({"C": 10.0}, task), tuple(map(str, names)))
        return cls(models)

    def answer(self, rows: Sample, truth: dict[str, tuple[str | None, ...]]) -> Sample:
        """The rows with what it answers, and what is told later."""
        targets = {}
        for target, (words, model, names) in self.models.items():
            scores = model.scores(words.transform(rows.texts))  # type: ignore[attr-defined]
            raised = np.exp(scores - scores.max(axis=1, keepdims=True))
            probabilities = (raised / raised.sum(axis=1, keepdims=True)).astype(np.float32)
            targets[target] = TargetSample(names, probabilities, truth.get(target, (None,) * len(rows)))
        return replace(rows, targets=targets)


def joined(parts: Sequence[Sample]) -> Sample:
    """Rows of several samples without answers, one after the other."""
    some = [part for part in parts if len(part)]
    first = some[0]
    return Sample(
        ids=tuple(one for part in some for one in part.ids),
        texts=tuple(one for part in some for one in part.texts),
        languages=tuple(one for part in some for one in part.languages),
        columns=np.concatenate([part.columns for part in some]),
        column_names=first.column_names,
        vectors=None if first.vectors is None else np.concatenate([part.vectors for part in some]),  # type: ignore[misc]
    )


def plain_rows(
    ids: list[str], texts: list[str], found: list[str], languages: tuple[str, ...], encode: Encode
) -> Sample:
    """Rows without answers, of cleaned texts in the languages that were found."""
    schema = FeatureSchema(languages)
    columns = text_features(texts, found, [{}] * len(texts), schema).columns
    return Sample(tuple(ids), tuple(texts), tuple(found), columns, schema.columns, {}, encode(texts))


def _cleaned(name: str, source: Source, data: Path, state: Path) -> pd.DataFrame:
    raw = pd.read_parquet(data / source.file)
    kept = state / f"{name}-{digest([json.dumps(source.__dict__), str(len(raw))])}.parquet"
    if not kept.exists():
        subjects = raw[source.subject] if source.subject else [None] * len(raw)
        raw["text"] = [ticket_text(subject, body) for subject, body in zip(subjects, raw[source.body], strict=True)]
        raw["language"] = detect_languages(raw["text"].tolist(), source.languages)
        raw = raw[(raw["text"] != "") & raw[list(source.targets)].notna().all(axis=1)]
        ids = raw["ticket_id"].astype(str).tolist()
        raw["family"] = number_families(raw["text"].tolist(), ids, source.cut).family_ids
        state.mkdir(parents=True, exist_ok=True)
        raw[["ticket_id", "text", "language", "family", *source.targets]].to_parquet(kept)
    return pd.read_parquet(kept)
