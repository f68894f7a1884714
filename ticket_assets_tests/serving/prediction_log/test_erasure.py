"""A person's wish: what was logged of tickets goes from database, journals and rejected records; nothing is left."""

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from ticket_assets.serving.prediction_log.erasure import ErasedLog, erase, traces
from ticket_assets.serving.prediction_log.log import PredictionLog
from ticket_assets.serving.prediction_log.schema import store_of
from ticket_assets.serving.prediction_log.settings import PredictionLogSettings
from ticket_assets.serving.prediction_log.spool import Spool
from ticket_assets.serving.prediction_log.tables import corrections, feedback, prediction_targets, predictions, rejected
from ticket_assets_tests.serving.prediction_log.desk import PATIENCE, count, ids, logged, rows, settings

START = datetime(2026, 3, 1, tzinfo=UTC)


def test_erasing_a_ticket_takes_it_from_database_journals_and_rejected_records(
    wanted: PredictionLogSettings, engine: Engine
) -> None:
    first = PredictionLog.open(wanted)
    gone, stays = logged(first, ticket_id="T-gone", body="the very secret"), logged(first)
    for one in (gone, stays):
        first.give_feedback(one, {"queue": "network"}, comment=f"about {one}")
    assert first.flush(PATIENCE)
    slow = PredictionLog.open(wanted.model_copy(update={"flush_seconds": 60}))
    waiting = logged(slow, ticket_id="T-gone", body="the very secret")
    slow.give_feedback(waiting, {"queue": "network"})
    after = logged(slow)
    with engine.begin() as connection:
        fields = {"id": "p-r", "at": START, "kind": "prediction", "reason": "r"}
        line = '0 1 {"ticket_id":"T-gone","kind":"prediction","id":"p-r","body":"the very secret"}'
        connection.execute(rejected.insert().values(line=line, **fields))
    found = traces(engine, wanted.spool, ["T-gone"])
    assert [one for one in found if not one.startswith("file ")] == [
        "table predictions: 1 rows",
        "table feedback: 1 rows",
        "table corrections: 1 rows",
        "table rejected: 1 rows",
        f"journal {next(wanted.spool.glob('*.journal')).name}: 2 lines",
    ]

    assert erase(engine, wanted.spool, ["T-gone"]) == ErasedLog(predictions=1, rejected=1, lines=2)

    assert traces(engine, wanted.spool, ["T-gone"], [gone, waiting]) == []
    assert slow.close(PATIENCE)
    assert first.close(PATIENCE)
    assert ids(engine) == [stays, after]
    assert slow.state().rejected == 0
    assert count(engine, feedback) == 1
    assert erase(engine, wanted.spool, ["T-gone"]) == ErasedLog()
    for path in wanted.folder.rglob("*"):
        assert path.is_dir() or b"the very secret" not in path.read_bytes(), path


