"""Erased rows are gone from the snapshot, and no reading brings them back; everything else stays as it was."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from ticket_assets.profile import ColumnSettings
from ticket_assets.source_settings import SourceSettings
from ticket_assets.tickets.batches import batches
from ticket_assets.tickets.erasure import (
    Erased,
    Selection,
    SelectionError,
    erase_from_file,
    erase_rows,
    said_by,
    select,
)
from ticket_assets.tickets.identity import ticket_ids
from ticket_assets.tickets.ledger import LEDGER, enter, read_ledger
from ticket_assets.tickets.snapshot import Ingestion, ingest, last_cursor, read_snapshot, version
from ticket_assets.tickets.sources.opening import open_source
from ticket_assets_tests.tickets.test_sources import source_of, write

COLUMNS = ColumnSettings(id="id", subject="subject", body="body")
NAMELESS = ColumnSettings(subject="subject", body="body")
FIRST = (
    "id,subject,body,requester\n7,Printer,It jams,ann@desk.example\n8,Laptop,It is slow,bob@desk.example\n"
    "9,Screen,It is dark; ann@desk.example saw it,cid@desk.example\n10,,,\n"
)


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    write(tmp_path / "a.csv", FIRST)
    return tmp_path


def read(desk: Path, columns: ColumnSettings = COLUMNS, day: int = 5) -> Ingestion:
    return ingest(
        source_of(desk / "*.csv"),
        desk / "raw",
        columns,
        now=datetime(2024, 1, day, tzinfo=UTC),
        unreadable_share=1.0,
        ledger=read_ledger(desk),
    )


def erase(desk: Path, wanted: Selection, columns: ColumnSettings = COLUMNS) -> Erased:
    found = select(desk / "raw", columns, wanted)
    enter(desk, "one", "2024-01-07", found.tickets, found.contents)
    erase_rows(desk / "raw", columns, found)
    return found


def ids(desk: Path) -> list[str]:
    return list(read_snapshot(desk / "raw")["id"])


@pytest.mark.parametrize(
    ("wanted", "tickets"),
    [
        (Selection(ids=("8", "unknown")), {"8"}),
        (Selection(matches=("ANN@desk",)), {"7", "9"}),
        (Selection(matches=("it.s",)), set()),
        (Selection(matches=("^it .*(slow|jams)$",), is_pattern=True), {"7", "8"}),
        (Selection(column="requester", value="ann@desk.example"), {"7"}),
        (Selection(ids=("10",), matches=("dark",)), {"9", "10"}),
    ],
)
def test_tickets_are_chosen_by_id_by_what_any_column_says_or_by_one_columns_value(
    desk: Path, wanted: Selection, tickets: set[str]
) -> None:
    read(desk)
    assert select(desk / "raw", COLUMNS, wanted).tickets == tickets


def test_a_number_is_chosen_as_it_is_written_also_where_missing_ones_made_it_a_fraction(tmp_path: Path) -> None:
    frame = pd.DataFrame({"id": ["a", "b", "c"], "body": ["x", "y", "z"], "caller": [4711.0, None, 47110.0]})
    frame.to_parquet(tmp_path / "a.parquet")
    columns = ColumnSettings(id="id", body="body")
    ingest(source_of(tmp_path / "a.parquet"), tmp_path / "raw", columns)
    assert select(tmp_path / "raw", columns, Selection(column="caller", value="4711")).tickets == {"a"}


def test_every_version_of_a_chosen_ticket_goes_also_those_that_the_choice_does_not_fit(desk: Path) -> None:
    read(desk)
    write(desk / "a.csv", FIRST.replace("ann@desk.example saw it", "nobody saw it"))
    assert read(desk, day=6).new_rows == 1
    found = erase(desk, Selection(matches=("nobody saw",)))
    assert found.tickets == {"9"} and len(found.contents) == 2
    assert ids(desk) == ["7", "8", "10"]


def test_what_is_asked_for_and_cannot_be_looked_for_is_refused_in_words(desk: Path) -> None:
    read(desk)
    with pytest.raises(SelectionError, match=r"--column caller: no row .* name one of id, subject, body, requester"):
        select(desk / "raw", COLUMNS, Selection(column="caller", value="1"))
    with pytest.raises(SelectionError, match="--match cannot be looked for"):
        select(desk / "raw", COLUMNS, Selection(matches=("(",), is_pattern=True))


def test_the_rows_that_stay_keep_their_order_and_all_that_was_known_of_them(desk: Path) -> None:
    read(desk)
    before, its_version = read_snapshot(desk / "raw"), version(desk / "raw")
    erase(desk, Selection(ids=("8",)))
    after = read_snapshot(desk / "raw")
    assert version(desk / "raw") != its_version
    (batch,) = batches(desk / "raw")
    assert set(after["_batch"]) == {batch.stem}
    expected = before[before["id"] != "8"].reset_index(drop=True)
    pd.testing.assert_frame_equal(after.drop(columns="_batch"), expected.drop(columns="_batch"))


def test_a_source_that_still_says_an_erased_ticket_does_not_bring_it_back(desk: Path) -> None:
    read(desk)
    erase(desk, Selection(matches=("ann@desk",)))
    again = read(desk, day=6)
    assert (again.source_rows, again.new_rows, again.erased_rows_skipped, again.total_rows) == (4, 0, 2, 2)
    write(desk / "a.csv", FIRST.replace("It jams", "It jams again") + "11,New,ticket,\n")
    changed = read(desk, day=7)
    assert (changed.new_rows, changed.erased_rows_skipped) == (1, 2)
    assert ids(desk) == ["8", "10", "11"]


def test_a_row_that_nobody_could_read_is_erased_by_what_it_says_and_no_other_unreadable_one_with_it(desk: Path) -> None:
    write(desk / "a.csv", FIRST + "11,too,many,columns,ann@desk.example\n12,too,many,columns,bob@desk.example\n")
    assert read(desk).unreadable == 2
    found = erase(desk, Selection(matches=("columns,ann",)))
    assert not found.tickets and len(found.contents) == 1
    again = read(desk, day=6)
    assert (again.new_rows, again.erased_rows_skipped, again.total_rows) == (0, 1, 5)
    assert "bob" in str(read_snapshot(desk / "raw")["_text"].dropna().tolist())


def test_without_ids_the_text_is_the_ticket_and_rows_without_text_are_nobodys(desk: Path) -> None:
    write(desk / "a.csv", FIRST + "13,,,dan@desk.example\n14,,,\n")
    read(desk, NAMELESS)
    found = erase(desk, Selection(matches=("dan@desk", "ann@desk")), NAMELESS)
    rows = pd.DataFrame({"subject": ["Printer"], "body": ["It jams"]})
    assert set(ticket_ids(rows, NAMELESS)) < found.tickets and len(found.tickets) == 2
    assert ids(desk) == ["8", "10", "14"]
    assert read(desk, NAMELESS, day=6).new_rows == 0


def test_the_ledger_holds_no_id_and_no_text_and_a_second_entry_of_the_same_erasure_changes_nothing(desk: Path) -> None:
    write(desk / "a.csv", FIRST.replace("7,", "ticket-7,"))
    read(desk)
    erase(desk, Selection(matches=("ann@desk",)))
    said = (desk / LEDGER).read_text()
    erase(desk, Selection(matches=("bob@desk",)))
    assert (desk / LEDGER).read_text() == said
    assert not any(word in said for word in ("ticket-7", "ann", "jams", "Printer"))
    enter(desk, "two", "2024-01-08", ["8"], [])
    ledger = read_ledger(desk)
    assert ledger.names("ticket-7") and ledger.names("8") and not ledger.names("10")
    assert ledger.salt == json.loads(said)["salt"]


def test_a_batch_that_loses_all_rows_goes_and_the_others_stay(desk: Path) -> None:
    read(desk)
    write(desk / "b.csv", "id,subject,body,requester\n20,Mouse,It squeaks,eve@desk.example\n")
    read(desk, day=6)
    first, _ = sorted(batches(desk / "raw"), key=lambda one: pd.read_parquet(one)["_ingested_at"].min())
    erase(desk, Selection(ids=("20",)))
    assert batches(desk / "raw") == (first,)
    assert read(desk, day=7).new_rows == 0


def test_killed_between_a_new_batch_and_the_end_of_its_old_one_the_next_ends_the_same(
    desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(desk)
    found = select(desk / "raw", COLUMNS, Selection(ids=("8",)))
    with monkeypatch.context() as patch:

        def killed(path: Path, missing_ok: bool = False) -> None:
            if not missing_ok:
                raise KeyboardInterrupt

        patch.setattr(Path, "unlink", killed)
        with pytest.raises(KeyboardInterrupt):
            erase_rows(desk / "raw", COLUMNS, found)
    assert len(batches(desk / "raw")) == 2
    erase_rows(desk / "raw", COLUMNS, found)
    assert ids(desk) == ["7", "9", "10"] and len(batches(desk / "raw")) == 1
    assert erase_rows(desk / "raw", COLUMNS, found) == 0


def test_the_cursor_of_a_database_stays_with_the_batch_unless_it_is_an_erased_id(tmp_path: Path) -> None:
    def ask() -> Ingestion:
        settings = SourceSettings(kind="sql", url=f"sqlite:///{tmp_path}/t.db", table="t", cursor="id")
        return ingest(open_source(settings, Path), tmp_path / "raw", columns, ledger=read_ledger(tmp_path))

    columns = ColumnSettings(id="id", body="body")
    with sqlite3.connect(tmp_path / "t.db") as database:
        database.execute("CREATE TABLE t (id INTEGER, body TEXT)")
        database.executemany("INSERT INTO t VALUES (?, ?)", [(one, f"text {one}") for one in range(1001, 1010)])
    ask()
    cursor = last_cursor(tmp_path / "raw")
    erase(tmp_path, Selection(ids=("1003",)), columns)
    assert last_cursor(tmp_path / "raw") == cursor is not None
    found = select(tmp_path / "raw", columns, Selection(ids=("1009",)))
    enter(tmp_path, "two", "2024-01-08", found.tickets, found.contents)
    erase_rows(tmp_path / "raw", columns, found)
    assert last_cursor(tmp_path / "raw") is None
    assert ask().new_rows == 0 and not {"1003", "1009"} & set(read_snapshot(tmp_path / "raw")["id"].astype(str))


def test_what_rows_say_is_told_of_those_that_go_and_of_those_that_stay(desk: Path) -> None:
    read(desk)
    found = select(desk / "raw", COLUMNS, Selection(ids=("8",)))
    gone = [one for rows in said_by(desk / "raw", COLUMNS, found, False, but=["id"]) for one in rows]
    assert sorted(gone) == ["It is slow", "Laptop", "bob@desk.example"]
    staying = [one for rows in said_by(desk / "raw", COLUMNS, found, True) for one in rows]
    assert "It jams" in staying and "Laptop" not in staying


def test_generated_tickets_go_from_the_file_that_they_are_read_from(tmp_path: Path) -> None:
    pd.DataFrame({"id": [1, 2], "body": ["x", "y"]}).to_parquet(tmp_path / "tickets.parquet")
    columns = ColumnSettings(id="id", body="body")
    assert erase_from_file(tmp_path, columns, Erased(frozenset({"2"}))) == 1
    assert list(pd.read_parquet(tmp_path / "tickets.parquet")["id"]) == [1]


def test_content_hashes_of_stored_rows_are_those_that_the_reading_gave_them(desk: Path) -> None:
    """The ledger is filled from batches and asked by readings: were the hashes different, nothing would be kept out."""
    read(desk)
    found = select(desk / "raw", COLUMNS, Selection(ids=("7", "8", "9", "10")))
    with duckdb.connect() as engine:
        rows = engine.execute(f"SELECT _row_hash FROM '{batches(desk / 'raw')[0]}'").fetchall()
        made = [engine.execute("SELECT md5(? || '1')", [one]).fetchone()[0] for one in found.contents]
    assert sorted(made) == sorted(row[0] for row in rows)
