"""The plot of what a model goes by.

Belongs here: one picture.
Does not belong here: what it draws (explanation.py), what all plots share (canvas.py).
"""

from ticket_assets import canvas
from ticket_assets.canvas import SERIES
from ticket_assets.models.explanation import FeatureWeight, Summary

SHOWN = 18
KINDS = {
    "word": "word of the ticket",
    "context": "context",
    "similar_tickets": "similar tickets",
    "nearest_ticket": "nearest ticket",
    "measure": "form of the text",
    "language": "language",
    "absent_words": "missing words",
    "linear_model": "linear model",
    "wording": "wording as a whole",
    "meaning": "meaning as a whole",
}


def feature_weights(summary: Summary) -> bytes:
    """Mean absolute contribution of the largest features as bars, coloured by kind, largest on top; a PNG.

    Raises:
        ValueError: nothing contributed.
    """
    canvas.require("features", summary.features)
    shown = summary.features[:SHOWN][::-1]
    title = f"{summary.target}: what the model ({summary.family}) goes by, on {summary.rows} training tickets"
    figure, (axes,) = canvas.new_figure(title, height=1.7 + 0.27 * len(shown))
    canvas.dot_rows(axes, [_name(one) for one in shown], [f"{one.size:.2f} in {one.share:.0%}" for one in shown])
    colours = dict(zip(KINDS, (color for color, _ in [*SERIES, *SERIES]), strict=False))
    for y, one in enumerate(shown):
        axes.barh(y, one.size, height=0.66, color=colours[one.kind], hatch=_hatch(one.kind), edgecolor="white")
    for kind, said in KINDS.items():
        if any(one.kind == kind for one in shown):
            axes.barh(0, 0, color=colours[kind], hatch=_hatch(kind), edgecolor="white", label=said)
    axes.set_xlim(0, 1.03 * shown[-1].size)
    axes.set_xlabel(
        "mean size of its contribution to the log-odds of the label\n(at the right: in which tickets it counts)"
    )
    canvas.legend_below(figure, 4)
    return canvas.png(figure)


def _name(one: FeatureWeight) -> str:
    """The name alone of similar tickets is a label, and reads like a word."""
    return f"similar tickets: {one.name}" if one.kind == "similar_tickets" else one.name


def _hatch(kind: str) -> str:
    """Colours come round after eight kinds; the stripes tell the later ones apart."""
    return "///" if list(KINDS).index(kind) >= len(SERIES) else ""
