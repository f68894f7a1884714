"""After a retraining the reference is what the champion was trained for now, and the loop is quiet again."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ticket_assets.monitoring.drift.detector import Detector
from ticket_assets.monitoring.judged import Judged, escalated
from ticket_assets.monitoring.judging import KINDS
from ticket_assets.monitoring.reference import Basis, make_reference
from ticket_assets.monitoring.verdict import DriftSummary, Verdict
from ticket_assets.monitoring.window import Place, Window
from ticket_assets.monitoring_settings import DriftRule, WindowSettings
from ticket_assets.serving.bundle import TriageBundle
from ticket_assets.storage import ProfileFolders
from ticket_assets_tests.monitoring.phased import NEW, Desk, desk, fitted, window

PASS, WARN, ALARM, UNJUDGED = Verdict.PASS, Verdict.WARN, Verdict.ALARM, Verdict.UNJUDGED
SHARE = 0.45
WINDOWS = 5


def reference(bundle: TriageBundle, its: Desk, phase: int, seed: int) -> Basis:
    size = WindowSettings()
    return make_reference(bundle, its.tables(phase), size.max_rows, size.min_sample, seed)


def judged(bundle: TriageBundle, basis: Basis, seed: int, new: float, windows: int = WINDOWS) -> list[DriftSummary]:
    detector = Detector.fit(basis.reference, DriftRule(), seed, WindowSettings())
    return [detector.judge(window(bundle, 500, 5000 + 1000 * seed + number, new)) for number in range(windows)]


def alarms(found: list[DriftSummary]) -> int:
    """Windows that are an alarm, two warnings in a row among them."""
    place, before = Place("2026-11-20T12:00:00.000000+00:00", "a"), []
    for number, one in enumerate(found, start=1):
        alone = {kind: one.verdict_of(kind) for kind in KINDS}  # type: ignore[arg-type]
        verdicts, _ = escalated(alone, before, DriftRule().warnings)
        before.append(Judged(Window(number, "b", 1, place, place, 500), verdicts))
    return sum(ALARM in one.verdicts.values() for one in before)


@pytest.mark.parametrize(("seed", "after"), [(1, 400), (2, 900), (3, 1500)])
def test_windows_of_a_new_mixture_alarm_until_a_champion_was_trained_with_it_and_are_quiet_then(
    tmp_path: Path, seed: int, after: int
) -> None:
    its, folders = desk(2000, after, SHARE, 0.1, seed), ProfileFolders(tmp_path)
    first, second = fitted(folders, its, 1), fitted(folders, its, 2)
    before = reference(first, its, 1, seed)
    assert len(before.reference.inputs) == len(its.trained[0]) and before.notes == ()
    found = judged(first, before, seed, SHARE, windows=2)
    assert [one.verdict for one in found] == [ALARM, ALARM]
    assert alarms(judged(first, before, seed, 0.0)) == 0
    moved = reference(second, its, 2, seed)
    assert {one[:2] for one in moved.reference.inputs.ids[10:]} == {"T2"}
    assert abs(len(moved.reference.inputs) - 0.9 * after) < 0.05 * after
    assert "its tickets changed on 2026-03-0" in moved.notes[0]
    found = judged(second, moved, seed, SHARE)
    assert alarms(found) == 0 and [one.verdict for one in found].count(WARN) <= 1
    found = judged(second, moved, seed, 0.0, windows=2)
    assert [one.verdict for one in found] == [ALARM, ALARM], "quiet, and not blind"


def test_with_held_out_rows_enough_of_the_new_time_answers_are_compared_with_these(tmp_path: Path) -> None:
    """Those of the frozen hold-out have no ticket of the new topic, and predictions of it would alarm for ever."""
    its, folders = desk(2000, 1500, SHARE, 0.25, 5), ProfileFolders(tmp_path)
    second = fitted(folders, its, 2)
    moved = reference(second, its, 2, 5)
    recent = set(its.split.loc[its.split["side"] == "recent", "ticket_id"])
    answers = moved.reference.answers
    assert len(answers) > 300 and len(set(answers.ids) - recent) < 10 and not set(answers.ids) & its.trained[1]
    found = judged(second, moved, 5, SHARE)
    assert alarms(found) == 0 and {one.verdict_of("prediction_drift") for one in found} == {PASS}
    assert {"queue: predictions", "queue: confidence", "queue: errors"} <= {one.subject for one in found[0].findings}
    other = judged(second, moved, 5, 0.0, windows=1)[0]
    assert other.verdict_of("prediction_drift") is ALARM


def test_with_few_held_out_rows_of_the_new_time_answers_are_not_compared_with_older_ones(tmp_path: Path) -> None:
    its, folders = desk(2000, 900, SHARE, 0.1, 6), ProfileFolders(tmp_path)
    second = fitted(folders, its, 2)
    moved = reference(second, its, 2, 6)
    assert 50 < len(moved.reference.answers) == len(moved.families) < 150
    [found] = judged(second, moved, 6, SHARE, windows=1)
    assert found.verdict_of("prediction_drift") is UNJUDGED and found.verdict_of("data_drift") is PASS
    assert any("too few held-out ones are known" in note for note in found.notes)


def test_what_was_held_out_just_before_the_change_is_not_of_the_time_after_it(tmp_path: Path) -> None:
    """A hold-out of the latest dates lies between the last training rows of before and the first of after."""
    its, folders = desk(2000, 900, SHARE, 0.1, 9), ProfileFolders(tmp_path)
    side, clean = its.split["side"], its.clean
    held, later = clean.index[side == "holdout"], clean["ticket_id"].str.startswith("T2")
    end, day = clean.loc[~later, "created_at"].max(), pd.Timedelta(days=1)
    clean.loc[held, "created_at"] = end + pd.Timedelta(minutes=1) * np.arange(1, len(held) + 1)
    clean.loc[later, "created_at"] += day
    last = clean.index[(side == "train") & ~later][-2:]
    new = clean.index[later & (clean["label_queue"] == NEW)][:2]
    clean.loc[last, ["text", "label_queue"]] = clean.loc[new, ["text", "label_queue"]].to_numpy()
    moved = reference(fitted(folders, its, 2), its, 2, 9)
    assert {one[:2] for one in moved.reference.inputs.ids} == {"T2"}
    phases = [one[:2] for one in moved.reference.answers.ids]
    assert phases.count("T2") > 50 and phases.count("T1") <= 5, "and not all 400"


def test_tickets_that_came_since_the_champion_was_trained_are_no_part_of_its_reference(tmp_path: Path) -> None:
    """They are the live traffic that is compared with it."""
    its, folders = desk(2000, 1500, SHARE, 0.25, 7), ProfileFolders(tmp_path)
    first = fitted(folders, its, 1)
    basis = reference(first, its, 1, 7)
    ids = {*basis.reference.inputs.ids, *basis.reference.answers.ids}
    assert {one[:2] for one in ids} == {"T1"} and len(basis.reference.answers) > 300


def test_a_time_without_any_held_out_row_has_a_reference_of_inputs_alone(tmp_path: Path) -> None:
    its, folders = desk(2000, 900, SHARE, 0.0, 8), ProfileFolders(tmp_path)
    second = fitted(folders, its, 2)
    moved = reference(second, its, 2, 8)
    assert len(moved.reference.answers) == 0 and moved.families == ()
    [found] = judged(second, moved, 8, SHARE, windows=1)
    assert found.verdict is PASS
    assert np.isfinite([one.p_value for one in found.findings]).all()
