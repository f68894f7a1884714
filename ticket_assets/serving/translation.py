"""What a bundle said in old labels, in the labels of today.

Belongs here: probabilities over the labels of one version of a taxonomy, brought to a later one.
Does not belong here: what a label became (tickets/taxonomy.py), comparing champion and challenger (trial.py).
"""

from collections.abc import Mapping, Sequence

import numpy as np

from ticket_assets.tickets.taxonomy import Taxonomy


def translated(
    labels: Sequence[str],
    probabilities: np.ndarray,
    taxonomy: Taxonomy,
    versions: tuple[str, str],
    shares: Mapping[str, float],
) -> tuple[tuple[str, ...], np.ndarray]:
    """Bring probabilities over old labels to the labels of a later version.

    Renamed: the column has another name. Merged: the sum of the columns. Split: the old label's probability is divided
    among the parts as they occur among the training rows; the old bundle cannot tell them apart, and that is the best
    that anybody could make of its answer: it is right on the part that is likeliest, and wrong on the others.

    Args:
        labels: K of the old version.
        probabilities: float64 (n, K).
        taxonomy: how the labels changed.
        versions: the one of the labels, and the later one to bring them to.
        shares: label of the later version to its share of the training rows; parts that none of them has are taken for
            equally common.

    Returns:
        K' labels, sorted, and probabilities float64 (n, K') with the same sum in each row.

    Raises:
        ValueError: the taxonomy does not know one of the versions, or the second is the earlier one.
    """
    old, new = versions
    if new != old and taxonomy.is_before(new, old):
        raise ValueError(f"{new!r} is before {old!r}: probabilities are brought to later labels alone")
    parts = [taxonomy.translate(label, old, new) for label in labels]
    names = tuple(sorted({part for its in parts for part in its}))
    matrix = np.zeros((len(labels), len(names)))
    for row, its in enumerate(parts):
        weights = np.array([shares.get(part, 0.0) for part in its])
        weights = weights / weights.sum() if weights.sum() > 0 else np.full(len(its), 1 / len(its))
        matrix[row, [names.index(part) for part in its]] = weights
    return names, probabilities @ matrix
