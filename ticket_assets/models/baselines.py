"""What every model must beat: three recipes without tuning, fitted on the same rows, scored on the same rows.

Belongs here: the majority class, the nearest neighbour on the encoder's vectors (memory of paraphrases, and no more),
and a linear SVM on words, which two seconds of training make hard to beat.

Does not belong here: models that compete for promotion (``training``), other people's systems (``benchmarks/``).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Test rows compared at once: 1,024 against 40,000 training rows is 160 MB of float32 similarities.
_BLOCK = 1024


@dataclass(frozen=True)
class BaselinePrediction:
    """What a baseline says of n test rows.

    Attributes:
        name: what the scoreboard calls it.
        predicted: (n,) int64 class indices.
        probabilities: (n, K) float64, or None where the recipe has none worth the name.
    """

    name: str
    predicted: NDArray[np.int64]
    probabilities: NDArray[np.float64] | None


def majority(y_train: NDArray[np.integer], n: int, *, n_labels: int | None = None) -> BaselinePrediction:
    """Always the commonest class of training; the lowest index wins a tie.

    Args:
        y_train: (m,) integers, 0..K-1.
        n: number of test rows.
        n_labels: K; with it, probabilities are the class shares of training, without it None.

    Raises:
        ValueError: no training rows, a negative label, or a label beyond ``n_labels``.
    """
    y_train = _checked_labels(y_train)
    counts = np.bincount(y_train, minlength=n_labels or 0)
    if n_labels is not None and len(counts) > n_labels:
        raise ValueError(f"y_train holds label {len(counts) - 1}, beyond n_labels={n_labels}")
    shares = None if n_labels is None else np.tile(counts / counts.sum(), (n, 1))
    return BaselinePrediction("majority", np.full(n, counts.argmax(), dtype=np.int64), shares)


def nearest_neighbour(
    vectors_train: NDArray[np.floating], y_train: NDArray[np.integer], vectors_test: NDArray[np.floating]
) -> BaselinePrediction:
    """The class of the one training row with the largest cosine; the earliest row wins a tie.

    A vector of zeros (an empty ticket) is at cosine 0 of everything.

    Args:
        vectors_train: (m, d) floats, of any length: they are normalised here.
        y_train: (m,) integers from 0.
        vectors_test: (n, d) floats.

    Raises:
        ValueError: no training rows, shapes that do not fit, or a negative label.
    """
    y_train = _checked_labels(y_train)
    train, test = _unit(vectors_train), _unit(vectors_test)
    if len(train) != len(y_train) or train.shape[1] != test.shape[1]:
        raise ValueError(
            f"shapes do not fit: vectors_train {train.shape}, y_train {y_train.shape}, vectors_test {test.shape}"
        )
    nearest = [(test[start : start + _BLOCK] @ train.T).argmax(axis=1) for start in range(0, len(test), _BLOCK)]
    rows = np.concatenate(nearest) if nearest else np.empty(0, dtype=np.int64)
    return BaselinePrediction("1-NN on embeddings", y_train[rows], None)


def tfidf_linear_svc(
    texts_train: Sequence[str],
    y_train: NDArray[np.integer],
    texts_test: Sequence[str],
    *,
    c: float = 0.5,
    seed: int = 0,
) -> BaselinePrediction:
    """TF-IDF of word 1-2-grams and a linear SVM, vocabulary and IDF fitted on training rows only.

    Its margins are not probabilities, and are not dressed up as such.

    Args:
        texts_train: m texts.
        y_train: (m,) integers from 0, at least two classes.
        texts_test: n texts.
        c: the SVM's inverse regularisation.
        seed: of the solver's row order.

    Raises:
        ValueError: lengths that differ, one class only, a negative label, or texts without a word.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.svm import LinearSVC

    y_train = _checked_labels(y_train)
    if len(texts_train) != len(y_train):
        raise ValueError(f"texts_train has {len(texts_train)} entries for {len(y_train)} rows of y_train")
    vectoriser = TfidfVectorizer(ngram_range=(1, 2), lowercase=True)
    model = LinearSVC(C=c, random_state=seed).fit(vectoriser.fit_transform(texts_train), y_train)
    predicted = model.predict(vectoriser.transform(texts_test)) if len(texts_test) else np.empty(0)
    return BaselinePrediction("TF-IDF(1,2) + LinearSVC", predicted.astype(np.int64), None)


def _unit(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    single: NDArray[np.float32] = np.asarray(vectors, dtype=np.float32)
    if single.ndim != 2:
        raise ValueError(f"vectors must have shape (rows, dimensions), got {single.shape}")
    lengths = np.linalg.norm(single, axis=1, keepdims=True).astype(np.float32)
    lengths[lengths == 0] = 1
    return single / lengths


def _checked_labels(y_train: NDArray[np.integer]) -> NDArray[np.int64]:
    y_train = np.asarray(y_train)
    if y_train.ndim != 1 or not y_train.size:
        raise ValueError(f"y_train must be one-dimensional with at least one row, got shape {y_train.shape}")
    if not np.issubdtype(y_train.dtype, np.integer) or y_train.min() < 0:
        raise ValueError("y_train must hold integers from 0: leave out rows without a known label")
    return y_train.astype(np.int64)
