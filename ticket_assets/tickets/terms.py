"""The words and word pairs of texts, counted and weighted: TF-IDF as scikit-learn's vectoriser does it.

Belongs here: which terms a text has, how often and in how many tickets; vectors under any weights of the terms.
Does not belong here: which texts are near one another (near_pairs.py), n-grams as features (models/ngrams.py).

A term is known by a 64-bit hash of it, so that no vocabulary need be kept: two of ten million terms share a hash with
a chance of 3 in a million, and would then count as one. Word pairs are made in numpy from the hashes of their words,
which takes a fifth of the time of scikit-learn's vectoriser and less memory.
"""

import hashlib
import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.uint64]

A_WORD = re.compile(r"\b\w\w+\b")  # scikit-learn's default token
_PAIRING = np.uint64(0x9E3779B97F4A7C15)  # odd, so that no first word of a pair loses bits
_ROWS_AT_A_TIME = 20_000


@dataclass(frozen=True)
class Terms:
    """The terms of n texts.

    Attributes:
        codes: uint64 (m,), ascending: the hash of each term.
        counts: float64 CSR (n, m): how often each text has each term.
        frequency: float64 (m,): in how many tickets each term stands.
        tickets: in all, those without a word included.
    """

    codes: Codes
    counts: Any
    frequency: Floats
    tickets: int

    @cached_property
    def weights(self) -> Floats:
        """Inverse document frequencies, smoothed: ln((1 + tickets) / (1 + frequency)) + 1."""
        return np.log((1 + self.tickets) / (1 + self.frequency)) + 1

    def vectors(self, weights: Floats) -> Any:
        """float64 CSR (n, m): counts times weights, each row of norm 1."""
        from scipy.sparse import csr_matrix

        values = self.counts.data * weights[self.counts.indices]
        values /= np.repeat(_norms(values, self.counts.indptr), np.diff(self.counts.indptr))
        return csr_matrix((values, self.counts.indices, self.counts.indptr), shape=self.counts.shape)

    def turned(self, weights: Floats, others: Floats) -> Floats:
        """Angle in radians, per text, between its vectors under two weightings; a common factor turns nothing."""
        angles = np.empty(self.counts.shape[0])
        for start in range(0, len(angles), _ROWS_AT_A_TIME):
            some = self.counts[start : start + _ROWS_AT_A_TIME]
            one, other = (its[some.indices] * some.data for its in (weights, others))
            lengths = np.diff(some.indptr)
            one /= np.repeat(_norms(one, some.indptr), lengths)
            other /= np.repeat(_norms(other, some.indptr), lengths)
            # From the chord: the arc cosine knows no angle below 1e-8.
            chord = _norms(one - other, some.indptr)
            angles[start : start + _ROWS_AT_A_TIME] = 2 * np.arcsin(np.minimum(chord / 2, 1))
        return angles


def count_terms(texts: Sequence[str], copies: Ints, tickets: int) -> Terms:
    """Count words and pairs of neighbouring words, lower-cased.

    Args:
        texts: n distinct texts, each with a word.
        copies: (n,) how many tickets have each text.
        tickets: in all.
    """
    from scipy.sparse import csr_matrix

    words, lengths = _words(texts)
    row_of = np.repeat(np.arange(len(texts), dtype=np.int32), lengths)
    paired = row_of[1:] == row_of[:-1]
    pairs = (words[:-1] * _PAIRING + words[1:])[paired]
    columns, codes = pd.factorize(np.concatenate([words, pairs]), sort=True)  # a third of the time of np.unique
    rows = np.concatenate([row_of, row_of[1:][paired]])
    counts = csr_matrix((np.ones(len(rows)), (rows, columns.astype(np.int32))), shape=(len(texts), len(codes)))
    counts.sum_duplicates()
    held = np.repeat(copies, np.diff(counts.indptr)).astype(np.float64)
    frequency = np.bincount(counts.indices, weights=held, minlength=len(codes)).astype(np.float64)
    return Terms(codes, counts, frequency, tickets)


class _WordCodes(dict[str, int]):
    def __missing__(self, word: str) -> int:
        code = int.from_bytes(hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest())
        self[word] = code
        return code


def _words(texts: Sequence[str]) -> tuple[Codes, Ints]:
    """Codes of all words of all texts one after another, and how many each text has."""
    codes, found, lengths = _WordCodes(), array("Q"), array("q")
    for text in texts:
        words = A_WORD.findall(text.lower())
        found.extend(map(codes.__getitem__, words))
        lengths.append(len(words))
    return np.frombuffer(found, dtype=np.uint64), np.frombuffer(lengths, dtype=np.int64)


def _norms(values: Floats, starts: Ints) -> Floats:
    """Norm of each run of values; every run has at least one."""
    return np.asarray(np.sqrt(np.add.reduceat(values**2, starts[:-1])))
