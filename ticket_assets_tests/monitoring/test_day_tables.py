"""The tables of days: live answers, labels that come later, what makes a day due again."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from ticket_assets.monitoring.day_tables import (
    SETTLED,
    Labels,
    batches,
    day_file,
    due_days,
    forget_days,
    read_state,
    read_until,
    write_day,
    written_days,
)
from ticket_assets_tests.monitoring.watched import NOON, TARGET, Watched, spoken
from ticket_assets_tests.postgres import postgres, server  # noqa: F401  # fixtures

DAY = timedelta(days=1)
EVENING = NOON + timedelta(hours=8)


def table(watched: Watched, day: datetime = NOON) -> pd.DataFrame:
    return pd.read_parquet(day_file(watched.folders.monitoring, day.date()))


def test_a_day_holds_live_answers_with_what_was_told_and_no_scored_files(watched: Watched) -> None:
    champion = watched.crown()
    ids = watched.answer(champion, spoken(5, 1), ticket_ids=["T-1", None, None, None, None])
    watched.answer(champion, spoken(5, 2), transport="score")
    watched.answer(champion, spoken(5, 3), at=NOON + DAY)
    watched.read(NOON, EVENING)
    rows = table(watched)
    assert list(rows["id"]) == ids
    assert set(rows["bundle"]) == {champion.bundle} and rows["ticket_id"].tolist()[0] == "T-1"
    first = dict(rows[f"probabilities_{TARGET}"][0])
    assert first[rows[f"predicted_{TARGET}"][0]] == pytest.approx(rows[f"confidence_{TARGET}"][0], abs=1e-6)
    assert rows[f"truth_{TARGET}"].isna().all()


def test_a_correction_counts_more_than_the_ticket_database_and_both_are_named(watched: Watched) -> None:
    champion = watched.crown()
    ids = watched.answer(champion, spoken(4, 1), ticket_ids=["T-1", "T-2", None, "T-9"])
    watched.correct(ids[:1], ["loud"])
    watched.correct(ids[:1], ["quiet"], at=NOON + timedelta(hours=1))
    watched.read(NOON, EVENING, {"T-1": "loud", "T-2": "loud"})
    rows = table(watched)
    assert rows[f"truth_{TARGET}"].fillna("").tolist() == ["quiet", "loud", "", ""]
    assert rows[f"truth_source_{TARGET}"].fillna("").tolist() == ["feedback", "tickets", "", ""]
    state = read_state(day_file(watched.folders.monitoring, NOON.date()))
    assert state and state.labelled == {TARGET: {"feedback": 1, "tickets": 1, "trained_on": 0}}


def test_a_label_of_the_ticket_database_is_left_out_where_the_answering_bundle_was_trained_on_the_ticket(
    watched: Watched,
) -> None:
    """Who saw the answer has no merit in giving it; what people say of the answer itself counts."""
    champion = watched.crown()
    ids = watched.answer(champion, spoken(4, 1), ticket_ids=["T-1", "T-1", "T-4", "T-9"])
    watched.correct(ids[1:2], ["quiet"])
    told = Labels(
        {TARGET: {"T-1": "loud", "T-4": "loud"}}, lambda bundle, one: (bundle, one) == (champion.bundle, "T-1")
    )
    with watched.engine() as engine:
        write_day(engine, watched.folders.monitoring, NOON.date(), EVENING, (TARGET,), told)
    rows = table(watched)
    assert rows[f"truth_{TARGET}"].fillna("").tolist() == ["", "quiet", "loud", ""]
    assert rows[f"truth_source_{TARGET}"].fillna("").tolist() == ["trained_on", "feedback", "tickets", ""]
    state = read_state(day_file(watched.folders.monitoring, NOON.date()))
    assert state and state.labelled == {TARGET: {"feedback": 1, "tickets": 1, "trained_on": 1}}


def test_what_a_bundle_was_trained_on_is_asked_of_its_own_data(watched: Watched) -> None:
    """Of another bundle's data the same ticket may have been held out; a bundle that is gone leaves nothing out."""
    watched.tables()
    labels, champion = watched.watch.labels(), watched.crown()
    assert [labels.known(champion.bundle, one) for one in ("T-0", "T-1", "T-4", "T-5")] == [False, True, False, True]
    assert not labels.known("0" * 16, "T-1")


def test_a_label_that_comes_a_week_later_makes_its_day_due_and_reaches_it(watched: Watched) -> None:
    champion, later = watched.crown(), NOON + 7 * DAY
    ids = watched.answer(champion, spoken(4, 1))
    folder = watched.folders.monitoring
    for day in range(8):
        watched.read(NOON + day * DAY, later)
    with watched.engine() as engine:
        assert due_days(engine, folder, NOON, later, Labels) == []
        watched.correct(ids[2:3], ["loud"], at=later)
        assert due_days(engine, folder, NOON, later, Labels) == [NOON.date()]
    watched.read(NOON, later)
    assert table(watched)[f"truth_{TARGET}"].fillna("").tolist() == ["", "", "loud", ""]


