"""How the bands of one target hold on rows that nobody trained on or chose thresholds by.

Belongs here: share and accuracy of each band, the promise beside it, the cost per ticket.
Does not belong here: the thresholds (thresholds.py), other measures (measures.py), the tables (assets, card.py).
"""

from dataclasses import dataclass

import numpy as np

from ticket_assets.band_settings import CostSettings
from ticket_assets.models.bands import BandName, Bands
from ticket_assets.models.proportion import Proportion, proportion
from ticket_assets.models.thresholds import Choice

NAMES: tuple[BandName, ...] = ("act", "suggest", "by_hand")


@dataclass(frozen=True)
class BandStanding:
    """One band on the hold-out.

    Attributes:
        name: of the band.
        threshold: least confidence; None where the band is empty by decision.
        rows: that fell into it.
        share: of all rows, 0..1.
        accuracy: of its rows; None without any.
        or_above: accuracy of its rows and those of the bands above, which is what is promised; None without any.
        promised: that accuracy as promised; None without a promise.
        kept: whether it is as promised; None where nothing is promised or no row fell.
    """

    name: BandName
    threshold: float | None
    rows: int
    share: float
    accuracy: Proportion | None
    or_above: Proportion | None
    promised: float | None
    kept: bool | None


@dataclass(frozen=True)
class BandReport:
    """The bands of one target.

    Attributes:
        rule: fixed, promise or cost.
        bands: thresholds.
        standings: act, suggest and by_hand.
        cost_per_ticket: mean on these rows, in the unit of the settings; None where no costs are set.
        cost_by_hand: the same without a model; None likewise.
        remarks: which band is empty, and why.
    """

    rule: str
    bands: Bands
    standings: tuple[BandStanding, ...]
    cost_per_ticket: float | None
    cost_by_hand: float | None
    remarks: tuple[str, ...]


def report_bands(choice: Choice, confidence: np.ndarray, right: np.ndarray, families: np.ndarray) -> BandReport:
    """Measure chosen bands.

    Args:
        choice: the thresholds.
        confidence: float64 (n,) of the likeliest label, calibrated.
        right: bool (n,), whether it is true.
        families: (n,) family of each row.
    """
    fell = np.array([choice.bands.of(one) for one in confidence])
    cost = choice.rule.cost
    return BandReport(
        choice.rule.kind,
        choice.bands,
        tuple(_standing(place, choice, fell, right, families) for place in range(len(NAMES))),
        mean_cost(cost, fell, right) if cost else None,
        cost.by_hand if cost else None,
        choice.remarks,
    )


def mean_cost(cost: CostSettings, fell: np.ndarray, right: np.ndarray) -> float:
    """Mean cost of tickets that fell into bands, str (n,), with answers that are right or not, bool (n,)."""
    acted = np.where(right, 0.0, cost.wrong_act)
    suggested = np.where(right, cost.confirm, cost.wrong_suggest)
    return float(np.select([fell == "act", fell == "suggest"], [acted, suggested], cost.by_hand).mean())


def _standing(place: int, choice: Choice, fell: np.ndarray, right: np.ndarray, families: np.ndarray) -> BandStanding:
    name = NAMES[place]

    def accuracy(among: np.ndarray) -> Proportion | None:
        return proportion(right[among], families[among]) if among.any() else None

    here, promise = fell == name, choice.rule.promise
    promised = getattr(promise, name, None) if promise else None
    or_above = accuracy(np.isin(fell, NAMES[: place + 1]))
    return BandStanding(
        name,
        0.0 if name == "by_hand" else getattr(choice.bands, name),
        int(here.sum()),
        float(here.mean()),
        accuracy(here),
        or_above,
        promised,
        None if promised is None or or_above is None else or_above.estimate >= promised,
    )
