"""The course of things over windows: what the trend chart and the table of windows show.

Belongs here: one point per window of the history, with the p-values of its tests; sentences about the latest.
Does not belong here: drawing (trend_plot.py), judging.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ticket_assets.monitoring import judged as files
from ticket_assets.monitoring.judged import read_judged
from ticket_assets.monitoring.verdict import Verdict, WindowRecord

MOST_POINTS = 60
NOTHING = "—"
_KEPT = "\u00a0"  # no line is broken there
# Of a table of windows: kind of verdict to its column, and what a verdict is called there.
_COLUMNS = {
    "data_drift": "data",
    "embedding_drift": "vectors",
    "prediction_drift": "answers",
    "performance": "scores",
    "low_confidence": "by hand",
}
_SHORTLY = {Verdict.UNJUDGED: NOTHING, Verdict.PASS: "ok", Verdict.WARN: "warn", Verdict.ALARM: "ALARM"}


@dataclass(frozen=True)
class Strongest:
    """The test of a kind that spoke loudest."""

    subject: str
    adjusted: float
    effect: float
    effect_name: str


@dataclass(frozen=True)
class Point:
    """One window: its record, the loudest test of each kind of drift, whether another champion begins with it."""

    record: WindowRecord
    strongest: Mapping[str, Strongest]
    is_new_champion: bool


def points(monitoring: Path, history: Sequence[WindowRecord], most: int = MOST_POINTS) -> tuple[Point, ...]:
    """The latest windows of a history, oldest first."""
    every: list[WindowRecord | None] = [None, *history]
    shown = list(zip(every, history, strict=False))[-most:]
    return tuple(
        Point(one, _strongest(monitoring, one.window), former is not None and former.version != one.version)
        for former, one in shown
    )


def _strongest(monitoring: Path, window: str) -> dict[str, Strongest]:
    found = read_judged(monitoring, files.SUMMARY, window)
    loudest: dict[str, Strongest] = {}
    for one in found.told["summary"]["findings"] if found else ():
        kind = one["kind"]
        if kind not in loudest or one["adjusted"] < loudest[kind].adjusted:
            loudest[kind] = Strongest(one["subject"], one["adjusted"], one["effect"], one["effect_name"])
    return loudest


def window_row(one: WindowRecord) -> dict[str, Any]:
    """A window as a row of a table that has room for few columns: a word for each kind, and the first reason's gist."""
    verdicts = {name: _SHORTLY[one.verdicts.get(kind, Verdict.UNJUDGED)] for kind, name in _COLUMNS.items()}
    return {
        "window": f"v{one.version} · {one.number}".replace(" ", _KEPT),
        "until": f"{datetime.fromisoformat(one.until):%d %b}".replace(" ", _KEPT) + f" {one.until[11:16]}",
        "rows": f"{one.rows:,}",
        **verdicts,
        "why": _gist(one.reasons),
    }


def _gist(reasons: Sequence[str]) -> str:
    """What the first reason says before its numbers of the test, and how many more there are."""
    if not reasons:
        return NOTHING
    more = f" (+ {len(reasons) - 1} more)" if len(reasons) > 1 else ""
    return reasons[0].partition(";")[0] + more


def window_sentences(one: WindowRecord) -> list[str]:
    """What was found of a window, for people."""
    when = f"{_minute(one.since)} to {_minute(one.until)} UTC"
    said = f"window {one.number} of champion v{one.version}: {one.rows:,} predictions, {when}"
    kinds = [f"{kind.replace('_', ' ')} {verdict}" for kind, verdict in one.verdicts.items()]
    lines = [said, f"  {', '.join(kinds)}"]
    lines += [f"  {reason}" for reason in one.reasons]
    for target, its in one.performance.items():
        if its.get("macro_f1") is not None:
            known = f"macro F1 {its['macro_f1']:.3f} on {its['rows']:,.0f} labels"
            lines.append(f"  {target}: {known}, promised {its['promised']:.3f}")
        elif its.get("estimated_accuracy") is not None:
            lines.append(f"  {target}: accuracy is estimated at {its['estimated_accuracy']:.3f} from confidence alone")
    for target, shares in one.by_hand.items():
        lines.append(
            f"  {target}: {shares['share']:.1%} left to people, {shares['promised']:.1%} of held-out tickets were"
        )
    return lines


def _minute(at: str) -> str:
    return at[:16].replace("T", " ")
