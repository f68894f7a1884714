"""The card of a bundle of two: each target's part is about the model that is in the bundle.

Belongs here: a target's part of a card, putting the champion's in the place of the challenger's, what is said of it.
Does not belong here: the card of one bundle (models/card.py), which models go into a bundle (assembly.py).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ticket_assets.models.plain_baseline import SCORE as BASELINE_SCORE
from ticket_assets.models.plain_baseline import below_baseline
from ticket_assets.serving.bundle import MODEL_CARD
from ticket_assets.serving.manifest import Origin

_STAYED = "This model stayed: "
_SCORES = {
    "macro_f1": "macro F1",
    "ece": "expected calibration error",
    BASELINE_SCORE: "macro F1 of the plain baseline",
}


@dataclass(frozen=True)
class Kept:
    """The champion's model of one target, in the challenger's bundle.

    Attributes:
        origin: where it was made.
        labels: that it knows.
        scores: score name to value, of the model on the challenger's hold-out.
        cards: files that may tell of it, the best first; any may be gone.
    """

    origin: Origin
    labels: tuple[str, ...]
    scores: Mapping[str, float]
    cards: tuple[Path, ...]

    def part(self, target: str) -> str:
        """What a card says of it: what was said where it was made, and how it does today."""
        told = ", ".join(f"{_SCORES.get(score, score)} {value:.3f}" for score, value in self.scores.items())
        data = ", ".join(f"{asset} {version}" for asset, version in self.origin.data.items())
        note = (
            f"{_STAYED}it is that of bundle {self.origin.bundle}, made from {data or 'data of unknown versions'}. The "
            f"challenger's own lost to it. Measured beside it, on the hold-out of this bundle: {told}. "
            f"{''.join(f'**{one}.** ' for one in below_baseline({target: self.scores}).values())}"
            "All that follows was told of it when it was made."
        )
        found = next(filter(None, (target_part(card, target) for card in _read(self.cards))), None)
        said = (
            _without_note(found) if found else f"The card of that bundle is gone; it has {len(self.labels)} classes.\n"
        )
        return f"## {target}\n\n{note}\n\n{said}"


def assembled_card(challenger: str, kept: Mapping[str, Kept]) -> str:
    """The challenger's card, Markdown, with other parts for the targets whose model is the champion's."""
    card = challenger
    for target, one in kept.items():
        place = _place(card, target)
        start, end = place.span() if place else (len(card), len(card))
        card = f"{card[:start]}{one.part(target).rstrip()}\n\n{card[end:]}"
    return card


def target_part(card: str, target: str) -> str | None:
    """What a card says of a target, its heading apart; None where it says nothing."""
    found = _place(card, target)
    return found["said"] if found else None


def cards_of(bundles: Path, *ids: str) -> tuple[Path, ...]:
    """Where the cards of bundles lie, or lay."""
    return tuple(bundles / one / MODEL_CARD for one in ids)


def _place(card: str, target: str) -> re.Match[str] | None:
    """From the heading of a target's part to the next of that rank; no cell and no setting begins a line with one."""
    return re.search(rf"^## {re.escape(target)}\n\n?(?P<said>.*?)(?=^## |\Z)", card, re.MULTILINE | re.DOTALL)


def _without_note(part: str) -> str:
    """A part that was taken over before has the note of then."""
    return part.partition("\n\n")[2] if part.startswith(_STAYED) else part


def _read(cards: Iterable[Path]) -> list[str]:
    return [card.read_text(encoding="utf-8") for card in cards if card.exists()]
