"""Windows: which predictions are judged together, when one is closed, what a sample of one is."""

import resource
import time
from datetime import datetime, timedelta

import pytest

from ticket_assets.monitoring.window import Plan, Window, place_of, plan_windows, read_rows
from ticket_assets.monitoring_settings import WindowSettings
from ticket_assets.serving.prediction_log.engine import writing
from ticket_assets.serving.prediction_log.tables import prediction_targets, predictions
from ticket_assets.serving.store import Champion
from ticket_assets_tests.monitoring.watched import NOON, Watched, spoken

SIZE = WindowSettings(predictions=50, min_sample=30, max_days=2, max_rows=100)
DAY = timedelta(days=1)


def plan(watched: Watched, champion: Champion, until: datetime = NOON + DAY, **more: object) -> Plan:
    for day in range((until.date() - NOON.date()).days + 1):
        watched.read(NOON + day * DAY, until)
    return plan_windows(watched.folders.monitoring, champion, SIZE, until, **more)  # type: ignore[arg-type]


def test_windows_follow_one_another_and_the_last_one_waits(watched: Watched) -> None:
    champion = watched.crown()
    ids = watched.answer(champion, spoken(120, 1))
    made = plan(watched, champion)
    assert [one.number for one in made.closed] == [1, 2] and made.waiting == 20
    assert [(one.first.id, one.last.id) for one in made.closed] == [(ids[0], ids[49]), (ids[50], ids[99])]
    rows = [row["id"] for one in made.closed for row in read_rows(watched.folders.monitoring, one, 100, 0)[0]]
    assert rows == ids[:100]


def test_a_window_that_stays_open_too_long_is_closed_as_it_is(watched: Watched) -> None:
    champion = watched.crown()
    watched.answer(champion, spoken(20, 1))
    assert plan(watched, champion, NOON + 2 * DAY - timedelta(seconds=1)) == Plan((), 20)
    made = plan(watched, champion, NOON + 2 * DAY)
    assert [(one.rows, one.number) for one in made.closed] == [(20, 1)] and made.waiting == 0


def test_a_prediction_after_the_days_of_a_window_begins_the_next(watched: Watched) -> None:
    champion = watched.crown()
    watched.answer(champion, spoken(20, 1))
    watched.answer(champion, spoken(10, 2), at=NOON + 2 * DAY)
    made = plan(watched, champion, NOON + 3 * DAY)
    assert [one.rows for one in made.closed] == [20] and made.waiting == 10


def test_a_window_spans_midnight(watched: Watched) -> None:
    champion = watched.crown()
    watched.answer(champion, spoken(50, 1), step=timedelta(minutes=20))
    made = plan(watched, champion)
    assert [(one.rows, one.first.at[:10], one.last.at[:10]) for one in made.closed] == [
        (50, "2026-11-20", "2026-11-21")
    ]
    assert len(read_rows(watched.folders.monitoring, made.closed[0], 100, 0)[0]) == 50


def test_only_answers_of_the_champion_since_it_took_its_seat_count(watched: Watched) -> None:
    """A challenger in the shadow, a rolling deployment's old worker, a file that was scored."""
    former, champion = watched.crown(worse=0.0), watched.crown(version=2)
    watched.answer(former, spoken(60, 1))
    watched.answer(champion, spoken(60, 2), at=watched.seated - timedelta(hours=2))
    watched.answer(champion, spoken(60, 3), transport="score")
    assert plan(watched, champion) == Plan((), 0)
    watched.answer(champion, spoken(50, 4), at=NOON + timedelta(hours=1), transport="grpc")
    assert [one.rows for one in plan(watched, champion).closed] == [50]


def test_the_next_plan_goes_on_after_the_last_judged_window(watched: Watched) -> None:
    """A prediction that was late moves no window that was judged."""
    champion = watched.crown()
    watched.answer(champion, spoken(120, 1))
    first, second = plan(watched, champion).closed
    watched.answer(champion, spoken(5, 9), at=NOON + timedelta(seconds=1))
    again = plan(watched, champion, number=2, after=first.last)
    assert [(one.id, one.first, one.last) for one in again.closed] == [(second.id, second.first, second.last)]


def test_places_sort_as_times_do_whatever_their_fraction() -> None:
    whole = NOON.replace(microsecond=0)
    assert place_of(whole, "b") < place_of(whole + timedelta(microseconds=1), "a")
    assert place_of(whole, "a") < place_of(whole, "b")


def test_of_a_window_that_is_too_large_a_seeded_sample_is_read_and_said(watched: Watched) -> None:
    champion = watched.crown()
    ids = watched.answer(champion, spoken(50, 1))
    (window,) = plan(watched, champion).closed
    folder = watched.folders.monitoring
    rows, note = read_rows(folder, window, 20, seed=7)
    again, other = read_rows(folder, window, 20, seed=7)[0], read_rows(folder, window, 20, seed=8)[0]
    assert rows == again != other and len(rows) == 20
    assert [row["id"] for row in rows] == sorted(row["id"] for row in rows) and {row["id"] for row in rows} <= {*ids}
    assert note == "20 of 50 predictions were drawn with seed 7"


def test_sixty_thousand_predictions_are_read_in_little_memory(watched: Watched) -> None:
    """Straight into SQLite; the table of the day and the sample hold a page at a time."""
    champion, count = watched.crown(), 60_000
    with watched.engine() as engine, writing(engine) as connection:
        step = timedelta(milliseconds=200)
        rows = [
            (f"p-{row:09d}", (NOON + row * step).strftime("%Y-%m-%d %H:%M:%S.%f"), row, "http", champion.bundle)
            for row in range(count)
        ]
        connection.exec_driver_sql(
            f"INSERT INTO {predictions.name} (id, at, moment, transport, bundle, subject, body, context) "
            "VALUES (?, ?, ?, ?, ?, '', 'HELP me now', '{}')",
            rows,
        )
        connection.exec_driver_sql(
            f"INSERT INTO {prediction_targets.name} "
            "(prediction_id, target, label, probability, band, served_band, probabilities) "
            "SELECT id, 'tone', 'loud', 0.9, 'act', 'act', '{\"loud\": 0.9, \"quiet\": 0.1}' FROM predictions"
        )
        del rows
    before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    watched.read(NOON, NOON + DAY)
    folder, size = watched.folders.monitoring, WindowSettings(predictions=count, max_rows=5000)
    (window,) = plan_windows(folder, champion, size, NOON + DAY).closed
    sample, note = read_rows(folder, window, 5000, seed=3)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert window.rows == count and len(sample) == 5000
    assert note == "5,000 of 60,000 predictions were drawn with seed 3"
    assert grown < 120, f"{grown:.0f} MiB more, in {time.perf_counter() - begun:.0f} s"


def test_a_window_comes_back_from_json() -> None:
    window = Window(3, "b", 1, place_of(NOON, "a"), place_of(NOON, "b"), 2)
    from dataclasses import asdict

    assert Window.from_dict(asdict(window)) == window and window.id == "b-0003"
    with pytest.raises(KeyError):
        Window.from_dict({})
