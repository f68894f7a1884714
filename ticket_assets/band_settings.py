"""The settings of the bands: from which confidence an answer is acted upon, or suggested.

Belongs here: the three rules a user may choose from, their bounds, the words of the error when they are wrong.
Does not belong here: the thresholds that follow from a rule (models/thresholds.py).
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ticket_assets.source_settings import Section

Share = Annotated[float, Field(gt=0, lt=1)]


class PromiseSettings(Section):
    """Accuracy that is promised among the tickets of a band and those above it."""

    act: Share
    suggest: Share

    @model_validator(mode="after")
    def _act_promises_more(self) -> "PromiseSettings":
        if self.suggest >= self.act:
            raise ValueError(f"promise.suggest = {self.suggest} must be below promise.act = {self.act}")
        return self


class CostSettings(Section):
    """What a ticket costs, in any one unit; an answer that is right and acted upon costs nothing."""

    wrong_act: float = Field(gt=0, description="a wrong answer that was acted upon")
    wrong_suggest: float = Field(gt=0, description="a wrong answer that was suggested")
    by_hand: float = Field(gt=0, description="a ticket that a person labels without help")
    confirm: float = Field(
        default_factory=lambda known: known["by_hand"] / 5,
        ge=0,
        description="a right suggestion, which a person confirms; default: a fifth of by_hand",
    )

    @model_validator(mode="after")
    def _costs_are_in_order(self) -> "CostSettings":
        if not self.confirm < min(self.by_hand, self.wrong_suggest):
            raise ValueError(f"cost.confirm = {self.confirm} must be below cost.by_hand and cost.wrong_suggest")
        if self.wrong_suggest >= self.wrong_act:
            raise ValueError(
                f"cost.wrong_suggest = {self.wrong_suggest} must be below cost.wrong_act = {self.wrong_act}"
            )
        return self


class BandRule(Section):
    """How confident an answer must be to be acted upon, or suggested: fixed, by a promised accuracy, or by costs."""

    act: Share | None = Field(None, description="0.85 where no rule is given")
    suggest: Share | None = Field(None, description="0.60 where no rule is given")
    promise: PromiseSettings | None = None
    cost: CostSettings | None = None

    @model_validator(mode="after")
    def _one_rule_alone(self) -> "BandRule":
        fixed = [name for name in ("act", "suggest") if getattr(self, name) is not None]
        given = [*([" and ".join(fixed)] if fixed else []), *(["promise"] if self.promise else [])]
        given += ["cost"] if self.cost else []
        if len(given) > 1:
            raise ValueError(f"bands are given by {', '.join(given)}: keep one of act and suggest, promise, cost")
        act, suggest = self.fixed
        if suggest >= act:
            raise ValueError(f"act = {act} is not above suggest = {suggest}: set both (defaults: 0.85 and 0.60)")
        return self

    @property
    def fixed(self) -> tuple[float, float]:
        """Confidence from which an answer is acted upon, and suggested, where neither promise nor costs say so."""
        return 0.85 if self.act is None else self.act, 0.60 if self.suggest is None else self.suggest

    @property
    def kind(self) -> Literal["fixed", "promise", "cost"]:
        """Which of the three rules it is."""
        return "promise" if self.promise else "cost" if self.cost else "fixed"


class BandSettings(BandRule):
    """The rule of all targets, and of single ones that have their own."""

    targets: dict[str, BandRule] = Field(default_factory=dict, description="target -> a rule of its own")

    def of(self, target: str) -> BandRule:
        """The rule of a target."""
        return self.targets.get(target, self)
