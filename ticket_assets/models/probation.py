"""The decision on a challenger in the shadow: taken, refused, or waiting for more answers; and why.

Belongs here: the rules per target and for the bundle, the words of the reason.
Does not belong here: statistics (paired.py), the decision on the hold-out before it (promotion.py), reading the log and
moving the champion (serving/probation.py).

The hold-out has spoken for it already. Live tickets are asked whether that holds: they refuse on evidence of a loss,
not for want of evidence of a gain.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from ticket_assets.models.paired import Difference, Share, arms_accuracy, paired_accuracy, share
from ticket_assets.profile import PromotionSettings

SURE = 0.001
"""Such a p-value refuses before its time: a loss so clear is none of those that looking again and again finds."""


class Verdict(StrEnum):
    """What becomes of a challenger."""

    TAKE = "take"
    REFUSE = "refuse"
    WAIT = "wait"


@dataclass(frozen=True)
class LivePair:
    """One ticket that both answered: their labels, and the right one where it is known."""

    champion: str
    challenger: str
    right: str | None


@dataclass(frozen=True)
class LiveAnswer:
    """One ticket that was one model's while tickets were shared out: its label, and the right one where it is known."""

    is_challenger: bool
    label: str
    right: str | None


@dataclass(frozen=True)
class Live:
    """What is known of one target.

    Attributes:
        pairs: tickets that both answered.
        agreement: share of them with one label; None without any.
        paired: accuracy on those with a label; None without any.
        arms: accuracy where tickets were shared out; None where an arm has no label.
    """

    pairs: int = 0
    agreement: Share | None = None
    paired: Difference | None = None
    arms: Difference | None = None

    @property
    def labelled(self) -> int:
        """Pairs whose right label is known."""
        return self.paired.rows if self.paired else 0

    def told(self) -> str:
        """In words."""
        parts = [f"{self.pairs:,} pairs"]
        if self.agreement:
            parts.append(f"agreement {100 * self.agreement.estimate:.0f} %")
        if self.paired:
            parts.append(f"accuracy on {self.paired.rows:,} labelled {points(self.paired)}")
        if self.arms:
            parts.append(f"A/B accuracy {points(self.arms)}")
        return ", ".join(parts)


@dataclass(frozen=True)
class Ruling:
    """What becomes of the challenger, why, and what it rests on, by target."""

    verdict: Verdict
    reason: str
    targets: Mapping[str, Live]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def live(pairs: Sequence[LivePair], answers: Iterable[LiveAnswer] = ()) -> Live:
    """What is known of one target.

    Args:
        pairs: of both models.
        answers: of the arms.
    """
    labelled = [one for one in pairs if one.right is not None]
    known = [one for one in answers if one.right is not None]
    old, new = ([one.label == one.right for one in known if one.is_challenger is its] for its in (False, True))
    return Live(
        pairs=len(pairs),
        agreement=share(sum(one.champion == one.challenger for one in pairs), len(pairs)) if pairs else None,
        paired=paired_accuracy(
            [one.champion == one.right for one in labelled], [one.challenger == one.right for one in labelled]
        )
        if labelled
        else None,
        arms=arms_accuracy(old, new) if old and new else None,
    )


def rule(targets: Mapping[str, Live], answered: int, days: float, settings: PromotionSettings) -> Ruling:
    """Judge a challenger by what is known of each target.

    A target is known where as many pairs as the settings want have a label, or as many answers of both arms. Once all
    are, or the time is over, the challenger is taken, unless something speaks against it.

    Args:
        targets: target name to what is known of it.
        answered: tickets that the champion answered while the challenger was in its shadow.
        days: so long it has been there.
        settings: the rules.
    """
    is_over = days >= settings.shadow_days
    told = "; ".join(f"{name}: {one.told()}" for name, one in targets.items())
    unknown = [name for name, one in targets.items() if not _is_known(one, settings)]
    is_ripe = is_over or not unknown
    losses = [why for name, one in targets.items() for why in _losses(name, one, is_ripe, settings)]
    if losses:
        return Ruling(Verdict.REFUSE, f"shadow: {'; '.join(losses)}", targets)
    if not unknown:
        return Ruling(Verdict.TAKE, f"shadow: {told}", targets)
    if not is_over:
        missing = ", ".join(f"{settings.shadow_pairs - targets[name].labelled:,} for {name}" for name in unknown)
        left = settings.shadow_days - days
        return Ruling(
            Verdict.WAIT,
            f"shadow: {missing} labelled pairs of {settings.shadow_pairs:,} are missing; "
            f"decided without them in {left:.1f} days; so far {told}",
            targets,
        )
    if answered and not any(one.pairs for one in targets.values()):
        why = f"it answered none of {answered:,} tickets that the champion answered: the service does not load it"
        return Ruling(Verdict.REFUSE, f"shadow: {why}", targets)
    if odd := [name for name in unknown if _is_odd(targets[name], settings)]:
        least = f"{100 * settings.shadow_agreement:.0f} %"
        numbers = "; ".join(f"{name}: {targets[name].told()}" for name in odd)
        return Ruling(
            Verdict.REFUSE,
            f"shadow: it agrees with the champion on less than {least}, and no labels say who is right; {numbers}",
            targets,
        )
    alone = (
        f"after {settings.shadow_days:g} days too few labels for {', '.join(unknown)}: decided on the hold-out alone"
    )
    return Ruling(Verdict.TAKE, f"shadow: {alone}; {told}", targets)


def points(one: Difference) -> str:
    """A difference in points of accuracy."""
    return f"{100 * one.estimate:+.1f} points [{100 * one.low:+.1f}, {100 * one.high:+.1f}]"


def _is_known(one: Live, settings: PromotionSettings) -> bool:
    in_arms = one.arms.rows if one.arms else 0
    return max(one.labelled, in_arms) >= settings.shadow_pairs


def _losses(name: str, one: Live, is_ripe: bool, settings: PromotionSettings) -> list[str]:
    """What speaks against it: while others are waited for, only what is beyond doubt; the rest is looked at once."""
    found = []
    paired, arms = one.paired, one.arms
    if paired:
        told = f"{name}: accuracy on {paired.rows:,} labelled pairs {points(paired)}"
        is_sure = paired.p is not None and paired.p < SURE and paired.estimate < 0
        if is_sure or (is_ripe and paired.high < 0):
            found.append(f"{told} is a loss")
        elif is_ripe and paired.rows >= settings.shadow_pairs and paired.estimate < -settings.shadow_max_loss:
            found.append(f"{told} is more than shadow_max_loss {settings.shadow_max_loss}")
    # Arms hold other tickets, and their difference is far less sure: only its interval counts.
    if arms and is_ripe and arms.high < 0:
        found.append(f"{name}: A/B accuracy {points(arms)} is a loss")
    return found


def _is_odd(one: Live, settings: PromotionSettings) -> bool:
    return one.agreement is not None and one.agreement.high < settings.shadow_agreement
