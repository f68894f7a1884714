"""The history: one record per window, appended once; what people see of it."""

import io
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image

from ticket_assets.assets.monitoring_reporting import performance_metadata
from ticket_assets.monitoring import judged as files
from ticket_assets.monitoring.history import HISTORY, append_windows, read_history, unseen_feedback
from ticket_assets.monitoring.judged import Judged, write_judged
from ticket_assets.monitoring.trend import points, window_row, window_sentences
from ticket_assets.monitoring.trend_plot import trend_chart
from ticket_assets.monitoring.verdict import Verdict, WindowRecord
from ticket_assets.monitoring.window import Place, Window
from ticket_assets.monitoring_settings import DriftRule
from ticket_assets_tests.monitoring.watched import NOON, Watched, spoken

SINCE = NOON.isoformat()
FINDING = {
    **{"kind": "data_drift", "subject": "language", "test": "chi-square", "statistic": 3.0, "effect": 0.3},
    **{"effect_name": "Cramér's V", "p_value": 1e-9, "verdict": "alarm", "words": "language: other"},
}


def window(number: int, bundle: str = "b", version: int = 1) -> Window:
    first, last = (NOON + timedelta(minutes=10 * number + more) for more in (0, 9))
    begin, end = (Place(one.isoformat(timespec="microseconds"), "p") for one in (first, last))
    return Window(number, bundle, version, begin, end, 500)


def judge(folder: Path, its: Window, verdict: Verdict = Verdict.PASS, adjusted: float = 0.4) -> None:
    reasons = () if verdict is Verdict.PASS else ("language: other",)
    summary = {"findings": [{**FINDING, "adjusted": adjusted}, {**FINDING, "subject": "length", "adjusted": 1.0}]}
    write_judged(folder, files.SUMMARY, Judged(its, {"data_drift": verdict}, reasons, {"summary": summary}))
    scores = {"macro_f1": 0.7, "low": 0.6, "high": 0.8, "promised": 0.75, "promised_low": 0.7, "estimated": 0.72}
    told = {"performance": {"tone": {**scores, "rows": 120.0}}, "by_hand": {"tone": {"share": 0.2, "promised": 0.1}}}
    write_judged(folder, files.PERFORMANCE, Judged(its, {"performance": Verdict.PASS}, (), told))


def test_a_window_is_recorded_once_however_often_it_is_asked(tmp_path: Path) -> None:
    for number in (1, 2):
        judge(tmp_path, window(number))
    added = append_windows(tmp_path, "b", SINCE, feedback_rows=7)
    assert [one.number for one in added] == [1, 2] and added[0].feedback_rows == 7
    before = (tmp_path / HISTORY).read_bytes()
    assert append_windows(tmp_path, "b", SINCE, feedback_rows=9) == ()
    assert (tmp_path / HISTORY).read_bytes() == before
    assert read_history(tmp_path) == added
    assert WindowRecord.from_dict(json.loads(json.dumps(added[0].as_dict()))) == added[0]


def test_a_window_whose_performance_is_not_known_yet_waits(tmp_path: Path) -> None:
    judge(tmp_path, window(1))
    (files.window_folder(tmp_path, "b-0001") / files.PERFORMANCE).unlink()
    assert append_windows(tmp_path, "b", SINCE, 0) == ()


def test_windows_of_another_champion_or_an_earlier_reign_are_left(tmp_path: Path) -> None:
    judge(tmp_path, window(1))
    judge(tmp_path, window(1, bundle="c"))
    assert append_windows(tmp_path, "b", (NOON + timedelta(hours=1)).isoformat(), 0) == ()
    assert [one.window for one in append_windows(tmp_path, "c", SINCE, 0)] == ["c-0001"]


def test_verdicts_and_reasons_of_both_come_together(tmp_path: Path) -> None:
    judge(tmp_path, window(1), Verdict.ALARM)
    (told,) = append_windows(tmp_path, "b", SINCE, 0)
    assert told.verdicts == {"data_drift": Verdict.ALARM, "performance": Verdict.PASS}
    assert told.reasons == ("language: other",)
    assert window_sentences(told) == [
        "window 1 of champion v1: 500 predictions, 2026-11-20 12:10 to 2026-11-20 12:19 UTC",
        "  data drift alarm, performance pass",
        "  language: other",
        "  tone: macro F1 0.700 on 120 labels, promised 0.750",
        "  tone: 20.0% left to people, 10.0% of held-out tickets were",
    ]


def test_a_row_of_the_table_of_windows_is_short_and_says_nothing_where_nothing_speaks() -> None:
    verdicts = {"data_drift": Verdict.ALARM, "embedding_drift": Verdict.WARN, "low_confidence": Verdict.PASS}
    reasons = ("language: 30.0 % are de, 5.0 % in the reference; p = 1e-9, 2e-8 corrected for 13 tests", "words: new")
    told = WindowRecord("b-0013", 13, "b", 2, SINCE, "2026-11-20T12:19:00+00:00", 1500, verdicts, reasons)
    assert window_row(told) == {
        **{"window": "v2\u00a0·\u00a013", "until": "20\u00a0Nov 12:19", "rows": "1,500"},
        **{"data": "ALARM", "vectors": "warn", "answers": "—", "scores": "—", "by hand": "ok"},
        "why": "language: 30.0 % are de, 5.0 % in the reference (+ 1 more)",
    }
    assert window_row(replace(told, reasons=()))["why"] == "—"
    assert window_row(replace(told, reasons=reasons[1:]))["why"] == "words: new"
    assert window_sentences(told)[0].startswith("window 13 of champion v2: 1,500 predictions")


