"""Tickets in a database: real SQLite files, tables and queries, the cursor kept with the batch, no password shown."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ticket_assets.profile import ColumnSettings
from ticket_assets.source_settings import SourceSettings
from ticket_assets.tickets.batches import batches
from ticket_assets.tickets.snapshot import Ingestion, ingest, last_cursor, read_snapshot
from ticket_assets.tickets.sources.contract import Source, SourceError
from ticket_assets.tickets.sources.opening import open_source
from ticket_assets.tickets.sources.sql import CHUNK, as_text
from ticket_assets_tests.tickets.test_sources import land, rows_of

COLUMNS = ColumnSettings(id="id", body="body")


class Desk:
    """A database of tickets, and the snapshot of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.execute("CREATE TABLE tickets (id INTEGER, body TEXT, updated_at TEXT)")

    def execute(self, statement: str, *rows: tuple[Any, ...]) -> None:
        with sqlite3.connect(self.folder / "tickets.db") as connection:
            connection.executemany(statement, rows) if rows else connection.execute(statement)
        connection.close()

    def insert(self, *rows: tuple[Any, ...]) -> None:
        self.execute("INSERT INTO tickets VALUES (?, ?, ?)", *rows)

    def source(self, **settings: Any) -> Source:
        chosen = {"url": "sqlite:///tickets.db", "table": "tickets", **settings}
        return open_source(SourceSettings(kind="sql", **chosen), lambda path: self.folder / path)

    def read(self, **settings: Any) -> Ingestion:
        return ingest(self.source(**settings), self.folder / "raw", COLUMNS)

    def landed(self, **settings: Any) -> list[dict[str, Any]]:
        return rows_of(land(self.source(**settings), self.folder / "landing"))

    def kept(self) -> list[tuple[str, str]]:
        return list(read_snapshot(self.folder / "raw")[["id", "body"]].itertuples(index=False, name=None))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_table_and_a_query_are_read_as_text(desk: Desk) -> None:
    desk.insert((1, "läuft", "2024-01-05"), (2, None, "2024-01-06"))
    assert desk.landed() == [
        {"id": "1", "body": "läuft", "updated_at": "2024-01-05"},
        {"id": "2", "updated_at": "2024-01-06"},
    ]
    query = "SELECT id, body || ' at 12:30 :now 100%' AS body FROM tickets WHERE body LIKE 'l%'; "
    assert desk.landed(table=None, query=query) == [{"id": "1", "body": "läuft at 12:30 :now 100%"}]


def test_a_table_may_have_any_name_and_a_schema(desk: Desk) -> None:
    desk.execute('CREATE TABLE "order" (body TEXT)')
    desk.execute("INSERT INTO \"order\" VALUES ('a')")
    assert desk.landed(table="order") == desk.landed(table="main.order") == [{"body": "a"}]


def test_rows_come_in_chunks_in_the_order_of_the_database(desk: Desk) -> None:
    desk.insert(*((n, f"text {n}", "x") for n in range(CHUNK * 2 + 1)))
    assert [row["id"] for row in desk.landed()] == [str(n) for n in range(CHUNK * 2 + 1)]


def test_only_rows_past_the_cursor_are_read_and_the_cursor_lies_with_the_batch(desk: Desk) -> None:
    desk.insert((1, "a", "2024-01-05"), (2, "b", "2024-01-06"))
    assert desk.read(cursor="updated_at").new_rows == 2
    desk.insert((3, "c", "2024-01-07"), (1, "a again", "2024-01-08"))
    desk.execute("DELETE FROM tickets WHERE updated_at < '2024-01-06'")
    second = desk.read(cursor="updated_at")
    assert (second.source_rows, second.new_rows, second.total_rows) == (3, 2, 4)
    assert desk.kept() == [("1", "a"), ("2", "b"), ("3", "c"), ("1", "a again")]
    cursor = last_cursor(desk.folder / "raw")
    assert cursor is not None
    assert (cursor.column, "2024-01-08" in cursor.value) == ("updated_at", True)


