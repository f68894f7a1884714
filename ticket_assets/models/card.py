"""The model card that travels in a bundle (Mitchell et al. 2019).

Belongs here: its words and the order of its parts.
Does not belong here: its tables (card_tables.py); the numbers, which come from the evaluation's report.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ticket_assets.models.card_tables import bands, baselines, cell, classes, features, measures, recent, slices
from ticket_assets.models.plain_baseline import SCORE as BASELINE_SCORE
from ticket_assets.models.plain_baseline import baseline_score, below_baseline


def model_card(
    manifest: Mapping[str, Any],
    licence: str,
    description: str,
    report: Mapping[str, Any],
    goes_by: Mapping[str, Mapping[str, Any]],
) -> str:
    """Markdown of one bundle.

    Args:
        manifest: what the bundle says of itself, as it is handed to `write_bundle`.
        licence: of the tickets.
        description: of the tickets and their labels, in the words of whoever set up the profile; may be empty.
        report: content of reports/evaluation.json.
        goes_by: target to what its model goes by (`Summary.as_dict`).
    """
    lines = [
        f"# Ticket triage, profile {manifest['profile']}",
        "",
        *_use(report),
        *_data(manifest, licence, description, report),
    ]
    for target, one in report["targets"].items():
        lines += _target(target, one, goes_by[target])
    lines += [*_personal_data(manifest), *_limits(), *_versions(manifest)]
    return "\n".join(lines)


def _use(report: Mapping[str, Any]) -> list[str]:
    targets = ", ".join(report["targets"])
    return [
        "## Intended use",
        "",
        f"To give a support ticket, as it arrives, its {targets}: acted upon where the answer is sure enough, "
        "suggested to a person where it is less so, left to a person otherwise.",
        "",
        "Not for judging the people who write or answer tickets, not for other kinds of text, and not without a person "
        "who can correct it: every answer may be wrong, the bands below say how often.",
        "",
    ]


def _data(manifest: Mapping[str, Any], licence: str, description: str, report: Mapping[str, Any]) -> list[str]:
    languages, context = ", ".join(manifest["languages"]), ", ".join(manifest["context"])
    taxonomies = [f"{target}: {cell(version)}" for target, version in manifest["taxonomy"].items()]
    return [
        "## Data",
        "",
        f"- Trained on tickets under this licence: {_one_line(licence)}.",
        "- The tickets and how they got their labels: "
        f"{_one_line(description) or 'not stated (setting `description`)'}",
        f"- Languages that it tells apart: {languages}; a ticket in another one is taken for one of these or none.",
        f"- Beside subject and body it reads: {context or 'nothing'}.",
        f"- Hold-out {report['split']}: {report['rule']}; near-duplicate families stay on one side.",
        *([f"- Labels as renamed, merged and split by: {', '.join(taxonomies)}."] if taxonomies else []),
        "",
    ]


def _one_line(said: str) -> str:
    """A line of its own could begin as a heading does."""
    return " ".join(said.split())


def _target(target: str, one: Mapping[str, Any], goes_by: Mapping[str, Any]) -> list[str]:
    held = one["candidate"]
    return [
        f"## {target}",
        "",
        f"{one['training_rows']} training tickets, {held['n']} held-out tickets, {len(one['labels'])} classes; "
        f"model: {goes_by['family']}. Intervals are of 95 %.",
        "",
        *measures(held, one["random"]["candidate"]),
        *recent(one.get("recent")),
        "Against baselines, on the same held-out tickets:",
        "",
        *baselines(one["standings"]),
        *_below(target, held["macro_f1"], one["standings"]),
        *bands(one["bands"]),
        *classes(held["per_class"]),
        "Slices of the hold-out:",
        "",
        *slices(one["slices"]),
        f"What it goes by, on {goes_by['rows']} of its training tickets (mean size of the contribution to the log-odds "
        "of the answer):",
        "",
        *features(goes_by["features"]),
    ]


def _below(target: str, macro_f1: float, standings: Sequence[Mapping[str, Any]]) -> list[str]:
    scores = {target: {"macro_f1": macro_f1, BASELINE_SCORE: baseline_score(standings)}}
    return [part for one in below_baseline(scores).values() for part in (f"**{cell(one)}.**", "")]


def _personal_data(manifest: Mapping[str, Any]) -> list[str]:
    masked = ", ".join(manifest["mask"])
    return [
        "## Personal data",
        "",
        f"- Masked in every ticket before anything is learnt: {masked or 'nothing'}. What has no form of its own, as "
        "names in running text and postal addresses, is not found.",
        "- The bundle holds no ticket. It holds words and pairs of words that stand in two training tickets at least "
        "(`terms.txt`), and, where votes of similar tickets are used, the vectors of the training tickets.",
        "- A reason quotes words of the very ticket that it explains, and counts of others.",
        "",
    ]


def _limits() -> list[str]:
    return [
        "## Limits",
        "",
        "- Scores hold for tickets like those of the hold-out; other desks, languages and times are not covered.",
        "- The random split measures memory of reworded tickets as much as skill; read the grouped one.",
        "- Where the neighbours' votes are used (`votes` in model.json), the scores gain most from tickets that reword "
        "old ones.",
        "- A class or slice with few tickets has a score that says little; read its support and interval first.",
        "- Probabilities are calibrated on out-of-fold training rows, and drift with what arrives. Thresholds of bands "
        "are chosen on the same rows, and so was the recipe; the hold-out's figures are untouched by either.",
        "- What the model goes by is no cause: a word may stand for what else its tickets have in common.",
        "",
    ]


def _versions(manifest: Mapping[str, Any]) -> list[str]:
    encoder = manifest["encoder"]
    said = {
        "hold-out": manifest["split"],
        "features": manifest["feature_schema"],
        "cleaning": manifest["cleaning"],
        "encoder": f"{encoder['id']} on {encoder['runtime']}" if encoder else "none",
        **manifest["data"],
    }
    return [
        "## Versions",
        "",
        "The bundle's id is the name of its folder; libraries and files stand in bundle.json.",
        "",
        "| part | version |",
        "|---|---|",
        *(f"| {cell(name)} | {cell(str(version))} |" for name, version in said.items()),
        "",
    ]
