"""What counts over many tickets: the mean size of each reason on a sample of training rows.

Belongs here: the sample, its matrix, the mean over its explanations.
Does not belong here: the reasons of one ticket (attribution.py, reasons.py), the plot (feature_plot.py).

Training rows, never the hold-out: who reads which words count and then changes words, settings or classes would have
fitted the system to the rows that are to judge it. Votes of similar tickets leave out a row's own family, as in
training. The linear model's scores cannot: it has seen these rows, so they are larger here than on a new ticket;
compare ranks.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ticket_assets.features.text import FeatureSchema, TicketFeatures
from ticket_assets.models.attribution import Explanation, explain
from ticket_assets.models.reasons import Kind
from ticket_assets.models.representation import InnerBlocks, Matrix, Representation
from ticket_assets.models.target_model import TargetModel

SAMPLE = 300
KEPT = 30


@dataclass(frozen=True)
class FeatureWeight:
    """One reason over the sample.

    Attributes:
        kind: of reason.
        name: of it.
        size: mean absolute contribution to the log-odds of the predicted label; 0 counts where it was no reason.
        mean: mean contribution, whose sign says whether it mostly speaks for or against.
        share: of the tickets in which it was a reason, 0..1.
        label: the predicted label whose tickets it moves most, for or against, on average.
    """

    kind: Kind
    name: str
    size: float
    mean: float
    share: float
    label: str


@dataclass(frozen=True)
class Summary:
    """What one target's model goes by.

    Attributes:
        target: its name.
        family: of the model.
        rows: in the sample.
        features: largest first, KEPT at most.
        remaining: share of the total size that is not among them, 0..1.
    """

    target: str
    family: str
    rows: int
    features: tuple[FeatureWeight, ...]
    remaining: float

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def summarise(
    model: TargetModel, features: TicketFeatures, groups: np.ndarray, schema: FeatureSchema, seed: int
) -> Summary:
    """What the model goes by on a sample of its own training rows.

    Args:
        model: of one target.
        features: of all its training rows, in their order.
        groups: int (n,) families of them.
        schema: that they were made with.
        seed: of the sample; the same one gives the same rows.
    """
    size = min(SAMPLE, len(features))
    chosen = np.sort(np.random.default_rng(seed).choice(len(features), size, replace=False))
    sample = features.take(chosen)
    told = explain(model, sample, schema, matrix=_unrelated(model.representation, sample, groups, groups[chosen]))
    weights = _weights(told, size, model.labels)
    total = sum(one.size for one in weights)
    kept = weights[:KEPT]
    rest = 1 - sum(one.size for one in kept) / total if total else 0.0
    return Summary(model.target, model.recipe.family, size, tuple(kept), max(0.0, rest))


def _unrelated(fitted: Representation, sample: TicketFeatures, groups: np.ndarray, own: np.ndarray) -> Matrix:
    """The matrix of training rows, without the votes of their own families."""
    grams = fitted.tfidf.transform(sample.documents) if fitted.tfidf else None
    votes = None
    if fitted.neighbours is not None and sample.vectors is not None:
        votes = fitted.neighbours.votes(sample.vectors, groups, own)
    return fitted.assemble(grams, sample, InnerBlocks(votes=votes))


def _weights(told: Iterable[Explanation], rows: int, labels: tuple[str, ...]) -> list[FeatureWeight]:
    """Every reason over the sample, largest first; equals by name."""
    found: dict[tuple[Kind, str], list[float]] = defaultdict(list)
    by_label: dict[tuple[Kind, str], np.ndarray] = defaultdict(lambda: np.zeros(len(labels)))
    tickets = np.zeros(len(labels))
    for one in told:
        tickets[one.label] += 1
        for reason in one.reasons:
            found[reason.kind, reason.name].append(reason.contribution)
            by_label[reason.kind, reason.name][one.label] += abs(reason.contribution)
    weights = [
        FeatureWeight(
            *key,
            float(np.abs(values).sum() / rows),
            float(np.sum(values) / rows),
            len(values) / rows,
            labels[int(np.argmax(by_label[key] / np.maximum(tickets, 1)))],
        )
        for key, values in found.items()
    ]
    return sorted(weights, key=lambda one: (-round(one.size, 9), one.kind, one.name))
