"""Shadow answers: kept beside the answer that was given, seen by nobody who counts answers, gone with theirs."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, inspect

from ticket_assets.serving.prediction_log.clock import Clock
from ticket_assets.serving.prediction_log.corrections import corrections_in
from ticket_assets.serving.prediction_log.engine import writing
from ticket_assets.serving.prediction_log.erasure import erase, traces
from ticket_assets.serving.prediction_log.log import PredictionLog
from ticket_assets.serving.prediction_log.queries import between
from ticket_assets.serving.prediction_log.retention import forget
from ticket_assets.serving.prediction_log.schema import migrate
from ticket_assets.serving.prediction_log.settings import PredictionLogSettings
from ticket_assets.serving.prediction_log.shadows import ArmAnswer, Pair, arms_in, pairs_in
from ticket_assets.serving.prediction_log.tables import prediction_targets, predictions, shadow_answers
from ticket_assets_tests.serving.prediction_log.desk import PATIENCE, count, ids, logged, rows

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
CHAMPION, RIVAL = "b-1", "b-2"
SAID: dict[str, tuple[str, float | None]] = {"queue": ("network", 0.8), "type": ("request", 0.7)}


def shadowed(log: PredictionLog, **changes: str) -> str:
    """The id of an answer of b-1, which says billing and request, in whose shadow b-2 answered."""
    told = logged(log, **changes)
    assert log.append_shadow(told, RIVAL, "4", SAID)
    return told


def test_a_shadow_answer_is_paired_with_what_was_answered_and_with_what_people_corrected(
    log: PredictionLog, engine: Engine
) -> None:
    first, _ = shadowed(log, ticket_id="T-1"), shadowed(log, ticket_id="T-2")
    log.give_feedback(first, {"queue": "hardware"})
    log.give_feedback(first, {"queue": "network"})
    assert log.flush(PATIENCE)
    assert {*pairs_in(engine, [CHAMPION], [RIVAL], LONG_AGO)} == {
        Pair("queue", "T-1", "billing", "network", "network"),
        Pair("type", "T-1", "request", "request", None),
        Pair("queue", "T-2", "billing", "network", None),
        Pair("type", "T-2", "request", "request", None),
    }
    assert pairs_in(engine, [CHAMPION], ["b-3"], LONG_AGO) == pairs_in(engine, ["b-0"], [RIVAL], LONG_AGO) == []
    assert pairs_in(engine, [CHAMPION], [RIVAL], datetime.now(UTC) + timedelta(hours=1)) == []


def test_a_ticket_that_was_asked_twice_is_one_pair_as_it_was_answered_last(log: PredictionLog, engine: Engine) -> None:
    """Else a ticket that a desk asks about at each edit would count as many as it was touched."""
    shadowed(log, ticket_id="T-1")
    later = logged(log, ticket_id="T-1")
    log.append_shadow(later, RIVAL, "4", {"queue": ("hardware", 0.5)})
    assert log.flush(PATIENCE)
    found = [one for one in pairs_in(engine, [CHAMPION], [RIVAL], LONG_AGO) if one.target == "queue"]
    assert found == [Pair("queue", "T-1", "billing", "hardware", None)]


def test_who_counts_answers_sees_no_shadow(log: PredictionLog, engine: Engine) -> None:
    told = shadowed(log)
    log.give_feedback(told, {"queue": "network"})
    assert log.flush(PATIENCE)
    now = datetime.now(UTC) + timedelta(minutes=1)
    assert [one.prediction.answer.bundle for one in between(engine, LONG_AGO, now)] == [CHAMPION]
    assert [one.bundle for one in corrections_in(engine)] == [CHAMPION]
    assert sum(one.acted for one in log.acted(LONG_AGO).labels) == 0
    assert (count(engine, predictions), count(engine, prediction_targets)) == (1, 2)
    found = log.find(told)
    assert found is not None
    assert found.answer.bundle == CHAMPION


def test_a_second_writing_adds_nothing_and_a_shadow_of_nothing_is_left_out(
    log: PredictionLog, engine: Engine, wanted: PredictionLogSettings
) -> None:
    told = shadowed(log)
    log.append_shadow(told, RIVAL, "4", SAID)
    erased = logged(log)
    assert log.flush(PATIENCE)
    erase(engine, wanted.spool, prediction_ids=[erased])
    log.append_shadow(erased, RIVAL, "4", SAID)
    assert log.flush(PATIENCE)
    assert [row["prediction_id"] for row in rows(engine, shadow_answers)] == [told, told]
    state = log.state()
    assert (state.rejected, state.status) == (0, "up")
    assert state.duplicates_skipped == 2


def test_an_erasure_takes_the_shadow_with_its_answer_from_database_and_journals(
    wanted: PredictionLogSettings, engine: Engine
) -> None:
    first = PredictionLog.open(wanted)
    gone, stays = shadowed(first, ticket_id="T-gone"), shadowed(first, ticket_id="T-stays")
    assert first.flush(PATIENCE)
    slow = PredictionLog.open(wanted.model_copy(update={"flush_seconds": 60}))
    waiting = shadowed(slow, ticket_id="T-gone")
    found = traces(engine, wanted.spool, ["T-gone"])
    assert "table shadow_answers: 2 rows" in found
    assert f"journal {next(wanted.spool.glob('*.journal')).name}: 2 lines" in found
    assert erase(engine, wanted.spool, ["T-gone"]).lines == 2
    assert traces(engine, wanted.spool, ["T-gone"], [gone, waiting]) == []
    assert slow.close(PATIENCE)
    assert first.close(PATIENCE)
    assert {row["prediction_id"] for row in rows(engine, shadow_answers)} == {stays}


def test_a_shadow_goes_by_age_with_its_answer(wanted: PredictionLogSettings, engine: Engine) -> None:
    then = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1e9)
    old = PredictionLog.open(wanted, Clock(wall=lambda: then))
    shadowed(old)
    assert old.close(PATIENCE)
    log = PredictionLog.open(wanted)
    stays = shadowed(log)
    assert log.close(PATIENCE)
    assert sum(forget(engine, datetime(2026, 2, 1, tzinfo=UTC))) == 1
    assert {row["prediction_id"] for row in rows(engine, shadow_answers)} == {stays}


def test_a_store_that_is_down_is_no_place_for_shadows(wanted: PredictionLogSettings, engine: Engine) -> None:
    """A spool that is full of shadows would leave clients without prediction ids."""
    with writing(engine) as connection:
        for table in reversed(shadow_answers.metadata.sorted_tables):
            table.drop(connection)
    log = PredictionLog.open(wanted)
    told = logged(log)
    assert not log.flush(1)
    assert log.state().status == "down"
    waiting = log.state().backlog_records
    assert not log.append_shadow(told, RIVAL, "4", SAID)
    assert log.state().backlog_records == waiting
    log.close(0)


def test_arms_are_read_of_tickets_that_were_shared_out_alone(log: PredictionLog, engine: Engine) -> None:
    first = logged(log, ticket_id="T-1", arm="champion")
    other = logged(log, ticket_id="T-2", arm="challenger", bundle=RIVAL)
    logged(log, ticket_id="T-3")
    logged(log, ticket_id="T-4", arm="champion", bundle="b-0")
    log.give_feedback(first, {"queue": "billing"})
    log.give_feedback(other, {"queue": "network"})
    assert log.flush(PATIENCE)
    assert {one for one in arms_in(engine, [CHAMPION], [RIVAL], LONG_AGO) if one.target == "queue"} == {
        ArmAnswer("champion", "queue", "T-1", "billing", "billing"),
        ArmAnswer("challenger", "queue", "T-2", "billing", "network"),
    }
    found = log.find(other)
    assert found is not None
    assert found.answer.arm == "challenger"


def test_rows_of_before_survive_the_step_to_shadow_answers_and_back(
    wanted: PredictionLogSettings, engine: Engine
) -> None:
    log = PredictionLog.open(wanted)
    told = [shadowed(log, arm="champion"), logged(log, arm="challenger")]
    log.give_feedback(told[0], {"queue": "network"})
    assert log.close(PATIENCE)
    migrate(engine, "0002")
    assert "shadow_answers" not in inspect(engine).get_table_names()
    before = rows(engine, prediction_targets)
    migrate(engine)
    assert ids(engine) == told
    assert rows(engine, prediction_targets) == before
    assert {row["arm"] for row in rows(engine, predictions)} == {None}  # the step down took it
    assert count(engine, shadow_answers) == 0
