"""Pictures of an evaluation, as PNG bytes that fit into an asset's metadata.

Belongs here: five plots, 700 pixels wide and under 60 KB, legible without colour vision, each with a title and units
on its axes. An empty argument is an error, never an empty picture.

Does not belong here: size, colours and the way to PNG (``ticket_assets.canvas``), the numbers drawn (``measures``,
``significance``), where a picture is shown (``assets``).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ticket_assets import canvas
from ticket_assets.canvas import BLUE, GREY, INK, RED, SERIES
from ticket_assets.models.label_scores import UNKNOWN, checked_labels
from ticket_assets.models.measures import UNKNOWN_LABEL, confidence_bins


class Trial(NamedTuple):
    """One trial of a search: its number, its score (a pruned one's last), its model family."""

    number: int
    score: float
    family: str
    pruned: bool


def confusion_matrix(
    y_true: NDArray[np.integer], y_pred: NDArray[np.integer], labels: Sequence[str], title: str
) -> bytes:
    """Share of each true class (row, with its tickets) that was given each label (column), as a PNG.

    Args:
        y_true: (n,) integers, -1..K-1; -1 becomes one more row.
        y_pred: (n,) integers, 0..K-1.
        labels: the K names.
        title: what model on what rows.

    Raises:
        ValueError: an empty argument, lengths that differ, or a label out of range.
    """
    canvas.require("labels", labels)
    k = len(labels)
    true = checked_labels("y_true", y_true, UNKNOWN, k)
    predicted = checked_labels("y_pred", y_pred, 0, k)
    if len(true) != len(predicted):
        raise ValueError(f"y_pred has {len(predicted)} rows, y_true has {len(true)}")
    n_rows = k + bool((true == UNKNOWN).any())
    cell = np.where(true == UNKNOWN, k, true) * k + predicted
    counts = np.bincount(cell, minlength=n_rows * k).reshape(n_rows, k)
    support = counts.sum(axis=1)
    percent = 100 * counts / np.maximum(support, 1)[:, None]

    figure, (axes,) = canvas.new_figure(title, height=min(2.2 + 0.42 * n_rows, 9))
    image = axes.imshow(percent, cmap="Blues", vmin=0, vmax=100, aspect="auto")
    names = [*labels, UNKNOWN_LABEL][:n_rows]
    size = 8.5 if k <= 12 else 6.5
    axes.set_xticks(range(k), [canvas.short(name) for name in labels], rotation=40, ha="right", fontsize=size)
    rows = [f"{canvas.short(name)}  ({tickets:,})" for name, tickets in zip(names, support, strict=True)]
    axes.set_yticks(range(n_rows), rows, fontsize=size)
    if k <= 20:  # beyond, figures overlap, and the colours have to do
        for row, column in np.argwhere(percent >= 0.5):
            value = percent[row, column]
            ink = "white" if value > 55 else INK
            axes.text(column, row, f"{value:.0f}", ha="center", va="center", color=ink, fontsize=size)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class (tickets)")
    figure.colorbar(image, ax=axes, label="share of the true class, %", pad=0.02)
    return canvas.png(figure)


def reliability(y_true: NDArray[np.integer], probabilities: NDArray[np.floating], title: str) -> bytes:
    """Accuracy against confidence of the top label in 15 bins of equal mass, above its histogram, as a PNG.

    Args:
        y_true: (n,) integers, -1..K-1; -1 is an error.
        probabilities: (n, K) floats.
        title: what model on what rows.

    Raises:
        ValueError: an empty argument, or shapes that do not fit.
    """
    probabilities = np.asarray(probabilities, dtype=np.float64)
    canvas.require("probabilities", probabilities)
    if probabilities.ndim != 2 or not np.isfinite(probabilities).all():
        raise ValueError(f"probabilities must be finite, of shape (n, K), got shape {probabilities.shape}")
    true = checked_labels("y_true", y_true, UNKNOWN, probabilities.shape[1])
    if len(true) != len(probabilities):
        raise ValueError(f"probabilities has {len(probabilities)} rows, y_true has {len(true)}")
    confidence = probabilities.max(axis=1)
    bins = confidence_bins(confidence, probabilities.argmax(axis=1) == true)
    # Wilson (1927): an interval that stays within 0..1 in a bin that is all right or all wrong.
    z2 = 1.96**2 / bins.rows
    middle = (bins.accuracy + z2 / 2) / (1 + z2)
    half = np.sqrt(z2 * (bins.accuracy * (1 - bins.accuracy) + z2 / 4)) / (1 + z2)
    fewest, most = bins.rows.min(), bins.rows.max()
    each = f"{most:,}" if fewest == most else f"{fewest:,} to {most:,}"

    figure, (axes, below) = canvas.new_figure(title, height=5.4, heights=(3, 1))
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1.2, label="perfectly calibrated")
    axes.vlines(bins.confidence, middle - half, middle + half, color=BLUE, linewidth=1)
    label = f"{len(bins.rows)} bins of {each} tickets, 95 % interval"
    axes.plot(bins.confidence, bins.accuracy, color=BLUE, marker="o", markersize=5, label=label)
    axes.set_ylabel("accuracy (share right)")
    axes.set_ylim(-0.02, 1.02)
    axes.tick_params(labelbottom=False)
    below.hist(confidence, bins=np.linspace(0, 1, 41), color=BLUE)
    below.set_ylabel("tickets")
    below.set_xlabel("confidence of the top label (probability)")
    for panel in (axes, below):
        panel.set_xlim(0, 1)
        panel.grid(color="#DDDDDD", linewidth=0.6)
    below.yaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    canvas.legend_below(figure, 2)
    return canvas.png(figure)


