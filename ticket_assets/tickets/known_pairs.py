"""Near pairs that are known from an earlier run, so that new tickets alone must be compared with all.

Belongs here: what is kept between runs, what of it still holds, and which rows must be searched; the result is exact.
Does not belong here: the search (near_pairs.py), families (families.py).

New tickets change the weights of all terms, and so every cosine, if only a little. So pairs are searched under
reference weights, which a term keeps from its first run on, with some slack: angle <= arccos(cut) + 2 * SLACK. By how
much today's weights turned a text against its reference vector is an angle that takes one pass over the texts. Angles
on a sphere obey the triangle inequality: two texts that turned by at most SLACK each and are near today were within
that reach, so every near pair is among the known ones, and the few in doubt are computed again under today's weights. A
text that turned by more is restless and searched anew at each run. Where many are, today's weights become the reference
and everything is searched again.

So the result is that of a search from scratch, pair for pair, whatever was added, edited or removed since.
"""

from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from ticket_assets.storage import replacing
from ticket_assets.tickets.near_pairs import NO_PAIRS, TOLERANCE, Pairs, Progress, cosines_of, near_pairs
from ticket_assets.tickets.terms import Codes, Floats, Terms

SLACK = 0.03
"""Radians by which a text may turn before it is searched anew."""
MAX_RESTLESS = 0.1
"""Share of restless texts from which searching everything again is the cheaper way."""
MAX_KEPT = 50_000_000
"""Pairs that may be kept: 600 MB. Beyond, one template chains the tickets, and every run searches everything."""
_PAIRS_AT_A_TIME = 1_000_000
_ROUNDED = 1e-6  # kept cosines are float32

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class KnownPairs:
    """What a run leaves to the next one.

    Attributes:
        codes: uint64 (m,), ascending: terms that have a reference weight.
        weights: float32 (m,): the reference weights.
        texts: uint64 (n,): hashes of the texts that were searched.
        pairs: of positions in `texts`, all whose reference vectors are within reach.
    """

    codes: Codes
    weights: npt.NDArray[np.float32]
    texts: Codes
    pairs: Pairs

    def save(self, path: Path, made_by: str) -> None:
        """Write it whole; `made_by` names the cut and the code that it holds for."""
        with replacing(path) as temporary, temporary.open("wb") as stream:
            np.savez(
                stream,
                made_by=np.array(made_by),
                codes=self.codes,
                weights=self.weights,
                texts=self.texts,
                left=self.pairs.left,
                right=self.pairs.right,
                cosines=self.pairs.cosines,
            )

    @classmethod
    def load(cls, path: Path, made_by: str) -> "KnownPairs":
        """Read it; nothing is known where there is no file, one of another cut or code, or a damaged one."""
        try:
            # A zip file, with a checksum of every part.
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as kept:
                if str(kept["made_by"]) != made_by:
                    return NOTHING_KNOWN
                pairs = Pairs(kept["left"], kept["right"], kept["cosines"])
                return cls(kept["codes"], kept["weights"], kept["texts"], pairs)
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            return NOTHING_KNOWN


NOTHING_KNOWN = KnownPairs(np.empty(0, np.uint64), np.empty(0, np.float32), np.empty(0, np.uint64), NO_PAIRS)


@dataclass(frozen=True)
class Relations:
    """Near pairs as of today.

    Attributes:
        pairs: of positions of the texts, under today's weights.
        searched: (n,) texts that were compared with all others for the first time under these reference weights.
        restless: (n,) texts that were compared with all others because today's weights turned them too far.
        known: for the next run; None where it would be too large to keep.
    """

    pairs: Pairs
    searched: Mask
    restless: Mask
    known: KnownPairs | None


NO_RELATIONS = Relations(NO_PAIRS, np.empty(0, bool), np.empty(0, bool), None)


def relations(
    terms: Terms, texts: Codes, cut: float, known: KnownPairs = NOTHING_KNOWN, progress: Progress | None = None
) -> Relations:
    """All pairs of texts whose cosine under today's weights reaches the cut.

    Args:
        terms: of n distinct texts.
        texts: uint64 (n,): their hashes.
        cut: cosine above 0, at most 1.
        known: from an earlier run.
        progress: called with (texts done, texts in all that need a search).
    """
    reference = _reference(terms, known)
    turned = terms.turned(reference, terms.weights)
    restless = turned > SLACK
    if restless.mean() > MAX_RESTLESS:
        known = NOTHING_KNOWN
        reference = _reference(terms, known)
        turned = terms.turned(reference, terms.weights)
        restless = turned > SLACK
    kept, is_known = _still_there(known, texts)
    limit = float(np.arccos(cut - TOLERANCE))
    reach = max(float(np.cos(min(limit + 2 * SLACK, np.pi / 2))), _ROUNDED)
    if not is_known.all():
        fresh = near_pairs(terms.vectors(reference), ~is_known, reach, progress)
        kept = kept.with_(fresh)
    vectors = terms.vectors(terms.weights)
    calm = kept.take(~(restless[kept.left] | restless[kept.right]))
    near = _near_today(calm, turned, limit)
    doubtful = np.flatnonzero(np.isnan(near))
    cosines = cosines_of(vectors, calm.left[doubtful], calm.right[doubtful])
    near[doubtful] = cosines >= cut - TOLERANCE
    pairs = calm.take(near == 1).with_(near_pairs(vectors, restless, cut))
    # A term that left took its texts along: should it come back, they are new, and so is its weight.
    left = KnownPairs(terms.codes, reference.astype(np.float32), texts, kept) if len(kept) <= MAX_KEPT else None
    return Relations(pairs, ~is_known, restless, left)


def _reference(terms: Terms, known: KnownPairs) -> Floats:
    """Reference weight per term: the known one, else today's, rounded as it will be kept."""
    weights = terms.weights.astype(np.float32)
    if len(known.codes):
        place = np.minimum(np.searchsorted(known.codes, terms.codes), len(known.codes) - 1)
        weights = np.where(known.codes[place] == terms.codes, known.weights[place], weights)
    return weights.astype(np.float64)


def _still_there(known: KnownPairs, texts: Codes) -> tuple[Pairs, Mask]:
    """The known pairs of texts that are still there, by today's positions, and which texts are known."""
    if len(texts) == 0 or len(known.texts) == 0:
        return NO_PAIRS, np.zeros(len(texts), bool)
    order = np.argsort(texts)
    place = np.minimum(np.searchsorted(texts, known.texts, sorter=order), len(texts) - 1)
    today = order[place].astype(np.int32)
    there = texts[today] == known.texts
    is_known = np.zeros(len(texts), bool)
    is_known[today[there]] = True
    both = there[known.pairs.left] & there[known.pairs.right]
    kept = known.pairs.take(both)
    return Pairs(today[kept.left], today[kept.right], kept.cosines), is_known


def _near_today(calm: Pairs, turned: Floats, limit: float) -> npt.NDArray[np.float32]:
    """Per kept pair of calm texts 1 where it is near today as well, 0 where it is not, NaN where that is in doubt."""
    near = np.full(len(calm), np.nan, np.float32)
    for start in range(0, len(calm), _PAIRS_AT_A_TIME):
        some = slice(start, start + _PAIRS_AT_A_TIME)
        by = turned[calm.left[some]] + turned[calm.right[some]]
        near[some][calm.cosines[some] >= np.cos(np.maximum(limit - by, 0)) + _ROUNDED] = 1
        near[some][calm.cosines[some] < np.cos(np.minimum(limit + by, np.pi)) - _ROUNDED] = 0
    return near