def test_a_row_that_shares_the_last_cursor_and_comes_later_is_not_lost(desk: Desk) -> None:
    """Asked for what is greater than the cursor, it would never be read."""
    desk.insert((1, "a", "2024-01-05"))
    desk.read(cursor="updated_at")
    desk.insert((2, "b", "2024-01-05"), (3, "c", None))
    assert desk.read(cursor="updated_at").new_rows == 2
    assert desk.read(cursor="updated_at").new_rows == 0
    desk.insert((4, "d", None))
    assert desk.read(cursor="updated_at").new_rows == 1


def test_a_row_without_a_cursor_is_not_taken_for_a_ticket_that_went_back(desk: Desk) -> None:
    """It is read every time, its ticket's latest row is not: written again, it would win."""
    desk.insert((1, "old", None), (1, "new", "2024-01-05"), (2, "b", "2024-01-06"))
    desk.read(cursor="updated_at")
    desk.insert((3, "c", "2024-01-07"))
    assert desk.read(cursor="updated_at").new_rows == 1
    assert desk.kept()[-1] == ("3", "c")


def test_a_reading_past_the_cursor_that_finds_nothing_is_no_error(desk: Desk) -> None:
    desk.insert((1, "a", "2024-01-05"))
    first = desk.read(cursor="updated_at")
    desk.execute("DELETE FROM tickets")
    again = desk.read(cursor="updated_at")
    assert (again.source_rows, again.new_rows, again.version) == (0, 0, first.version)


def test_another_cursor_column_begins_at_the_beginning(desk: Desk) -> None:
    desk.insert((1, "a", "2024-01-05"), (2, "b", "2024-01-06"))
    desk.read(cursor="updated_at")
    again = desk.read(cursor="id")
    assert (again.source_rows, again.new_rows) == (2, 0)


def test_a_batch_that_is_lost_takes_its_cursor_with_it(desk: Desk) -> None:
    """A cursor kept anywhere else would pass over the rows of that batch for ever."""
    desk.insert((1, "a", "2024-01-05"))
    desk.read(cursor="updated_at")
    [first] = batches(desk.folder / "raw")
    desk.insert((2, "b", "2024-01-06"))
    desk.read(cursor="updated_at")
    [second] = set(batches(desk.folder / "raw")) - {first}
    second.unlink()
    assert desk.read(cursor="updated_at").new_rows == 1
    assert desk.kept()[-1] == ("2", "b")


@pytest.mark.parametrize("value", [7, 7.5, "text"])
def test_a_cursor_keeps_its_type(desk: Desk, value: Any) -> None:
    desk.execute("DROP TABLE tickets")
    desk.execute("CREATE TABLE tickets (id INTEGER, body TEXT, at)")
    desk.execute("INSERT INTO tickets VALUES (?, ?, ?)", (1, "a", value))
    desk.read(cursor="at")
    bigger = value + "x" if isinstance(value, str) else value * 100
    desk.execute("INSERT INTO tickets VALUES (?, ?, ?)", (2, "b", bigger), (3, "c", value))
    assert desk.read(cursor="at").source_rows == 3
    assert desk.read(cursor="at").source_rows == 1


def test_a_column_that_cannot_be_a_cursor_is_refused(desk: Desk) -> None:
    desk.insert((1, b"bytes", "2024-01-05"))
    with pytest.raises(SourceError, match=r"source\.cursor = 'body' holds bytes: name a column of numbers, dates"):
        desk.read(cursor="body")


@pytest.mark.parametrize("cursor", [None, "updated_at"])
def test_the_fingerprint_follows_the_rows_and_not_their_order(desk: Desk, cursor: str | None) -> None:
    found = []
    changes: list[Callable[[], None]] = [
        lambda: desk.insert((1, "a", "2024-01-05"), (2, None, "2024-01-06")),
        lambda: desk.insert((2, None, "2024-01-06")),
        lambda: desk.insert((3, "c", "2024-01-07")),
    ]
    for change in changes:
        change()
        found.append(desk.source(cursor=cursor).fingerprint())
    assert len(set(found)) == 3
    desk.execute("CREATE TABLE turned AS SELECT * FROM tickets ORDER BY id DESC")
    assert desk.source(cursor=cursor, table="turned").fingerprint() == found[-1]