def per_class_f1(
    rows: Sequence[tuple[str, float, float | None]],
    title: str = "F1 per class",
    names: tuple[str, str] = ("champion", "baseline"),
) -> bytes:
    """F1 of each class, a model beside a baseline, best on top, as a PNG.

    Args:
        rows: (class, F1 of the model, F1 of the baseline or None where it has none).
        title: what models on what rows.
        names: what the legend calls the model and the baseline.

    Raises:
        ValueError: no rows, or an F1 that is not finite.
    """
    canvas.require("rows", rows)
    canvas.require_finite("rows", [value for _, *pair in rows for value in pair if value is not None])
    ordered = sorted(rows, key=lambda row: row[1])
    figure, (axes,) = canvas.new_figure(title, height=1.6 + 0.34 * len(rows))
    canvas.dot_rows(axes, [row[0] for row in ordered], [f"{row[1]:.2f}" for row in ordered])
    for y, (_, model, baseline) in enumerate(ordered):
        first = y == 0
        if baseline is not None:
            axes.plot([baseline, model], [y, y], color=GREY, linewidth=1.5)
            axes.plot(baseline, y, "D", color=RED, markerfacecolor="white", markersize=6)
        axes.plot(model, y, "o", color=BLUE, markersize=7, label=canvas.short(names[0]) if first else None)
    if any(baseline is not None for _, _, baseline in rows):
        axes.plot([], [], "D", color=RED, markerfacecolor="white", markersize=6, label=canvas.short(names[1]))
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel(f"F1 (0 to 1; at the right: {canvas.short(names[0])})")
    canvas.legend_below(figure, 2)
    return canvas.png(figure)


def scoreboard(
    rows: Sequence[tuple[str, float, float, float]],
    title: str = "Scoreboard",
    measure: str = "macro F1",
    highlight: str | None = None,
) -> bytes:
    """One score per recipe with its 95 % interval, best on top, as a PNG.

    Args:
        rows: (recipe, score, low, high).
        title: what target on what rows.
        measure: what the score is, for the axis.
        highlight: the recipe to draw in another colour and shape, as the champion.

    Raises:
        ValueError: no rows, or a number that is not finite.
    """
    canvas.require("rows", rows)
    canvas.require_finite("rows", [value for _, *numbers in rows for value in numbers])
    ordered = sorted(rows, key=lambda row: row[1])
    figure, (axes,) = canvas.new_figure(title, height=1.3 + 0.36 * len(rows))
    canvas.dot_rows(axes, [row[0] for row in ordered], [f"{row[1]:.3f}" for row in ordered])
    for y, (name, score, low, high) in enumerate(ordered):
        color, marker = (RED, "D") if name == highlight else (BLUE, "o")
        axes.plot([low, high], [y, y], color=color, linewidth=2)
        axes.plot(score, y, marker, color=color, markersize=7)
    axes.set_xlabel(f"{canvas.short(measure)} (0 to 1), with 95 % interval")
    return canvas.png(figure)


def search_progress(trials: Sequence[Trial], title: str = "Search progress", measure: str = "macro F1") -> bytes:
    """Score by trial number, coloured by model family, pruned trials hollow, best so far as a line; a PNG.

    Args:
        trials: at least one, in any order; leave out failed trials, which have no score.
        title: what target and study.
        measure: what the score is, for the axis.

    Raises:
        ValueError: no trials, or a score that is not finite.
    """
    canvas.require("trials", trials)
    canvas.require_finite("trials", [trial.score for trial in trials])
    figure, (axes,) = canvas.new_figure(title, height=4.2)
    ordered = sorted(trials)
    for i, family in enumerate(sorted({trial.family for trial in ordered})):
        color, marker = SERIES[i % len(SERIES)]
        for pruned, face in ((False, color), (True, "none")):
            of = [trial for trial in ordered if trial.family == family and trial.pruned == pruned]
            numbers, scores = [trial.number for trial in of], [trial.score for trial in of]
            axes.plot(numbers, scores, marker, color=color, markerfacecolor=face, markersize=6)
        axes.plot([], [], marker, color=color, markersize=6, label=canvas.short(family))
    complete = [trial for trial in ordered if not trial.pruned]
    if len(complete) < len(ordered):
        axes.plot([], [], "o", color=INK, markerfacecolor="none", markersize=6, label="hollow: pruned")
    if complete:
        best = np.maximum.accumulate([trial.score for trial in complete])
        numbers = [trial.number for trial in complete]
        axes.step(numbers, best, where="post", color=GREY, linewidth=1.2, zorder=1, label="best so far")
    axes.set_xlim(ordered[0].number - 0.8, ordered[-1].number + 0.8)
    axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    axes.grid(color="#DDDDDD", linewidth=0.6)
    axes.set_xlabel("trial (number)")
    axes.set_ylabel(f"{canvas.short(measure)} (0 to 1)")
    canvas.legend_below(figure, 4)
    return canvas.png(figure)


def as_markdown_image(png: bytes, alt: str) -> str:
    """A PNG as a Markdown image with its bytes inside, for Dagster's Markdown metadata.

    Raises:
        ValueError: ``png`` is no PNG.
    """
    escaped = " ".join(alt.split()).replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
    return f"![{escaped}]({canvas.as_data_uri(png)})"
