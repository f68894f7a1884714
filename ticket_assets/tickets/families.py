"""Families of near-duplicate tickets: rewordings of one another that must never straddle a split.

Here: which tickets are near-duplicates (exactly, all pairs), the families that they chain into, and the
refusal of families that chained too far. Not here: what is done with a family (`curation` flags and counts,
the split in `ticket_assets.models` keeps families whole), nearest tickets for a reader (the vector store in
`ticket_assets.features`). Training side only; the service never numbers families.

Two tickets are near-duplicates if the cosine of their TF-IDF vectors (word 1- and 2-grams, lower-cased, every
term, L2) reaches the cut. Unigrams alone chain: on real help-desk text a cut of 0.5 then puts two thirds of
all tickets into one family.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_A_WORD = re.compile(r"\b\w\w+\b")  # scikit-learn's default token
# Float64 sums end in noise of some 1e-16 per term; a pair exactly at the cut must count in any order.
_TOLERANCE = 1e-9
# Share of the cut that a row's unindexed terms may reach. Higher: a smaller product, more candidates to
# verify. 0.75 was within a tenth of the best on both public files (0.4 to 0.8 tried).
_UNINDEXED = 0.75
_PRODUCTS_PER_BLOCK = 8_000_000  # some 200 MB while a block is worked on
_PAIRS_PER_CHUNK = 50_000


@dataclass(frozen=True)
class FamilyNumbering:
    """The family of every ticket, and how large families are."""

    family_ids: list[str]
    """Per ticket, in the given order: the smallest ticket id of its family; alone, its own id."""
    n_pairs: int
    """Pairs of tickets whose cosine reaches the cut."""
    largest_share: float
    """Tickets of the largest family as a share of all tickets, 0 to 1; 0 without tickets."""
    in_families_share: float
    """Share of the tickets that have at least one relative, 0 to 1."""
    cut: float
    """The cosine from which on two tickets are near-duplicates."""


class FamiliesChainedError(RuntimeError):
    """Single linkage chained too many tickets into one family to split the data."""


def number_families(
    texts: Sequence[str],
    ids: Sequence[str],
    cut: float,
    progress: Callable[[int, int], None] | None = None,
) -> FamilyNumbering:
    """Number the near-duplicate families among `texts`, independently of their order.

    Connected components of all pairs with cosine >= `cut`. Exact: candidates come from an inverted index over
    each row's rarest terms; a pair is passed over only where a bound shows that it cannot reach the cut
    (prefix filtering with L2 norms: Bayardo, Ma, Srikant, "Scaling up all pairs similarity search", 2007;
    Anastasiu, Karypis, "L2AP", 2014), and each candidate's cosine is computed in float64. A text without a
    word of two letters has no relatives.

    Args:
        texts: cleaned text per ticket; the inverse document frequencies are fitted on all of it.
        ids: distinct ticket ids, as many as texts.
        cut: cosine above 0, at most 1.
        progress: called with (rows done, rows in all) after each block.

    Raises:
        ValueError: if the lengths differ, an id occurs twice or the cut is out of range.
    """
    if len(texts) != len(ids):
        raise ValueError(f"{len(texts)} texts but {len(ids)} ids")
    if len(set(ids)) != len(ids):
        twice = Counter(ids).most_common(1)[0][0]
        raise ValueError(f"ticket ids must be distinct: {twice!r} occurs more than once")
    if not 0 < cut <= 1:
        raise ValueError(f"the cut is a cosine above 0 and at most 1, not {cut}")
    # Equal texts meet here, not in the product: a thousand copies would make half a million candidates.
    first_of: dict[str, int] = {}
    unique_of = np.array([first_of.setdefault(text, len(first_of)) for text in texts], dtype=np.int64)
    copies = np.bincount(unique_of, minlength=len(first_of))
    worded = np.array([_A_WORD.search(text) is not None for text in first_of], dtype=bool)
    labels, n_pairs = np.arange(len(first_of)), int((copies * (copies - 1) // 2)[worded].sum())
    if worded.any():
        rows = _tfidf(texts)[np.unique(unique_of, return_index=True)[1]]
        labels, further = _components(rows, copies, cut, progress)
        n_pairs += further
    # Texts without a word are equal only in having nothing to compare.
    alone = ~worded[unique_of]
    return _numbering(np.where(alone, len(first_of) + np.arange(len(texts)), labels[unique_of]), ids, n_pairs, cut)


def require_unchained(numbering: FamilyNumbering, limit: float = 0.05) -> None:
    """Raise `FamiliesChainedError` if the largest family holds more than the share `limit` of the tickets.

    Such a family cannot be put on one side of a split without bending it.
    """
    if numbering.largest_share <= limit:
        return
    family, size = Counter(numbering.family_ids).most_common(1)[0]
    raise FamiliesChainedError(
        f"family {family!r} holds {size:,} of {len(numbering.family_ids):,} tickets "
        f"({numbering.largest_share:.1%}, more than {limit:.1%}): near-duplicates at cosine "
        f"{numbering.cut} chain. Raise families.cut, or look whether one template makes up "
        "that much of the data."
    )


def _tfidf(texts: Sequence[str]) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(ngram_range=(1, 2), min_df=1, dtype=np.float64).fit_transform(texts)


def _components(rows: Any, copies: Ints, cut: float, progress: Callable[[int, int], None] | None) -> tuple[Ints, int]:
    """Return a component label per row, and the pairs of tickets between rows (`copies` tickets each)."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    indexed, left_out = _rarest_terms(rows, cut * _UNINDEXED)
    by_term = indexed.T.tocsr()
    n = rows.shape[0]
    labels, n_pairs = np.arange(n), 0

    def near_duplicates(block: tuple[int, int]) -> tuple[int, Ints, Ints]:
        left, right = _candidates(indexed, by_term, left_out, block, cut)
        near = _cosines(rows, left, right) >= cut - _TOLERANCE
        return block[1], left[near], right[near]

    # scipy's products release the interpreter lock, so threads share the matrices and both cores work.
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        for done, left, right in pool.map(near_duplicates, _blocks(indexed, by_term)):
            n_pairs += int((copies[left] * copies[right]).sum())
            edges = coo_matrix((np.ones(len(left), bool), (labels[left], labels[right])), shape=(n, n))
            labels = connected_components(edges, directed=False)[1][labels]
            if progress is not None:
                progress(done, n)
    return labels, n_pairs


