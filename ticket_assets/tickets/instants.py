"""Dates as people and systems write them, made instants.

Belongs here: which of day and month comes first in a column, what is a date and what is not.
Does not belong here: which column is read (curation.py), instants of a finished snapshot.

"02.01.2026" is the second of January to most of the world, and the first of February to a parser that is not told. One
column is written in one order, so its own dates tell: a number above 12 is a day. Where none does, nothing is invented.
"""

import re
import warnings
from collections.abc import Iterable
from typing import Literal

import pandas as pd

Order = Literal["auto", "day_first", "month_first"]
# Day and month by numbers, then the year; what stands behind is a time.
_BY_NUMBERS = re.compile(r"\s*(?:[A-Za-z]{2,9}\.?,?\s+)?(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{2})(?!\d)")
TWELVE = 12


def written_order(texts: Iterable[str | None]) -> Order | None:
    """Which comes first in a column's dates by numbers; None where they do not tell, "auto" where there are none.

    Dots are written between day and month alone, nobody puts them behind a month.
    """
    order: Order | None = "auto"
    for text in texts:
        found = _BY_NUMBERS.match(text) if text else None
        if found is None:
            continue
        first, second = int(found[1]), int(found[3])
        if found[2] == "." or first > TWELVE:
            return "day_first"
        if second > TWELVE:
            return "month_first"
        order = None
    return order


def instants(texts: pd.Series, order: Order = "auto") -> pd.Series:
    """Instants of a column of text; see `read_instants`."""
    return read_instants(texts, order)[0]


def read_instants(texts: pd.Series, order: Order = "auto") -> tuple[pd.Series, Order | None]:
    """Instants of a column of text, UTC, and the order that its dates by numbers were read in (see `written_order`).

    NaT for what is no date, or one of which day and month cannot be told.

    Args:
        texts: of one column; None where there is no text.
        order: of day and month in dates by numbers; auto: as the column's own dates tell.
    """
    found = written_order(texts) if order == "auto" else order
    if found is None:
        texts = texts.where([not (text and _BY_NUMBERS.match(text)) for text in texts], None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that some text is no date is the question here
        read = pd.to_datetime(texts, utc=True, errors="coerce", format="mixed", dayfirst=found == "day_first")
    return pd.Series(read, index=texts.index), found
