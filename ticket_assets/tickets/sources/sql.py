"""Tickets in a database: a table or a query, by SQLAlchemy URL, read in chunks and from a cursor on.

Belongs here: the statements, the cursor's type, values as text.
Does not belong here: where the cursor is kept (../snapshot.py: with the batch), storing rows (landing.py).

With a cursor column a reading asks for rows whose value is at least the greatest one read so far: several rows may
share it, and one that was read before is known to the snapshot by its content. Rows without a value are read each time.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ticket_assets.storage import digest
from ticket_assets.tickets.sources.contract import Cursor, Row, SourceError
from ticket_assets.tickets.sources.landing import Landing

if TYPE_CHECKING:
    import sqlalchemy as sa

CHUNK = 5000
_FROM_TEXT: dict[str, Callable[[str], Any]] = {
    "int": int,
    "float": float,
    "str": str,
    "Decimal": Decimal,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
}


@dataclass(frozen=True)
class SqlSource:
    """A table or query.

    Attributes:
        url: SQLAlchemy's, with its password; a SQLite file by its absolute path.
        table: name, with its schema before a dot; None for a query.
        query: a SELECT; None for a table.
        cursor: column that only grows; None to read all rows every time.
    """

    url: "sa.URL"
    table: str | None = None
    query: str | None = None
    cursor: str | None = None

    @property
    def name(self) -> str:
        """The URL without its password, and the table."""
        return f"{_public(self.url)} ({self.table or 'query'})"

    def fingerprint(self) -> str:
        """With a cursor: number of rows and its greatest value. Without: a hash of all rows in any order."""
        with self._connected() as connection:
            if self.cursor:
                count, greatest = connection.execute(self._statement(f"count(*), max({self._column()})")).one()
                return digest([str(count), as_text(greatest) or ""])
            total = count = 0
            for part in self._rows(connection, self._statement("*")).partitions():
                for row in part:
                    count += 1
                    total += int(digest("\x00" if value is None else str(value) for value in row), 16)
            return digest([str(count), f"{total % 2**128:x}"])

    def read(self, landing: Landing, since: Cursor | None) -> None:
        """All rows, or those that the cursor has not passed."""
        from_value = _value(since.value) if since and since.column == self.cursor else None
        with self._connected() as connection:
            landing.reached(self._greatest(connection), is_partial=from_value is not None)
            if from_value is None:
                statement = self._statement("*")
            else:
                column = self._column()
                statement = self._statement("*", f"WHERE {column} >= :since OR {column} IS NULL")
                statement = statement.bindparams(since=from_value)
            result = self._rows(connection, statement)
            names = [str(name) for name in result.keys()]  # noqa: SIM118  # a result is no dict
            numbered = enumerate((row for part in result.partitions() for row in part), start=1)
            landing.add(
                Row(dict(zip(names, map(as_text, row), strict=True)), self.name, number) for number, row in numbered
            )

    def _greatest(self, connection: "sa.Connection") -> Cursor | None:
        """Asked before the rows, so that one that comes meanwhile is read twice rather than never."""
        if not self.cursor:
            return None
        value = connection.execute(self._statement(f"max({self._column()})")).scalar()
        if value is None:
            return None
        kind = type(value).__name__
        if kind not in _FROM_TEXT:
            raise SourceError(
                f"source.cursor = {self.cursor!r} holds {kind}: name a column of numbers, dates or text that grow"
            )
        return Cursor(self.cursor, json.dumps({"type": kind, "value": as_text(value)}))

    def _rows(self, connection: "sa.Connection", statement: "sa.TextClause") -> "sa.CursorResult[Any]":
        return connection.execution_options(stream_results=True, yield_per=CHUNK).execute(statement)

    def _statement(self, columns: str, where: str = "") -> "sa.TextClause":
        import sqlalchemy as sa

        if self.table:
            preparer = self.url.get_dialect()().identifier_preparer
            place = ".".join(map(preparer.quote, self.table.split(".")))
        else:
            place = f"({str(self.query).strip().rstrip(';')}) AS source_query"
        # A colon in it is no parameter of ours; the one of `where` is.
        return sa.text(f"SELECT {columns} FROM {place} ".replace(":", r"\:") + where)

    def _column(self) -> str:
        quoted: str = self.url.get_dialect()().identifier_preparer.quote(self.cursor or "")
        return quoted

    @contextmanager
    def _connected(self) -> Iterator["sa.Connection"]:
        """A connection; what goes wrong names the source and never the password."""
        import sqlalchemy as sa

        if self.url.get_backend_name() == "sqlite" and not Path(self.url.database or "").is_file():
            raise SourceError(f"{self.name}: there is no such database file: set source.url")
        try:
            engine = sa.create_engine(self.url, poolclass=sa.NullPool)
        except (ImportError, sa.exc.SQLAlchemyError) as error:
            raise SourceError(
                f"{_public(self.url)} asks for a driver that is not there: {error}: install it, or name another in "
                "source.url, such as postgresql+psycopg2://"
            ) from None
        if engine.dialect.name == "sqlite":
            sa.event.listen(engine, "connect", _let_broken_text_through)
        try:
            with engine.connect() as connection:
                yield connection
        except sa.exc.SQLAlchemyError as error:
            said = str(getattr(error, "orig", None) or error)
            if self.url.password:
                said = said.replace(self.url.password, "***")
            [said, *_] = said.strip().splitlines() or ["no reason given"]  # the rest draws the statement
            fix = "look at source.url, source.table, source.query and source.cursor"
            raise SourceError(f"cannot read {self.name}: {said}: {fix}") from None


def as_text(value: Any) -> str | None:
    """A value of any driver as text that is the same tomorrow."""
    if value is None or isinstance(value, str):
        return value
    if value != value:  # NaN is no value; as text it made one ticket of all that have it for an id
        return None
    if isinstance(value, bool | dict | list):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "surrogateescape")
    if isinstance(value, datetime) and value.tzinfo:
        value = value.astimezone(UTC)  # a driver tells it in the time zone of the session, which is a server's setting
    return value.isoformat() if isinstance(value, date) else str(value)


def _value(stored: str) -> Any:
    said = json.loads(stored)
    return _FROM_TEXT[said["type"]](said["value"])


def _let_broken_text_through(connection: Any, _: Any) -> None:
    """SQLite keeps whatever bytes it was given as text; one broken value would end the whole reading."""
    connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")


def _public(url: "sa.URL") -> str:
    """The URL without what may be a secret: the password, and parameters, among which drivers take one too."""
    return url.set(query={}).render_as_string(hide_password=True)
