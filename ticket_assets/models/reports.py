"""What evaluation and explanation leave for others to read, and whether it all speaks of the same candidates.

Belongs here: both files under reports/ and the mark in the evaluation's table, writing them, reading them together.
Does not belong here: what stands in them (evaluation.py, explanation.py), the fitted models (candidate.py).

Each asset can be made again by itself, and two runs can be under way at once. So a report names the candidates that it
is about, and a table the report that it was made with: else one run's thresholds would come to another's model.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from ticket_assets.storage import digest, write_text
from ticket_assets.tables import frame_digest

EVALUATION, EXPLANATION = "evaluation.json", "explanation.json"
MARK = "evaluation"
"""Column of the evaluation's table, and key of its report: which evaluation it is."""


class Reported(Protocol):
    """What is told of one target: `Evaluation`, `Summary`."""

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""


def write_evaluation(
    folder: Path,
    split: Mapping[str, str],
    candidates: Mapping[str, str],
    targets: Mapping[str, Reported],
    scored: pd.DataFrame,
) -> pd.DataFrame:
    """Write the report, and mark it and the table as one evaluation.

    Args:
        folder: of the reports.
        split: id and rule of the hold-out.
        candidates: target to version of its candidate.
        targets: target to its evaluation.
        scored: rows of `report_rows`, of all targets.

    Returns:
        The table with the column `evaluation`: a hash of both contents, which is the data version too.
    """
    content = {**split, **_content(candidates, targets)}
    table = frame_digest(scored.astype({"probabilities": str}))
    mark = digest([table, json.dumps(content, sort_keys=True)])
    write_text(folder / EVALUATION, json.dumps({MARK: mark, **content}, indent=1))
    return scored.assign(**{MARK: mark})


def write_explanation(folder: Path, candidates: Mapping[str, str], targets: Mapping[str, Reported]) -> str:
    """Write what each candidate goes by, target to its summary; return the data version."""
    told = json.dumps(_content(candidates, targets), indent=1)
    write_text(folder / EXPLANATION, told)
    return digest([told])


def read_evaluation(folder: Path, scored: pd.DataFrame, candidates: Mapping[str, str]) -> dict[str, Any]:
    """The report of the evaluation whose table this is, of these candidates.

    Args:
        folder: of the reports.
        scored: the table `models/evaluation`.
        candidates: target to version of its latest candidate.

    Raises:
        ValueError: report and table are of two evaluations, or of other candidates.
    """
    report = _read(folder / EVALUATION, candidates, "models/evaluation")
    marks = sorted(map(str, scored[MARK].unique())) if MARK in scored else ["one of an earlier version"]
    if marks != [report[MARK]]:
        raise ValueError(
            f"{folder / EVALUATION} is of evaluation {report[MARK]}, and the table models/evaluation of "
            f"{', '.join(marks) or 'none'}: materialise models/evaluation again"
        )
    return report


def read_explanation(folder: Path, candidates: Mapping[str, str]) -> dict[str, Any]:
    """Target to what its candidate goes by (`Summary.as_dict`).

    Raises:
        ValueError: it is of other candidates.
    """
    targets: dict[str, Any] = _read(folder / EXPLANATION, candidates, "models/explanation")["targets"]
    return targets


def other_candidates(report: Mapping[str, Any], candidates: Mapping[str, str]) -> list[str]:
    """Targets whose latest candidate is not the one that a report is about, each with both versions."""
    told = report.get("candidates", {})
    return [
        f"{target} ({told.get(target, 'unknown')}, and the latest is {candidates.get(target, 'none')})"
        for target in sorted(told.keys() | candidates.keys())
        if told.get(target) != candidates.get(target)
    ]


def _content(candidates: Mapping[str, str], targets: Mapping[str, Reported]) -> dict[str, Any]:
    return {"candidates": dict(candidates), "targets": {target: one.as_dict() for target, one in targets.items()}}


def _read(path: Path, candidates: Mapping[str, str], asset: str) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(path.read_text())
    if other := other_candidates(report, candidates):
        raise ValueError(f"{path} is about other candidates of {', '.join(other)}: materialise {asset} again")
    return report
