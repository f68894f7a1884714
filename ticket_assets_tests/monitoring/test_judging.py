"""Windows judged one after the other: drift by the real detector, performance by labels that count once."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from ticket_assets.monitoring import judged as files
from ticket_assets.monitoring import judging
from ticket_assets.monitoring.day_tables import Labels, write_day
from ticket_assets.monitoring.judged import Judged, escalated, judged_windows, next_number, read_judged, window_folder
from ticket_assets.monitoring.judging import Bench, judge_drift, judge_performance, next_windows
from ticket_assets.monitoring.performance import LOW_CONFIDENCE, PERFORMANCE
from ticket_assets.monitoring.reference_store import save_reference
from ticket_assets.monitoring.verdict import Verdict
from ticket_assets.monitoring.window import Place, Window
from ticket_assets.serving.store import Champion
from ticket_assets_tests.monitoring.watched import NEW_WORDS, NOON, TARGET, Watched, spoken

PASS, WARN, ALARM, UNJUDGED = Verdict.PASS, Verdict.WARN, Verdict.ALARM, Verdict.UNJUDGED
LATER = NOON + timedelta(hours=10)


@pytest.fixture
def champion(watched: Watched) -> Champion:
    """In its seat, with its reference."""
    watched.tables()
    seated = watched.crown()
    watched.refer()
    return seated


def looked(watched: Watched) -> tuple[Bench, list[Judged], list[Judged]]:
    """Read the day, judge what is complete."""
    watched.read(NOON, LATER)
    watch = watched.watch
    bench, champion = watch.bench(), watch.champion
    assert champion
    detector = watch.detector(bench)
    drift = [judge_drift(bench, one, detector) for one in next_windows(bench, champion, LATER).closed]
    return bench, drift, [judge_performance(bench, one.window) for one in drift]


def test_traffic_as_in_training_passes(watched: Watched, champion: Champion) -> None:
    watched.answer(champion, spoken(300, 21))
    _, (drift,), (scores,) = looked(watched)
    assert drift.verdicts == {"data_drift": PASS, "embedding_drift": UNJUDGED, "prediction_drift": PASS}
    assert scores.verdicts == {PERFORMANCE: UNJUDGED, LOW_CONFIDENCE: PASS}
    assert drift.reasons == scores.reasons == ()


def test_a_new_vocabulary_is_an_alarm_of_data_with_its_numbers(watched: Watched, champion: Champion) -> None:
    watched.answer(champion, spoken(300, 21, words=NEW_WORDS))
    bench, (drift,), _ = looked(watched)
    assert drift.verdicts["data_drift"] is ALARM and any("word" in one for one in drift.reasons)
    assert read_judged(bench.folder, files.SUMMARY, drift.window.id) == drift
    assert (window_folder(bench.folder, drift.window.id) / files.REPORT).exists()


def test_a_window_is_judged_though_its_page_for_people_fails(
    watched: Watched, champion: Champion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page was written first: one that failed each time would have kept the windows behind it waiting for ever."""

    def full(*_: object) -> None:
        raise OSError("no space left")

    watched.answer(champion, spoken(300, 21, words=NEW_WORDS))
    monkeypatch.setattr(judging, "write_report", full)
    with pytest.raises(OSError, match="no space left"):
        looked(watched)
    assert looked(watched)[1] == []
    [kept] = watched.watch.judged()
    assert kept.verdicts["data_drift"] is ALARM


def test_the_same_window_is_judged_once(watched: Watched, champion: Champion) -> None:
    watched.answer(champion, spoken(650, 21))
    assert [one.window.number for one in looked(watched)[1]] == [1, 2]
    assert looked(watched)[1] == []
    watched.answer(champion, spoken(250, 22), at=NOON + timedelta(hours=5))
    assert [one.window.number for one in looked(watched)[1]] == [3]


def test_a_log_that_keeps_no_text_is_judged_by_its_answers_alone(watched: Watched, champion: Champion) -> None:
    """An empty text is no short one."""
    watched.answer(champion, spoken(300, 21), text=False)
    _, (drift,), _ = looked(watched)
    assert drift.verdicts == {"data_drift": UNJUDGED, "embedding_drift": UNJUDGED, "prediction_drift": PASS}
    assert (
        "the log keeps no text of 300 of 300 predictions: only answers are compared" in drift.told["summary"]["notes"]
    )


