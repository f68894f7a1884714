"""All pairs of rows whose cosine reaches a cut, without comparing all pairs.

Belongs here: the search, exact, among all rows or from some rows to all.
Does not belong here: what the rows are (terms.py), which rows need a search (known_pairs.py).

Candidates come from an inverted index over each row's rarest terms; a pair is passed over only where a bound shows that
it cannot reach the cut (prefix filtering with L2 norms: Bayardo, Ma, Srikant, "Scaling up all pairs similarity search",
2007; Anastasiu, Karypis, "L2AP", 2014), and each candidate's cosine is computed in float64.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ticket_assets.tickets.terms import Floats

# Float64 sums end in noise of some 1e-16 per term; a pair exactly at the cut must count in any order.
TOLERANCE = 1e-9
# Share of the cut that a row's unindexed terms may reach. Higher: a smaller product, more candidates to
# verify. 0.75 was within a tenth of the best on both public files (0.4 to 0.8 tried).
_UNINDEXED = 0.75
_PRODUCTS_PER_BLOCK = 8_000_000  # some 200 MB while a block is worked on
_PAIRS_PER_CHUNK = 50_000

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Pairs:
    """Pairs of rows, each pair once.

    Attributes:
        left: int32 (p,).
        right: int32 (p,).
        cosines: float32 (p,), rounded: whether a pair is exactly at a cut must be asked of the rows.
    """

    left: npt.NDArray[np.int32]
    right: npt.NDArray[np.int32]
    cosines: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.left)

    def take(self, which: npt.NDArray[Any]) -> "Pairs":
        """Those at some positions, or of a mask."""
        if which.dtype == bool and which.all():
            return self  # where one template chains many tickets, a copy takes gigabytes
        return Pairs(self.left[which], self.right[which], self.cosines[which])

    def with_(self, other: "Pairs") -> "Pairs":
        """Both one after another."""
        if not len(self) or not len(other):
            return self if len(self) else other
        return Pairs(
            np.concatenate([self.left, other.left]),
            np.concatenate([self.right, other.right]),
            np.concatenate([self.cosines, other.cosines]),
        )


NO_PAIRS = Pairs(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.float32))


def near_pairs(rows: Any, wanted: npt.NDArray[np.bool_], cut: float, progress: Progress | None = None) -> Pairs:
    """All pairs with cosine >= `cut` of which at least one row is wanted.

    Args:
        rows: float64 CSR (n, m), each row of norm 1.
        wanted: (n,) whose relatives to look for.
        cut: cosine above 0.
        progress: called with (wanted rows done, wanted rows in all) after each block.
    """
    queries = np.flatnonzero(wanted)
    if len(queries) == 0:
        return NO_PAIRS
    indexed, left_out = _rarest_terms(rows, cut * _UNINDEXED)
    by_term = indexed.T.tocsr()
    asking = indexed if len(queries) == len(wanted) else indexed[queries]

    def near(block: tuple[int, int]) -> tuple[int, Pairs]:
        first, last = block
        product = asking[first:last] @ by_term
        left = np.repeat(queries[first:last], np.diff(product.indptr))
        right = product.indices.astype(np.int64)
        # What a pair shares outside the index is all among the taken terms of one of the two (float32: slack).
        possible = product.data + np.maximum(left_out[left], left_out[right]) >= cut - 1e-4
        possible &= (right > left) | ~wanted[right]  # two wanted rows find each other twice
        left, right = left[possible], right[possible]
        cosines = cosines_of(rows, left, right)
        reaching = cosines >= cut - TOLERANCE
        return last, Pairs(
            left[reaching].astype(np.int32), right[reaching].astype(np.int32), cosines[reaching].astype(np.float32)
        )

    found = [NO_PAIRS]
    # scipy's products release the interpreter lock, so threads share the matrices and both cores work.
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        for done, pairs in pool.map(near, _blocks(asking, by_term)):
            found.append(pairs)
            if progress is not None:
                progress(done, len(queries))
    return Pairs(*(np.concatenate([getattr(one, part) for one in found]) for part in ("left", "right", "cosines")))


def cosines_of(rows: Any, left: npt.NDArray[Any], right: npt.NDArray[Any]) -> Floats:
    """The float64 dot products of pairs of rows, in chunks that bound the memory."""
    result = np.empty(len(left))
    for start in range(0, len(left), _PAIRS_PER_CHUNK):
        chunk = slice(start, start + _PAIRS_PER_CHUNK)
        result[chunk] = np.asarray(rows[left[chunk]].multiply(rows[right[chunk]]).sum(axis=1)).ravel()
    return result


def _rarest_terms(rows: Any, bound: float) -> tuple[Any, npt.NDArray[np.float32]]:
    """Return each row without its commonest terms (float32), and the norm of what was taken, below `bound`.

    "Common" is one order of all terms for all rows. Two rows that share no remaining term have a cosine below
    `bound`: of the two, the one that stopped at the rarer term has all that they share among its taken terms.
    """
    from scipy.sparse import csr_matrix

    rank = np.empty(rows.shape[1], np.int32)
    rank[np.argsort(-np.bincount(rows.indices, minlength=rows.shape[1]), kind="stable")] = np.arange(rows.shape[1])
    ranked = csr_matrix((rows.data, rank[rows.indices], rows.indptr), shape=rows.shape, copy=True)
    ranked.sort_indices()
    row_of = np.repeat(np.arange(rows.shape[0], dtype=np.int32), np.diff(rows.indptr))
    total = np.concatenate([[0.0], np.cumsum(ranked.data**2)])
    kept = total[1:] - total[rows.indptr[:-1]][row_of] >= bound**2
    left_out = np.sqrt(np.bincount(row_of, weights=np.where(kept, 0.0, ranked.data**2), minlength=rows.shape[0]))
    starts = np.concatenate([[0], np.cumsum(kept)])[rows.indptr]
    indexed = csr_matrix((ranked.data[kept].astype(np.float32), ranked.indices[kept], starts), shape=rows.shape)
    return indexed, left_out.astype(np.float32)


def _blocks(asking: Any, by_term: Any) -> Iterator[tuple[int, int]]:
    """Yield (first, last + 1) of runs of rows whose products fit in memory together."""
    per_term = np.diff(by_term.indptr)
    per_entry = np.concatenate([[0], np.cumsum(per_term[asking.indices], dtype=np.int64)])
    up_to_row = per_entry[asking.indptr]
    first, n = 0, asking.shape[0]
    while first < n:
        last = int(np.searchsorted(up_to_row, up_to_row[first] + _PRODUCTS_PER_BLOCK, side="right")) - 1
        last = min(max(last, first + 1), n)
        yield first, last
        first = last
