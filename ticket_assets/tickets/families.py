"""Families of near-duplicate tickets: rewordings of one another that must never straddle a split.

Belongs here: the families that near-duplicate tickets chain into, and the refusal of families that chained too far.
Does not belong here: which texts are near one another (terms.py, near_pairs.py, known_pairs.py), what is done with a
family (the split in ticket_assets.models keeps families whole), nearest tickets for a reader (the vector store in
ticket_assets.features). Training side only; the service never numbers families.

Two tickets are near-duplicates if the cosine of their TF-IDF vectors (word 1- and 2-grams, lower-cased, every
term, L2) reaches the cut. Unigrams alone chain: on real help-desk text a cut of 0.5 then puts two thirds of
all tickets into one family.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ticket_assets.code_version import code_digest
from ticket_assets.storage import digest
from ticket_assets.tickets.known_pairs import NO_RELATIONS, NOTHING_KNOWN, KnownPairs, Relations, relations
from ticket_assets.tickets.near_pairs import Pairs, Progress
from ticket_assets.tickets.terms import A_WORD, Codes, Ints, count_terms


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
    linked: int = 0
    """Tickets whose text was compared with all others, being new; without a word there is nothing to compare."""
    linked_again: int = 0
    """Tickets whose text was, because later tickets changed the weights of its terms too much."""


class FamiliesChainedError(RuntimeError):
    """Single linkage chained too many tickets into one family to split the data."""


def number_families(
    texts: Sequence[str],
    ids: Sequence[str],
    cut: float,
    progress: Progress | None = None,
    kept: Path | None = None,
) -> FamilyNumbering:
    """Number the near-duplicate families among `texts`, independently of their order.

    Connected components of all pairs with cosine >= `cut`, exact; inverse document frequencies are fitted on all texts.
    A text without a word of two letters has no relatives.

    Args:
        texts: cleaned text per ticket.
        ids: distinct ticket ids, as many as texts.
        cut: cosine above 0, at most 1.
        progress: called with (texts done, texts in all that are compared) after each block.
        kept: file of the pairs that are known from the last run, which are not searched again; the result is the same
            without it. Written anew.

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
    # Texts without a word are equal only in having nothing to compare.
    first_of: dict[str, int] = {}
    place = np.array(
        [first_of.setdefault(text, len(first_of)) if A_WORD.search(text) else -1 for text in texts], dtype=np.int64
    )
    worded = place >= 0
    copies = np.bincount(place[worded], minlength=len(first_of))
    if not first_of:
        return _numbering(np.arange(len(texts)), ids, NO_RELATIONS, copies, cut)
    found = _relations(list(first_of), copies, len(texts), cut, progress, kept)
    labels = np.where(worded, _components(found.pairs, len(first_of))[place], len(first_of) + np.arange(len(texts)))
    return _numbering(labels, ids, found, copies, cut)


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


def _relations(
    texts: list[str], copies: Ints, tickets: int, cut: float, progress: Progress | None, kept: Path | None
) -> Relations:
    made_by = digest([code_digest(number_families), repr(cut)])
    known = KnownPairs.load(kept, made_by) if kept else NOTHING_KNOWN
    found = relations(count_terms(texts, copies, tickets), _hashes(texts), cut, known, progress)
    if kept:
        if found.known is None:
            kept.unlink(missing_ok=True)
        else:
            found.known.save(kept, made_by)
    return found


def _hashes(texts: list[str]) -> Codes:
    return np.array([int(digest([text]), 16) for text in texts], dtype=np.uint64)


def _components(pairs: Pairs, n: int) -> Ints:
    """A label per text: texts that a chain of pairs joins have the same."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    edges = coo_matrix((np.ones(len(pairs), bool), (pairs.left, pairs.right)), shape=(n, n))
    return np.asarray(connected_components(edges, directed=False)[1], dtype=np.int64)


def _numbering(labels: Ints, ids: Sequence[str], found: Relations, copies: Ints, cut: float) -> FamilyNumbering:
    smallest: dict[int, str] = {}
    for label, ticket_id in zip(labels.tolist(), ids, strict=True):
        smallest[label] = min(smallest.get(label, ticket_id), ticket_id)
    sizes = Counter(labels.tolist())
    n = max(len(ids), 1)
    return FamilyNumbering(
        family_ids=[smallest[label] for label in labels.tolist()],
        n_pairs=int((copies * (copies - 1) // 2).sum() + (copies[found.pairs.left] * copies[found.pairs.right]).sum()),
        largest_share=max(sizes.values(), default=0) / n,
        in_families_share=sum(size for size in sizes.values() if size > 1) / n,
        cut=cut,
        linked=int(copies[found.searched].sum()),
        linked_again=int(copies[found.restless & ~found.searched].sum()),
    )
