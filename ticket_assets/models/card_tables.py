"""The tables of a model card, as lines of Markdown.

Belongs here: one function per table, names as cells.
Does not belong here: the words around them (card.py), any arithmetic.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

FEATURES = 10


def cell(name: str) -> str:
    """A name as one cell of a Markdown table, whatever a help desk calls its queues."""
    return " ".join(name.split()).replace("\\", "\\\\").replace("|", "\\|")


def measures(held: Mapping[str, Any], random: Mapping[str, Any]) -> list[str]:
    """The scores of all held-out tickets, beside those of the random split."""
    named = (
        ("macro F1", "macro_f1"),
        ("accuracy", "accuracy"),
        ("top-2 accuracy", "top2_accuracy"),
        ("expected calibration error", "ece"),
        ("coverage at 90 % accuracy", "coverage_at_90"),
    )
    rows = [[name, f"{held[key]:.3f}", f"{random[key]:.3f}"] for name, key in named]
    return _table(["measure", "families kept together", "random split"], rows)


def recent(told: Mapping[str, Any] | None) -> list[str]:
    """The scores on tickets that came since the hold-out was frozen; nothing where there are none."""
    if told is None:
        return []

    def score(name: str) -> str:
        return f", macro F1 {interval(told[name])}" if told[name] else ""

    people = f"; {told['people_rows']} of them people corrected or confirmed{score('people_macro_f1')}"
    return [
        "Recent tickets, which came since the hold-out was frozen and which no model is ever trained on: "
        f"{told['rows']} in {told['families']} families{score('macro_f1')}{people if told['people_rows'] else ''}.",
        "",
    ]


def baselines(standings: Sequence[Mapping[str, Any]]) -> list[str]:
    """Candidate, best boosted model and baselines with their intervals."""
    rows = [
        [
            cell(one["name"]),
            interval(one["macro_f1"]),
            interval(one["accuracy"]),
            interval(one["against_linear_macro_f1"]),
        ]
        for one in standings
    ]
    return _table(["recipe", "macro F1", "accuracy", "macro F1 against the linear baseline"], rows)


def bands(report: Mapping[str, Any]) -> list[str]:
    """What happens to tickets by confidence, what was promised, what it costs."""
    rows = [
        [
            one["name"].replace("_", " "),
            "never" if one["threshold"] is None else f"{one['threshold']:.3f}",
            str(one["rows"]),
            f"{one['share']:.1%}",
            interval(one["accuracy"]) if one["accuracy"] else "–",
            interval(one["or_above"]) if one["or_above"] else "–",
            "–" if one["promised"] is None else f"{one['promised']:.2f}",
            {None: "–", True: "yes", False: "no"}[one["kept"]],
        ]
        for one in report["standings"]
    ]
    head = ["band", "from confidence", "tickets", "share", "accuracy", "accuracy in it or above", "promised", "kept"]
    told = [f"Bands, thresholds by {report['rule']} rule, chosen on training tickets out of fold:", ""]
    told += _table(head, rows)
    if report["cost_per_ticket"] is not None:
        told += [f"Cost per ticket {report['cost_per_ticket']:.3f}; all by hand {report['cost_by_hand']:.3f}.", ""]
    return told + [line for remark in report["remarks"] for line in (f"{remark}.", "")]


def classes(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Precision, recall and F1 of each class."""
    told = [
        [cell(row["label"]), str(row["support"]), *(f"{row[name]:.3f}" for name in ("precision", "recall", "f1"))]
        for row in rows
    ]
    return _table(["class", "tickets", "precision", "recall", "F1"], told)


def slices(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Accuracy and macro F1 by language, length, class size and context."""
    told = [
        [
            *(cell(one["by"]), cell(one["name"]), str(one["rows"])),
            *(interval(one["accuracy"]), interval(one["macro_f1"]) if one["macro_f1"] else "–"),
        ]
        for one in rows
    ]
    return _table(["by", "slice", "tickets", "accuracy", "macro F1"], told)


def features(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The largest features of a model."""
    told = [
        [
            one["kind"].replace("_", " "),
            cell(one["name"]),
            f"{one['size']:.3f}",
            f"{one['share']:.0%}",
            cell(one["label"]),
        ]
        for one in rows[:FEATURES]
    ]
    return _table(["kind", "feature", "mean size", "tickets", "moves most"], told)


def interval(one: Mapping[str, float]) -> str:
    """An estimate with its interval."""
    return f"{one['estimate']:.3f} [{one['low']:.3f}, {one['high']:.3f}]"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Cells must be escaped already."""
    return [
        f"| {' | '.join(head)} |",
        "|" + "---|" * len(head),
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
    ]
