"""Pieces of DuckDB statements over Parquet files.

Belongs here: quoting, a table expression over files, what columns and how many rows it has.
Does not belong here: any statement as a whole (snapshot.py, due_rows.py).
"""

from collections.abc import Iterable
from pathlib import Path

import duckdb


def union(files: tuple[Path, ...]) -> str:
    """A table expression over Parquet files, joined by column name."""
    return f"read_parquet({files_list(files)}, union_by_name = true)"


def files_list(files: Iterable[Path]) -> str:
    """A list of paths."""
    return f"[{', '.join(literal(str(file)) for file in files)}]"


def types_of(engine: duckdb.DuckDBPyConnection, rows: str) -> dict[str, str]:
    """Column to DuckDB type of a table expression."""
    return {row[0]: row[1] for row in engine.execute(f"DESCRIBE SELECT * FROM {rows}").fetchall()}


def literal(text: str) -> str:
    """Text as a literal."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """The name of a column."""
    return '"' + name.replace('"', '""') + '"'


def count_of(engine: duckdb.DuckDBPyConnection, table: str) -> int:
    """Rows of a table expression."""
    row = engine.execute(f"SELECT count(*) FROM {table}").fetchone()
    assert row is not None
    return int(row[0])
