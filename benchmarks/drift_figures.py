"""The drift benchmark's table and pictures, out of the windows that were judged.

python -m benchmarks.drift_figures --runs <state>/static-seed2026 [--pictures docs/pictures] [--docs docs/drift.md]

Belongs here: shares with their intervals, goals, delays, the tables in Markdown, plots of shares. No text of a ticket.
Does not belong here: judging (drift.py).
"""

import argparse
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.drift import STREAM, read_lines
from benchmarks.drift_kinds import NONE
from ticket_assets import canvas
from ticket_assets.monitoring_settings import DriftRule
from ticket_assets.storage import write_text

Line = dict[str, Any]
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
FALSE_ALARMS, POWER, POWER_LARGE = 0.06, 0.95, 0.90
# Kinds whose goal is the common one: at least 95 % at 20 % with 500 rows, 90 % at 10 % with 2,000.
COMMON_GOAL = (
    *("new topic: Purchase", "new topic: Access", "new topic: Administrative rights"),
    *("class mix", "language mix", "vendor", "typos"),
)
RIVALS = ("evidently", "share rule", "score rule")


def interval(hits: int, of: int) -> tuple[float, float]:
    """Clopper and Pearson's 95 % interval of a share."""
    from scipy.stats import beta

    low = float(beta.ppf(0.025, hits, of - hits + 1)) if hits else 0.0
    return low, float(beta.ppf(0.975, hits + 1, of - hits)) if hits < of else 1.0


def spoke(line: Line) -> bool:
    """Whether a window warned or alarmed: the overall decision."""
    return line["verdict"] in ("warn", "alarm")


def in_a_row(lines: Sequence[Line]) -> int:
    """Windows without drift that end in an alarm by their champion's run of warnings of one kind, or by themselves."""
    warnings, alarms, before = DriftRule().warnings, 0, {}
    rounds = max(1, min(10, len(lines)))
    for number in range(rounds):
        before = {}
        for line in sorted((one for one in lines if one["index"] % rounds == number), key=lambda one: one["index"]):
            now = [kind for kind, verdict in line["kinds"].items() if verdict in ("warn", "alarm")]
            before = {kind: before.get(kind, 0) + 1 for kind in now}
            alarms += line["verdict"] == "alarm" or max(before.values(), default=0) >= warnings
    return alarms


