"""Traces of erased tickets: what to look for, and where it stands in some bytes.

Belongs here: the pieces of text that tell of a ticket and of no other, finding and blacking them out.
Does not belong here: files and their formats (serving/proof.py, serving/redaction.py), erasing (serving/erasure.py).
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

# Shorter, and a piece would be found by chance.
LEAST = 6
PIECE, STEP = 32, 16
# Pieces of one value that are looked for; blacking out uses all of them.
SEARCHED = 4
BLACK = "[erased]"
_CHUNK = 1 << 24
_LETTERS = re.compile(r"[^\W\d_]{3}")
_WORD = re.compile(rb"[\w-]", re.ASCII)


def pieces(value: str) -> list[str]:
    """What tells of a value: itself where it is short, else overlapping pieces; nothing of bare numbers and dates."""
    value = value.strip()
    if len(value) < LEAST or not _LETTERS.search(value):
        return []
    if len(value) <= PIECE:
        return [value]
    return [value[start : start + PIECE] for start in range(0, len(value) - PIECE, STEP)] + [value[-PIECE:]]


@dataclass(frozen=True)
class Traces:
    """What must be found nowhere.

    Attributes:
        ids: ticket ids.
        texts: lists of pieces, one per value that the tickets say, which no other ticket says.
        names: under which the tickets stand in an index (models/neighbours.py).
        terms: n-grams of the tickets that stand in no other.
        mentioned: ids that tickets which stay speak of; these are looked for only where an id stands by itself.
    """

    ids: tuple[str, ...] = ()
    texts: tuple[tuple[str, ...], ...] = ()
    names: tuple[str, ...] = ()
    terms: frozenset[str] = frozenset()
    mentioned: frozenset[str] = frozenset()

    @cached_property
    def telling_ids(self) -> tuple[str, ...]:
        """Ids that tell of a ticket wherever they stand; others are looked for only where an id stands by itself."""
        return tuple(one for one in self.ids if is_telling(one) and one not in self.mentioned)

    @cached_property
    def searched(self) -> "Finder":
        """Finds ids, names, and some pieces of each value."""
        some = (one for its in self.texts for one in its[:: max(1, -(-len(its) // SEARCHED))])
        return Finder([*some, *self.names], self.telling_ids)

    @cached_property
    def blackened(self) -> "Finder":
        """Finds every piece."""
        return Finder((one for its in self.texts for one in its), self.telling_ids)

    def in_cells(self, cells: Iterable[str | None]) -> int:
        """How many of the values of an id column are erased ids, those that are no telling ones included."""
        wanted = set(self.ids) - set(self.telling_ids)
        return sum(one in wanted for one in cells)

    def black(self, blob: bytes) -> bytes:
        """The bytes with every trace replaced by BLACK, so that JSON stays JSON."""
        kept: list[bytes] = []
        end = 0
        for start, stop in sorted(self.blackened.spans(blob)):
            if start > end or not kept:
                kept += [blob[end:start], BLACK.encode()]
            end = max(end, stop)
        return b"".join([*kept, blob[end:]])


def is_telling(ticket_id: str) -> bool:
    """Whether an id can be looked for in running text; a short or bare number stands there by chance."""
    return len(ticket_id.encode()) >= LEAST and not ticket_id.isdigit()


class Finder:
    """Finds many strings at once, as they are written in UTF-8 and in JSON, also in JSON inside JSON.

    Args:
        texts: that count wherever they stand; those of fewer than LEAST bytes are left out.
        ids: that count where no letter, digit or hyphen touches them: T-100 is not T-1000.
    """

    def __init__(self, texts: Iterable[str], ids: Iterable[str] = ()) -> None:
        self._heads: dict[bytes, dict[bytes, tuple[str, bool]]] = {}
        for told, is_id in ((texts, False), (ids, True)):
            for text in told:
                for spelling in _spellings(text):
                    if len(spelling) >= LEAST:
                        self._heads.setdefault(spelling[:LEAST], {})[spelling] = (text, is_id)
        self._longest = max((len(one) for its in self._heads.values() for one in its), default=0)
        # Which pairs of bytes stand at 0, 2 and 4 of any string: three looks rule nearly every place out.
        self._pairs = np.zeros((LEAST // 2, 1 << 16), dtype=bool)
        for head in self._heads:
            self._pairs[np.arange(LEAST // 2), np.frombuffer(head, dtype="<u2")] = True

    def spans(self, blob: bytes) -> Iterator[tuple[int, int]]:
        """Where strings begin and end, in order of their beginnings."""
        for start in range(0, len(blob) if self._heads else 0, _CHUNK):
            part = blob[start : start + _CHUNK + self._longest]
            for place in self._places(part):
                if place < _CHUNK:
                    yield from self._at(blob, start + place)

    def count(self, blob: bytes) -> int:
        """How many stand in it."""
        return sum(1 for _ in self.spans(blob))

    def within(self, blob: bytes) -> set[str]:
        """Which stand in it, however they are spelled."""
        return {self._heads[blob[start : start + LEAST]][blob[start:stop]][0] for start, stop in self.spans(blob)}

    def _places(self, blob: bytes) -> list[int]:
        if len(blob) < LEAST:
            return []
        view = np.frombuffer(blob, dtype=np.uint8).astype(np.uint16)
        pairs = view[:-1] | (view[1:] << 8)
        places = np.flatnonzero(self._pairs[0][pairs[: len(blob) - LEAST + 1]])
        for place in range(1, LEAST // 2):
            places = places[self._pairs[place][pairs[places + 2 * place]]]
        return places.tolist()

    def _at(self, blob: bytes, place: int) -> Iterator[tuple[int, int]]:
        for spelling, (_, is_id) in self._heads.get(blob[place : place + LEAST], {}).items():
            end = place + len(spelling)
            if blob.startswith(spelling, place):
                touched = _WORD.match(blob[place - 1 : place]) if place else None
                if not (is_id and (touched or _WORD.match(blob[end : end + 1]))):
                    yield place, end


def _spellings(text: str) -> set[bytes]:
    once = [json.dumps(text, ensure_ascii=ascii)[1:-1] for ascii in (True, False)]
    twice = [json.dumps(one, ensure_ascii=ascii)[1:-1] for one in once for ascii in (True, False)]
    return {one.encode("utf-8", "surrogatepass") for one in (text, *once, *twice)}
