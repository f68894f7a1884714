"""The trained tickets that a bundle holds: who is nearest to a ticket, found once for all its targets.

Belongs here: sharing one index and one vocabulary among targets, similar tickets for people.
Does not belong here: the search itself and the votes (models/neighbours.py).

Targets are mostly trained on the same rows. Their indexes are then equal, and finding the nearest costs as much as the
rest of an answer without the encoder; so are their vocabularies, each some ten megabytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ticket_assets.features.text import TicketFeatures
from ticket_assets.models.cascade import Early
from ticket_assets.models.neighbours import Nearest, Neighbours
from ticket_assets.models.ngrams import Tfidf
from ticket_assets.models.target_model import TargetModel


class NoIndexError(RuntimeError):
    """A bundle cannot tell similar tickets; the message says why."""


@dataclass(frozen=True)
class SimilarTicket:
    """A solved ticket: its id, the cosine of the sentence vectors, its labels by target."""

    ticket_id: str
    similarity: float
    labels: dict[str, str]


def sharing(models: Sequence[TargetModel]) -> list[TargetModel]:
    """The same models; equal vocabularies are one and the same, and so are equal indexes, ready for single tickets."""
    indexes: list[Neighbours] = []
    vocabularies: list[Tfidf] = []

    def shared(model: TargetModel) -> TargetModel:
        its = model.representation
        if (index := its.neighbours) is not None:
            same = next((one for one in indexes if np.array_equal(one.vectors, index.vectors)), None)
            if same is None:
                same = index.quick()
                indexes.append(same)
            its = replace(its, neighbours=replace(index, vectors=same.vectors, principal=same.principal))
        if (tfidf := its.tfidf) is not None:
            equal = next((one for one in vocabularies if one.is_equal(tfidf)), None)
            if equal is None:
                vocabularies.append(tfidf)
            its = replace(its, tfidf=equal or tfidf)
        return replace(model, representation=its, first=shared(model.first) if model.first else None)

    return [shared(model) for model in models]


def probabilities(
    models: Sequence[TargetModel], features: TicketFeatures, early: Mapping[str, Early]
) -> dict[str, np.ndarray]:
    """Target to calibrated probabilities float64 (n, K); the nearest are looked for once per shared array.

    Args:
        models: one per target.
        features: of n tickets.
        early: target to what its first stage says of them, of all targets that have one (staged.py).
    """
    found: dict[int, Nearest] = {}
    answers = {}
    for model in models:
        index, votes, first = model.representation.neighbours, None, early.get(model.target)
        # Of many tickets at once the similarities would be a large matrix: the index cuts them into blocks itself.
        asked = first is None or first.unsure.any()
        if index is not None and features.vectors is not None and len(features) == 1 and asked:
            key = id(index.vectors)
            if key not in found:
                found[key] = index.nearest(features.vectors)
            votes = index.votes_of(found[key])
        answers[model.target] = model.probabilities(features, votes, first)
    return answers


def similar_tickets(models: Sequence[TargetModel], vector: np.ndarray, limit: int) -> list[SimilarTicket]:
    """The trained tickets nearest to a vector float32 (d,), nearest first.

    Raises:
        NoIndexError: no target keeps the vectors of its tickets, or a bundle of an earlier version not their ids.
    """
    indexes = {model.target: (model.labels, index) for model in models if (index := model.representation.neighbours)}
    if not indexes:
        raise NoIndexError("no model of this bundle keeps the tickets it was trained on")
    largest = max((index for _, index in indexes.values()), key=lambda index: len(index.y))
    if largest.ids is None:
        raise NoIndexError("this bundle was made before bundles knew the ids of their tickets: make run trains another")
    nearest = largest.nearest(vector[None, :])
    told = []
    for row, cosine in zip(nearest.rows[0][:limit], nearest.cosines[0][:limit], strict=True):
        labels = {target: label for target, its in indexes.items() if (label := _label(largest, int(row), *its))}
        told.append(SimilarTicket(largest.ids[row].decode(), float(cosine), labels))
    return told


def _label(largest: Neighbours, row: int, labels: Sequence[str], index: Neighbours) -> str | None:
    """The label that the ticket of a row of the largest index has in another."""
    if index is largest:
        return labels[index.y[row]]
    assert index.names is not None and largest.names is not None
    found = np.flatnonzero(index.names == largest.names[row])
    return labels[index.y[found[0]]] if found.size else None
