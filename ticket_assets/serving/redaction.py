"""What logs and databases say of erased tickets is blacked out in its place.

Belongs here: SQLite databases (Dagster's events, MLflow, Optuna) and files of text: logs, reports, records.
Does not belong here: stores that are rewritten without the rows (erasure.py).
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from ticket_assets.serving.named_features import black_named
from ticket_assets.serving.proof import SQLITE, tables_of
from ticket_assets.storage import replacing
from ticket_assets.tickets.statements import identifier
from ticket_assets.tickets.traces import Traces

PATIENCE_SECONDS = 30
PLACES = ("dagster", "reports", "records", "search")
_TEXT = {".json", ".jsonl", ".txt", ".log", ".out", ".err", ".md", ".html", ".csv", ".yaml", ".complete", ""}


class LockedError(RuntimeError):
    """Another process holds a database, or the rows of a scoring."""


def redact(path: Path, root: Path, traces: Traces) -> bool:
    """Black out the traces in a file, where it is one that may be changed so; return whether it is."""
    with path.open("rb") as stream:
        is_database = stream.read(len(SQLITE)) == SQLITE
    if is_database:
        _redact_database(path, traces)
        return True
    if path.relative_to(root).parts[0] not in PLACES or path.suffix not in _TEXT:
        return False
    blob = path.read_bytes()
    with replacing(path) as temporary:
        temporary.write_bytes(black(blob, traces))
    return True


def _redact_database(path: Path, traces: Traces) -> None:
    """Change the cells, then write the file anew: what was changed stays in free pages and in the log until then."""
    try:
        with closing(sqlite3.connect(path, timeout=PATIENCE_SECONDS, isolation_level=None)) as database:
            database.create_function("black", 1, lambda cell: _black(cell, traces), deterministic=True)
            database.create_function("told", 1, lambda cell: _black(cell, traces) != cell, deterministic=True)
            for table in tables_of(database):
                named = database.execute(f"PRAGMA table_info({identifier(table)})").fetchall()
                for column in (identifier(row[1]) for row in named):
                    text = f"typeof({column}) IN ('text', 'blob')"
                    database.execute(
                        f"UPDATE {identifier(table)} SET {column} = black({column}) WHERE {text} AND told({column})"
                    )
            database.execute("VACUUM")
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.OperationalError as error:
        raise LockedError(f"{path}: {error}; close what has it open (the UI, a run), and run the same again") from error


def black(blob: bytes, traces: Traces) -> bytes:
    """The bytes with every trace blacked out, words in tables of features included."""
    return black_named(traces.black(blob), traces.terms)


def _black(cell: str | bytes, traces: Traces) -> str | bytes:
    if isinstance(cell, bytes):
        return black(cell, traces)
    return black(cell.encode("utf-8", "surrogatepass"), traces).decode("utf-8", "surrogatepass")
