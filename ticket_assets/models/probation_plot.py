"""What live tickets say of a challenger, as PNG bytes: agreement and difference of accuracy per target.

Belongs here: one picture of two parts. Does not belong here: the numbers (probation.py), size and colours (canvas.py).
"""

from collections.abc import Mapping

from ticket_assets import canvas
from ticket_assets.canvas import BLUE, GREY, INK, ORANGE, RED
from ticket_assets.models.paired import Difference
from ticket_assets.models.probation import Live


def probation_chart(targets: Mapping[str, Live], max_loss: float, title: str) -> bytes:
    """Two panels with a line per target: agreement above, accuracy of the challenger less the champion's below.

    Args:
        targets: target to what is known of it.
        max_loss: accuracy that may be lost; its limit is drawn.
        title: of whom.

    Raises:
        ValueError: no target.
    """
    canvas.require("targets", list(targets))
    figure, (agreement, accuracy) = canvas.new_figure(title, height=2.6 + 0.7 * len(targets), heights=(1, 1))
    names = list(targets)
    canvas.dot_rows(agreement, names, [f"{one.pairs:,} pairs" for one in targets.values()])
    for y, one in enumerate(targets.values()):
        if one.agreement:
            its = one.agreement
            agreement.plot([100 * its.low, 100 * its.high], [y, y], color=BLUE, linewidth=2)
            agreement.plot(100 * its.estimate, y, "o", color=BLUE)
    agreement.set_xlim(0, 101)
    agreement.set_xlabel("tickets that both give the same label, %")
    canvas.dot_rows(accuracy, names, [f"{one.labelled:,} labelled" for one in targets.values()])
    accuracy.axvline(0, color=INK, linewidth=0.8)
    accuracy.axvline(-100 * max_loss, color=RED, linestyle=":", linewidth=1.2, label="shadow_max_loss")
    named: set[str] = set()
    for y, one in enumerate(targets.values()):
        for its_difference, colour, marker, shift, name in (
            (one.paired, BLUE, "o", -0.12, "same tickets"),
            (one.arms, ORANGE, "s", 0.12, "A/B"),
        ):
            if its_difference:
                _draw(accuracy, its_difference, y + shift, colour, marker, None if name in named else name)
                named.add(name)
    if not any(one.paired or one.arms for one in targets.values()):
        accuracy.text(0.5, 0.5, "no labels yet", transform=accuracy.transAxes, ha="center", color=GREY)
    accuracy.set_xlabel("accuracy of the challenger less the champion's, points (95 %)")
    if accuracy.get_legend_handles_labels()[0]:
        canvas.legend_below(figure, 3)
    return canvas.png(figure)


def _draw(axes: object, one: Difference, y: float, colour: str, marker: str, name: str | None) -> None:
    axes.plot([100 * one.low, 100 * one.high], [y, y], color=colour, linewidth=2)  # type: ignore[attr-defined]
    axes.plot(100 * one.estimate, y, marker, color=colour, label=name)  # type: ignore[attr-defined]
