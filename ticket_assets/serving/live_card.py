"""What a champion's model card says of live tickets: how it did in the shadow before it was promoted.

Belongs here: that part, from the record's line of the promotion, and the card with it.
Does not belong here: the card in the bundle (models/card.py), the ruling (models/probation.py).

A bundle is named by its content, its card included, and the log names answers by the bundle. So what becomes known in
the shadow cannot go into the card that lies in it: it is put there when the card is shown.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from ticket_assets.serving.bundle import MODEL_CARD
from ticket_assets.serving.chronicle import Chronicle, stamp
from ticket_assets.serving.record import Event, event

_BEHIND_THE_TARGETS = "## Personal data\n"
_NONE = "—"


def champion_card(bundles: Path, chronicle: Chronicle) -> str | None:
    """The champion's card, Markdown, with what live tickets said of it; None without a champion or a card.

    Args:
        bundles: the store.
        chronicle: of the profile.
    """
    champion = chronicle.champion
    path = bundles / champion.bundle / MODEL_CARD if champion else None
    if champion is None or path is None or not path.exists():
        return None
    card, line = path.read_text(encoding="utf-8"), _promotion(chronicle, champion.version)
    if line is None:
        return card
    before, heading, behind = card.partition(_BEHIND_THE_TARGETS)
    return f"{before.rstrip()}\n\n{shadow_part(line)}\n{heading}{behind}"


def shadow_part(line: Mapping[str, Any]) -> str:
    """The part, Markdown, of a line of the record that decided upon a challenger in the shadow."""
    return "\n".join([*_lines(line), ""])


def _lines(line: Mapping[str, Any]) -> Iterator[str]:
    since, at = (datetime.fromisoformat(line[name]) for name in ("shadow_since", "at"))
    days = (at - since).total_seconds() / 86_400
    yield "## In the shadow"
    yield ""
    before = f"v{line['champion_before']}"
    end = f"Before it became champion on {stamp(at)}" if line["promoted"] else f"Until it was refused on {stamp(at)}"
    yield (
        f"{end} it scored live tickets beside {before}, for {days:.1f} days, in which {before} answered "
        f"{line['answered']:,} of them. Labels are those of people and of the ticket database; tickets that it was "
        "trained on are left out. Intervals are of 95 %."
    )
    yield ""
    yield "| target | both answered | same label | labelled | accuracy less the champion's | by A/B |"
    yield "|---|---|---|---|---|---|"
    for target, its in line["live"].items():
        paired = its["paired"]
        labelled = f"{paired['rows']:,}" if paired else "0"
        cells = [f"{its['pairs']:,}", _share(its["agreement"]), labelled, _points(paired), _points(its["arms"])]
        yield f"| {target} | {' | '.join(cells)} |"
    yield ""
    yield f"The ruling, in the words of the record: {' '.join(str(line['reason']).split())}."


def _promotion(chronicle: Chronicle, version: int) -> Mapping[str, Any] | None:
    """The line that promoted a version out of the shadow."""
    lines = (one for one in reversed(chronicle.lines) if event(one) is Event.DECISION and one["promoted"])
    return next((one for one in lines if one["challenger"]["version"] == version and "answered" in one), None)


def _share(its: Mapping[str, float] | None) -> str:
    low, share, high = (100 * its[name] for name in ("low", "estimate", "high")) if its else (0, 0, 0)
    return f"{share:.1f} % [{low:.1f}, {high:.1f}]" if its else _NONE


def _points(its: Mapping[str, float] | None) -> str:
    low, gain, high = (100 * its[name] for name in ("low", "estimate", "high")) if its else (0, 0, 0)
    return f"{gain:+.1f} points [{low:+.1f}, {high:+.1f}]" if its else _NONE
