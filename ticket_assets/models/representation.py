"""What an estimator is given: blocks of columns, fitted on training rows, the same at training and serving.

Belongs here: the blocks, fitting them, putting them side by side, their files.
Does not belong here: stateless features (features/text.py), the estimators (estimators.py).

Blocks: sparse TF-IDF; its truncated SVD; scores of a linear SVM (out of fold on the training rows, so that what a
boosted model learns from them is what it will meet); votes of the nearest training tickets (without a row's own family
on the training rows, for the same reason); the sentence vectors; the numeric columns.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from scipy import sparse

from ticket_assets.features.encoder import round_vectors
from ticket_assets.features.text import TicketFeatures
from ticket_assets.models.neighbours import TEMPERATURES, Neighbours
from ticket_assets.models.ngrams import GramRow, Tfidf, TfidfSpec

Matrix: TypeAlias = sparse.csr_matrix | np.ndarray


@dataclass(frozen=True)
class Blocks:
    """Which blocks stand in the matrix.

    Attributes:
        tfidf: how n-grams are weighed, wherever they are used.
        sparse: whether the n-grams themselves stand in it; the matrix is then CSR.
        svd: dimensions of the truncated SVD of the n-grams; 0 leaves it out.
        scores: whether the out-of-fold scores of a linear SVM on the n-grams stand in it.
        votes: whether the votes of the nearest training tickets stand in it.
        vectors: weight of the sentence vectors; 0 leaves them out.
        columns: weight of the standardised numeric columns; 0 leaves them out.
    """

    tfidf: TfidfSpec = field(default_factory=TfidfSpec)
    sparse: bool = False
    svd: int = 0
    scores: bool = False
    votes: bool = False
    vectors: float = 0.0
    columns: float = 0.0

    def __post_init__(self) -> None:
        if not (self.sparse or self.svd or self.scores or self.votes or self.vectors or self.columns):
            raise ValueError("no block is chosen")

    @property
    def needs_ngrams(self) -> bool:
        """Whether any block is made from n-grams."""
        return self.sparse or self.svd > 0 or self.scores

    @property
    def needs_vectors(self) -> bool:
        """Whether any block is made from sentence vectors."""
        return self.votes or self.vectors > 0


@dataclass(frozen=True)
class InnerBlocks:
    """Blocks of the training rows themselves, from models that did not see the row.

    Attributes:
        scores: float32 (n, K), or None where they are not used.
        votes: float32 (n, Neighbours.width), or None.
    """

    scores: np.ndarray | None = None
    votes: np.ndarray | None = None


@dataclass(frozen=True)
class Columns:
    """Columns of one kind, side by side in a matrix.

    Attributes:
        kind: n-grams; components of their SVD; scores of the linear model; cosine of the nearest ticket; votes;
            dimensions of the sentence vector; numeric columns.
        names: one per column: the n-gram, the label that a score or a vote is for, the numeric column, else a number.
    """

    kind: Literal["ngram", "svd", "score", "nearest", "vote", "vector", "measure"]
    names: Sequence[str]


@dataclass(frozen=True)
class Representation:
    """Fitted blocks.

    Attributes:
        blocks: which ones.
        tfidf: None where no block needs n-grams.
        svd_components: float32 (len(tfidf.terms), svd).
        score_weights: float32 (len(tfidf.terms) + 1, K), the last row the intercepts.
        column_scale: float32 (2, C): means and standard deviations of the training rows.
        neighbours: the training tickets; None where they have no votes.
    """

    blocks: Blocks
    tfidf: Tfidf | None = None
    svd_components: np.ndarray | None = None
    score_weights: np.ndarray | None = None
    column_scale: np.ndarray | None = None
    neighbours: Neighbours | None = None

    def transform(self, features: TicketFeatures, inner: InnerBlocks | None = None) -> Matrix:
        """The matrix of tickets: float32 (n, d), CSR where the n-grams stand in it, else dense."""
        grams: sparse.csr_matrix | GramRow | None = None
        if self.tfidf is not None:
            alone = len(features) == 1 and not self.blocks.sparse
            one, many = self.tfidf.transform_one, self.tfidf.transform
            grams = one(features.documents[0]) if alone else many(features.documents)
        return self.assemble(grams, features, inner)

    def assemble(
        self, grams: sparse.csr_matrix | GramRow | None, features: TicketFeatures, inner: InnerBlocks | None = None
    ) -> Matrix:
        """Put the blocks side by side; `inner` replaces those that would be computed here."""
        inner = inner or InnerBlocks()
        parts: list[Matrix] = []
        if self.blocks.sparse and grams is not None:
            parts.append(grams)
        if self.svd_components is not None and grams is not None:
            parts.append(round_vectors(grams @ self.svd_components))
        if self.score_weights is not None and grams is not None:
            scores = linear_scores(grams, self.score_weights) if inner.scores is None else inner.scores
            parts.append(round_vectors(scores))
        if self.neighbours is not None:
            votes = self.neighbours.votes(_vectors(features)) if inner.votes is None else inner.votes
            parts.append(round_vectors(votes))
        if self.blocks.vectors:
            parts.append(round_vectors(_vectors(features)) * np.float32(self.blocks.vectors))
        if self.column_scale is not None:
            mean, deviation = self.column_scale
            parts.append(((features.columns - mean) / deviation * self.blocks.columns).astype(np.float32))
        if self.blocks.sparse:
            return sparse.hstack([sparse.csr_matrix(part) for part in parts], format="csr", dtype=np.float32)
        return np.hstack(parts).astype(np.float32, copy=False)

    def columns(self, labels: Sequence[str], measures: Sequence[str], dimensions: int) -> tuple[Columns, ...]:
        """What each column of a matrix is, in its order.

        Args:
            labels: K class names.
            measures: names of the numeric columns.
            dimensions: of the sentence vectors; counted only where they stand in the matrix.
        """
        found: list[Columns] = []
        if self.blocks.sparse and self.tfidf is not None:
            found.append(Columns("ngram", self.tfidf.terms))
        if self.svd_components is not None:
            found.append(Columns("svd", _numbers(self.svd_components.shape[1])))
        if self.score_weights is not None:
            found.append(Columns("score", labels))
        if self.neighbours is not None:
            found += [Columns("nearest", ("0",)), Columns("vote", tuple(labels) * len(TEMPERATURES))]
        if self.blocks.vectors:
            found.append(Columns("vector", _numbers(dimensions)))
        if self.column_scale is not None:
            found.append(Columns("measure", measures))
        return tuple(found)

    def save(self, folder: Path) -> None:
        """Write `blocks.json`, `arrays.npz`, and the files of TF-IDF and neighbours where they are used."""
        (folder / "blocks.json").write_text(json.dumps(asdict(self.blocks), indent=2))
        arrays = {
            name: getattr(self, name)
            for name in ("svd_components", "score_weights", "column_scale")
            if getattr(self, name) is not None
        }
        np.savez(folder / "arrays.npz", **arrays)
        if self.tfidf:
            self.tfidf.save(folder)
        if self.neighbours:
            self.neighbours.save(folder)

    @classmethod
    def load(cls, folder: Path) -> "Representation":
        """Read what `save` wrote."""
        raw = json.loads((folder / "blocks.json").read_text())
        blocks = Blocks(**{**raw, "tfidf": TfidfSpec(**raw["tfidf"])})
        tfidf = Tfidf.load(folder, blocks.tfidf) if blocks.needs_ngrams else None
        neighbours = Neighbours.load(folder) if blocks.votes else None
        with np.load(folder / "arrays.npz", allow_pickle=False) as arrays:
            # In C order: scipy would else copy all of them for each ticket that it multiplies.
            fitted: dict[str, Any] = {name: np.ascontiguousarray(arrays[name]) for name in arrays.files}
        return replace(cls(blocks, tfidf, neighbours=neighbours), **fitted)


def dense(matrix: Matrix) -> np.ndarray:
    """The matrix with its zeros, (n, d) in C order, of the same type."""
    return np.ascontiguousarray(matrix.toarray() if isinstance(matrix, sparse.csr_matrix) else matrix)


def linear_scores(grams: sparse.csr_matrix | GramRow, weights: np.ndarray) -> np.ndarray:
    """Scores float32 (n, K) of a linear model whose last weight row holds the intercepts."""
    return np.asarray(grams @ weights[:-1] + weights[-1], dtype=np.float32)


def _numbers(count: int) -> tuple[str, ...]:
    return tuple(map(str, range(count)))


def _vectors(features: TicketFeatures) -> np.ndarray:
    if features.vectors is None:
        raise ValueError("the model wants sentence vectors and was given none: encode the tickets first")
    return features.vectors
