"""Journals and their lines: what a kill, a broken disk or an erasure leaves of them can still be read."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from ticket_assets.serving.prediction_log.clock import Clock, Moments, made_id
from ticket_assets.serving.prediction_log.journal import Journal
from ticket_assets.serving.prediction_log.lines import as_line, blank, lines
from ticket_assets.serving.prediction_log.log import PredictionLog
from ticket_assets.serving.prediction_log.queries import history
from ticket_assets.serving.prediction_log.records import EventRecord, FeedbackRecord, PredictionRecord, record_of
from ticket_assets.serving.prediction_log.settings import PredictionLogSettings
from ticket_assets.serving.prediction_log.spool import Spool
from ticket_assets_tests.serving.prediction_log.desk import PATIENCE, answer, ids, logged

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
RECORDS: list[PredictionRecord | FeedbackRecord | EventRecord] = [
    PredictionRecord("p-1", AT, 1, answer()),
    FeedbackRecord("f-1", "p-1", AT, 2, {"queue": "network"}, comment="line\nbreak"),
    EventRecord("e-1", AT, 3, "act", {"on": True, "list": ["a", 1.5, None]}),
]


def whole(blob: bytes) -> list[object]:
    return [record_of(line.payload) for line in lines(blob) if line.payload]


def test_records_come_back_from_their_lines_as_they_were() -> None:
    assert whole(b"".join(map(as_line, RECORDS))) == RECORDS


def test_a_line_of_the_version_before_is_still_read() -> None:
    """It may wait in a spool while the service is upgraded."""
    fields = {name: value for name, value in RECORDS[0].payload().items() if name != "claimed_language"}
    assert record_of(fields) == RECORDS[0]


@given(st.text(), st.text())
def test_any_text_comes_back_but_for_what_no_database_takes(body: str, comment: str) -> None:
    blob = as_line(PredictionRecord("p-1", AT, 1, answer(body=body)))
    (record,) = whole(blob)
    assert isinstance(record, PredictionRecord)
    assert blob.count(b"\n") == 1
    assert record.answer.body == body.replace("\x00", "\ufffd")


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_torn_last_line_is_left_out(cut: int) -> None:
    blob = b"".join(map(as_line, RECORDS))
    assert whole(blob[:-cut]) == RECORDS[:-1]


def test_a_damaged_line_is_told_from_the_whole_ones_around_it() -> None:
    one, two, three = map(as_line, RECORDS)
    read = list(lines(one + two.replace(b"network", b"netw0rk") + b"\n" + three))
    assert [line.fault for line in read] == [None, "its checksum is wrong", "it is no line of a journal", None]
    assert [line.start for line in read] == [0, len(one), len(one + two), len(one + two) + 1]


def test_a_blanked_line_is_as_long_as_before_and_holds_nothing() -> None:
    (line,) = lines(as_line(RECORDS[0]))
    (after,) = lines(blank(line))
    assert (len(after.raw), after.payload, after.fault) == (len(line.raw), None, None)
    assert b"Invoice" not in after.raw
    (damaged,) = lines(as_line(RECORDS[0]).replace(b"May", b"June"))
    assert len(blank(damaged)) == len(damaged.raw)
    assert blank(damaged).strip() == b""


def test_the_next_segment_is_begun_at_its_size_and_a_drained_one_goes(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    journal = Journal(spool, "1-me", "process", 1 << 20, segment_bytes=100)
    for _ in range(3):
        journal.append(as_line(RECORDS[0]), 1)
    assert len(spool.segments()) == 3
    head = journal.head(10)
    assert head is not None
    journal.advance(head[0], head[0].size, 1)
    assert len(spool.segments()) == 2
    assert journal.pending == 2
    assert journal.bytes == spool.bytes()
    journal.close()
    assert [*spool.dead()] == ["1-me"]


def test_the_dead_are_told_from_the_living(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    journal = Journal(spool, "1-me", "process", 1 << 20, 1 << 10)
    journal.append(as_line(RECORDS[0]), 1)
    assert [*spool.dead()] == []
    journal.close()
    dead = spool.dead()
    assert next(dead) == "1-me"
    assert [*spool.dead()] == []  # it is in another's hands
    assert [*dead] == []
    spool.release("1-me")
    assert [*spool.dead()] == []


def test_a_segment_whose_failed_write_cannot_be_taken_back_is_left_and_the_next_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    spool = Spool(tmp_path)
    journal = Journal(spool, "1-me", "process", 1 << 20, 1 << 20)
    journal.append(as_line(RECORDS[0]), 1)
    write = os.write

    def torn(descriptor: int, blob: bytes) -> int:
        return write(descriptor, blob[:10])

    def refused(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("os.write", torn)
        patch.setattr("os.ftruncate", refused)
        for _ in range(2):
            with pytest.raises(OSError, match="No space"):
                journal.append(as_line(RECORDS[1]), 1)
    journal.append(as_line(RECORDS[2]), 1)
    journal.close()
    assert [record for path in spool.segments() for record in whole(path.read_bytes())] == [RECORDS[0], RECORDS[2]]


@pytest.mark.parametrize("durability", ["disk", "none"])
def test_other_durabilities_write_the_same(wanted: PredictionLogSettings, engine: Engine, durability: str) -> None:
    log = PredictionLog.open(wanted.model_copy(update={"durability": durability}))
    told = [logged(log) for _ in range(20)]
    assert log.close(PATIENCE)
    assert ids(engine) == told


def test_a_journal_that_is_written_twice_adds_nothing(wanted: PredictionLogSettings, engine: Engine) -> None:
    """As after a kill between the database's commit and the removal of the segment."""
    log = PredictionLog.open(wanted.model_copy(update={"flush_seconds": 60}))
    one = logged(log)
    for label in ("network", "billing", "billing", "network"):
        log.give_feedback(one, {"queue": label})
    log.record_switch(False, "ada", "too many mistakes")
    (segment,) = wanted.spool.glob("*.journal")
    copy = segment.read_bytes()
    assert log.close(PATIENCE)
    (wanted.spool / "1-dead.00000000.journal").write_bytes(copy)
    (wanted.spool / "1-dead.lock").touch()
    again = PredictionLog.open(wanted)
    assert again.close(PATIENCE)
    assert ids(engine) == [one]
    assert history(engine, one) == [("queue", label) for label in ("network", "billing", "network")]
    state = again.state()
    assert (state.adopted, state.written, state.duplicates_skipped) == (6, 0, 6)


