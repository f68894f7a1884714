"""Pictures of the tickets' quality, as PNG bytes that fit into an asset's metadata.

Belongs here: lengths of texts, tickets per label, tickets over time, quarantined rows per batch; each with a title
and units on its axes. An empty argument is an error, never an empty picture.

Does not belong here: size, colours and the way to PNG (``ticket_assets.canvas``), the numbers (``quality``), where a
picture is shown (``assets``).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ticket_assets import canvas
from ticket_assets.canvas import BLUE, GREY, INK, RED, SERIES

_MOST_ROWS = 30  # of labels; a picture of more is no longer read
_MOST_BATCHES = 40
# Pandas' name of a period to the most days that are drawn in it.
_PERIODS = (("D", "day", 92), ("W", "week", 2 * 366), ("M", "month", 12 * 366), ("Y", "year", 10**9))


def text_lengths(characters: NDArray[np.integer], title: str) -> bytes:
    """How long the cleaned texts are, on a scale of powers of ten, as a PNG.

    Args:
        characters: (n,) positive.
        title: of what tickets.

    Raises:
        ValueError: no texts.
    """
    canvas.require("characters", characters)
    low, high = max(1, int(characters.min())), int(characters.max())
    edges = np.geomspace(low, max(high, low + 1), 41)
    figure, (axes,) = canvas.new_figure(title, height=3.4)
    axes.hist(characters, bins=edges, color=BLUE)
    middle = float(np.median(characters))
    axes.axvline(middle, color=RED, linewidth=1.5, linestyle="--", label=f"median: {middle:,.0f} characters")
    axes.set_xscale("log")
    for axis_formatter in (axes.xaxis.set_major_formatter, axes.xaxis.set_minor_formatter):
        axis_formatter(lambda value, _: f"{value:,.0f}")
    axes.tick_params(axis="x", which="both", labelsize=8.5)
    axes.set_xlabel("characters of the cleaned text (logarithmic)")
    axes.set_ylabel("tickets")
    axes.grid(color="#DDDDDD", linewidth=0.6)
    canvas.legend_below(figure, 1)
    return canvas.png(figure)


def label_bars(counts: Sequence[tuple[str, int]], small: int, title: str) -> bytes:
    """Tickets per label, the most frequent on top, small classes in another colour, as a PNG.

    Args:
        counts: (label, tickets), the most frequent first; of more than 30 the rarest 30 are drawn beside the first.
        small: tickets below which a class is small.
        title: of which target.

    Raises:
        ValueError: no labels.
    """
    canvas.require("counts", counts)
    left_out = max(0, len(counts) - _MOST_ROWS)
    drawn = [*counts[:1], *counts[1 + left_out :]] if left_out else list(counts)
    drawn.reverse()
    names, tickets = [name for name, _ in drawn], [count for _, count in drawn]
    told = f" ({left_out} labels between the first and the rarest left out)" if left_out else ""
    figure, (axes,) = canvas.new_figure(f"{title}{told}", height=1.5 + 0.3 * len(drawn))
    canvas.dot_rows(axes, names, [f"{count:,}" for count in tickets])
    colours = [RED if count < small else BLUE for count in tickets]
    axes.barh(range(len(drawn)), tickets, height=0.62, color=colours)
    axes.set_xlim(0, max(tickets) * 1.02)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("tickets")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.xaxis.get_major_locator().set_params(integer=True, nbins=8)
    if RED in colours:
        axes.barh([0], [0], color=RED, label=f"fewer than {small} tickets")
        canvas.legend_below(figure, 1)
    return canvas.png(figure)


def tickets_over_time(created: pd.Series, title: str) -> bytes:
    """Tickets per day, week, month or year, whichever gives a picture one can read, as a PNG.

    Args:
        created: UTC instants without missing ones.
        title: of what tickets.

    Raises:
        ValueError: no dates.
    """
    canvas.require("created", created)
    naive = created.dt.tz_localize(None)
    days = (naive.max() - naive.min()).days + 1
    code, name = next((code, name) for code, name, most in _PERIODS if days <= most)
    counts = naive.dt.to_period(code).value_counts().sort_index()
    whole = pd.period_range(counts.index[0], counts.index[-1], freq=code)
    counts = counts.reindex(whole, fill_value=0)
    figure, (axes,) = canvas.new_figure(f"{title}, per {name}", height=3.2)
    starts = counts.index.to_timestamp()
    # The last period ends too; without its end it would be drawn as a line.
    edges, heights = starts.append((counts.index[-1:] + 1).to_timestamp()), counts.to_numpy()
    axes.stairs(heights, edges, color=BLUE, alpha=0.25, fill=True)
    axes.stairs(heights, edges, color=BLUE, linewidth=1.4)
    empty = starts[heights == 0]
    if len(empty):
        axes.plot(empty, np.zeros(len(empty)), "|", color=RED, markersize=9, label=f"{name}s without a ticket")
        canvas.legend_below(figure, 1)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("tickets")
    axes.set_xlabel(f"{name} (UTC)")
    axes.grid(color="#DDDDDD", linewidth=0.6)
    figure.autofmt_xdate(rotation=30)
    return canvas.png(figure)


def quarantined_per_batch(counts: Sequence[tuple[str, Mapping[str, int]]], title: str) -> bytes:
    """Quarantined rows per batch, coloured by reason, the latest batch at the right, as a PNG.

    Args:
        counts: (batch, reason to rows) in order of ingestion; of more than 40 the last ones are drawn.
        title: of what profile.

    Raises:
        ValueError: no batches.
    """
    canvas.require("counts", counts)
    drawn = counts[-_MOST_BATCHES:]
    reasons = sorted({reason for _, by_reason in drawn for reason in by_reason})
    figure, (axes,) = canvas.new_figure(title, height=3.6)
    below = np.zeros(len(drawn))
    for at, reason in enumerate(reasons):
        rows = np.array([by_reason.get(reason, 0) for _, by_reason in drawn])
        colour = SERIES[at % len(SERIES)][0]
        axes.bar(range(len(drawn)), rows, bottom=below, color=colour, width=0.7, label=canvas.short(reason))
        below = below + rows
    for at, total in enumerate(below):
        axes.annotate(f"{int(total):,}", (at, total), ha="center", va="bottom", fontsize=8.5, color=INK)
    axes.set_xticks(range(len(drawn)), [name for name, _ in drawn], rotation=30, ha="right", fontsize=8.5)
    axes.set_xlim(-0.6, max(len(drawn), 6) - 0.4)
    axes.set_ylim(0, max(below.max() * 1.12, 1))
    axes.yaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    axes.set_ylabel("rows in quarantine")
    axes.set_xlabel("batch (when it was read or mended, UTC)")
    axes.grid(color="#DDDDDD", linewidth=0.6, axis="y")
    axes.axhline(0, color=GREY, linewidth=0.8)
    canvas.legend_below(figure, 3)
    return canvas.png(figure)