def _rarest_terms(rows: Any, bound: float) -> tuple[Any, npt.NDArray[np.float32]]:
    """Return each row without its commonest terms (float32), and the norm of what was taken, below `bound`.

    "Common" is one order of all terms for all rows. Two rows that share no remaining term have a cosine below
    `bound`: of the two, the one that stopped at the rarer term has all that they share among its taken terms.
    """
    from scipy.sparse import csr_matrix

    order = np.argsort(np.argsort(-np.bincount(rows.indices, minlength=rows.shape[1]), kind="stable"))
    row_of = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    sorting = np.lexsort((order[rows.indices], row_of))
    values, terms = rows.data[sorting], rows.indices[sorting]
    total = np.concatenate([[0.0], np.cumsum(values**2)])
    kept = total[1:] - total[rows.indptr[:-1]][row_of] >= bound**2
    left_out = np.sqrt(np.bincount(row_of, weights=np.where(kept, 0.0, values**2), minlength=rows.shape[0]))
    indexed = csr_matrix((values[kept].astype(np.float32), (row_of[kept], terms[kept])), shape=rows.shape)
    return indexed, left_out.astype(np.float32)


def _blocks(indexed: Any, by_term: Any) -> Iterator[tuple[int, int]]:
    """Yield (first, last + 1) of runs of rows whose products fit in memory together."""
    per_term = np.diff(by_term.indptr)
    per_entry = np.concatenate([[0], np.cumsum(per_term[indexed.indices], dtype=np.int64)])
    up_to_row = per_entry[indexed.indptr]
    first, n = 0, indexed.shape[0]
    while first < n:
        last = int(np.searchsorted(up_to_row, up_to_row[first] + _PRODUCTS_PER_BLOCK, side="right")) - 1
        last = min(max(last, first + 1), n)
        yield first, last
        first = last


def _candidates(
    indexed: Any, by_term: Any, left_out: npt.NDArray[np.float32], block: tuple[int, int], cut: float
) -> tuple[Ints, Ints]:
    """Return the pairs (left in the block, right behind it) whose cosine may reach the cut."""
    first, last = block
    product = indexed[first:last] @ by_term
    left = np.repeat(np.arange(first, last), np.diff(product.indptr))
    right = product.indices.astype(np.int64)
    # What a pair shares outside it is all among the taken terms of one of the two (float32: slack).
    possible = product.data + np.maximum(left_out[left], left_out[right]) >= cut - 1e-4
    possible &= right > left
    return left[possible], right[possible]


def _cosines(rows: Any, left: Ints, right: Ints) -> Floats:
    """Return the float64 dot products of pairs of rows, in chunks that bound the memory."""
    result = np.empty(len(left))
    for start in range(0, len(left), _PAIRS_PER_CHUNK):
        chunk = slice(start, start + _PAIRS_PER_CHUNK)
        result[chunk] = np.asarray(rows[left[chunk]].multiply(rows[right[chunk]]).sum(axis=1)).ravel()
    return result


def _numbering(labels: Ints, ids: Sequence[str], n_pairs: int, cut: float) -> FamilyNumbering:
    smallest: dict[int, str] = {}
    for label, ticket_id in zip(labels.tolist(), ids, strict=True):
        smallest[label] = min(smallest.get(label, ticket_id), ticket_id)
    sizes = Counter(labels.tolist())
    n = max(len(ids), 1)
    return FamilyNumbering(
        family_ids=[smallest[label] for label in labels.tolist()],
        n_pairs=n_pairs,
        largest_share=max(sizes.values(), default=0) / n,
        in_families_share=sum(size for size in sizes.values() if size > 1) / n,
        cut=cut,
    )