def test_moments_grow_though_every_clock_goes_back_and_ids_sort_by_them() -> None:
    told = iter([10**18, 10**18 - 5, 3, 10**18 + 10**6])
    moments = Moments(Clock(wall=lambda: 0, steady=lambda: next(told)), zero=0)
    given_ = [moments.next() for _ in range(4)]
    assert given_ == [10**18, 10**18 + 1, 10**18 + 2, 10**18 + 10**6]
    made = [made_id("p-", moment) for moment in (given_[0], given_[0] + 1000, given_[3])]
    assert made == sorted(made)


def test_processes_of_one_spool_share_the_zero_of_their_moments(tmp_path: Path) -> None:
    first = Spool(tmp_path).zero(Clock(wall=lambda: 10**18, steady=lambda: 5))
    put_back = Spool(tmp_path).zero(Clock(wall=lambda: 10**17, steady=lambda: 6))
    assert first == put_back == 10**18 - 5
    (file,) = tmp_path.glob("clock-*.json")
    file.write_text("torn")
    assert Spool(tmp_path).zero(Clock(wall=lambda: 10, steady=lambda: 6)) == 4


def test_all_segments_of_the_dead_are_written_in_order(wanted: PredictionLogSettings, engine: Engine) -> None:
    spool = Spool(wanted.spool)
    journal = Journal(spool, "1-me", "process", 1 << 20, segment_bytes=1 << 10)
    told = [f"p-{number:03d}" for number in range(40)]
    for moment, one in enumerate(told):
        journal.append(as_line(PredictionRecord(one, AT, moment, answer())), 1)
    journal.close()
    assert len(spool.segments()) > 10
    heir = PredictionLog.open(wanted.model_copy(update={"batch_rows": 3}))
    assert heir.close(PATIENCE)
    assert ids(engine) == told
    assert spool.segments() == [*spool.dead()] == []


def test_while_an_erasure_holds_the_gate_nothing_goes_to_the_store(log: PredictionLog, engine: Engine) -> None:
    with log._spool.gate(alone=True):
        one = logged(log)
        assert not log.flush(0.3)
        assert ids(engine) == []
    assert log.flush(PATIENCE)
    assert ids(engine) == [one]
