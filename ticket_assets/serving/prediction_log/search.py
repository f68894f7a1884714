"""Finding records in what waits by their bytes: of all lines only those that are meant are parsed.

Belongs here: looking through streams of lines, block by block, for ids of one kind.
Does not belong here: which files there are (spool.py), what a payload means (records.py), asking the store (lookup.py).

A line's payload begins with kind and id, which JSON's quotes let stand nowhere else: what a sender wrote has them
escaped, or, as names of a context, not behind a line's checksum and length.
"""

import json
import re
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from ticket_assets.serving.prediction_log.lines import read_line

# Of memory at a time; the search of one holds up other threads for some 50 microseconds.
BLOCK_BYTES = 1 << 18
_FRAME = re.compile(rb"[0-9a-f]{8} (\d{1,10}) \Z")
_LONGEST_FRAME = 20


@dataclass
class Found:
    """What a search found.

    Attributes:
        payloads: id to what its line holds.
        complete: whether all was looked through, or all found.
    """

    payloads: dict[str, dict[str, Any]] = field(default_factory=dict)
    complete: bool = True


def search(streams: Iterable[BinaryIO], kind: str, ids: Collection[str], seconds: float | None = None) -> Found:
    """Look for records of one kind by their ids.

    Args:
        streams: of whole lines, each from its beginning; asked for one after the other.
        kind: of records.
        ids: that are wanted.
        seconds: after which to give up.
    """
    until = None if seconds is None else time.monotonic() + seconds
    wanted = {json.dumps(one, ensure_ascii=False)[1:-1].encode("utf-8", "surrogatepass"): one for one in ids}
    found = Found()
    for stream in streams:
        if not wanted:
            break
        if not _look_through(stream, f'{{"kind":"{kind}","id":"'.encode(), wanted, found, until):
            found.complete = False
            break
    return found


def _look_through(stream: BinaryIO, lead: bytes, wanted: dict[bytes, str], found: Found, until: float | None) -> bool:
    """Look through one stream; what is found is wanted no more. False: there was no time."""
    needle = lead + next(iter(wanted)) + b'"' if len(wanted) == 1 else lead
    longest = len(lead) + max(map(len, wanted)) + 1
    blob = b""
    while wanted and (block := stream.read(BLOCK_BYTES)):
        if until is not None and time.monotonic() > until:
            return False
        blob = blob[-longest - _LONGEST_FRAME :] + block
        at = blob.find(needle)
        while at >= 0:
            end = blob.find(b'"', at + len(lead), at + longest)
            told = blob[at + len(lead) : end]
            if end >= 0 and told in wanted and (frame := _FRAME.search(blob, max(0, at - _LONGEST_FRAME), at)):
                blob += stream.read(max(0, at + int(frame[1]) + 1 - len(blob)))
                line = read_line(blob[frame.start() : at + int(frame[1]) + 1])
                if line.payload:
                    found.payloads[wanted.pop(told)] = line.payload
            at = blob.find(needle, at + len(lead))
    return True
