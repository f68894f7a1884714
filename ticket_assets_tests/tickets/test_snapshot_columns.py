"""Columns of the snapshot: of any name, type and depth, read all or some."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from ticket_assets.profile import ColumnSettings
from ticket_assets.tickets.snapshot import ingest, read_snapshot
from ticket_assets.tickets.snapshot_columns import SnapshotColumns
from ticket_assets.tickets.sources.contract import SourceError
from ticket_assets_tests.tickets.snapshots import LATER, kept, read
from ticket_assets_tests.tickets.test_sources import source_of, write


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


def test_of_many_columns_those_asked_for_are_read_and_ours(desk: Path) -> None:
    write(desk / "a.csv", "id,body,answer\n1,hello,restart\n2,bye,wait\n")
    read(desk)
    some = read_snapshot(desk / "it's raw", {"body", "not there"})
    assert [name for name in some.columns if not name.startswith("_")] == ["body"]
    pd.testing.assert_frame_equal(some, read_snapshot(desk / "it's raw")[list(some.columns)])


def test_column_by_column_the_snapshot_is_the_same(desk: Path) -> None:
    read(desk)
    write(desk / "b.csv", "id,body,answer\n3,why,restart\n")
    read(desk, now=LATER)
    whole, columns = read_snapshot(desk / "it's raw"), SnapshotColumns(desk / "it's raw")
    assert set(columns.columns) == set(whole.columns)
    for name in whole.columns:
        pd.testing.assert_series_equal(columns[name], whole[name])
