"""Evaluation, explanation and candidates are read together where they belong together, and not at all elsewhere."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ticket_assets.models.reports import (
    read_evaluation,
    read_explanation,
    write_evaluation,
    write_explanation,
)

CANDIDATES = {"queue": "aaaa", "tone": "bbbb"}
AGAIN = "materialise models/evaluation again"


SPLIT = {"split": "0123", "rule": "the latest held out"}


@dataclass(frozen=True)
class Told:
    """What is told of a target, as small as can be."""

    n: int

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def scored(sure: float = 0.9) -> pd.DataFrame:
    return pd.DataFrame({"ticket_id": ["a", "b"], "probabilities": [np.array([sure, 1 - sure]), np.array([0.5, 0.5])]})


def written(folder: Path, n: int = 2, sure: float = 0.9) -> pd.DataFrame:
    return write_evaluation(folder, SPLIT, CANDIDATES, {"queue": Told(n)}, scored(sure))


def test_report_and_table_of_one_evaluation_are_read_together(tmp_path: Path) -> None:
    table = written(tmp_path)
    report = read_evaluation(tmp_path, table, CANDIDATES)
    assert report == {
        **{"evaluation": table["evaluation"][0], "candidates": CANDIDATES, "targets": {"queue": {"n": 2}}},
        **SPLIT,
    }
    assert table["evaluation"].nunique() == 1
    pd.testing.assert_frame_equal(table.drop(columns="evaluation"), scored())


def test_the_same_evaluation_has_the_same_mark_and_another_report_or_table_another(tmp_path: Path) -> None:
    marks = [str(written(tmp_path, *told)["evaluation"][0]) for told in ((2, 0.9), (2, 0.9), (3, 0.9), (2, 0.8))]
    assert marks[0] == marks[1] and len({*marks}) == 3


def test_a_report_that_another_run_wrote_since_the_table_is_refused(tmp_path: Path) -> None:
    """Thresholds and scores of one run stood in the bundle of another."""
    table = written(tmp_path)
    written(tmp_path, sure=0.8)
    with pytest.raises(ValueError, match=f"evaluation.json is of evaluation .*, and the table .*: {AGAIN}"):
        read_evaluation(tmp_path, table, CANDIDATES)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda table: table.drop(columns="evaluation"), "one of an earlier version"),
        (lambda table: table.iloc[:0], "none"),
        (lambda table: pd.concat([table, table.assign(evaluation="else")]), "else"),
    ],
)
def test_a_table_that_does_not_say_that_it_is_of_the_report_is_refused(tmp_path: Path, spoil, told: str) -> None:
    table = spoil(written(tmp_path))
    with pytest.raises(ValueError, match=f"the table models/evaluation of .*{told}: {AGAIN}"):
        read_evaluation(tmp_path, table, CANDIDATES)


@pytest.mark.parametrize(
    ("latest", "told"),
    [
        ({**CANDIDATES, "tone": "cccc"}, r"tone \(bbbb, and the latest is cccc\)"),
        ({"queue": "aaaa"}, r"tone \(bbbb, and the latest is none\)"),
        ({**CANDIDATES, "mood": "dddd"}, r"mood \(unknown, and the latest is dddd\)"),
    ],
)
def test_a_report_about_other_candidates_than_the_latest_is_refused(
    tmp_path: Path, latest: dict[str, str], told: str
) -> None:
    table = written(tmp_path)
    write_explanation(tmp_path, CANDIDATES, {})
    with pytest.raises(ValueError, match=f"evaluation.json is about other candidates of {told}: {AGAIN}"):
        read_evaluation(tmp_path, table, latest)
    with pytest.raises(ValueError, match=f"candidates of {told}: materialise models/explanation again"):
        read_explanation(tmp_path, latest)


def test_an_explanation_is_read_as_it_was_written_and_has_a_version_of_its_content(tmp_path: Path) -> None:
    version = write_explanation(tmp_path, CANDIDATES, {"queue": Told(2)})
    assert read_explanation(tmp_path, CANDIDATES) == {"queue": {"n": 2}}
    assert write_explanation(tmp_path, CANDIDATES, {"queue": Told(2)}) == version
    assert write_explanation(tmp_path, CANDIDATES, {"queue": Told(3)}) != version


def test_reports_of_an_earlier_version_are_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "explanation.json").write_text(json.dumps({"queue": {}}))
    with pytest.raises(ValueError, match="materialise models/explanation again"):
        read_explanation(tmp_path, CANDIDATES)
