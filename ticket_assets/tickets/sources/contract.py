"""What every kind of source promises, and what passes between a source and the snapshot.

Belongs here: the protocol, the values it hands over, the error that all kinds raise, the bounds that all keep.
Does not belong here: reading anything (a module per kind), writing Parquet (landing.py), which rows are new
(../snapshot.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ticket_assets.tickets.sources.landing import Landing

# Characters of one row. A longer one is no ticket, and reading it as a whole would let one row decide on the memory.
LONGEST_ROW = 16 * 1024 * 1024
# Of a row that cannot be read, so much of its text is kept: enough to mend it by hand.
KEPT_TEXT = 10_000
# Columns that tell of a row that could not be read; in the snapshot only where there is such a row.
FAULT, FILE, LINE, TEXT = "_unreadable", "_file", "_line", "_text"
UNREADABLE_COLUMNS = (FAULT, FILE, LINE, TEXT)
NO_TEXT = "its bytes are no text in the encoding"
# Columns of a row that people mended or dropped: the hash of the source's row in whose place it stands, and whether it
# was dropped. In the snapshot only where there is such a row.
MENDED_FROM, DROPPED = "_mended_from", "_dropped"
# Columns that a table of quarantined rows has beside the source's own.
ROW, ACTION, REASON, WHY = "_row", "_action", "_reason", "_why"
# Names that no column of a source may have.
OUR_COLUMNS = frozenset((*UNREADABLE_COLUMNS, MENDED_FROM, DROPPED, ROW, ACTION, REASON, WHY))


class SourceError(ValueError):
    """The source cannot be read; the message names file, line or field, and the fix, never a password."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a source as text, or one that could not be read.

    Attributes:
        values: column to text, None where there is no value; empty where the row could not be read.
        file: what it stands in; a name for people.
        line: where it begins there, counted from 1.
        text: as it stood there, where that is another thing than its values.
        fault: why it could not be read; empty where it was.
    """

    values: Mapping[str, str | None]
    file: str
    line: int
    text: str = ""
    fault: str = ""


@dataclass(frozen=True)
class Cursor:
    """How far a source was read: the greatest value of a column, as JSON text that knows its type."""

    column: str
    value: str


@dataclass(frozen=True)
class Landed:
    """What a reading of a source brought, on local disk.

    Attributes:
        tables: Parquet files; their rows in this order are those of the source.
        unreadable: how many of the rows could not be read.
        cursor: how far was read; None for a source that is read as a whole.
        is_partial: only rows past an earlier cursor were read.
        told: what was found out about the source, for people: encodings, delimiters, parts.
    """

    tables: tuple[Path, ...]
    unreadable: int = 0
    cursor: Cursor | None = None
    is_partial: bool = False
    told: Mapping[str, str] = field(default_factory=dict)


class Source(Protocol):
    """A place that tickets come from. Making one reads nothing."""

    @property
    def name(self) -> str:
        """What to call it in messages and metadata; holds no secret."""
        ...

    def fingerprint(self) -> str:
        """What tells whether its content changed: the data version of `tickets/source`.

        Raises:
            SourceError: it cannot be looked at.
        """
        ...

    def read(self, landing: "Landing", since: Cursor | None) -> None:
        """Hand all rows to the landing, or those from the cursor on; never all of them in memory.

        A source without a cursor column ignores `since`. One that honours it says so by `landing.reached`.

        Raises:
            SourceError: it cannot be read.
        """
        ...
