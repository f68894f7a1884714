"""The picture of a loop, and the scores it is drawn from.

Belongs here: share of right answers over time, what each window said, when what happened.
Does not belong here: what happened (loop_events.py), what must come of it (loop_outcome.py).
"""

from collections.abc import Mapping, Sequence

import numpy as np
from sklearn.metrics import f1_score

from benchmarks import loop_events as events
from benchmarks.loop_desk import Desk
from benchmarks.loop_traffic import Answer, Heard, Phase
from ticket_assets.canvas import BLUE, GREEN, GREY, INK, ORANGE, RED, legend_below, new_figure, png
from ticket_assets.monitoring.verdict import Verdict

SIGNS = {
    Verdict.PASS: (GREEN, "o"),
    Verdict.WARN: (ORANGE, "^"),
    Verdict.ALARM: (RED, "X"),
    Verdict.UNJUDGED: (GREY, "."),
}
_STEM = {"arrowstyle": "-", "color": INK, "linewidth": 0.8, "alpha": 0.6, "shrinkA": 0, "shrinkB": 0, "relpos": (0, 0)}
LINES = {"loop": BLUE, "control": GREY}


def macro_f1(truth: Sequence[str], said: Sequence[str]) -> float:
    """Mean F1 of the classes that occur in truth: one that a model does not have is one it never finds."""
    return float(f1_score(truth, said, average="macro", labels=sorted(set(truth)), zero_division=0))


def right_over_time(answers: Sequence[Answer], block: int) -> tuple[np.ndarray, np.ndarray]:
    """Middle (s since 1970) and share of right answers of blocks of so many answers, one after the other."""
    rows = len(answers) // block * block
    at = np.array([one.at for one in answers[:rows]]).reshape(-1, block)
    right = np.array([one.label == one.truth for one in answers[:rows]]).reshape(-1, block)
    return at.mean(axis=1), right.mean(axis=1)


def draw(
    title: str,
    desks: Mapping[str, Desk],
    heard: Mapping[str, Heard],
    marks: Sequence[tuple[float, str]],
    from_the_start: float,
    block: int,
) -> bytes:
    """PNG: above the share of right answers of both desks, below what their windows said.

    Args:
        title: of it.
        desks: by name.
        heard: by name.
        marks: moments (s since 1970) and their words, in their order.
        from_the_start: share of right answers of a model that knew the new tickets from the start.
        block: answers to a point.
    """
    figure, (above, below) = new_figure(title, 5.2, (4, 1))
    begun = min(one.answers[0].at for one in heard.values())

    def minutes(at: float) -> float:
        return (at - begun) / 60

    for name, its in heard.items():
        middle, right = right_over_time(its.answers, block)
        above.plot((middle - begun) / 60, right, color=LINES[name], marker="o", markersize=3, linewidth=1.4, label=name)
    above.axhline(from_the_start, color=INK, linestyle=":", linewidth=1, label="knew the new tickets from the start")
    above.set_ylabel("share of right answers", fontsize=9)
    above.grid(axis="y", color="#DDDDDD", linewidth=0.6)
    for number, (at, words) in enumerate(marks):
        for axes in (above, below):
            axes.axvline(minutes(at), color=INK, linewidth=0.8, alpha=0.6)
        # Over the plot, a line of its own for each: two moments can be seconds apart.
        place = {"xy": (minutes(at), 1.0), "xycoords": ("data", "axes fraction")}
        shift = {"xytext": (3, 4 + 11 * (len(marks) - 1 - number)), "textcoords": "offset points"}
        above.annotate(words, **place, **shift, fontsize=8, color=INK, arrowprops=_STEM)
    for height, desk in enumerate(desks.values()):
        for one in events.windows(desk):
            worst = max(one.verdicts.values(), key=[*Verdict].index)
            colour, sign = SIGNS[worst]
            below.plot(minutes(events.seconds(one.until)), -height, color=colour, marker=sign, markersize=6)
    below.set_yticks([-height for height in range(len(desks))], [f"windows, {name}" for name in desks], fontsize=9)
    below.set_ylim(-len(desks) + 0.4, 0.6)
    below.set_xlabel("minutes", fontsize=9)
    below.sharex(above)
    for verdict in (Verdict.PASS, Verdict.WARN, Verdict.ALARM):
        colour, sign = SIGNS[verdict]
        below.plot([], [], color=colour, marker=sign, linestyle="", label=f"window: {verdict}")
    legend_below(figure, 3)
    return png(figure)


def moments_of(began: Mapping[Phase, float], alarm: float, retraining: float, swap: float) -> list[tuple[float, str]]:
    """The lines of the picture."""
    return sorted(
        [
            (began[Phase.CHANGED], "new tickets appear"),
            (alarm, "alarm"),
            (retraining, "retraining begins"),
            (swap, "swapped"),
        ]
    )
