"""Word n-grams: counting them once, and the TF-IDF that is fitted on training rows and travels in the bundle.

Belongs here: the tokeniser, the count matrix, fitting and applying TF-IDF, to many documents and to one, its files.
Does not belong here: what is built upon it (representation.py).

Our own rather than scikit-learn's vectoriser for two reasons, both on paths this project exists for: the counts of
all rows are made once and every fold is a slice of them (fitting per fold then costs milliseconds), and the service
turns one ticket into one row without importing scikit-learn. A test holds it equal to scikit-learn's.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy import sparse

_TOKEN = re.compile(r"\b\w\w+\b")
LONGEST = 2


def ngrams(document: str) -> list[str]:
    """Lower-cased words of two characters or more, then pairs of neighbours."""
    words = _TOKEN.findall(document.lower())
    return [*words, *(f"{one} {other}" for one, other in pairwise(words))]


@dataclass(frozen=True)
class NgramCounts:
    """How often each n-gram stands in each document.

    Attributes:
        terms: all n-grams seen, sorted.
        matrix: float32 CSR (n documents, len(terms)), sorted indices.
    """

    terms: tuple[str, ...]
    matrix: sparse.csr_matrix

    @cached_property
    def is_pair(self) -> np.ndarray:
        """bool (len(terms),): whether a term is a pair of words."""
        return np.fromiter((" " in term for term in self.terms), dtype=bool, count=len(self.terms))

    @cached_property
    def column_of(self) -> dict[str, int]:
        """Column of each term; an array of strings would be as wide as its longest, which is a pasted attachment."""
        return {term: column for column, term in enumerate(self.terms)}


def count_ngrams(documents: Sequence[str]) -> NgramCounts:
    """Count every n-gram of every document; terms that stand in one document alone are left out."""
    counted = [Counter(ngrams(document)) for document in documents]
    frequency = Counter(term for one in counted for term in one)
    terms = tuple(sorted(term for term, count in frequency.items() if count > 1))
    return NgramCounts(terms, _matrix(counted, {term: column for column, term in enumerate(terms)}))


def _matrix(counted: Sequence[Counter[str]], columns: dict[str, int]) -> sparse.csr_matrix:
    indices: list[int] = []
    data: list[int] = []
    starts = [0]
    for one in counted:
        known = sorted((columns[term], count) for term, count in one.items() if term in columns)
        indices.extend(column for column, _ in known)
        data.extend(count for _, count in known)
        starts.append(len(indices))
    return sparse.csr_matrix(
        (
            np.array(data, dtype=np.float32),
            np.array(indices, dtype=np.int32),
            np.array(starts, dtype=np.int32),
        ),
        shape=(len(counted), len(columns)),
    )


@dataclass(frozen=True)
class GramRow:
    """TF-IDF of one document, as far as a product needs it: scipy's matrix of one row takes longer to make than to use.

    Attributes:
        columns: int64 (k,), ascending.
        values: float32 (k,).
    """

    columns: np.ndarray
    values: np.ndarray

    def __matmul__(self, dense: np.ndarray) -> np.ndarray:
        """Product float32 (1, K) with a matrix of two columns or more, added up in the order in which scipy does."""
        return np.add.reduce(self.values[:, None] * dense[self.columns], axis=0, keepdims=True)


@dataclass(frozen=True)
class TfidfSpec:
    """What is chosen before fitting: longest n-gram, smallest document frequency, vocabulary bound, damping."""

    longest: int = LONGEST
    min_df: int = 2
    max_ngrams: int = 60_000
    sublinear: bool = True

    def __post_init__(self) -> None:
        if self.min_df < 2:
            raise ValueError(f"min_df is {self.min_df}, but terms of one document are never counted: use 2 or more")


@dataclass(frozen=True)
class Tfidf:
    """Fitted TF-IDF with smooth idf and L2 rows, as scikit-learn defines it.

    Attributes:
        spec: what it was fitted with.
        terms: the vocabulary, sorted.
        idf: float32 (len(terms),).
    """

    spec: TfidfSpec
    terms: tuple[str, ...]
    idf: np.ndarray

    @classmethod
    def fit(cls, counts: NgramCounts, rows: np.ndarray, spec: TfidfSpec) -> "Tfidf":
        """Fit on the given rows of the counts; the most frequent terms stay, ties by alphabet."""
        frequency = np.bincount(counts.matrix[rows].indices, minlength=len(counts.terms))
        usable = frequency >= spec.min_df
        if spec.longest == 1:
            usable &= ~counts.is_pair
        columns = np.flatnonzero(usable)
        ranked = columns[np.lexsort((columns, -frequency[columns]))]
        columns = np.sort(ranked[: spec.max_ngrams])
        if columns.size == 0:
            raise ValueError(f"no n-gram stands in {spec.min_df} of {len(rows)} training rows: give more tickets")
        idf = np.log((1 + len(rows)) / (1 + frequency[columns])) + 1
        return cls(spec, tuple(counts.terms[column] for column in columns), idf.astype(np.float32))

    @cached_property
    def _columns(self) -> dict[str, int]:
        return {term: column for column, term in enumerate(self.terms)}

    def transform(self, documents: Sequence[str]) -> sparse.csr_matrix:
        """TF-IDF rows of documents: float32 CSR (n, len(terms))."""
        return self._weigh(_matrix([Counter(ngrams(document)) for document in documents], self._columns))

    @cached_property
    def _latest(self) -> list[tuple[str, GramRow]]:
        """The last document alone and its row: models of several targets that share a vocabulary ask for the same."""
        return [("", GramRow(np.empty(0, np.int64), np.empty(0, np.float32)))]

    def transform_one(self, document: str) -> GramRow:
        """The row of one document, with the values that `transform` gives it."""
        last, row = self._latest[0]
        if last != document:
            row = self._row(document)
            self._latest[0] = (document, row)
        return row

    def _row(self, document: str) -> GramRow:
        columns = self._columns
        known = sorted((columns[term], count) for term, count in Counter(ngrams(document)).items() if term in columns)
        counted = np.array(known, dtype=np.int64).reshape(-1, 2)
        values = self._weights(counted[:, 1].astype(np.float32), counted[:, 0])
        norm = np.sqrt(np.bincount(np.zeros(len(known), np.int64), weights=np.square(values, dtype=np.float64)))
        return GramRow(counted[:, 0], (values / norm).astype(np.float32) if known else values)

    def is_equal(self, other: "Tfidf") -> bool:
        """Whether both make the same row of every document."""
        return self.spec == other.spec and self.terms == other.terms and np.array_equal(self.idf, other.idf)

    def transform_counts(self, counts: NgramCounts, rows: np.ndarray) -> sparse.csr_matrix:
        """The same for rows counted before, with bit-identical result."""
        wanted = np.fromiter((counts.column_of[term] for term in self.terms), dtype=np.int64, count=len(self.terms))
        return self._weigh(counts.matrix[rows][:, wanted].tocsr())

    def _weigh(self, matrix: sparse.csr_matrix) -> sparse.csr_matrix:
        data = self._weights(matrix.data, matrix.indices)
        row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        norm = np.sqrt(np.bincount(row, weights=np.square(data, dtype=np.float64), minlength=matrix.shape[0]))
        norm[norm == 0] = 1
        data = (data / norm[row]).astype(np.float32)
        return sparse.csr_matrix((data, matrix.indices, matrix.indptr), shape=matrix.shape)

    def _weights(self, counts: np.ndarray, columns: np.ndarray) -> np.ndarray:
        damped = 1 + np.log(counts) if self.spec.sublinear else counts
        return np.asarray((damped * self.idf[columns]).astype(np.float32))

    def save(self, folder: Path) -> None:
        """Write `terms.txt` (one a line) and `idf.npy`."""
        (folder / "terms.txt").write_text("\n".join(self.terms), encoding="utf-8")
        np.save(folder / "idf.npy", self.idf, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path, spec: TfidfSpec) -> "Tfidf":
        """Read what `save` wrote."""
        terms = (folder / "terms.txt").read_text(encoding="utf-8").split("\n")
        return cls(spec, tuple(terms), np.load(folder / "idf.npy", allow_pickle=False))
