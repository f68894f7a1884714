"""Erasing tickets from LanceDB: their rows, and everything that old versions keep of them.

Belongs here: all tables of a database, whatever encoder or use they are of, as long as they have a `ticket_id`.
Does not belong here: filling and reading a table (vectors.py).
"""

import warnings
from collections.abc import Collection, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

KEY = "ticket_id"


def erase_vectors(folder: Path, ticket_ids: Collection[str]) -> int:
    """Remove rows of tickets from every table and version; return how many rows of latest versions went.

    A deleted row stays in its data file, an indexed id in the index, a predicate in the transaction, until all of them
    are replaced. So the table is written anew as one version without the rows, its tags and branches go, and with them
    every version before: also those that were kept for a bundle, which all have tickets of their time. Indices go too:
    the next filling, or whoever wants them, makes them again.
    """
    went = 0
    for table, database in _tables(folder):
        rows = table.to_arrow()
        stays = pc.invert(pc.is_in(rows[KEY], pa.array(sorted(ticket_ids), pa.string())))
        left = rows.filter(stays)
        held = len(rows) - len(left)
        if held or _holds(table, ticket_ids):
            purge(database.create_table(table.name, data=left, schema=rows.schema, mode="overwrite"))
        went += held
    return went


def purge(table: Any) -> None:
    """Leave the latest version alone: no tag, no branch, no version before it, no file that only they need."""
    for branch in list(table.branches.list()):
        table.branches.delete(branch)
    for tag in list(table.tags.list()):
        table.tags.delete(tag)
    with warnings.catch_warnings():
        # It warns that readers of earlier versions fail, which is what is wanted: nobody may read them again.
        warnings.filterwarnings("ignore", message="optimize.cleanup_older_than=0", category=UserWarning)
        table.optimize(cleanup_older_than=timedelta(0), delete_unverified=True)


def versions(folder: Path) -> Iterator[tuple[str, pa.Table]]:
    """Every version of every table of a database, also on branches: its name and its columns of text."""
    for table, _ in _tables(folder, keyed=False):
        for one in _states(table):
            texts = (pa.types.is_string, pa.types.is_large_string)
            names = [field.name for field in one.schema if any(is_text(field.type) for is_text in texts)]
            yield table.name, _columns(one, names)


def _holds(table: Any, ticket_ids: Collection[str]) -> bool:
    """Whether an earlier version holds one of the tickets, or a branch, which a killed erasure leaves."""
    wanted = pa.array(sorted(ticket_ids), pa.string())
    return any(pc.any(pc.is_in(_columns(one, [KEY])[KEY], wanted)).as_py() for one in _states(table))


def _states(table: Any) -> Iterator[Any]:
    """The table at every version of every branch, each to be read before the next is asked for."""
    for line in (table, *(table.branches.checkout(name) for name in table.branches.list())):
        try:
            for version in line.list_versions():
                line.checkout(version["version"])
                yield line
        finally:
            line.checkout_latest()


def _columns(table: Any, names: list[str]) -> pa.Table:
    return table.search().select(names).limit(None).to_arrow()


def _tables(folder: Path, keyed: bool = True) -> Iterator[tuple[Any, Any]]:
    import lancedb

    if not folder.is_dir():
        return
    database = lancedb.connect(folder)
    for path in sorted(folder.glob("*.lance")):
        table = database.open_table(path.stem)
        if not keyed or KEY in table.schema.names:
            yield table, database
