"""The trend chart: drift, performance and answers by hand over windows, as PNG bytes.

Belongs here: one picture of three parts.
Does not belong here: the numbers drawn (trend.py), size, colours and the way to PNG (canvas.py).
"""

from collections.abc import Sequence
from typing import Any

from ticket_assets import canvas
from ticket_assets.canvas import GREY, INK, RED, SERIES
from ticket_assets.monitoring.trend import Point
from ticket_assets.monitoring.verdict import Verdict
from ticket_assets.monitoring_settings import DriftRule

KINDS = ("data_drift", "embedding_drift", "prediction_drift")
LEAST = 1e-6
"""Smaller p-values are drawn here: the height of the picture is for those that decide."""


def trend_chart(points: Sequence[Point], rule: DriftRule, title: str) -> bytes:
    """Three panels over windows, a PNG; promotions as dashed lines, alarms as red bands.

    Args:
        points: of the windows, oldest first.
        rule: its two limits are drawn.
        title: of which profile.

    Raises:
        ValueError: no window.
    """
    canvas.require("points", points)
    figure, (drift, scores, by_hand) = canvas.new_figure(title, height=8.2, heights=(4, 4, 3))
    _draw_drift(drift, points, rule)
    _draw_scores(scores, points)
    _draw_by_hand(by_hand, points)
    for axes in (drift, scores, by_hand):
        _mark(axes, points, is_top=axes is drift)
        axes.set_xlim(-0.6, len(points) - 0.4)
        axes.grid(axis="y", color="#DDDDDD", linewidth=0.6)
        axes.tick_params(labelbottom=axes is by_hand)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8, frameon=False)
    step = max(1, len(points) // 15)
    shown = range(0, len(points), step)
    by_hand.set_xticks(list(shown), [str(points[place].record.number) for place in shown], fontsize=8.5)
    by_hand.set_xlabel("window, numbered anew with each champion\n(shaded: an alarm; dashed: a promotion)")
    return canvas.png(figure)


def _draw_drift(axes: Any, points: Sequence[Point], rule: DriftRule) -> None:
    for kind, (colour, marker) in zip(KINDS, SERIES, strict=False):
        its = [(x, max(LEAST, one.strongest[kind].adjusted)) for x, one in enumerate(points) if kind in one.strongest]
        if its:
            axes.plot(
                *zip(*its, strict=True), color=colour, marker=marker, markersize=4, linewidth=1, label=_name(kind)
            )
    for limit, name in ((rule.alpha, "warning"), (rule.sure_alpha, "alarm")):
        axes.axhline(
            limit, color=GREY if name == "warning" else RED, linestyle=":", linewidth=1.2, label=f"{name} below"
        )
    axes.set_yscale("log")
    axes.set_ylim(LEAST / 2, 2)
    axes.set_ylabel("least adjusted p-value")


def _draw_scores(axes: Any, points: Sequence[Point]) -> None:
    targets = list(dict.fromkeys(target for one in points for target in one.record.performance))
    for target, (colour, marker) in zip(targets, SERIES, strict=False):
        told = [(x, one.record.performance.get(target, {})) for x, one in enumerate(points)]
        promised = [(x, its["promised"]) for x, its in told if its.get("promised") is not None]
        guessed = [(x, its["estimated"]) for x, its in told if its.get("estimated") is not None]
        known = [(x, its["macro_f1"], its["low"], its["high"]) for x, its in told if its.get("macro_f1") is not None]
        if promised:
            axes.step(
                *zip(*promised, strict=True),
                where="mid",
                color=colour,
                linestyle="--",
                linewidth=1,
                label=f"{target}: promised",
            )
        if guessed:
            axes.plot(*zip(*guessed, strict=True), color=colour, linewidth=0.9, alpha=0.6, label=f"{target}: estimated")
        if known:
            x, middle, low, high = zip(*known, strict=True)
            axes.vlines(x, low, high, color=colour, linewidth=1)
            axes.plot(
                x, middle, color=colour, marker=marker, markersize=5, linestyle="none", label=f"{target}: on labels"
            )
    axes.set_ylim(0, 1.02)
    axes.set_ylabel("macro F1 (0 to 1)")


def _draw_by_hand(axes: Any, points: Sequence[Point]) -> None:
    targets = list(dict.fromkeys(target for one in points for target in one.record.by_hand))
    for target, (colour, marker) in zip(targets, SERIES, strict=False):
        told = [(x, one.record.by_hand[target]) for x, one in enumerate(points) if target in one.record.by_hand]
        x = [place for place, _ in told]
        axes.plot(
            x,
            [100 * its["share"] for _, its in told],
            color=colour,
            marker=marker,
            markersize=4,
            linewidth=1,
            label=target,
        )
        axes.step(
            x,
            [100 * its["promised"] for _, its in told],
            where="mid",
            color=colour,
            linestyle="--",
            linewidth=1,
            label=f"{target}: promised",
        )
    axes.set_ylim(0, None)
    axes.set_ylabel("left to people, %")


def _mark(axes: Any, points: Sequence[Point], is_top: bool) -> None:
    for x, one in enumerate(points):
        if Verdict.ALARM in one.record.verdicts.values():
            axes.axvspan(x - 0.4, x + 0.4, color=RED, alpha=0.12, linewidth=0)
        if one.is_new_champion:
            axes.axvline(x - 0.5, color=INK, linestyle="--", linewidth=1.2)
            if is_top:
                axes.annotate(
                    f"v{one.record.version}", (x - 0.45, 0.02), xycoords=("data", "axes fraction"), fontsize=9
                )


def _name(kind: str) -> str:
    return kind.removesuffix("_drift").replace("_", " ")
