"""Relatives by comparing with every other ticket: slow, and beyond doubt.

Here: what a search is held against where all pairs are too many. Not here: any test.
"""

from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer


def missed_relatives(
    texts: Sequence[str], family_ids: Sequence[str], cut: float, sample: np.ndarray
) -> tuple[int, int]:
    """Pairs between some tickets and all others whose cosine reaches the cut, and those of them in two families."""
    vectors = TfidfVectorizer(ngram_range=(1, 2), min_df=1).fit_transform(texts)
    relatives = missed = 0
    for row in sample:
        near = (vectors @ vectors[row].T).toarray().ravel() >= cut - 1e-9
        near[row] = False
        relatives += int(near.sum())
        missed += sum(family_ids[other] != family_ids[row] for other in near.nonzero()[0])
    return relatives, missed
