"""The model card that travels in a bundle (Mitchell et al. 2019).

Belongs here: its words, and names as cells of its tables.
Does not belong here: the numbers, which come from the evaluation's report.
"""

from collections.abc import Mapping
from typing import Any


def model_card(profile: str, licence: str, report: Mapping[str, Any]) -> str:
    """Markdown from the report of `models/evaluation` (the content of reports/evaluation.json)."""
    lines = [
        f"# Ticket triage, profile {profile}",
        "",
        f"Trained on tickets under this licence: {licence}.",
        f"Hold-out {report['split']}: {report['rule']}; near-duplicate families stay on one side.",
        "",
    ]
    for target, one in report["targets"].items():
        lines += _target(target, one)
    lines += [
        "## Limits",
        "",
        "- Scores hold for tickets like those of the hold-out; other desks, languages and times are not covered.",
        "- The random split measures memory of reworded tickets as much as skill; read the grouped one.",
        "- Where the neighbours' votes are used (`votes` in model.json), the bundle holds the vectors of its training "
        "tickets, no text, and the scores gain most from tickets that reword old ones.",
        "- A class with few tickets has a score that says little; read its support first.",
        "- Probabilities are calibrated on out-of-fold training rows, and drift with what arrives.",
        "",
    ]
    return "\n".join(lines)


def cell(name: str) -> str:
    """A name as one cell of a Markdown table, whatever a help desk calls its queues."""
    return " ".join(name.split()).replace("\\", "\\\\").replace("|", "\\|")


def _target(target: str, one: Mapping[str, Any]) -> list[str]:
    held, random = one["candidate"], one["random"]["candidate"]
    return [
        f"## {target}",
        "",
        f"{held['n']} held-out tickets, {len(one['labels'])} classes.",
        "",
        "| measure | families kept together | random split |",
        "|---|---|---|",
        *(
            f"| {name} | {held[key]:.3f} | {random[key]:.3f} |"
            for name, key in (
                ("macro F1", "macro_f1"),
                ("accuracy", "accuracy"),
                ("top-2 accuracy", "top2_accuracy"),
                ("expected calibration error", "ece"),
                ("coverage at 90 % accuracy", "coverage_at_90"),
            )
        ),
        "",
        "| class | tickets | precision | recall | F1 |",
        "|---|---|---|---|---|",
        *(
            f"| {cell(row['label'])} | {row['support']} "
            f"| {row['precision']:.3f} | {row['recall']:.3f} | {row['f1']:.3f} |"
            for row in held["per_class"]
        ),
        "",
        "| language | tickets | macro F1 |",
        "|---|---|---|",
        *(f"| {code} | {its['n']} | {its['macro_f1']:.3f} |" for code, its in one["per_language"].items()),
        "",
    ]