def test_text_that_is_none_is_told_with_its_row_and_the_others_are_read(desk: Desk) -> None:
    """One such value ended the whole reading with the driver's error."""
    desk.insert((1, "läuft", "x"))
    desk.execute("INSERT INTO tickets VALUES (2, CAST(X'636166FF' AS TEXT), 'x')")
    desk.insert((3, "b", "x"))
    first, second, third = desk.landed()
    assert (first["id"], third["id"], second["_line"]) == ("1", "3", 2)
    assert second["_unreadable"] == "its bytes are no text in the encoding"
    assert "\\xff" in second["_text"]


def test_values_of_every_driver_have_one_text() -> None:
    values = [7, 2.5, True, Decimal("1.50"), date(2024, 1, 5), datetime(2024, 1, 5, 10, 30), {"k": ["ä"]}, b"l\xc3\xa4"]
    assert [as_text(value) for value in [*values, None, ""]] == [
        *("7", "2.5", "true", "1.50", "2024-01-05", "2024-01-05T10:30:00", '{"k":["ä"]}', "lä"),
        *(None, ""),
    ]


def test_a_table_that_is_empty_or_not_there_is_refused(desk: Desk) -> None:
    with pytest.raises(SourceError, match=r"sqlite:.*tickets\.db \(tickets\) holds no row"):
        desk.read()
    with pytest.raises(SourceError, match=r"cannot read .*\(none\): no such table: none: look at source\.url"):
        desk.read(table="none")
    with pytest.raises(SourceError, match=r"cannot read .*: no such column: later"):
        desk.read(cursor="later", table=None, query="SELECT id, body FROM tickets")


def test_a_statement_that_changes_the_database_is_refused(desk: Desk) -> None:
    desk.insert((1, "a", "x"))
    with pytest.raises(SourceError, match="syntax error"):
        desk.read(table=None, query="DELETE FROM tickets RETURNING *")
    assert desk.landed()


def test_a_database_file_that_is_not_there_is_named_and_not_made(desk: Desk) -> None:
    with pytest.raises(SourceError, match=r"absent\.db \(tickets\): there is no such database file: set source\.url"):
        desk.read(url="sqlite:///absent.db")
    assert not (desk.folder / "absent.db").exists()


SECRET = "s3cr3t/?"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql+psycopg2://desk:s3cr3t%2F%3F@127.0.0.1:9/db?sslkey=s3cr3t", r"cannot read|a driver that is not"),
        ("nosuch://desk:s3cr3t%2F%3F@127.0.0.1:9/db", "asks for a driver that is not there"),
        ("mysql+nosuchdriver://desk:s3cr3t@127.0.0.1/db", "asks for a driver that is not there"),
        ("desk:s3cr3t@127.0.0.1/db", r"source\.url is no SQLAlchemy URL: write it as postgresql\+psycopg2://"),
        ("postgresql://desk:s3cr3t@127.0.0.1:port/db", r"source\.url is no SQLAlchemy URL"),
    ],
)
def test_a_url_that_leads_nowhere_is_named_without_its_password(desk: Desk, url: str, said: str) -> None:
    with pytest.raises(SourceError, match=said) as caught:
        desk.read(url=url)
    assert "s3cr3t" not in str(caught.value)
    assert "s3cr3t" not in repr(caught.value.__cause__)


def test_neither_the_name_nor_the_settings_show_the_password(desk: Desk) -> None:
    url = "postgresql+psycopg2://desk:s3cr3t@host/db?password=s3cr3t"
    assert desk.source(url=url).name == "postgresql+psycopg2://desk:***@host/db (tickets)"
    settings = SourceSettings(kind="sql", url=url, table="tickets")
    assert "s3cr3t" not in settings.model_dump_json() + repr(settings) + str(settings.model_dump())
