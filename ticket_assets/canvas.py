"""What all plots share: size, colours, checks of their input, and the way from a figure to PNG bytes.

Belongs here: nothing that knows what is drawn. Matplotlib's object interface only: pyplot keeps figures alive in a
process-wide list, and a daemon that draws would grow.

Does not belong here: the plots (``models/plots``, ``tickets/quality_plots``).
"""

import base64
import io
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

# Okabe and Ito (2008), told apart with any common colour vision; shapes say the same a second time.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
GREY, INK = "#8A8A8A", "#262626"
SERIES = tuple(zip((BLUE, ORANGE, GREEN, RED, PURPLE, SKY, INK, GREY), "osD^vPX*", strict=True))

# What one picture may add to the event log, before base64 adds a third.
MOST_BYTES = 60_000

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_WIDTH, _DPI = 7.0, 100
_LONGEST_LABEL, _TITLE_WIDTH = 34, 84


def new_figure(title: str, height: float, heights: Sequence[int] = (1,)) -> tuple[Any, list[Any]]:
    """A figure 700 pixels wide, ``height`` times 100 high, with one axes per entry of ``heights``."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    margins = ConstrainedLayoutEngine(h_pad=0.07, w_pad=0.06)
    figure = Figure(figsize=(_WIDTH, height), dpi=_DPI, layout=margins)
    wrapped = textwrap.fill(_literal(title), _TITLE_WIDTH)
    figure.suptitle(wrapped, x=0.012, ha="left", fontsize=11, fontweight="bold", color=INK)
    grid = figure.subplots(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    for axes in grid:
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_axisbelow(True)
    return figure, list(grid)


def dot_rows(axes: Any, names: Sequence[str], values: Sequence[str]) -> None:
    """Prepare one horizontal line per row: its name at the left, its value in figures at the right."""
    axes.set_yticks(range(len(names)), [short(name) for name in names], fontsize=9)
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.grid(color="#DDDDDD", linewidth=0.6)
    for y, value in enumerate(values):
        axes.annotate(value, (1.015, y), xycoords=("axes fraction", "data"), va="center", fontsize=8.5)


def legend_below(figure: Any, columns: int) -> None:
    """A legend under the axes, where it hides no data."""
    figure.legend(loc="outside lower center", ncols=columns, fontsize=8.5, frameon=False)


def png(figure: Any) -> bytes:
    """The figure as PNG, the same bytes for the same drawing.

    256 colours look the same here and take less than half the bytes, which matters because metadata lies in
    Dagster's event log; a picture with very much text gets fewer, and coarser edges of its letters.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    drawn = FigureCanvasAgg(figure)
    drawn.draw()
    picture = Image.fromarray(np.asarray(drawn.buffer_rgba())).convert("RGB")
    data = b""
    for colours in (256, 64, 16):
        buffer = io.BytesIO()
        picture.quantize(colours, dither=Image.Dither.NONE).save(buffer, format="png", optimize=True)
        data = buffer.getvalue()
        if len(data) < MOST_BYTES:
            break
    return data


def as_data_uri(data: bytes) -> str:
    """A PNG as a data URI.

    Raises:
        ValueError: the bytes are no PNG.
    """
    if not data.startswith(_SIGNATURE):
        raise ValueError(f"png must start with the PNG signature, got {data[:8]!r}")
    return f"data:image/png;base64,{base64.b64encode(data).decode('ascii')}"


def short(text: str) -> str:
    """A label cut to 34 characters and kept from being read as a formula."""
    return _literal(text if len(text) <= _LONGEST_LABEL else text[: _LONGEST_LABEL - 1].rstrip() + "…")


def require(name: str, values: Any) -> None:
    """Refuse an empty argument: an empty plot looks like a result."""
    if not len(values):
        raise ValueError(f"{name} is empty: there is nothing to draw")


def require_finite(name: str, values: Sequence[float]) -> None:
    """Refuse NaN and infinity, which matplotlib leaves out without a word."""
    if not np.isfinite(np.asarray(values, dtype=np.float64)).all():
        raise ValueError(f"{name} holds a number that is not finite")


def _literal(text: str) -> str:
    return text.replace("$", r"\$")
