"""Words as numbers for the tests: which are there, and which the reference never had.

Belongs here: hashed and weighted words of texts, the share of unseen words.
Does not belong here: the tests (mean_difference.py, numbers.py), the n-grams that models read (models/ngrams.py).
"""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Two words of 20,000 seldom meet in 2^16 places; where they do, they are watched together.
PLACES = 2**16
LEAST_TEXTS = 3
_WORD = re.compile(r"\w\w+")


def hashed_words(texts: Sequence[str]) -> Any:
    """CSR float32 (n, PLACES): 1 + log of how often each word occurs. Hashed: no vocabulary is fitted on one side."""
    from sklearn.feature_extraction.text import HashingVectorizer

    counted = HashingVectorizer(n_features=PLACES, alternate_sign=False, norm=None, dtype=np.float32)
    words = counted.transform(texts)
    np.log1p(words.data - 1, out=words.data)
    words.data += 1
    return words


def weighted_words(reference: Any, window: Any) -> Any:
    """CSR float32 (m + n, words): TF-IDF of both together, each word divided by the root of its deviation.

    Plain TF-IDF leaves the test to the commonest words; division by the whole deviation, as in a diagonal Hotelling
    test (Srivastava and Du 2008), leaves it to words of three tickets. The root lies between, and found a new class in
    windows more often than either.

    Args:
        reference: of hashed_words, m rows.
        window: n rows.
    """
    from scipy.sparse import csr_matrix, diags_array, vstack

    both = vstack([reference, window]).tocsc()
    texts_with = np.diff(both.indptr)
    both = both[:, texts_with >= LEAST_TEXTS]
    idf = np.log(both.shape[0] / np.maximum(texts_with[texts_with >= LEAST_TEXTS], 1)) + 1
    both = both @ diags_array(idf.astype(np.float32))
    lengths = np.sqrt(np.asarray(both.multiply(both).sum(axis=1)).ravel())
    both = diags_array((1 / np.maximum(lengths, 1e-12)).astype(np.float32)) @ both
    mean = np.asarray(both.mean(axis=0)).ravel()
    deviation = np.sqrt(np.maximum(np.asarray(both.multiply(both).mean(axis=0)).ravel() - mean**2, 1e-12))
    return csr_matrix(both @ diags_array((1 / np.sqrt(deviation)).astype(np.float32)))


def vocabulary(texts: Sequence[str]) -> Counter[str]:
    """Lower-case words of two letters and more, with the number of texts that have them."""
    return Counter(word for text in texts for word in _distinct(text))


def unseen_shares(texts: Sequence[str], known: Collection[str]) -> NDArray[np.float64]:
    """(n,) share of each text's distinct words that are not known; 0 for a text without words."""
    return np.array(
        [sum(word not in known for word in words) / len(words) if (words := _distinct(text)) else 0.0 for text in texts]
    )


def _distinct(text: str) -> set[str]:
    return set(_WORD.findall(text.lower()))
