"""The ledger of erasures: tickets that never come back, told by salted hashes alone.

Belongs here: its file, which rows of a reading it names.
Does not belong here: erasing anything (erasure.py and its like in every folder), appending rows (snapshot.py).

The salt stands in the ledger: whoever holds it can ask whether an id that they know was erased, which is what it is
for, and learns nothing else from it.
"""

import hashlib
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from ticket_assets.profile import ColumnSettings
from ticket_assets.storage import append_record, read_records
from ticket_assets.tickets.identity import strings, ticket_ids
from ticket_assets.tickets.sources.contract import FAULT
from ticket_assets.tickets.statements import identifier, types_of

LEDGER = "erasures.jsonl"
# Kinds of entries: what was erased, which id a rewritten bundle or hold-out has now, what the search afterwards found.
ERASURE, BUNDLE, HOLDOUT, PROOF = "erasure", "bundle", "holdout", "proof"
CHUNK = 50_000


@dataclass(frozen=True)
class Ledger:
    """What was erased: salt, and the salted hashes of ticket ids and of row contents."""

    salt: str = field(default_factory=lambda: secrets.token_hex(16))
    tickets: frozenset[str] = frozenset()
    contents: frozenset[str] = frozenset()

    def hashed(self, text: str) -> str:
        """Salted hash, 32 hex digits, of an id or of a row's content hash."""
        return hashlib.sha256(f"{self.salt}{text}".encode("utf-8", "surrogatepass")).hexdigest()[:32]

    def names(self, ticket_id: str) -> bool:
        """Whether this ticket was erased."""
        return self.hashed(ticket_id) in self.tickets


def read_ledger(records: Path) -> Ledger:
    """The ledger in a folder of records; an empty one with a new salt where nothing was erased yet."""
    entries = [one for one in read_records(records / LEDGER).whole if one["kind"] == ERASURE]
    if not entries:
        return Ledger()
    return Ledger(
        entries[0]["salt"],
        frozenset(its for one in entries for its in one["tickets"]),
        frozenset(its for one in entries for its in one["contents"]),
    )


def enter(
    records: Path,
    name: str,
    at: str,
    ticket_ids: Iterable[str],
    contents: Iterable[str],
    fitted: Iterable[str] | None = (),
) -> None:
    """Enter an erasure once, by its name; rows that are no ticket's stand by their contents alone.

    Args:
        records: folder of the profile's records.
        name: of the erasure.
        at: when it began, ISO 8601.
        ticket_ids: that never come back, whatever their rows will say.
        contents: content hashes of the rows.
        fitted: versions of the data that these tickets were trained on in (models/trained_rows.py); None where nobody
            asked, the erasure being begun by an earlier version of the project.
    """
    if any(one["kind"] == ERASURE and one["erasure"] == name for one in read_records(records / LEDGER).whole):
        return
    ledger = read_ledger(records)
    entry: dict[str, Any] = {
        **{"kind": ERASURE, "erasure": name, "at": at, "salt": ledger.salt},
        "tickets": sorted(map(ledger.hashed, ticket_ids)),
        "contents": sorted(set(map(ledger.hashed, contents))),
        **({} if fitted is None else {"fitted": sorted(fitted)}),
    }
    append_record(records / LEDGER, entry)


def fitted_to_erased(records: Path) -> frozenset[str]:
    """Versions of the data that models were fitted to, tickets among it that were erased since."""
    entries = (one for one in read_records(records / LEDGER).whole if one["kind"] == ERASURE)
    return frozenset(version for one in entries for version in one.get("fitted", ()))


def tells_fitted(records: Path) -> bool:
    """Whether every erasure entered such versions; those of an earlier version of the project did not."""
    return all("fitted" in one for one in read_records(records / LEDGER).whole if one["kind"] == ERASURE)


def last_erasure(records: Path) -> str:
    """When the last one began, ISO 8601; empty where there was none."""
    return max((str(one["at"]) for one in read_records(records / LEDGER).whole if one["kind"] == ERASURE), default="")


def erased_between(records: Path, since: datetime, until: datetime) -> int:
    """Tickets whose erasure began after one instant and no later than another."""
    entries = (one for one in read_records(records / LEDGER).whole if one["kind"] == ERASURE)
    return sum(len(one["tickets"]) for one in entries if since < datetime.fromisoformat(str(one["at"])) <= until)


def skip_erased(engine: duckdb.DuckDBPyConnection, columns: ColumnSettings, ledger: Ledger) -> int:
    """Take erased rows out of a reading (see due_rows.py): out of the table `hashed`; return how many.

    All rows of one content go together, so that the numbers of the others stay without a gap.
    """
    if not (ledger.tickets or ledger.contents):
        return 0
    # Collected before any goes: a result that is still read is gone with the next statement of its connection.
    found = [position for chunk in _said(engine, columns) for position in _erased(chunk, columns, ledger)]
    if found:
        engine.execute("DELETE FROM hashed WHERE _position IN (SELECT unnest(?::BIGINT[]))", [found])
    return len(found)


def owned(rows: pd.DataFrame, columns: ColumnSettings) -> list[str | None]:
    """The id of each row's ticket; None of a row that cannot be read, or that has neither id nor text.

    Such rows share the id of "no text at all", which is nobody's.
    """
    ids = ticket_ids(rows, columns)
    said = zip(*(strings(rows, name) for name in (columns.id, columns.subject, columns.body)), strict=True)
    faults = rows[FAULT].notna() if FAULT in rows else [False] * len(rows)
    return [one if any(its) and not fault else None for one, its, fault in zip(ids, said, faults, strict=True)]


def telling(columns: ColumnSettings, present: Iterable[str]) -> list[str]:
    """Those of the present columns that tell whose ticket a row is."""
    wanted = {columns.id, columns.subject, columns.body, FAULT}
    return sorted({one for one in present if one in wanted})


def _said(engine: duckdb.DuckDBPyConnection, columns: ColumnSettings) -> Iterator[pd.DataFrame]:
    chosen = ", ".join(map(identifier, ["_position", "_content_hash", *telling(columns, types_of(engine, "said"))]))
    reader = engine.sql(f"SELECT {chosen} FROM said JOIN hashed USING (_position)").to_arrow_reader(CHUNK)
    for batch in reader:
        yield batch.to_pandas(integer_object_nulls=True)


def _erased(rows: pd.DataFrame, columns: ColumnSettings, ledger: Ledger) -> list[int]:
    its = zip(rows["_position"], rows["_content_hash"], owned(rows, columns), strict=True)
    return [
        int(position)
        for position, content, ticket in its
        if (ticket is not None and ledger.names(ticket)) or ledger.hashed(content) in ledger.contents
    ]
