"""The snapshot: only what is new is written, nothing is lost, nothing is counted twice."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticket_assets.profile import ColumnSettings
from ticket_assets.tickets.snapshot import META_COLUMNS, Ingestion, batches, ingest, read_snapshot, version
from ticket_assets.tickets.sources.contract import SourceError
from ticket_assets_tests.tickets.test_sources import source_of, write

DAY = datetime(2024, 1, 5, tzinfo=UTC)
COLUMNS = ColumnSettings(id="id", subject="subject", body="body")
LATER = datetime(2024, 1, 6, tzinfo=UTC)


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    write(tmp_path / "a.csv", "id,body\n1,hello\n2,bye\n")
    return tmp_path


def read(desk: Path, pattern: str = "*.csv", now: datetime = DAY, columns: ColumnSettings = COLUMNS) -> Ingestion:
    done = ingest(source_of(desk / pattern), desk / "it's raw", columns, now=now)
    return replace(done, told={})


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
    columns = ColumnSettings(body="at")
    read(tmp_path, "*.jsonl", columns=columns)
    write(tmp_path / "b.jsonl", '{"id":"x2","at":"soon"}\n')
    assert read(tmp_path, "*.jsonl", columns=columns).new_rows == 1
    assert kept(tmp_path, "id", "at") == [("1", "2024-01-05T10:00:00Z"), ("x2", "soon")]


def test_whole_numbers_stay_whole_where_a_later_row_has_none(tmp_path: Path) -> None:
    """As floats the id 7 becomes 7.0, another ticket, and a long one loses its last digits."""
    pd.DataFrame({"id": [7, 2**60 + 1]}).to_parquet(tmp_path / "a.parquet")
    pd.DataFrame({"body": ["no id"]}).to_parquet(tmp_path / "b.parquet")
    read(tmp_path, "*.parquet")
    assert kept(tmp_path, "id") == [(7,), (2**60 + 1,), (None,)]


def test_odd_column_names_are_read(tmp_path: Path) -> None:
    pd.DataFrame({"it's": ["a"], 'the "body"': ["b"]}).to_parquet(tmp_path / "a.parquet")
    assert read(tmp_path, "*.parquet", columns=ColumnSettings(body='the "body"')).new_rows == 1
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
    pd.DataFrame({"id": ["1"], "body": ["hello"]}).to_parquet(desk / "a.parquet")
    write(desk / "b.parquet", "nonsense")
    with pytest.raises(SourceError, match=r"cannot read .*(.|\n)*b\.parquet"):
        read(desk, "*.parquet")


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
    ingest(source_of(desk / "a.csv"), desk / "it's raw", COLUMNS)
    ((first,), _) = kept(desk, "_ingested_at")
    assert isinstance(first, pd.Timestamp)
    assert before <= first <= datetime.now(UTC)


def test_reading_before_anything_was_ingested_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="materialise tickets/raw"):
        read_snapshot(tmp_path / "nowhere")


def test_a_row_that_cannot_be_read_is_kept_with_its_file_its_line_and_the_reason(desk: Path) -> None:
    """The whole file was refused: one stray delimiter in a year of tickets held up the line."""
    write(desk / "a.csv", "id,body\n1,hello\n2,bye,what\n3,there\n")
    done = read(desk)
    assert (done.source_rows, done.new_rows, done.unreadable) == (3, 3, 1)
    assert kept(desk, "id", "_file", "_line", "_text", "_unreadable") == [
        ("1", None, None, None, None),
        (None, "a.csv", 2 + 1, "2,bye,what", "3 values for 2 columns"),
        ("3", None, None, None, None),
    ]


def test_an_unreadable_row_that_moves_to_another_line_or_file_is_no_new_one(desk: Path) -> None:
    write(desk / "a.csv", "id,body\n1,hello\n2,bye,what\n")
    first = read(desk)
    write(desk / "a.csv", "id,body\n0,hi\n1,hello\n2,bye,what\n")
    assert read(desk, now=LATER).new_rows == 1
    (desk / "a.csv").rename(desk / "b.csv")
    assert (read(desk, now=LATER).new_rows, first.unreadable) == (0, 1)


def test_an_unreadable_row_that_is_mended_brings_no_other_one_back(desk: Path) -> None:
    """They have no id, so all of them looked like one ticket, and the one that was left like its return."""
    write(desk / "a.csv", "id,body\n1,hello\n2,x,y\n3,x,y,z\n4,bye\n")
    read(desk)
    write(desk / "a.csv", "id,body\n1,hello\n2,x,y\n3,mended\n4,bye\n")
    assert read(desk, now=LATER).new_rows == 1


def test_a_source_without_the_column_of_the_texts_is_refused_before_anything_is_kept(desk: Path) -> None:
    """A snapshot is append-only: a file under a wrong header would stay in it."""
    write(desk / "a.csv", "id;text\n1;hello\n")
    with pytest.raises(SourceError, match=r"columns\.body = 'body' is not in .*a\.csv: it has id, text"):
        read(desk, "a.csv")
    assert not (desk / "it's raw").exists()


@pytest.mark.parametrize("name", ["_row_hash", "_Unreadable"])
def test_a_column_with_a_name_of_ours_is_refused(desk: Path, name: str) -> None:
    write(desk / "a.csv", f"id,body,{name}\n1,hello,x\n")
    with pytest.raises(SourceError, match=f"{name}'.*: rename it"):
        read(desk)


def test_dotted_names_reach_into_nested_columns_of_every_format(tmp_path: Path) -> None:
    columns = ColumnSettings(id="key", subject="fields.summary", body="fields.text.0.plain")
    documents = [
        {"key": "A", "fields": {"summary": "Drücker", "text": [{"plain": 'it\'s "stuck"'}], "prio": {"name": "high"}}},
        {"key": "B", "fields": {"summary": None, "text": []}},
    ]
    write(tmp_path / "a.jsonl", "".join(json.dumps(one) + "\n" for one in documents))
    write(tmp_path / "a.json", json.dumps(documents, indent=2))
    pd.DataFrame(documents).to_parquet(tmp_path / "a.parquet")
    for suffix in ("jsonl", "json", "parquet"):
        folder = tmp_path / suffix
        done = ingest(source_of(tmp_path / f"a.{suffix}"), folder, columns, wanted=("fields.prio.name", "fields.no"))
        assert done.new_rows == 2
        found = read_snapshot(folder)[["key", "fields.summary", "fields.text.0.plain", "fields.prio.name"]]
        assert found.astype(object).where(found.notna(), None).values.tolist() == [
            ["A", "Drücker", 'it\'s "stuck"', "high"],
            ["B", None, None, None],
        ]


def test_a_column_whose_name_has_a_dot_is_taken_as_it_is(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", "fields,fields.summary\nno json,hello\n")
    ingest(source_of(tmp_path / "a.csv"), tmp_path / "raw", ColumnSettings(body="fields.summary"), ("fields.other",))
    found = read_snapshot(tmp_path / "raw")
    assert (found["fields.summary"].tolist(), found["fields.other"].tolist()) == (["hello"], [None])
    assert [name for name in found if name[0] != "_"] == ["fields", "fields.summary", "fields.other"]


def test_a_name_that_reaches_into_a_number_is_refused(tmp_path: Path) -> None:
    pd.DataFrame({"body": [1]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(SourceError, match=r"'body\.text' reaches into column 'body', which is BIGINT"):
        ingest(source_of(tmp_path / "a.parquet"), tmp_path / "raw", ColumnSettings(body="body.text"))


def test_a_reading_leaves_no_landing_behind_whether_it_ends_well_or_not(desk: Path) -> None:
    read(desk)
    write(desk / "a.csv", "id,id\n")
    with pytest.raises(SourceError):
        read(desk)
    assert sorted(path.name for path in desk.iterdir()) == ["a.csv", "it's raw"]


def test_the_landing_of_a_reading_that_was_killed_is_swept_by_a_later_one(desk: Path) -> None:
    for name, age in (("old", 2 * 86400), ("young", 60)):
        left = desk / f".it's raw.{name}.tmp"
        left.mkdir()
        (left / "000000.parquet").touch()
        os.utime(left, (time.time() - age,) * 2)
    read(desk)
    assert sorted(path.name for path in desk.iterdir()) == [".it's raw.young.tmp", "a.csv", "it's raw"]
