"""Rows that are compared: a window of live predictions, and what the champion was made from.

Belongs here: the frozen form in which both are handed to the tests.
Does not belong here: reading them from the log or the tables (window.py, reference.py), any test (drift/).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class TargetSample:
    """What was answered for one target of n tickets, and what was right.

    Attributes:
        labels: K classes of the model that answered.
        probabilities: float32 (n, K), calibrated, rows sum to 1.
        truth: n labels that were told later, None where nobody told; may be of no class in `labels`.
    """

    labels: tuple[str, ...]
    probabilities: np.ndarray
    truth: tuple[str | None, ...]


@dataclass(frozen=True)
class Sample:
    """n tickets as the model read them.

    Attributes:
        ids: n names, for sampling and for people; never a feature.
        texts: n cleaned and masked texts.
        languages: n detected codes.
        columns: float32 (n, C), the numeric columns of the feature function.
        column_names: C names.
        context: name to n values, None where a ticket had none.
        vectors: float32 (n, d) of the champion's encoder, L2 norm 1; None where its models need none.
        targets: target to what was answered; none where nobody was asked (training rows).
    """

    ids: tuple[str, ...]
    texts: tuple[str, ...]
    languages: tuple[str, ...]
    columns: np.ndarray
    column_names: tuple[str, ...]
    context: Mapping[str, tuple[str | None, ...]] = field(default_factory=dict)
    vectors: np.ndarray | None = None
    targets: Mapping[str, TargetSample] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: np.ndarray) -> "Sample":
        """The rows at integer positions, in their order."""
        return Sample(
            ids=tuple(self.ids[row] for row in rows),
            texts=tuple(self.texts[row] for row in rows),
            languages=tuple(self.languages[row] for row in rows),
            columns=self.columns[rows],
            column_names=self.column_names,
            context={name: tuple(values[row] for row in rows) for name, values in self.context.items()},
            vectors=None if self.vectors is None else self.vectors[rows],
            targets={
                name: TargetSample(one.labels, one.probabilities[rows], tuple(one.truth[row] for row in rows))
                for name, one in self.targets.items()
            },
        )


@dataclass(frozen=True)
class Reference:
    """The champion's own window.

    Attributes:
        bundle: id of the champion.
        inputs: its training rows; they have no answers.
        answers: held-out rows with its answers: in-sample confidence would alarm for ever.
    """

    bundle: str
    inputs: Sample
    answers: Sample
