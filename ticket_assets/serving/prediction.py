"""What goes in and out of a prediction.

Belongs here: the ticket as it arrives and as it was read, the answer.
Does not belong here: the models (bundle.py), the bands (models/bands.py), transports (service.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ticket_assets.models.bands import BandName, Bands
from ticket_assets.models.reasons import Reason

# What `tickets/quarantine` would hold is refused: a ticket of which cleaning leaves nothing.
NO_TEXT = "subject, body: no text is left of either after cleaning; one of them must hold some"


@dataclass(frozen=True)
class Ticket:
    """A ticket as it arrives; one of subject and body may be empty."""

    body: str
    subject: str = ""
    context: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class ReadTickets:
    """Tickets, their n cleaned texts, and the languages detected in these."""

    tickets: tuple[Ticket, ...]
    texts: list[str]
    languages: list[str]


@dataclass(frozen=True)
class TargetPrediction:
    """One target's answer.

    Attributes:
        label: the likeliest.
        probability: of it, calibrated, 0..1.
        probabilities: of every label, in the model's order.
        band: act upon it, suggest it, or leave it to a person.
        reasons: for and against the label, largest first; empty unless asked for.
    """

    label: str
    probability: float
    probabilities: dict[str, float]
    band: BandName
    reasons: tuple[Reason, ...] = ()

    @property
    def needs_review(self) -> bool:
        """Whether a person should look before anything happens."""
        return self.band != "act"


def target_prediction(labels: tuple[str, ...], probabilities: np.ndarray, bands: Bands) -> TargetPrediction:
    """The answer for one row of probabilities float64 (K,)."""
    best = int(probabilities.argmax())
    likelihood = float(probabilities[best])
    return TargetPrediction(
        labels[best],
        likelihood,
        dict(zip(labels, map(float, probabilities), strict=True)),
        bands.of(likelihood),
    )
