"""What the command line prints of a profile."""

import json
import shutil
from pathlib import Path

import pytest

from ticket_assets.serving.report import report_lines
from ticket_assets.settings import load_settings
from ticket_assets_tests.line import Line


@pytest.fixture
def told(line: Line) -> list[str]:
    return list(report_lines(load_settings()))


def test_every_recipe_stands_in_the_table_with_its_interval(line: Line, told: list[str]) -> None:
    stored = json.loads((line.folders.reports / "evaluation.json").read_text())["targets"]["queue"]
    table = told[told.index(f"queue: {stored['candidate']['n']} held-out tickets, {len(stored['labels'])} classes") :]
    for row, shown in zip(stored["standings"], table[2:], strict=False):
        score = row["macro_f1"]
        assert shown.strip().startswith(row["name"])
        assert f"{score['estimate']:.3f} [{score['low']:.3f}, {score['high']:.3f}]" in shown
    assert f"{stored['random']['candidate']['macro_f1']:.3f}" in table[2]


def test_split_decision_champion_and_bento_are_named(told: list[str]) -> None:
    text = "\n".join(told)
    assert "profile tiny · hold-out " in text and "the latest held out" in text
    assert "decision   promoted: " in text
    assert "champion   v1, bundle " in text
    assert "bento      ticket-assets-tiny:v1-" in text
    assert "make ui PROFILE=tiny" in text and "make serve PROFILE=tiny" in text


def test_the_search_of_a_target_is_told_with_what_pruning_saved(line: Line, told: list[str]) -> None:
    outcome = json.loads((line.folders.reports / "search_queue.json").read_text())
    [searched, *_] = [one for one in told if "search: " in one]
    pruned = sum(row["state"] == "pruned" for row in outcome["trials"])
    assert f"search: {len(outcome['trials'])} trials in " in searched
    assert f"{pruned} pruned, which saved {outcome['seconds_saved']:.0f} s" in searched


def test_the_bands_of_a_target_are_shown_as_shares_of_all_tickets(told: list[str]) -> None:
    [line, _] = [one for one in told if "bands: " in one]
    shares = [int(part.split()[-2]) for part in line.partition("bands: ")[2].split(", ")]
    assert len(shares) == 3
    assert abs(sum(shares) - 100) <= 2


def test_without_a_champion_the_scores_are_told_and_nothing_to_open(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A first challenger below its floors is refused, and nobody serves."""
    reports = tmp_path / "tiny" / "reports"
    shutil.copytree(line.folders.reports, reports)
    monkeypatch.setenv("TICKET_ASSETS_STORAGE_ROOT", str(tmp_path))
    told = "\n".join(report_lines(load_settings()))
    assert "candidate" in told
    assert "champion" not in told and "open next" not in told


def test_without_an_evaluation_the_command_that_makes_one_is_named(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TICKET_ASSETS_STORAGE_ROOT", str(tmp_path))
    assert list(report_lines(load_settings())) == ["profile tiny has no evaluation yet: make run PROFILE=tiny"]