def test_a_line_that_is_written_to_the_store_while_traces_are_looked_for_is_found(
    wanted: PredictionLogSettings, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables were looked at first, journals then: what moved from the one to the other in between was in neither."""
    slow = PredictionLog.open(wanted.model_copy(update={"flush_seconds": 60}))
    logged(slow, ticket_id="T-gone")
    looked: list[str] = []

    def behind_the_back(name: str) -> None:
        if not looked:
            looked.append(name)
            assert slow.flush(PATIENCE)

    def segments(spool: Spool, look: Callable[[Spool], object] = Spool.segments) -> object:
        found = look(spool)
        behind_the_back("journals")
        return found

    monkeypatch.setattr(Spool, "segments", segments)
    event.listen(engine, "after_cursor_execute", lambda *_: behind_the_back("tables"))
    found = traces(engine, wanted.spool, ["T-gone"])
    monkeypatch.undo()
    assert "table predictions: 1 rows" in found
    assert slow.close(PATIENCE)


def test_a_single_prediction_can_be_erased(log: PredictionLog, engine: Engine, wanted: PredictionLogSettings) -> None:
    one, other = logged(log), logged(log)
    assert log.flush(PATIENCE)
    assert erase(engine, wanted.spool, prediction_ids=[one]).predictions == 1
    assert ids(engine) == [other]
    assert log.find(one) is None


def test_a_damaged_line_that_names_an_erased_ticket_goes_as_well(tmp_path: Path) -> None:
    wanted = settings(tmp_path / "log")
    slow = PredictionLog.open(wanted.model_copy(update={"flush_seconds": 60}))
    logged(slow, ticket_id="T-gone", body="the very secret")
    (segment,) = wanted.spool.glob("*.journal")
    segment.write_bytes(segment.read_bytes().replace(b"http", b"grpc"))
    with store_of(wanted) as engine:
        assert traces(engine, wanted.spool, ["T-gone"]) == [f"journal {segment.name}: 1 lines"]
        assert erase(engine, wanted.spool, ["T-gone"]).lines == 1
        assert b"secret" not in segment.read_bytes()
        assert slow.close(PATIENCE)
        assert count(engine, predictions) == 0


def test_a_rejected_line_that_cannot_be_read_is_erased_where_it_names_the_ticket(
    engine: Engine, wanted: PredictionLogSettings
) -> None:
    fields = {"at": START, "kind": "line", "reason": "r"}
    with engine.begin() as connection:
        lines = [{"id": "1", "line": 'damaged "T-gone"'}, {"id": "2", "line": 'damaged "T-gone-not"'}]
        connection.execute(rejected.insert(), [one | fields for one in lines])
    assert erase(engine, wanted.spool, ["T-gone"]).rejected == 1
    assert [row["id"] for row in rows(engine, rejected)] == ["2"]


@pytest.mark.parametrize("overwritten", [False, True])
def test_what_free_pages_and_the_write_ahead_log_still_hold_is_a_trace(tmp_path: Path, overwritten: bool) -> None:
    """Rows that another program deleted; where the file itself was overwritten, the write-ahead log has them."""
    wanted = settings(tmp_path / "log")
    log = PredictionLog.open(wanted)
    gone = logged(log, ticket_id="T-gone")
    stays = logged(log, body=f"2026-01-01 00:00:00 like T-gonehttp, says {gone}", ticket_id="a T-gone")
    log.give_feedback(gone, {"queue": "network"})
    assert log.flush(PATIENCE)
    with store_of(wanted) as engine:
        raw = sqlite3.connect(tmp_path / "log" / "prediction_log.db", isolation_level=None)
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        raw.execute(f"PRAGMA secure_delete = {'ON' if overwritten else 'OFF'}")
        if overwritten:
            raw.execute("UPDATE predictions SET body = body || '.' WHERE ticket_id = 'T-gone'")  # a frame with the row
        for table in (prediction_targets, feedback, corrections):
            raw.execute(f"DELETE FROM {table.name} WHERE prediction_id = ?", [gone])
        raw.execute("DELETE FROM predictions WHERE id = ?", [gone])
        if not overwritten:
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        name = "prediction_log.db-wal" if overwritten else "prediction_log.db"
        for asked in ((["T-gone"], []), ([], [gone])):
            assert f"file {name}: bytes of a record" in traces(engine, wanted.spool, *asked)
        raw.close()
        erase(engine, wanted.spool, ["T-gone"], [gone])
        assert traces(engine, wanted.spool, ["T-gone"], [gone]) == []
        assert ids(engine) == [stays]
    assert log.close(PATIENCE)


def test_what_a_dead_worker_was_about_to_write_is_erased_as_well(tmp_path: Path) -> None:
    wanted = settings(tmp_path / "log")
    slow = PredictionLog.open(wanted.model_copy(update={"flush_seconds": 60}))
    logged(slow, ticket_id="T-gone", body="the very secret")
    (segment,) = wanted.spool.glob("*.journal")
    spool = Spool(wanted.spool)
    torn = spool.segment("1-dead", 0)
    torn.write_bytes(segment.read_bytes()[:-20])
    (wanted.spool / "1-dead.lock").touch()
    with store_of(wanted) as engine:
        assert f"journal {torn.name}: 1 lines" in traces(engine, wanted.spool, ["T-gone"])
        assert erase(engine, wanted.spool, ["T-gone"]).lines == 2
        assert b"secret" not in torn.read_bytes()
        assert traces(engine, wanted.spool, ["T-gone"]) == []
    assert slow.close(PATIENCE)
