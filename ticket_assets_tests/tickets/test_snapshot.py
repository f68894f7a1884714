"""The snapshot: only what is new is written, nothing is lost, nothing is counted twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticket_assets.profile import ColumnSettings
from ticket_assets.tickets.snapshot import META_COLUMNS, Ingestion, batches, ingest, read_snapshot, version
from ticket_assets.tickets.sources import SourceError, source_files
from ticket_assets_tests.tickets.test_sources import write

DAY = datetime(2024, 1, 5, tzinfo=UTC)
COLUMNS = ColumnSettings(id="id", subject="subject", body="body")
LATER = datetime(2024, 1, 6, tzinfo=UTC)


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    write(tmp_path / "a.csv", "id,body\n1,hello\n2,bye\n")
    return tmp_path


def read(desk: Path, pattern: str = "*.csv", now: datetime = DAY) -> Ingestion:
    return ingest(source_files(desk / pattern), desk / "it's raw", COLUMNS, now)


def kept(desk: Path, *columns: str) -> list[tuple[object, ...]]:
    frame = read_snapshot(desk / "it's raw")
    return list(frame[list(columns)].itertuples(index=False, name=None))


def test_the_first_reading_keeps_all_rows_in_the_order_of_the_source(desk: Path) -> None:
    write(desk / "b.csv", "id,body\n" + "".join(f"{n},text {n}\n" for n in range(5000, 0, -1)))
    assert read(desk, "b.csv") == Ingestion(5000, 5000, 5000, 1, version(desk / "it's raw"))
    assert kept(desk, "id") == [(str(n),) for n in range(5000, 0, -1)]
    assert tuple(read_snapshot(desk / "it's raw").columns) == (
        *("id", "body"),
        *("_position", "_row_hash", "_ingested_at", "_batch"),
    )
    assert set(META_COLUMNS) == {"_position", "_row_hash", "_ingested_at", "_batch"}


def test_a_reading_with_nothing_new_writes_nothing_and_keeps_the_version(desk: Path) -> None:
    first = read(desk)
    before = [(path, path.stat().st_mtime_ns) for path in batches(desk / "it's raw")]
    again = read(desk, now=LATER)
    assert again == Ingestion(2, 0, 2, 1, first.version)
    assert [(path, path.stat().st_mtime_ns) for path in batches(desk / "it's raw")] == before


def test_a_changed_row_adds_that_row_alone(desk: Path) -> None:
    first = read(desk)
    write(desk / "a.csv", "id,body\n1,hello\n2,good bye\n")
    second = read(desk, now=LATER)
    assert (second.new_rows, second.total_rows, second.batches) == (1, 3, 2)
    assert second.version != first.version
    assert kept(desk, "id", "body") == [("1", "hello"), ("2", "bye"), ("2", "good bye")]
    assert [at for (at,) in kept(desk, "_ingested_at")] == [pd.Timestamp(at) for at in (DAY, DAY, LATER)]


def test_a_row_that_stands_twice_is_kept_twice_and_a_third_adds_one(desk: Path) -> None:
    write(desk / "a.csv", "id,body\n1,hello\n1,hello\n")
    assert read(desk).new_rows == 2
    write(desk / "a.csv", "id,body\n1,hello\n2,bye\n1,hello\n1,hello\n")
    assert (read(desk).new_rows, read(desk).total_rows) == (2, 4)


def test_a_ticket_that_goes_back_to_an_earlier_state_is_written_again(desk: Path) -> None:
    """It was compared with all that was ever read: a correction that was taken back stayed in force for ever."""
    read(desk)
    for hour, body in enumerate(["hi", "hello", "hi", "hello"], start=1):
        write(desk / "a.csv", f"id,body\n1,{body}\n2,bye\n")
        now = DAY + timedelta(hours=hour)
        assert (read(desk, now=now).new_rows, read(desk, now=now).new_rows) == (1, 0)
        assert kept(desk, "id", "body")[-1] == ("1", body)
    assert len(kept(desk, "id")) == 6


ROWS = st.lists(st.tuples(st.sampled_from("12"), st.sampled_from("ab")), min_size=1, max_size=3)


@settings(max_examples=20, deadline=None)
@given(readings=st.lists(ROWS, min_size=2, max_size=4))
def test_the_latest_of_each_ticket_is_always_one_that_the_source_says(readings: list[list[tuple[str, str]]]) -> None:
    with TemporaryDirectory() as folder:
        desk = Path(folder)
        for hour, rows in enumerate(readings):
            write(desk / "a.csv", "id,body\n" + "".join(f"{ticket},{body}\n" for ticket, body in rows))
            read(desk, now=DAY + timedelta(hours=hour))
            latest = dict(kept(desk, "id", "body"))
            assert {(ticket, latest[ticket]) for ticket, _ in rows} <= set(rows)
            assert read(desk, now=LATER + timedelta(hours=hour)).new_rows == 0


def test_the_only_ticket_of_a_source_may_go_back_and_forth(desk: Path) -> None:
    """Batches are named by their rows: a batch of the same rows as an earlier one took its place."""
    bodies = ["hello", "hi"] * 3
    for hour, body in enumerate(bodies):
        write(desk / "a.csv", f"id,body\n1,{body}\n")
        assert read(desk, now=DAY + timedelta(hours=hour)).batches == hour + 1
    assert kept(desk, "body") == [(body,) for body in bodies]


def test_of_several_rows_that_come_back_the_last_one_is_in_force(desk: Path) -> None:
    for hour, bodies in enumerate([("hello", "hi"), ("bye",), ("hello", "hi")]):
        write(desk / "a.csv", "id,body\n" + "".join(f"1,{body}\n" for body in bodies))
        read(desk, now=DAY + timedelta(hours=hour))
    assert kept(desk, "body") == [("hello",), ("hi",), ("bye",), ("hi",)]


def test_a_ticket_without_an_id_is_known_by_its_text_and_may_go_back_to_an_earlier_label(desk: Path) -> None:
    for hour, label in enumerate(["x", "y", "x"]):
        write(desk / "a.csv", f"id,subject,body,queue\n,help,hello,{label}\n ,,hello,z\n")
        assert read(desk, now=DAY + timedelta(hours=hour)).new_rows == (1 if hour else 2)
    assert kept(desk, "subject", "queue") == [("help", "x"), (None, "z"), ("help", "y"), ("help", "x")]


def test_a_copy_that_leaves_the_source_takes_nothing_back(desk: Path) -> None:
    write(desk / "a.csv", "id,body\n1,hello\n1,hello\n1,hello\n")
    assert read(desk).new_rows == 3
    write(desk / "a.csv", "id,body\n1,hello\n")
    assert read(desk, now=LATER).new_rows == 0


def test_versions_of_a_ticket_in_another_order_are_no_change(desk: Path) -> None:
    """An export that is not sorted must not make a batch at every reading."""
    write(desk / "a.csv", "id,body\n1,hello\n1,hi\n2,bye\n")
    read(desk)
    write(desk / "a.csv", "id,body\n1,hi\n1,hello\n")
    assert read(desk, now=LATER).new_rows == 0
    assert kept(desk, "body")[1] == ("hi",)


def test_a_ticket_that_comes_back_as_it_was_is_not_written_again(desk: Path) -> None:
    read(desk)
    write(desk / "a.csv", "id,body\n2,bye\n")
    read(desk, now=LATER)
    write(desk / "a.csv", "id,body\n1,hello\n2,bye\n")
    assert read(desk, now=LATER).new_rows == 0


def test_the_latest_reading_stays_the_latest_when_the_clock_was_set_back(desk: Path) -> None:
    """Else the state before it would win, and be written again at every reading."""
    read(desk, now=LATER)
    write(desk / "a.csv", "id,body\n1,hi\n")
    assert read(desk, now=DAY).new_rows == 1
    assert kept(desk, "body") == [("hello",), ("bye",), ("hi",)]
    assert read(desk, now=DAY).new_rows == 0


def test_an_id_that_an_earlier_file_of_another_type_blurs_is_left_alone(tmp_path: Path) -> None:
    """Read beside fractions, a long number loses its last digits and is no ticket that the source still knows."""
    pd.DataFrame({"id": [0.5], "body": ["half"]}).to_parquet(tmp_path / "a.parquet")
    read(tmp_path, "*.parquet")
    pd.DataFrame({"id": [2**60 + 1], "body": ["whole"]}).to_parquet(tmp_path / "a.parquet")
    assert [read(tmp_path, "*.parquet", LATER).new_rows for _ in range(2)] == [1, 0]


def test_a_whole_number_is_one_ticket_though_missing_ids_make_it_a_fraction(tmp_path: Path) -> None:
    for hour, (ids, body) in enumerate([([7], "hello"), ([7, None], "hi"), ([7], "hello")]):
        pd.DataFrame({"id": ids, "body": [body, "no id"][: len(ids)]}).to_parquet(tmp_path / "a.parquet")
        assert read(tmp_path, "*.parquet", DAY + timedelta(hours=hour)).new_rows == len(ids)


def test_a_row_that_leaves_the_source_stays_in_the_snapshot(desk: Path) -> None:
    read(desk)
    write(desk / "a.csv", "id,body\n2,bye\n")
    assert (read(desk).new_rows, read(desk).total_rows) == (0, 2)


def test_a_column_that_a_later_file_brings_does_not_make_old_rows_new(desk: Path) -> None:
    """It did: each old row then carried the new column with nothing in it, and was taken for another row."""
    read(desk)
    write(desk / "b.csv", "extra,body,id\nmore,hi,3\n")
    second = read(desk, now=LATER)
    assert (second.source_rows, second.new_rows, second.total_rows) == (3, 1, 3)
    assert kept(desk, "id", "extra") == [("1", None), ("2", None), ("3", "more")]


def test_neither_the_order_of_columns_nor_that_of_files_makes_rows_new(desk: Path) -> None:
    read(desk)
    write(desk / "a.csv", "body,id\nbye,2\nhello,1\n")
    write(desk / "0.csv", "id,body\n1,hello\n")
    assert read(desk).new_rows == 1


def test_the_same_words_in_another_column_are_another_row(desk: Path) -> None:
    write(desk / "a.csv", "id,body,note\n1,hello,\n1,,hello\n")
    assert read(desk).new_rows == 2
    write(desk / "a.csv", "id,body,note\n1,,hello\n1,hello,\n")
    assert read(desk).new_rows == 0


def test_values_of_other_types_tomorrow_leave_the_rows_of_today_alone(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", '{"id":1,"at":"2024-01-05T10:00:00Z"}\n')
    read(tmp_path, "*.jsonl")
    write(tmp_path / "b.jsonl", '{"id":"x2","at":"soon"}\n')
    assert read(tmp_path, "*.jsonl").new_rows == 1
    assert kept(tmp_path, "id", "at") == [("1", "2024-01-05T10:00:00Z"), ("x2", "soon")]


def test_whole_numbers_stay_whole_where_a_later_row_has_none(tmp_path: Path) -> None:
    """As floats the id 7 becomes 7.0, another ticket, and a long one loses its last digits."""
    pd.DataFrame({"id": [7, 2**60 + 1]}).to_parquet(tmp_path / "a.parquet")
    pd.DataFrame({"body": ["no id"]}).to_parquet(tmp_path / "b.parquet")
    read(tmp_path, "*.parquet")
    assert kept(tmp_path, "id") == [(7,), (2**60 + 1,), (None,)]


def test_odd_column_names_are_read(tmp_path: Path) -> None:
    pd.DataFrame({"it's": ["a"], 'the "body"': ["b"]}).to_parquet(tmp_path / "a.parquet")
    assert read(tmp_path, "*.parquet").new_rows == 1
    assert kept(tmp_path, "it's", 'the "body"') == [("a", "b")]


@pytest.mark.parametrize(
    ("name", "text"), [("bad.csv", "id,body\n1,a,b\n"), ("bad.jsonl", '{"id":\n'), ("bad.parquet", "nonsense")]
)
def test_a_broken_file_is_named_and_leaves_the_snapshot_alone(tmp_path: Path, name: str, text: str) -> None:
    write(tmp_path / name, text)
    with pytest.raises(SourceError, match=name):
        read(tmp_path, name)
    assert not (tmp_path / "it's raw").exists()


def test_the_broken_one_of_several_files_is_named(desk: Path) -> None:
    write(desk / "b.csv", "id,body\n1,a,b\n")
    with pytest.raises(SourceError, match=r"and 1 more(.|\n)*b\.csv"):
        read(desk)


@pytest.mark.parametrize(("name", "text"), [("a.csv", ""), ("a.csv", "id,body\n"), ("a.jsonl", "")])
def test_a_source_without_a_row_is_refused(tmp_path: Path, name: str, text: str) -> None:
    write(tmp_path / name, text)
    with pytest.raises(SourceError, match="holds no row"):
        read(tmp_path, name)


def test_a_batch_that_fails_to_be_written_leaves_no_half_of_it(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Path, target: Path) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patched, pytest.raises(OSError, match="disk full"):
        patched.setattr(Path, "replace", broken)
        read(desk)
    assert list((desk / "it's raw").iterdir()) == []
    assert read(desk).new_rows == 2


def test_the_clock_is_asked_where_no_time_is_given(desk: Path) -> None:
    before = datetime.now(UTC)
    ingest(source_files(desk / "a.csv"), desk / "it's raw", COLUMNS)
    ((first,), _) = kept(desk, "_ingested_at")
    assert isinstance(first, pd.Timestamp)
    assert before <= first <= datetime.now(UTC)


def test_reading_before_anything_was_ingested_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="materialise tickets/raw"):
        read_snapshot(tmp_path / "nowhere")
