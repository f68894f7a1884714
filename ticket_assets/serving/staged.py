"""Encoding no more tickets than have to be: those of which a model's first stage is unsure.

Belongs here: asking the first stages, then the encoder, for the tickets of one request.
Does not belong here: when a first stage is unsure (models/cascade.py), the answers (bundle.py, relatives.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ticket_assets.features.encoder import Encoder
from ticket_assets.features.text import TicketFeatures
from ticket_assets.models.cascade import Early
from ticket_assets.models.target_model import TargetModel


@dataclass(frozen=True)
class Staged:
    """Features of n tickets as far as they are needed, and what was answered on the way.

    Attributes:
        features: with vectors where an encoder is there; zeros for a ticket of which every model is sure.
        early: target to what its first stage says, of the targets that have one.
    """

    features: TicketFeatures
    early: Mapping[str, Early] = field(default_factory=dict)


def early_answers(models: Sequence[TargetModel], features: TicketFeatures) -> dict[str, Early]:
    """What the first stages say, of the targets that have one."""
    asked = {model.target: model.early(features) for model in models}
    return {target: early for target, early in asked.items() if early is not None}


def stage(
    models: Sequence[TargetModel], features: TicketFeatures, texts: Sequence[str], encoder: Encoder | None
) -> Staged:
    """Encode the tickets that a model wants encoded.

    Args:
        models: that will be asked.
        features: of n tickets, without vectors.
        texts: n cleaned texts.
        encoder: None where no model wants one.
    """
    early = early_answers(models, features)
    if encoder is None:
        return Staged(features, early)
    wanted = np.zeros(len(features), dtype=bool)
    for model in models:
        if model.needs_vectors:
            wanted |= early[model.target].unsure if model.target in early else True
    if wanted.all():
        return Staged(replace(features, vectors=encoder.encode(texts)), early)
    vectors = np.zeros((len(features), encoder.dimensions), dtype=np.float32)
    rows = np.flatnonzero(wanted)
    if rows.size:
        vectors[rows] = encoder.encode([texts[row] for row in rows.tolist()])
    return Staged(replace(features, vectors=vectors), early)