def test_a_label_of_the_ticket_database_makes_the_days_due_that_answered_its_ticket_and_no_others(
    watched: Watched,
) -> None:
    """Each correction makes the table of tickets anew, and all days since the champion took its seat were due."""
    champion, later, folder = watched.crown(), EVENING + 20 * DAY, watched.folders.monitoring
    for day in range(21):
        named = [f"T-{day}", "T-often" if day % 10 == 0 else None]
        watched.answer(champion, spoken(2, day), at=NOON + day * DAY, ticket_ids=named)
        watched.read(NOON + day * DAY, later, {"T-3": "loud"})

    def due(labels: dict[str, str]) -> list[int]:
        with watched.engine() as engine:
            found = due_days(engine, folder, NOON, later, lambda: Labels({TARGET: labels}))
        return [(one - NOON.date()).days for one in found]

    assert due({"T-3": "loud"}) == due({"T-3": "loud", "of another system": "loud"}) == []
    assert due({"T-3": "quiet"}) == due({}) == [3]
    assert due({"T-3": "loud", "T-7": "loud", "T-often": "quiet"}) == [0, 7, 10, 20]
    watched.read(NOON + 7 * DAY, later, {"T-3": "loud", "T-7": "loud"})
    assert due({"T-3": "loud", "T-7": "loud"}) == []
    assert table(watched, NOON + 7 * DAY)[f"truth_{TARGET}"].fillna("").tolist() == ["loud", ""]


def test_days_without_a_named_ticket_ask_for_no_label(watched: Watched) -> None:
    champion = watched.crown()
    watched.answer(champion, spoken(4, 1))
    watched.read(NOON, EVENING)

    def never() -> Labels:
        raise AssertionError("the ticket database was read for nothing")

    with watched.engine() as engine:
        assert due_days(engine, watched.folders.monitoring, NOON, EVENING, never) == []


def test_reading_a_day_again_writes_the_same_or_nothing(watched: Watched) -> None:
    champion = watched.crown()
    watched.answer(champion, spoken(30, 1))
    watched.read(NOON, EVENING)
    path = day_file(watched.folders.monitoring, NOON.date())
    first, at = path.read_bytes(), path.stat().st_mtime_ns
    watched.read(NOON, EVENING)
    assert path.stat().st_mtime_ns == at, "nothing is new, and it was written all the same"
    path.unlink()
    watched.read(NOON, EVENING)
    assert path.read_bytes() == first


def test_today_grows_and_what_may_still_wait_in_a_journal_is_left_for_later(watched: Watched) -> None:
    champion, folder = watched.crown(), watched.folders.monitoring
    watched.answer(champion, spoken(10, 1), step=timedelta(seconds=4))
    watched.read(NOON, NOON + SETTLED + timedelta(seconds=20))
    assert len(table(watched)) == 5 and read_until(folder) == NOON + timedelta(seconds=20)
    watched.read(NOON, EVENING)
    assert len(table(watched)) == 10


def test_rows_of_several_days_come_in_their_order(watched: Watched) -> None:
    champion = watched.crown()
    ids = [one for day in range(3) for one in watched.answer(champion, spoken(3, day), at=NOON + day * DAY)]
    for day in (2, 0, 1):
        watched.read(NOON + day * DAY, NOON + 3 * DAY)
    found = [one for batch in batches(watched.folders.monitoring, NOON, ["id"]) for one in batch["id"].to_pylist()]
    assert found == ids
    assert len([*batches(watched.folders.monitoring, NOON + DAY)]) == 2


def test_days_that_the_log_keeps_no_longer_go(watched: Watched) -> None:
    watched.crown()
    for day in range(3):
        watched.read(NOON + day * DAY, NOON + 3 * DAY)
    assert forget_days(watched.folders.monitoring, NOON + 2 * DAY) == 2
    assert written_days(watched.folders.monitoring) == [(NOON + 2 * DAY).date()]


def test_other_programs_read_a_day(watched: Watched) -> None:
    champion = watched.crown()
    watched.answer(champion, spoken(20, 1))
    watched.read(NOON, EVENING)
    path = day_file(watched.folders.monitoring, NOON.date())
    asked = f"SELECT count(*), sum(probabilities_tone['loud'] + probabilities_tone['quiet']) FROM '{path}'"
    ((rows, mass),) = duckdb.sql(asked).fetchall()
    assert rows == 20 and mass == pytest.approx(20, abs=1e-3)


def test_a_log_on_postgres_gives_the_same_days(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    from ticket_assets.serving.prediction_log.settings import PredictionLogSettings

    url = str(request.getfixturevalue("postgres"))
    watched = Watched.begin(tmp_path, log=PredictionLogSettings(folder=tmp_path / "log", url=url))
    champion = watched.crown()
    ids = watched.answer(champion, spoken(6, 1))
    watched.correct(ids[:2], ["loud", "quiet"])
    watched.read(NOON, EVENING)
    rows = table(watched)
    assert list(rows["id"]) == ids
    assert rows[f"truth_{TARGET}"].fillna("").tolist() == ["loud", "quiet", "", "", "", ""]
    assert rows["at"].iloc[0] == pd.Timestamp(NOON)
    assert NOON.tzinfo is UTC
