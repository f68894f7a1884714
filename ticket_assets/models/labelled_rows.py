"""Rows of one target with what is known of each.

Belongs here: the rows, putting two sets of them together.
Does not belong here: joining tables into them (rows.py), scoring them (evaluation.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ticket_assets.features.text import TicketFeatures


@dataclass(frozen=True)
class LabelledRows:
    """Rows of one target.

    Attributes:
        features: of n tickets.
        y: int (n,); -1 for a class that training lacks.
        families: n family ids.
        languages: n codes.
        contexts: name of a context column to its n values, None where a ticket lacks one.
        weights: float (n,) in training; None: all are the same.
    """

    features: TicketFeatures
    y: np.ndarray
    families: np.ndarray
    languages: np.ndarray
    contexts: Mapping[str, np.ndarray] = field(default_factory=dict)
    weights: np.ndarray | None = None


def joined(one: TicketFeatures, other: TicketFeatures) -> TicketFeatures:
    """Features of the tickets of both, the first one's first."""
    vectors = None
    if one.vectors is not None and other.vectors is not None:
        vectors = np.vstack([one.vectors, other.vectors])
    return TicketFeatures((*one.documents, *other.documents), np.vstack([one.columns, other.columns]), vectors)
