"""A champion whose bundle an erasure renamed is the same one: its windows, its answers, what it was trained on."""

import shutil
from dataclasses import replace
from datetime import timedelta

from ticket_assets.monitoring import judged as files
from ticket_assets.monitoring.history import append_windows
from ticket_assets.monitoring.judged import window_folder
from ticket_assets.serving.store import Champion
from ticket_assets_tests.monitoring.test_judging import champion, looked
from ticket_assets_tests.monitoring.watched import NOON, Watched, spoken

__all__ = ["champion"]  # a fixture, found by name


def test_windows_of_a_champion_that_an_erasure_renamed_count_on_and_follow_one_another(
    watched: Watched, champion: Champion
) -> None:
    """They began at 1 again within a reign, without the answers that waited, the warnings and the labels of before."""
    watched.answer(champion, spoken(450, 21))
    assert [one.window.id for one in looked(watched)[1]] == [f"{champion.bundle}-0001"]
    again = watched.renamed(champion)
    assert again.bundle != champion.bundle
    waited = watched.answer(again, spoken(100, 22), at=NOON + timedelta(hours=2))
    again = watched.renamed(again, "a second one")
    last = watched.answer(again, spoken(370, 23), at=NOON + timedelta(hours=3))
    bench, drift, scores = looked(watched)
    assert [(one.window.id, one.window.rows) for one in drift] == [
        (f"{again.bundle}-0002", 300),
        (f"{again.bundle}-0003", 300),
    ]
    assert drift[1].window.first.id == last[50] and len(bench.read(drift[0].window)[2]) == 300
    assert waited[0] in {row["id"] for row in bench.read(drift[0].window)[2]}
    assert [one.window.number for one in bench.before(files.SUMMARY, drift[1].window)] == [1, 2]
    judged = watched.watch.judged()
    assert [one.window.number for one in judged] == [1, 2, 3] and len(scores) == 2
    recorded = append_windows(bench.folder, again.bundle, again.since, 0, watched.watch.former)
    assert [one.number for one in recorded] == [1, 2, 3]


def test_windows_that_an_earlier_version_numbered_anew_after_an_erasure_keep_their_order(
    watched: Watched, champion: Champion
) -> None:
    watched.answer(champion, spoken(600, 21))
    assert [one.window.number for one in looked(watched)[1]] == [1, 2]
    again = watched.renamed(champion)
    watched.answer(again, spoken(300, 22), at=NOON + timedelta(hours=3))
    bench, (third,), _ = looked(watched)
    anew = replace(third, window=replace(third.window, number=1))
    shutil.rmtree(window_folder(bench.folder, third.window.id))
    files.write_judged(bench.folder, files.SUMMARY, anew)
    watched.answer(again, spoken(300, 23), at=NOON + timedelta(hours=5))
    bench, (fourth,), _ = looked(watched)
    assert fourth.window.number == 3, "the next that no window of this champion has"
    assert [one.window.number for one in bench.before(files.SUMMARY, fourth.window)] == [1, 2, 1]


def test_of_an_answer_before_an_erasure_it_is_known_still_whether_it_was_trained_on_its_ticket(
    watched: Watched, champion: Champion
) -> None:
    """Under its former name the bundle is gone, and each label of a training ticket counted."""
    watched.renamed(champion)
    known = watched.watch.labels().known
    assert known(champion.bundle, "T-1") and not known(champion.bundle, "T-0")
