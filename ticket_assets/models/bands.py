"""What a probability leads to: act upon the answer, suggest it, or leave the ticket to a person.

Belongs here: the thresholds of one target, the band of a probability.
Does not belong here: how thresholds are chosen (thresholds.py), how well they hold (band_report.py).

The service answers with it: nothing heavy is imported.
"""

import math
from dataclasses import dataclass
from typing import Literal

BandName = Literal["act", "suggest", "by_hand"]


@dataclass(frozen=True)
class Bands:
    """Calibrated probability from which an answer is acted upon, or suggested; None: from none, the band is empty."""

    act: float | None
    suggest: float | None

    def of(self, probability: float) -> BandName:
        """The band of a probability."""
        if probability >= self.act_from:
            return "act"
        return "suggest" if probability >= self.suggest_from else "by_hand"

    @property
    def act_from(self) -> float:
        """The least probability to act upon, infinite where there is none."""
        return math.inf if self.act is None else self.act

    @property
    def suggest_from(self) -> float:
        """The least probability to suggest or act upon, infinite where there is none."""
        return math.inf if self.suggest is None else self.suggest