def quiet_table(lines: Iterable[Line]) -> list[str]:
    """False alarms per pool, with their intervals, beside the rivals on the same windows."""
    made = [
        "| data | windows | warn | 95 % interval | alarm by one window | alarm, two in a row too |"
        " Evidently | share rule | score rule |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for pool, its in grouped(lines, "pool").items():
        quiet = [one for one in its if one["kind"] == NONE]
        if not quiet:
            continue
        hits, sure = sum(map(spoke, quiet)), sum(one["verdict"] == "alarm" for one in quiet)
        low, high = interval(hits, len(quiet))
        alarms = in_a_row(quiet)
        cells = [pool, f"{len(quiet):,}", percent(hits, len(quiet)), f"{100 * low:.1f} to {100 * high:.1f} %"]
        cells += [percent(sure, len(quiet)), percent(alarms, len(quiet)), *(rival(quiet, name) for name in RIVALS)]
        made.append(row(cells))
    return made


def power_table(lines: Iterable[Line], rows: int) -> list[str]:
    """Share of windows that warned, per kind and strength."""
    made = [
        "| data | kind | 5 % | 10 % | 20 % | 40 % | Evidently, 20 / 40 % | share rule | score rule |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    some = [one for one in lines if one["kind"] != NONE and one["rows"] == rows and one["way"] != STREAM]
    for (pool, kind), its in grouped(some, "pool", "kind").items():
        by_strength = grouped(its, "strength")
        cells = [pool, kind, *(found(by_strength.get((share,), [])) for share in (0.05, 0.1, 0.2, 0.4))]
        strong = [by_strength.get((share,), []) for share in (0.2, 0.4)]
        cells += [" / ".join(rival(one, name) for one in strong) for name in RIVALS]
        made.append(row(cells))
    return made


def delay_table(lines: Iterable[Line]) -> list[str]:
    """Tickets from a change to the first warning and to the alarm: median and nine in ten."""
    made = [
        "| data | kind | strength | streams | warned after | alarmed after | not within 6 windows |",
        "|---|---|---|---|---|---|---|",
    ]
    streams = [one for one in lines if one["way"] == STREAM]
    for (pool, kind, strength), its in grouped(streams, "pool", "kind", "strength").items():
        late = sum(one["delays"]["alarmed"] is None for one in its)
        cells = [pool, kind, f"{100 * strength:.0f} %", str(len(its))]
        cells += [waited([one["delays"][name] for one in its]) for name in ("warned", "alarmed")]
        made.append(row([*cells, f"{late} of {len(its)}"]))
    return made


def missed(lines: Iterable[Line]) -> list[str]:
    """Every goal with what was reached, as sentences."""
    told = []
    for pool, its in grouped([one for one in lines if one["kind"] == NONE], "pool").items():
        hits = sum(map(spoke, its))
        high = interval(hits, len(its))[1]
        told.append(_goal(f"{pool[0]}: false alarms, upper end", high, high <= FALSE_ALARMS, "at most 6 %"))
    wanted = {(500, 0.2): POWER, (2000, 0.1): POWER_LARGE}
    some = [one for one in lines if one["kind"] in COMMON_GOAL and one["way"] != STREAM]
    for (pool, kind, rows, strength), its in grouped(some, "pool", "kind", "rows", "strength").items():
        goal = wanted.get((rows, strength))
        if goal:
            share = sum(map(spoke, its)) / len(its)
            name = f"{pool}, {kind}: {100 * strength:.0f} % of {rows:,} rows"
            told.append(_goal(name, share, share >= goal, f"at least {100 * goal:.0f} %"))
    return sorted(told, key=lambda one: "MISSED" not in one)


def _goal(name: str, share: float, met: bool, goal: str) -> str:
    return f"- {name}: {100 * share:.1f} % (goal: {goal}): {'met' if met else 'MISSED'}"


def who_spoke(lines: Iterable[Line]) -> list[str]:
    """Which test spoke, per kind: share of the windows of 500 rows at 20 % in which it did, and without drift."""
    some = [
        one
        for one in lines
        if one["way"] != STREAM and one["rows"] == 500 and (one["strength"] == 0.2 or one["kind"] == NONE)
    ]
    made = ["| data | kind | tests that spoke, in share of the windows |", "|---|---|---|"]
    for (pool, kind), its in grouped(some, "pool", "kind").items():
        counted: dict[str, int] = defaultdict(int)
        for line in its:
            for name in {"columns" if subject.startswith("column ") else subject for subject in line["spoke"]}:
                counted[name] += 1
        most = sorted(counted.items(), key=lambda one: -one[1])[:5]
        made.append(row([pool, kind, ", ".join(f"{name} {percent(hits, len(its))}" for name, hits in most)]))
    return made


def power_picture(lines: Sequence[Line], rows: int = 500) -> bytes:
    """Power by strength for windows of so many rows, one line per kind, on the pool where it has a goal."""
    figure, (axes,) = canvas.new_figure(f"Drift found in windows of {rows:,} tickets, by its strength", 4.6)
    some = [one for one in lines if one["rows"] == rows and one["way"] != STREAM and one["kind"] != NONE]
    home = [one for one in some if one["pool"] != "helpdesk" or one["kind"] == "language mix"]
    styles = [(colour, mark, dash) for dash in ("-", "--") for colour, mark in canvas.SERIES]
    for (kind, *_), (colour, mark, dash) in zip(sorted(grouped(home, "kind")), styles, strict=False):
        its = grouped([one for one in home if one["kind"] == kind], "strength")
        shares = sorted(share for (share,) in its)
        found_share = [sum(map(spoke, its[(share,)])) / len(its[(share,)]) for share in shares]
        axes.plot([100 * one for one in shares], found_share, dash, color=colour, marker=mark, label=kind, markersize=5)
    axes.axhline(DriftRule().alpha, color=canvas.GREY, linewidth=0.8, linestyle=":")
    axes.set_xlabel("strength, %", fontsize=9)
    axes.set_ylabel("share of windows that warn", fontsize=9)
    axes.set_ylim(0, 1.02)
    canvas.legend_below(figure, 3)
    return canvas.png(figure)


def quiet_picture(lines: Sequence[Line]) -> bytes:
    """Every test's own p-values: without drift they lie on the diagonal, or below where a test is cautious."""
    figure, (axes,) = canvas.new_figure("Windows without drift: share of p-values below each level", 4.2)
    values: dict[str, list[float]] = defaultdict(list)
    for line in lines:
        if line["kind"] == NONE:
            for subject, p_value in line["p"].items():
                values["columns" if subject.startswith("column ") else subject.split(": ", 1)[-1]].append(p_value)
    levels = np.linspace(0.005, 1, 200)
    styles = [(colour, dash) for dash in ("-", "--") for colour, _ in canvas.SERIES]
    for (name, its), (colour, dash) in zip(sorted(values.items()), styles, strict=False):
        axes.plot(levels, [(np.array(its) <= level).mean() for level in levels], dash, color=colour, label=name, lw=1.2)
    axes.plot([0, 1], [0, 1], color=canvas.INK, linewidth=0.8, linestyle=":")
    axes.set_xlabel("level", fontsize=9)
    axes.set_ylabel("share of p-values", fontsize=9)
    canvas.legend_below(figure, 4)
    return canvas.png(figure)


def grouped(lines: Iterable[Line], *fields: str) -> dict[tuple[Any, ...], list[Line]]:
    """Lines by the values of fields, in the order of their first line."""
    made: dict[tuple[Any, ...], list[Line]] = defaultdict(list)
    for line in lines:
        made[tuple(line[field] for field in fields)].append(line)
    return dict(made)


def rival(lines: Sequence[Line], name: str) -> str:
    """Share of the windows that it saw in which a rival spoke."""
    seen = [one["rivals"][name] for one in lines if name in one.get("rivals", {})]
    return percent(sum(seen), len(seen)) if seen else "–"


def found(lines: Sequence[Line]) -> str:
    """Share of windows that warned; in brackets that alarmed by themselves."""
    if not lines:
        return "–"
    sure = sum(one["verdict"] == "alarm" for one in lines)
    return f"{percent(sum(map(spoke, lines)), len(lines))} ({percent(sure, len(lines))})"


def waited(delays: Sequence[float | None]) -> str:
    """Median and the ninth of ten; a stream that was never found counts as longer than all."""
    known = np.array([np.inf if one is None else one for one in delays])
    middle, late = np.quantile(known, (0.5, 0.9), method="higher")
    return " / ".join("later" if np.isinf(one) else f"{one:,.0f}" for one in (middle, late))


def percent(hits: int, of: int) -> str:
    """Whole per cent, one decimal below ten."""
    share = 100 * hits / of
    return f"{share:.0f} %" if share >= 10 or share == 0 else f"{share:.1f} %"


def row(cells: Iterable[Any]) -> str:
    """A line of a table."""
    return "| " + " | ".join(str(one[0]) if isinstance(one, tuple) else str(one) for one in cells) + " |"


def report(lines: Sequence[Line]) -> str:
    """All tables."""
    parts = [
        ("Without drift", quiet_table(lines)),
        ("Goals", missed(lines)),
        *(
            (f"Power, windows of {rows:,}: warned (alarmed by itself)", power_table(lines, rows))
            for rows in (500, 2000, 200)
        ),
        ("Delay in tickets, windows of 500: median / nine in ten", delay_table(lines)),
        ("Who spoke, windows of 500 at 20 %", who_spoke(lines)),
    ]
    return "\n\n".join(
        f"### {title}\n\n" + "\n".join(table) for title, table in parts if len(table) > 2 or "Goals" in title
    )


def main() -> None:
    """Print the tables, and put them and the pictures where they belong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, nargs="+", required=True)
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--docs", type=Path, help="page whose part between the marks is written anew")
    chosen = parser.parse_args()
    lines = [line for run in chosen.runs for line in read_lines(run)]
    told = report(lines)
    print(told)
    if chosen.docs:
        before, _, rest = chosen.docs.read_text().partition(BEGIN)
        write_text(chosen.docs, f"{before}{BEGIN}\n\n{told}\n\n{END}{rest.partition(END)[2]}")
    if chosen.pictures:
        (chosen.pictures / "drift_power.png").write_bytes(power_picture(lines))
        (chosen.pictures / "drift_quiet.png").write_bytes(quiet_picture(lines))


if __name__ == "__main__":
    main()