def test_a_window_that_time_closed_with_too_few_is_told_and_not_judged(watched: Watched, champion: Champion) -> None:
    watched.answer(champion, spoken(99, 21, words=NEW_WORDS))
    later = NOON + timedelta(days=8)
    for day in range(9):
        watched.read(NOON + timedelta(days=day), later)
    watch = watched.watch
    bench = watch.bench()
    (window,) = next_windows(bench, champion, later).closed
    found = judge_drift(bench, window, watch.detector(bench))
    assert set(found.verdicts.values()) == {UNJUDGED}
    assert found.told["summary"]["notes"] == ["99 predictions, below the 100 that are asked for"]
    assert set(judge_performance(bench, window).verdicts.values()) == {UNJUDGED}


@pytest.mark.parametrize("asked", [(False, True), (True, False)], ids=["added", "taken out"])
def test_a_window_over_days_with_and_without_a_target_is_judged_without_it(
    watched: Watched, champion: Champion, asked: tuple[bool, bool]
) -> None:
    """Taken out within a window, each run failed at it; added, it was said to be no target any more."""
    said, later = spoken(300, 21, words=NEW_WORDS), NOON + timedelta(days=2)
    ids = []
    for day, is_asked in enumerate(asked):
        half = replace(said, texts=said.texts[day * 150 : (day + 1) * 150])
        ids += watched.answer(champion, half, at=NOON + timedelta(days=day))
        watched.correct(ids[day * 150 :], said.truth[day * 150 : (day + 1) * 150])
        with watched.engine() as engine:
            targets = (TARGET,) if is_asked else ()
            write_day(engine, watched.folders.monitoring, (NOON + timedelta(days=day)).date(), later, targets, Labels())
    watch = watched.watch
    bench = watch.bench()
    (window,) = next_windows(bench, champion, later).closed
    drift, scores = judge_drift(bench, window, watch.detector(bench)), judge_performance(bench, window)
    assert drift.verdicts == {"data_drift": ALARM, "embedding_drift": UNJUDGED, "prediction_drift": UNJUDGED}
    assert set(scores.verdicts.values()) == {UNJUDGED}
    note = "tone was a target of this profile on some days of the window alone (150 of 300 answers), and was not read"
    assert note in drift.told["summary"]["notes"] and scores.told["notes"] == [note]


def test_wrong_answers_are_seen_on_labels_and_each_label_counts_once(watched: Watched, champion: Champion) -> None:
    said = spoken(300, 21, wrong=0.9)
    ids = watched.answer(champion, said)
    watched.correct(ids[:150], said.truth[:150])
    bench, _, (first,) = looked(watched)
    assert first.verdicts[PERFORMANCE] is ALARM and first.told["performance"][TARGET]["rows"] == 150
    assert any("macro F1" in one and "promised" in one for one in first.reasons)
    watched.correct(ids[150:260], said.truth[150:260])
    watched.answer(champion, spoken(300, 22), at=NOON + timedelta(hours=3))
    _, _, (second,) = looked(watched)
    assert second.told["performance"][TARGET]["rows"] == 110, "labels of the window before that came since"
    known = bench.before(files.PERFORMANCE, second.window)
    assert not {*known[0].told["labelled"][TARGET]} & {*second.told["labelled"][TARGET]}


def test_labels_that_were_too_few_wait_for_more(watched: Watched, champion: Champion) -> None:
    first, second = spoken(300, 21), spoken(300, 22)
    ids = watched.answer(champion, first)
    watched.correct(ids[:60], first.truth[:60])
    _, _, (told,) = looked(watched)
    assert told.verdicts[PERFORMANCE] is UNJUDGED and told.told["labelled"] == {TARGET: []}
    ids = watched.answer(champion, second, at=NOON + timedelta(hours=3))
    watched.correct(ids[:60], second.truth[:60])
    _, _, (told,) = looked(watched)
    assert told.verdicts[PERFORMANCE] is PASS and told.told["performance"][TARGET]["rows"] == 120


def test_tickets_that_the_champion_was_trained_on_are_neither_labelled_answers_nor_silent_ones(
    watched: Watched, champion: Champion
) -> None:
    """They counted as live performance; as answers that nobody labelled they make the other labels look chosen."""
    held, known = [f"T-{4 * row}" for row in range(120)], [f"T-{4 * row + 1}" for row in range(180)]
    harder, easy = spoken(120, 21, shouting=(4, 7)), spoken(180, 22, shouting=(0, 1))
    watched.answer(champion, harder, ticket_ids=held)
    watched.answer(champion, easy, at=NOON + timedelta(hours=1), ticket_ids=known)
    labels = dict(zip([*held, *known], [*harder.truth, *easy.truth], strict=True))
    watch = watched.watch
    told = replace(watch.labels(), of={TARGET: labels})
    with watched.engine() as engine:
        write_day(engine, watch.folder, NOON.date(), LATER, (TARGET,), told)
    bench = watch.bench()
    (window,) = next_windows(bench, champion, LATER).closed
    scores = judge_performance(bench, window)
    assert scores.told["performance"][TARGET]["rows"] == 120
    assert "on 120 labels; promised" in scores.told["words"][0]


