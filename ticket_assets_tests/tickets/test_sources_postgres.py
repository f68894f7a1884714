"""Tickets in a real Postgres: types as text, the cursor on timestamps, large tables in chunks, wrong passwords."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import NullPool, create_engine, make_url, text

from ticket_assets.profile import ColumnSettings
from ticket_assets.source_settings import SourceSettings
from ticket_assets.tickets.snapshot import Ingestion, ingest
from ticket_assets.tickets.sources.contract import Source, SourceError
from ticket_assets.tickets.sources.opening import open_source
from ticket_assets.tickets.sources.sql import CHUNK
from ticket_assets_tests.postgres import postgres, server  # noqa: F401  # fixtures
from ticket_assets_tests.tickets.test_sources import land, rows_of

TABLE = """CREATE TABLE desk.tickets (
  id uuid, body text, urgent boolean, hours numeric(6, 2), fields jsonb, tags text[], updated_at timestamptz)"""
ROWS = """INSERT INTO desk.tickets VALUES
  ('0b0e0000-0000-4000-8000-000000000001', 'läuft nicht', true, 1.50, '{"k": ["ä"]}', '{a,b}', '2024-01-05 10:30+01'),
  ('0b0e0000-0000-4000-8000-000000000002', null, false, null, null, null, '2024-07-05 10:30+02')"""


class Desk:
    """A database of tickets on a server, and the snapshot of it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        self._engine = create_engine(url, poolclass=NullPool)
        self.execute("CREATE SCHEMA desk", TABLE, ROWS)

    def execute(self, *statements: str) -> None:
        with self._engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement.replace(":", r"\:")))

    def source(self, **settings: Any) -> Source:
        chosen = {"url": self.url, "table": "desk.tickets", **settings}
        return open_source(SourceSettings(kind="sql", **chosen), lambda path: self.folder / path)

    def read(self, **settings: Any) -> Ingestion:
        return ingest(self.source(**settings), self.folder / "raw", ColumnSettings(id="id", body="body"))

    def landed(self, **settings: Any) -> list[dict[str, Any]]:
        return rows_of(land(self.source(**settings), self.folder / "landing"))


@pytest.fixture
def desk(postgres: str, tmp_path: Path) -> Desk:  # noqa: F811
    return Desk(postgres, tmp_path)


def test_every_type_has_one_text_whatever_the_time_zone_of_the_session(desk: Desk) -> None:
    """A server that moved from Berlin to UTC made another version of every ticket."""
    told = []
    for zone in ("Europe/Berlin", "UTC"):
        desk.execute(f"ALTER DATABASE {make_url(desk.url).database} SET timezone = '{zone}'")
        told.append(desk.landed())
    assert told[0] == told[1]
    assert told[0][0] == {
        "id": "0b0e0000-0000-4000-8000-000000000001",
        "body": "läuft nicht",
        "urgent": "true",
        "hours": "1.50",
        "fields": '{"k":["ä"]}',
        "tags": '["a","b"]',
        "updated_at": "2024-01-05T09:30:00+00:00",
    }
    assert told[0][1]["updated_at"] == "2024-07-05T08:30:00+00:00"


def test_only_rows_past_the_cursor_are_read_also_when_the_session_has_another_time_zone(desk: Desk) -> None:
    assert desk.read(cursor="updated_at").new_rows == 2
    desk.execute(
        f"ALTER DATABASE {make_url(desk.url).database} SET timezone = 'Asia/Tokyo'",
        "INSERT INTO desk.tickets (id, body, updated_at) VALUES"
        " ('0b0e0000-0000-4000-8000-000000000003', 'new', '2024-07-05 10:31+02'),"
        " ('0b0e0000-0000-4000-8000-000000000004', 'older than the cursor', '2024-07-05 10:29+02')",
    )
    again = desk.read(cursor="updated_at")
    assert (again.source_rows, again.new_rows) == (2, 1)


def test_a_large_table_comes_in_chunks(desk: Desk) -> None:
    desk.execute(
        f"CREATE TABLE large AS SELECT n AS id, 'text ' || n AS body FROM generate_series(1, {2 * CHUNK + 1}) n"
    )
    assert [row["id"] for row in desk.landed(table="large")] == [str(n) for n in range(1, 2 * CHUNK + 2)]


def test_a_table_that_is_not_there_is_named_with_the_way_to_mend_it(desk: Desk) -> None:
    with pytest.raises(SourceError, match=r'relation "desk\.none" does not exist: look at source\.url'):
        desk.read(table="desk.none")


def test_a_wrong_database_is_told_without_the_password(desk: Desk) -> None:
    url = make_url(desk.url).set(database="nowhere", password="s3cr3t").render_as_string(hide_password=False)
    with pytest.raises(SourceError, match='database "nowhere" does not exist') as caught:
        desk.read(url=url)
    assert "s3cr3t" not in str(caught.value)


def test_a_database_that_is_written_by_nobody_may_be_read_by_a_user_who_may_only_read(desk: Desk) -> None:
    desk.execute(
        "CREATE ROLE reader LOGIN",
        "GRANT USAGE ON SCHEMA desk TO reader",
        "GRANT SELECT ON desk.tickets TO reader",
    )
    try:
        url = make_url(desk.url).set(username="reader").render_as_string(hide_password=False)
        assert len(desk.landed(url=url)) == 2
        with pytest.raises(SourceError, match="syntax error"):
            desk.landed(url=url, table=None, query="DELETE FROM desk.tickets RETURNING *")
    finally:
        desk.execute("DROP OWNED BY reader", "DROP ROLE reader")
