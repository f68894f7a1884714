"""The proof of an erasure: everything under the profile's root is searched, decoded, for traces of the tickets.

Belongs here: walking the root, reading each format, counting what is found and where.
Does not belong here: what is looked for (tickets/traces.py), removing it (erasure.py, redaction.py).

Not searched: exported encoders, which are made from a package and hold no ticket, and the project's own code in bentos.
"""

import gzip
import json
import os
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ticket_assets.models.erasure import TERMS
from ticket_assets.serving.named_features import count_named
from ticket_assets.tickets.statements import identifier, literal, types_of, union
from ticket_assets.tickets.traces import Traces

SQLITE = b"SQLite format 3\x00"
ROWS = 5_000
ID_COLUMNS = ("ticket_id", "family_id")
_CODE = ("src/ticket_assets/", "src/service.py", "env/", "apis/")
# What a store is called in the table; the first that fits, else the first part of the path.
PLACES = {
    "raw/": "raw batches",
    "source/": "generated source",
    "lancedb/": "vectors, all versions",
    "candidates/": "candidates",
    "bundles/": "bundles",
    "bentoml/": "bentos",
    "mlflow": "MLflow",
    "optuna": "Optuna",
    "dagster/": "Dagster: events, logs",
    "search/": "search",
    "split/": "frozen hold-out",
    "trained/": "lists of training tickets",
    "records/": "records",
    "reports/": "reports",
    "kept/": "kept results",
    "service/": "prediction log",
}


@dataclass(frozen=True)
class Found:
    """What one file holds of the tickets: how many traces."""

    path: Path
    place: str
    hits: int


def search(root: Path, traces: Traces, id_column: str | None, but: tuple[Path, ...] = ()) -> list[Found]:
    """Search all files below a root; return every file that was searched, those without a hit included.

    Args:
        root: of the profile.
        traces: what to look for.
        id_column: of the source, whose values are ids.
        but: files to leave out.
    """
    ids = {*ID_COLUMNS, id_column}
    found = [
        Found(path, place_of(path.relative_to(root)), _hits_if_there(path, traces, ids))
        for path in _files(root)
        if path not in but
    ]
    for name, count in _vectors(root / "lancedb", traces):
        found.append(Found(root / "lancedb" / f"{name}.lance", PLACES["lancedb/"], count))
    return found


def place_of(relative: Path) -> str:
    """What to call the store of a file: tables by their asset."""
    if relative.parts[0] == "parquet":
        return relative.with_suffix("").as_posix().removeprefix("parquet/")
    told = relative.as_posix()
    return next((place for begins, place in PLACES.items() if told.startswith(begins)), relative.parts[0])


def _files(root: Path) -> Iterator[Path]:
    for folder, below, names in os.walk(root):
        below[:] = sorted(one for one in below if one not in ("encoders", "__pycache__"))
        for name in sorted(names):
            path = Path(folder, name)
            told = path.relative_to(root).as_posix()
            is_code = told.startswith("bentoml/bentos/") and told.split("/", 4)[4:][:1] != []
            if not (is_code and told.split("/", 4)[4].startswith(_CODE)):
                yield path


def _hits_if_there(path: Path, traces: Traces, ids: set[str | None]) -> int:
    """None in a file that went meanwhile: a service removes journals nearly every second."""
    try:
        return _hits(path, traces, ids)
    except (OSError, duckdb.Error, sqlite3.Error):
        if os.path.lexists(path):
            raise
        return 0


def _hits(path: Path, traces: Traces, ids: set[str | None]) -> int:
    if path.is_symlink():
        return traces.searched.count(os.fsencode(path.readlink()))
    with path.open("rb") as stream:
        head = stream.read(len(SQLITE))
    if path.suffix == ".parquet" and head.startswith(b"PAR1"):
        return _in_parquet(path, traces, ids)
    if head == SQLITE:
        return _in_sqlite(path, traces)
    blob = path.read_bytes()
    if head.startswith(b"PK") and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as members:
            blob = b"\x00".join(members.read(name) for name in members.namelist())
    elif head.startswith(b"\x1f\x8b"):
        blob = gzip.decompress(blob)
    count = _said(blob, traces)
    if path.name == TERMS:
        count += len(traces.terms.intersection(blob.decode("utf-8").split("\n")))
    if path.name == "holdout.json":
        count += traces.in_cells(json.loads(blob)["ticket_ids"])
    return count


def _in_parquet(path: Path, traces: Traces, ids: set[str | None]) -> int:
    """All values of all columns as text, nested ones included, and what the file says beside its rows."""
    with duckdb.connect() as engine:
        names = list(types_of(engine, union((path,))))
        said = ", ".join(f"CAST({identifier(name)} AS VARCHAR)" for name in names)
        rows = engine.execute(f"SELECT {said} FROM read_parquet({literal(str(path))})")
        count = 0
        while chunk := rows.fetchmany(ROWS):
            text = "\x00".join(value for row in chunk for value in row if value)
            count += traces.searched.count(text.encode("utf-8", "surrogatepass"))
            count += sum(traces.in_cells(row[at] for row in chunk) for at, name in enumerate(names) if name in ids)
        beside = engine.execute(f"SELECT value FROM parquet_kv_metadata({literal(str(path))})").fetchall()
    return count + sum(traces.searched.count(bytes(value)) for (value,) in beside)


def _in_sqlite(path: Path, traces: Traces) -> int:
    """All cells, then the file itself: deleted rows stay in free pages until it is vacuumed."""
    count = 0
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
        database.text_factory = bytes
        for table in tables_of(database):
            for row in database.execute(f"SELECT * FROM {identifier(table)}"):
                count += _said(b"\x00".join(cell for cell in row if isinstance(cell, bytes)), traces)
    return count or _said(path.read_bytes(), traces)


def _said(blob: bytes, traces: Traces) -> int:
    return traces.searched.count(blob) + count_named(blob, traces.terms)


def tables_of(database: sqlite3.Connection) -> list[str]:
    """Tables of an SQLite database."""
    found = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return [name.decode() if isinstance(name, bytes) else str(name) for (name,) in found]


def _vectors(folder: Path, traces: Traces) -> Iterator[tuple[str, int]]:
    """Tables of LanceDB decoded, each version; their files are searched as bytes like any other."""
    from ticket_assets.features.erasure import versions

    for name, table in versions(folder):
        count = 0
        for column in table.column_names:
            values = [value for value in table[column].to_pylist() if value]
            count += traces.searched.count("\x00".join(values).encode())
            count += traces.in_cells(values) if column in ID_COLUMNS else 0
        yield name, count