def test_a_target_s_scores_fit_into_few_columns_and_what_is_not_known_is_a_dash() -> None:
    known = {"macro_f1": 0.8494, "low": 0.7947, "high": 0.8971, "p_value": 0.7312, "accuracy": 0.855, "rows": 1200.0}
    known |= {"promised": 0.8236, "promised_low": 0.7724, "promised_accuracy": 0.8337}
    known |= {"estimated": 0.8112, "estimated_accuracy": 0.82}
    unknown = {**dict.fromkeys(known), "rows": 0.0}
    shares = {"tone": {"share": 0.095, "promised": 0.1194, "p_value": 0.8549}}
    said = {"performance": {"tone": known, "mood": unknown}, "by_hand": shares, "words": ["fine"], "notes": []}
    told = performance_metadata([Judged(window(1), {"performance": Verdict.PASS}, (), said)], 1, None)
    rows = [one.data for one in told["scores"].records]
    assert rows[0] == {
        **{"target": "tone", "labels": "1,200", "macro F1": "0.849 [0.795, 0.897]", "p": "0.73", "estimated": "0.811"},
        **{"promised": "0.824, at least 0.772", "accuracy": "0.855, promised 0.834", "estimated accuracy": "0.820"},
    }
    assert rows[1]["macro F1"] == rows[1]["p"] == rows[1]["estimated"] == "—"
    assert [one.data for one in told["by_hand"].records] == [
        {"target": "tone", "share": "9.5%", "promised": "11.9%", "p": "0.85"}
    ]


def test_corrections_since_the_champion_took_its_seat_are_unseen(watched: Watched) -> None:
    champion = watched.crown()
    ids = watched.answer(champion, spoken(6, 1))
    watched.correct(ids[:3], ["loud"] * 3, at=NOON - timedelta(hours=2))
    watched.correct([*ids[3:5], ids[4]], ["loud", "quiet", "loud"])
    with watched.engine() as engine:
        assert unseen_feedback(engine, watched.seated) == 2


def course(folder: Path, windows: int) -> tuple[WindowRecord, ...]:
    for number in range(1, windows + 1):
        version = 1 + (number > windows // 2)
        alarmed = number == windows // 2
        its = window(number, "bc"[version - 1], version)
        judge(folder, its, Verdict.ALARM if alarmed else Verdict.PASS, 1e-9 if alarmed else 0.4)
    return (*append_windows(folder, "b", SINCE, 0), *append_windows(folder, "c", SINCE, 0))


def test_the_trend_has_a_point_per_window_with_its_loudest_test_and_marks_promotions(tmp_path: Path) -> None:
    drawn = points(tmp_path, course(tmp_path, 8))
    assert [one.is_new_champion for one in drawn] == [False] * 4 + [True] + [False] * 3
    assert [one.strongest["data_drift"].adjusted for one in drawn] == [0.4] * 3 + [1e-9] + [0.4] * 4
    latest = points(tmp_path, read_history(tmp_path), most=4)
    assert [one.record.number for one in latest] == [5, 6, 7, 8] and latest[0].is_new_champion


@pytest.mark.parametrize("windows", [1, 8, 60])
def test_the_chart_is_a_picture_of_any_number_of_windows(tmp_path: Path, windows: int) -> None:
    course(tmp_path, windows)
    records = read_history(tmp_path) or tuple(append_windows(tmp_path, "c", SINCE, 0))
    chart = trend_chart(points(tmp_path, records), DriftRule(), "demo")
    assert len(chart) < 60_000
    assert Image.open(io.BytesIO(chart)).size == (700, 820)


def test_nothing_of_the_chart_runs_over_its_edge(tmp_path: Path) -> None:
    drawn = Image.open(io.BytesIO(trend_chart(points(tmp_path, course(tmp_path, 60)), DriftRule(), "demo"))).convert(
        "L"
    )
    width, height = drawn.size
    edges = [(0, 0, 3, height), (width - 3, 0, width, height), (0, 0, width, 3), (0, height - 3, width, height)]
    assert [drawn.crop(edge).getextrema() for edge in edges] == [(255, 255)] * 4


def test_a_chart_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="points is empty"):
        trend_chart((), DriftRule(), "demo")


def test_a_chart_of_a_window_without_scores_or_tests_is_drawn(tmp_path: Path) -> None:
    judge(tmp_path, window(1))
    (told,) = append_windows(tmp_path, "b", SINCE, 0)
    bare = points(tmp_path / "elsewhere", [replace(told, performance={}, by_hand={})])
    assert trend_chart(bare, DriftRule(), "demo")
