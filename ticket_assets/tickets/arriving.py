"""Tickets of a file as they arrive: rows with the names that the service knows, for scoring a backlog.

Belongs here: which column of the profile plays which part, rows in the order of the file, where they lie meanwhile.
Does not belong here: reading formats (sources/), curation (curation.py): a backlog has no labels to curate.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ticket_assets.tickets.sources.contract import FAULT, Source, SourceError
from ticket_assets.tickets.sources.landing import Landing

if TYPE_CHECKING:
    from ticket_assets.profile import ColumnSettings

ROWS = 256
SCRATCH = ".score-"


@contextmanager
def scratch_folder(place: Path | None) -> Iterator[Path]:
    """A folder for rows, removed at the end; it is known to be in use for as long as this process lives."""
    with tempfile.TemporaryDirectory(dir=place, prefix=SCRATCH, suffix=".tmp") as folder:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield Path(folder)
        finally:
            os.close(descriptor)


def is_scoring(place: Path) -> bool:
    """Whether a folder of a process that runs lies there; those of killed ones are held by nobody."""
    return any(map(_is_held, place.glob(f"{SCRATCH}*.tmp")))


def _is_held(folder: Path) -> bool:
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:  # its process ended just now
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def arriving_tickets(
    source: Source,
    columns: "ColumnSettings",
    context: tuple[str, ...],
    unreadable: str,
    scratch: Path | None = None,
) -> Iterator[Mapping[str, Any]]:
    """Each row as a ticket of the service: body, subject, id, context; or why it could not be read.

    Args:
        source: of the file.
        columns: which column plays which part.
        context: names of the context values that the model knows.
        unreadable: key under which the reason stands.
        scratch: where the rows lie meanwhile; None: in the system's folder of temporary files. A killed process leaves
            them there, and what lies in a profile's root under this name is swept by an erasure, unless it is in use.

    Raises:
        SourceError: the file cannot be read, or has no column for the body.
    """
    import pyarrow.parquet as pq

    with scratch_folder(scratch) as folder:
        landing = Landing(folder, unreadable_share=1.0)
        source.read(landing, None)
        landed = landing.close()
        for table in landed.tables:
            file = pq.ParquetFile(table)
            names = set(file.schema_arrow.names)
            if columns.body not in names and (columns.subject is None or columns.subject not in names):
                found = ", ".join(sorted(names - {FAULT}))
                raise SourceError(f"{source.name} has no column {columns.body}, which the body is in; it has {found}")
            for batch in file.iter_batches(ROWS):
                for row in batch.to_pylist():
                    yield _ticket(row, columns, context, unreadable)


def _ticket(
    row: dict[str, Any], columns: "ColumnSettings", context: tuple[str, ...], unreadable: str
) -> dict[str, Any]:
    if row.get(FAULT):
        return {unreadable: row[FAULT]}
    told: dict[str, Any] = {"body": _text(row.get(columns.body))}
    if columns.subject:
        told["subject"] = _text(row.get(columns.subject))
    its_id = _text(row.get(columns.id)) if columns.id else None
    if its_id:
        told["id"] = its_id[:200]
    values = {name: _text(row[name]) for name in context if name in row}
    return {**told, "context": values} if values else told


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
