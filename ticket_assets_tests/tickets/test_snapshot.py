"""The snapshot: only what is new is written, nothing is lost, nothing is counted twice."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from ticket_assets.tickets.batches import META_COLUMNS, batches
from ticket_assets.tickets.snapshot import Ingestion, ingest, read_snapshot, version
from ticket_assets.tickets.sources.contract import SourceError
from ticket_assets_tests.tickets.snapshots import COLUMNS, DAY, LATER, kept, read
from ticket_assets_tests.tickets.test_sources import source_of, write


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
