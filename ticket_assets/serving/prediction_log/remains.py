"""What SQLite's own files still say of erased records: in free pages and in the write-ahead log, where no query looks.

Belongs here: searching the bytes of the file and of its logs for ids where rows and lines hold them.
Does not belong here: rows and journals (erasure.py), other databases, whose files are their server's.

An id counts where a record has it, beside the columns that stand next to it: what other tickets say of it does not.
"""

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from sqlalchemy import Engine

BLOCK_BYTES = 1 << 20
OVERLAP = 1024
LOGS = ("", "-wal", "-journal")
_PREDICTION = rb"p-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
# A row's id and its time; a correction's id and its prediction's; a line's.
_IDS = re.compile(
    rb"(%b)(?=\d{4}-\d\d-\d\d )|f-[0-9a-f-]{32,36}(%b)|\"(?:prediction_)?id\":\"(%b)\"" % ((_PREDICTION,) * 3)
)
# In a row a ticket's id stands between time and moment, of 8 bytes, and transport.
_AT = re.compile(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}")
_MOMENT = 8
_TRANSPORT = re.compile(rb"http|grpc|batch|score")
_TICKET = re.compile(rb'"ticket_id":"((?:[^"\\]|\\.){1,800})"')


def remains(engine: Engine, ticket_ids: Collection[str], prediction_ids: Collection[str]) -> list[str]:
    """Which of SQLite's files hold records of tickets or predictions, one sentence each; nothing of other databases.

    Args:
        engine: of the store.
        ticket_ids: whose answers.
        prediction_ids: beside them.
    """
    if engine.dialect.name != "sqlite":
        return []
    tickets, predictions = {one.encode() for one in ticket_ids}, {one.encode() for one in prediction_ids}
    lengths = sorted({len(one) for one in tickets})
    places = []
    for path in (Path(f"{engine.url.database}{log}") for log in LOGS):
        if path.exists() and any(_holds(blob, tickets, lengths, predictions) for blob in _blocks(path)):
            places.append(f"file {path.name}: bytes of a record")
    return places


def _holds(blob: bytes, tickets: set[bytes], lengths: list[int], predictions: set[bytes]) -> bool:
    if predictions and any(predictions.intersection(found.groups()) for found in _IDS.finditer(blob)):
        return True
    if not tickets:
        return False
    for found in _AT.finditer(blob):
        start = found.end() + _MOMENT
        for length in lengths:
            if blob[start : start + length] in tickets and _TRANSPORT.match(blob, start + length):
                return True
    return any(found[1] in tickets for found in _TICKET.finditer(blob))


def _blocks(path: Path) -> Iterator[bytes]:
    """The file in pieces that overlap, so that no id is cut."""
    with path.open("rb") as stream:
        kept = b""
        while block := stream.read(BLOCK_BYTES):
            blob = kept + block
            yield blob
            kept = blob[-OVERLAP:]
