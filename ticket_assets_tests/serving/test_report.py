"""What the command line prints of a profile."""

import json
import shutil
from pathlib import Path

import pytest

from ticket_assets.models.erasure import erase_from_holdout
from ticket_assets.models.evaluation import LINEAR_BASELINE
from ticket_assets.models.plain_baseline import SCORE
from ticket_assets.models.split import Holdout
from ticket_assets.serving.manifest import BundleManifest
from ticket_assets.serving.record import RECORD
from ticket_assets.serving.report import report_lines
from ticket_assets.serving.store import require_champion
from ticket_assets.settings import load_settings
from ticket_assets.storage import append_record
from ticket_assets.tickets.ledger import enter
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


def test_a_model_below_the_plain_baseline_is_told_so_below_its_table_and_beside_the_champion(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was promoted without a word, and one had to find it in the table."""
    [shown, champions] = _with_baseline(line, tmp_path, monkeypatch, by=0.02)
    stored = json.loads((line.folders.reports / "evaluation.json").read_text())["targets"]["queue"]["candidate"]
    macro_f1 = stored["macro_f1"]
    said = f"queue: macro F1 {macro_f1:.3f} is below the plain baseline's {macro_f1 + 0.02:.3f} on the same rows"
    assert shown.strip().startswith(said) and champions.strip().startswith(said)


def test_a_model_above_the_plain_baseline_is_told_without_a_remark(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _with_baseline(line, tmp_path, monkeypatch, by=-0.02) == []


def _with_baseline(line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: float) -> list[str]:
    """What is said of the baseline, were its score that of the candidate and the champion, and so much more."""
    for name in ("reports", "records", "bundles", "split"):
        shutil.copytree(line.folders.root / name, tmp_path / "tiny" / name)
    monkeypatch.setenv("TICKET_ASSETS_STORAGE_ROOT", str(tmp_path))
    path = tmp_path / "tiny" / "reports" / "evaluation.json"
    report = json.loads(path.read_text())
    for target, one in report["targets"].items():
        for standing in one["standings"]:
            if standing["name"] == LINEAR_BASELINE:
                standing["macro_f1"]["estimate"] = one["candidate"]["macro_f1"] + (by if target == "queue" else -1)
    path.write_text(json.dumps(report))
    champion = require_champion(tmp_path / "tiny" / "bundles")
    path = tmp_path / "tiny" / "bundles" / champion.bundle / "bundle.json"
    manifest = json.loads(path.read_text())
    for target, scores in manifest["scores"].items():
        scores[SCORE] = scores["macro_f1"] + (by if target == "queue" else -1)
    path.write_text(json.dumps(manifest))
    return [one for one in report_lines(load_settings()) if "plain baseline's" in one and "decision" not in one]


def test_a_hold_out_that_an_erasure_made_smaller_is_told_beside_its_scores(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("reports", "split"):
        shutil.copytree(line.folders.root / name, tmp_path / "tiny" / name)
    monkeypatch.setenv("TICKET_ASSETS_STORAGE_ROOT", str(tmp_path))
    assert not [one for one in report_lines(load_settings()) if "smaller" in one]
    path = tmp_path / "tiny" / "split" / "holdout.json"
    assert erase_from_holdout(path, tmp_path / "tiny" / "records", Holdout.load(path).ticket_ids[:1]) == 1
    [said] = [one for one in report_lines(load_settings()) if "smaller" in one]
    assert said.strip() == "which an erasure made smaller since: make run PROFILE=tiny scores on the rest"


def test_a_bento_that_is_gone_is_not_named_and_the_way_back_is_what_to_run_next(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("reports", "records", "bundles", "split"):
        shutil.copytree(line.folders.root / name, tmp_path / "tiny" / name)
    monkeypatch.setenv("TICKET_ASSETS_STORAGE_ROOT", str(tmp_path))
    told = list(report_lines(load_settings()))
    assert "bento      none: the champion's bento is not built yet: make run PROFILE=tiny builds it" in told
    assert [one.split("   ")[0].strip() for one in told[told.index("open next") + 1 :]] == [
        *("make ui PROFILE=tiny", "make run PROFILE=tiny")
    ]


def test_a_champion_fitted_to_erased_tickets_is_told_with_what_a_run_can_still_do_about_it(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a challenger without them was refused nothing was due, and the report named a run that did nothing."""
    for name in ("reports", "records", "bundles", "split"):
        shutil.copytree(line.folders.root / name, tmp_path / "tiny" / name)
    monkeypatch.setenv("TICKET_ASSETS_STORAGE_ROOT", str(tmp_path))
    root = tmp_path / "tiny"
    fitted = BundleManifest.read(root / "bundles" / require_champion(root / "bundles").bundle).data["tickets/clean"]
    refused = {"promoted": False, "reason": "refused: queue: a loss", "targets": {"queue": {"verdict": "loses"}}}

    def told() -> str:
        [one] = [one for one in report_lines(load_settings()) if one.strip().startswith("its weights were fitted to")]
        return one.strip().removeprefix("its weights were fitted to tickets that were erased since")

    enter(root / "records", "first", "3001-01-01T00:00:00+00:00", ["T-1"], ["c"], [fitted])
    trains = ": make run PROFILE=tiny trains without them"
    assert told() == trains
    for at, made_from, said in (
        ("3001-01-01T01:00:00+00:00", fitted, trains),
        ("3000-12-31T01:00:00+00:00", "without", trains),
        ("3001-01-01T02:00:00+00:00", "without", "; a challenger trained without them was refused"),
    ):
        line_of_record = {**refused, "at": at, "champion_before": 1, "tickets/clean": made_from}
        append_record(root / "records" / RECORD, line_of_record)
        assert told().startswith(said), at
    assert told().endswith(
        "refused: make run PROFILE=tiny does nothing before there are new tickets, which make another, or other "
        "settings such as promotion.max_loss, by which it is judged again"
    )
    held = {**line_of_record, "targets": {"queue": {"verdict": "holds"}}, "reason": "refused: pinned until tomorrow"}
    append_record(root / "records" / RECORD, held)
    assert told() == trains
    append_record(root / "records" / RECORD, line_of_record)
    enter(root / "records", "second", "3002-01-01T00:00:00+00:00", ["T-2"], ["d"], [])
    assert told() == trains, "the data is another since"


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


def test_a_promise_is_told_beside_what_the_hold_out_says_and_an_empty_band_with_its_reason(
    line: Line, told: list[str]
) -> None:
    stored = json.loads((line.folders.reports / "evaluation.json").read_text())["targets"]["queue"]["bands"]
    told_bands = [one for one in stored["standings"] if one["promised"] is not None and one["or_above"]]
    assert [one for one in told if "promised accuracy: " in one] == [
        "  promised accuracy: "
        + "; ".join(
            f"{one['name']} {one['promised']:.0%}, {one['or_above']['estimate']:.1%} here" for one in told_bands
        )
    ] * bool(told_bands)
    assert all(f"  {remark}" in told for remark in stored["remarks"])
    assert told_bands or stored["remarks"]


def test_the_families_of_a_search_stand_below_it_best_first(line: Line, told: list[str]) -> None:
    leaders = json.loads((line.folders.reports / "search_queue.json").read_text())["leaders"]
    at = next(place for place, one in enumerate(told) if "search: " in one)
    for rank, (leader, shown) in enumerate(zip(leaders, told[at + 1 :], strict=False), 1):
        assert shown.startswith(f"    {rank}. {leader['family']} ")
        assert f"macro F1 {leader['macro_f1']:.3f} (folds {leader['worst_fold']:.3f} to " in shown
    assert len(leaders) == 2


@pytest.fixture
def evaluated(line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of a profile that has an evaluation and nothing else."""
    shutil.copytree(line.folders.reports, tmp_path / "tiny" / "reports")
    monkeypatch.setenv("TICKET_ASSETS_STORAGE_ROOT", str(tmp_path))
    return tmp_path / "tiny"


def test_without_a_champion_the_scores_are_told_and_nothing_to_open(evaluated: Path) -> None:
    told = list(report_lines(load_settings()))
    assert any("candidate" in one for one in told)
    assert "champion   no champion yet: models/champion has judged no challenger" in told
    assert not [one for one in told if "open next" in one or one.startswith("decision")]


def test_scores_of_other_candidates_than_the_latest_are_told_as_such(line: Line, evaluated: Path) -> None:
    latest = (line.folders.candidates / "queue" / "latest").read_text()
    folder = evaluated / "candidates" / "queue"
    folder.mkdir(parents=True)
    (folder / "latest").write_text(latest)
    assert not [one for one in report_lines(load_settings()) if "other candidates" in one]
    (folder / "latest").write_text("newer")
    [told] = [one for one in report_lines(load_settings()) if "other candidates" in one]
    assert told.strip() == (
        f"of other candidates than the latest of queue ({latest}, and the latest is newer): make run PROFILE=tiny"
    )


def test_after_a_refused_first_challenger_the_report_says_why_nobody_is_champion(evaluated: Path) -> None:
    """It showed the refusal and was silent about what follows: no champion, no bento."""
    reason = "queue: F1 of two\nlines falls"
    append_record(evaluated / "records" / RECORD, {"promoted": False, "reason": f"refused: {reason}"})
    told = list(report_lines(load_settings()))
    assert "decision   refused: queue: F1 of two lines falls" in told
    because = "the challenger was refused because queue: F1 of two lines falls"
    assert f"champion   no champion yet: {because}" in told
    assert "bento      none: there is nothing to build" in told


def test_a_torn_last_line_of_the_record_is_named_and_the_decision_before_it_told(evaluated: Path) -> None:
    record = evaluated / "records" / RECORD
    append_record(record, {"promoted": False, "reason": "refused: first"})
    with record.open("a") as stream:
        stream.write('{"reason": "refused: sec')
    told = list(report_lines(load_settings()))
    assert "decision   refused: first" in told
    [torn] = [one for one in told if one.startswith("records ")]
    assert RECORD in torn and "torn" in torn and "refused: sec" in torn


def test_without_an_evaluation_the_command_that_makes_one_is_named(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TICKET_ASSETS_STORAGE_ROOT", str(tmp_path))
    assert list(report_lines(load_settings())) == ["profile tiny has no evaluation yet: make run PROFILE=tiny"]