def test_labels_of_some_answers_alone_are_shown_to_no_test_of_drift(watched: Watched, champion: Champion) -> None:
    """People correct what is wrong: the classes of what they correct are not those of the traffic."""
    said = spoken(300, 21)
    ids = watched.answer(champion, said)
    loud = [row for row, one in enumerate(said.truth) if one == "loud"]
    watched.correct([ids[row] for row in loud], ["loud"] * len(loud))
    _, (drift,), _ = looked(watched)
    assert drift.verdicts["data_drift"] is PASS and drift.verdicts["prediction_drift"] is PASS
    assert any("too few to compare labels" in one for one in drift.told["summary"]["notes"])


def test_many_unsure_answers_are_low_confidence(watched: Watched, champion: Champion) -> None:
    watched.answer(champion, spoken(300, 21, shouting=(5, 6)))
    _, _, (scores,) = looked(watched)
    assert scores.verdicts[LOW_CONFIDENCE] is ALARM and any("left to people" in one for one in scores.reasons)


def test_numbering_begins_anew_with_another_champion_and_goes_on_with_the_same(
    watched: Watched, champion: Champion
) -> None:
    """After a rollback the windows of the first reign have their names already."""
    watched.answer(champion, spoken(300, 21))
    bench, _, _ = looked(watched)
    assert next_number(bench.folder, champion.bundle) == 2 and next_number(bench.folder, "another") == 1
    again = watched.crown(version=3, since=NOON + timedelta(hours=4))
    assert again.bundle == champion.bundle
    assert judged_windows(bench.folder, files.SUMMARY, again.bundle, again.since) == []
    watched.answer(again, spoken(300, 22), at=NOON + timedelta(hours=5))
    assert [one.window.number for one in looked(watched)[1]] == [2]


def test_without_held_out_answers_of_its_time_inputs_are_judged_and_nothing_is_promised(
    watched: Watched, champion: Champion
) -> None:
    basis = watched.watch.bench().basis
    none = basis.reference.answers.take(np.arange(0))
    save_reference(
        watched.folders.monitoring,
        replace(basis, reference=replace(basis.reference, answers=none), families=()),
        watched.watch.made_with,
    )
    said = spoken(300, 21)
    watched.correct(watched.answer(champion, said), said.truth)
    _, (drift,), (scores,) = looked(watched)
    assert drift.verdicts == {"data_drift": PASS, "embedding_drift": UNJUDGED, "prediction_drift": UNJUDGED}
    assert scores.verdicts == {PERFORMANCE: UNJUDGED, LOW_CONFIDENCE: UNJUDGED}
    assert scores.told["by_hand"] == {}, "a share without a promised one has no place in a record"
    assert any("0 held-out rows have a label" in one for one in scores.told["words"])


def judged(number: int, **verdicts: Verdict) -> Judged:
    place = Place("2026-11-20T12:00:00.000000+00:00", "a")
    return Judged(Window(number, "b", 1, place, place, 500), verdicts)


@pytest.mark.parametrize(
    ("before", "warnings", "now"),
    [
        ([], 2, WARN),
        ([], 1, ALARM),
        ([WARN], 2, ALARM),
        ([PASS], 2, WARN),
        ([WARN, PASS], 2, WARN),
        ([WARN, UNJUDGED], 2, ALARM),
        ([ALARM], 2, ALARM),
        ([WARN], 3, WARN),
        ([WARN, WARN], 3, ALARM),
        ([WARN, PASS, WARN], 3, WARN),
    ],
)
def test_warnings_in_a_row_of_the_same_kind_are_an_alarm(before: list[Verdict], warnings: int, now: Verdict) -> None:
    windows = [judged(number, data_drift=one, prediction_drift=PASS) for number, one in enumerate(before, start=1)]
    made, said = escalated({"data_drift": WARN, "prediction_drift": WARN}, windows, warnings)
    assert made["data_drift"] is now
    assert made["prediction_drift"] is (ALARM if warnings == 1 else WARN), "another kind begins its own row"
    assert (f"data drift: {warnings} windows in a row warned, which is an alarm" in said) is (now is ALARM)
