"""A recipe: everything that is chosen about a model before it sees a row.

Belongs here: the recipe and its form on disk.
Does not belong here: how one is drawn (space.py), fitting it (fitting.py).
"""

from dataclasses import asdict, dataclass
from typing import Any

from ticket_assets.models.ngrams import TfidfSpec
from ticket_assets.models.representation import Blocks

BOOSTED = ("lightgbm", "xgboost")


@dataclass(frozen=True)
class Recipe:
    """A model family, its blocks, its parameters.

    Attributes:
        family: of model, by its name in the settings (`search.families`).
        blocks: what stands in its matrix.
        parameters: of the estimator, in its library's names.
        balance: exponent of the inverse class share as row weight; 0 counts rows, 1 counts classes alike.
    """

    family: str
    blocks: Blocks
    parameters: dict[str, float]
    balance: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> "Recipe":
        """The inverse of `as_dict`."""
        blocks = {**raw["blocks"], "tfidf": TfidfSpec(**raw["blocks"]["tfidf"])}
        return cls(raw["family"], Blocks(**blocks), dict(raw["parameters"]), raw["balance"])
