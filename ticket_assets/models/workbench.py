"""The workbench of a search: rows, folds, and fitted blocks that are made once and used by many trials.

Belongs here: making representations on some training rows, remembering them, out-of-fold scores.
Does not belong here: the definition of the blocks (representation.py), of the folds (split.py).
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import sparse

from ticket_assets.features.text import TicketFeatures
from ticket_assets.models.fit_task import FitTask, row_weights
from ticket_assets.models.fitting import fit_linear_svm
from ticket_assets.models.neighbours import Neighbours
from ticket_assets.models.ngrams import NgramCounts, Tfidf, TfidfSpec, count_ngrams
from ticket_assets.models.representation import Blocks, InnerBlocks, Matrix, Representation, linear_scores

REMEMBERED = 48
INNER_FOLDS = 5
SVM_C = 0.5


@dataclass
class Workbench:
    """Rows of one target, ready to be trained on.

    Attributes:
        features: of n tickets.
        y: int (n,) class of each.
        groups: int (n,) family of each, so that no fold parts relatives.
        classes: number of classes, K.
        seed: of everything random.
        threads: at most so many.
        ticket_ids: n ids; needed only where a model with neighbours is to be kept.
        weights: float (n,) of each in every fit, above 0; None: all are the same.
    """

    features: TicketFeatures
    y: np.ndarray
    groups: np.ndarray
    classes: int
    seed: int
    threads: int
    ticket_ids: Sequence[str] = ()
    weights: np.ndarray | None = None
    counts: NgramCounts = field(init=False)
    _remembered: "OrderedDict[Any, Any]" = field(init=False, default_factory=OrderedDict)

    def __post_init__(self) -> None:
        self.counts = count_ngrams(self.features.documents)

    def fit_representation(self, blocks: Blocks, rows: np.ndarray) -> tuple[Representation, Matrix]:
        """Fit the blocks on rows; return them with the matrix of those very rows."""
        tfidf = self._tfidf(blocks.tfidf, rows) if blocks.needs_ngrams else None
        components = self._svd(blocks, rows) if blocks.svd else None
        weights, scores = self._scores(blocks.tfidf, rows) if blocks.scores else (None, None)
        neighbours, votes = self._votes(rows) if blocks.votes else (None, None)
        scale = self._scale(rows) if blocks.columns else None
        representation = Representation(blocks, tfidf, components, weights, scale, neighbours)
        inner = InnerBlocks(scores, votes)
        return representation, representation.assemble(self._grams(tfidf, rows), self.features.take(rows), inner)

    def matrix(self, representation: Representation, rows: np.ndarray) -> Matrix:
        """The matrix of other rows."""
        features, neighbours = self.features.take(rows), representation.neighbours
        votes = None
        if neighbours is not None and features.vectors is not None:
            vectors, key = features.vectors, ("unseen votes", id(neighbours), rows.tobytes())
            votes = self._once(key, lambda: (neighbours, neighbours.votes(vectors)))[1]
        return representation.assemble(self._grams(representation.tfidf, rows), features, InnerBlocks(votes=votes))

    def _grams(self, tfidf: Tfidf | None, rows: np.ndarray) -> sparse.csr_matrix | None:
        if tfidf is None:
            return None
        key = ("grams", id(tfidf), rows.tobytes())
        # The TF-IDF is kept in the entry: an id is unique only while its object lives.
        return self._once(key, lambda: (tfidf, tfidf.transform_counts(self.counts, rows)))[1]

    def _tfidf(self, spec: TfidfSpec, rows: np.ndarray) -> Tfidf:
        return self._once(("tfidf", spec, rows.tobytes()), lambda: Tfidf.fit(self.counts, rows, spec))

    def _svd(self, blocks: Blocks, rows: np.ndarray) -> np.ndarray:
        def compute() -> np.ndarray:
            from sklearn.utils.extmath import randomized_svd

            grams = self._grams(self._tfidf(blocks.tfidf, rows), rows)
            size = min(blocks.svd, min(grams.shape) - 1)  # type: ignore[union-attr]
            _, _, directions = randomized_svd(grams, size, n_iter=3, random_state=self.seed)
            return np.ascontiguousarray(directions.T, dtype=np.float32)

        return self._once(("svd", blocks.svd, blocks.tfidf, rows.tobytes()), compute)

    def _scores(self, spec: TfidfSpec, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weights of the SVM fitted on all rows, and the scores of each row from an SVM that did not see it."""

        def compute() -> tuple[np.ndarray, np.ndarray]:
            tfidf = self._tfidf(spec, rows)
            grams = self._grams(tfidf, rows)
            assert grams is not None
            y, weights = self.y[rows], some_of(self.weights, rows)
            inner = np.zeros((len(rows), self.classes), dtype=np.float32)
            fold = self.groups[rows] % INNER_FOLDS
            for number in range(INNER_FOLDS):
                seen, unseen = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
                if unseen.size:
                    inner[unseen] = linear_scores(
                        grams[unseen], self._svm(grams[seen], y[seen], some_of(weights, seen))
                    )
            return self._svm(grams, y, weights), inner

        return self._once(("scores", spec, rows.tobytes()), compute)

    def _votes(self, rows: np.ndarray) -> tuple[Neighbours, np.ndarray]:
        """The index of all rows, and the votes on each row by those of other families."""

        def compute() -> tuple[Neighbours, np.ndarray]:
            vectors = self.features.vectors
            if vectors is None:
                raise ValueError("votes of neighbours want sentence vectors: encode the tickets first")
            ids = [self.ticket_ids[row] for row in rows] if self.ticket_ids else None
            index = Neighbours.fit(vectors[rows], self.y[rows], self.classes, ids)
            return index, index.votes(vectors[rows], self.groups[rows])

        return self._once(("votes", rows.tobytes()), compute)

    def _svm(self, grams: sparse.csr_matrix, y: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
        heavy = row_weights(y, self.classes, 0.0, weights)
        task = FitTask(grams, y, heavy, self.classes, self.seed, self.threads)
        fitted = fit_linear_svm({"C": SVM_C}, task)
        return np.vstack([fitted.weights.T, fitted.intercepts]).astype(np.float32)

    def _scale(self, rows: np.ndarray) -> np.ndarray:
        columns = self.features.columns[rows]
        deviation = columns.std(axis=0)
        deviation[deviation == 0] = 1
        return np.vstack([columns.mean(axis=0), deviation]).astype(np.float32)

    def _once(self, key: Any, compute: Callable[[], Any]) -> Any:
        if key in self._remembered:
            self._remembered.move_to_end(key)
            return self._remembered[key]
        value = self._remembered[key] = compute()
        while len(self._remembered) > REMEMBERED:
            self._remembered.popitem(last=False)
        return value


def some_of(weights: np.ndarray | None, rows: np.ndarray) -> np.ndarray | None:
    """The weights of some rows; None where all are the same."""
    return None if weights is None else weights[rows]
