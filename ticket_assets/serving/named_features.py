"""Names of features in what is told of a model: a word that only erased tickets say may stand in a table of them.

Belongs here: finding and blacking out such words where reports, events and model cards name features.
Does not belong here: the words of a model itself (models/erasure.py), ids and pieces of text (tickets/traces.py).

A single word is looked for in such a table alone: in running text, in settings and in the events of Dagster it may well
stand for something else. A picture in the same event draws the same names, and nobody can search it: it goes too.
"""

import re
from collections.abc import Collection, Iterator

from ticket_assets.tickets.traces import BLACK

_WORD = rb'((?:[^"\\|\n]|\\+u[0-9a-f]{4})+)'
_PLACES = (
    # models/explanation in Dagster's events (assets/reporting.py), also as JSON inside JSON
    (b"feature", re.compile(rb'"feature\\*": ?\\*"' + _WORD + rb'\\*", ?\\*"kind\\*": ?\\*"word')),
    # reports/explanation.json
    (b'"kind"', re.compile(rb'"kind": ?"word",\s*"name": ?"' + _WORD + rb'"')),
    # model cards (models/card_tables.py)
    (b"| word |", re.compile(rb"^\| word \| " + _WORD + rb" \|", re.MULTILINE)),
)
_PICTURE = re.compile(rb"data:image/png;base64,[A-Za-z0-9+/=]+")
_ESCAPED = re.compile(r"\\+u([0-9a-f]{4})")


def count_named(blob: bytes, terms: Collection[str]) -> int:
    """How many features that some bytes name are n-grams of these, or have a word of these."""
    return sum(1 for _ in _spans(blob, terms))


def black_named(blob: bytes, terms: Collection[str]) -> bytes:
    """The bytes without the names of such features, and without the pictures beside them."""
    spans = sorted(_spans(blob, terms))
    if not spans:
        return blob
    kept, end = list[bytes](), 0
    for start, stop in spans:
        kept += [blob[end:start], BLACK.encode()]
        end = stop
    return _PICTURE.sub(BLACK.encode(), b"".join([*kept, blob[end:]]))


def _spans(blob: bytes, terms: Collection[str]) -> Iterator[tuple[int, int]]:
    for sign, pattern in _PLACES if terms else ():
        # Nearly all that is searched names no feature.
        for found in pattern.finditer(blob) if sign in blob else ():
            name = _ESCAPED.sub(lambda one: chr(int(one[1], 16)), found[1].decode("utf-8", "replace")).lower()
            if any(one in terms for one in (name, *name.split())):
                yield found.span(1)
