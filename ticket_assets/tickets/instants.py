"""Dates as people and systems write them, made instants.

Belongs here: which of day and month comes first in a column, what is a date and what is not.
Does not belong here: which column is read (curation.py), instants of a finished snapshot.

"02.01.2026" is the second of January to most of the world, and the first of February to a parser that is not told. One
column is written in one order, so its own dates tell: a number above 12 is a day. Where none does, nothing is invented.
Dates by numbers are rewritten year first, so that the parser decides nothing; what it could read two ways is none.
"""

import re
import warnings
from collections.abc import Iterable, Mapping
from typing import Literal

import pandas as pd

Order = Literal["auto", "day_first", "month_first"]
Orders = Mapping[str, Order | None]
Written = Order | Literal["by_separator"]
_WEEKDAY = r"(?:[^\W\d_]{2,12}\.?,?\s+)?"
_TIME = r"(?:\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:\s*[AaPp]\.?[Mm]\.?)?,?\s+)?"
# Day and month by numbers, then the year; what stands behind is a time. Between blanks alone only a whole year is one.
_BY_NUMBERS = re.compile(
    rf"\s*({_WEEKDAY}{_TIME})"
    r"(?:(\d{1,2})\s*([./-])\s*(\d{1,2})\s*\3\s*(\d{4}|\d{2})|(\d{1,2})\s+(\d{1,2})\s+(\d{4}))(?!\d|[./-]\d)"
)
_YEAR_FIRST = re.compile(
    rf"\s*{_WEEKDAY}{_TIME}\d{{4}}(?:\s*[./-]\s*|\s+)(\d{{1,2}})(?:\s*[./-]\s*|\s+)\d{{1,2}}(?!\d)"
)
_BLANK = " "
_SEPARATORS = (".", "/", "-", _BLANK)
_MONTHS, _DAYS, _PIVOT = 12, 31, 70  # a year of two digits below the pivot is of this century


def orders(texts: Iterable[str | None], order: Order = "auto") -> Orders:
    """Which of day and month comes first in dates by numbers, by separator; None where that cannot be told.

    All separators share the order that the column tells. Where it tells both, files of two desks are in it, and each
    separator stands for itself. Dots say day first by themselves: nobody writes one behind a month, and where
    somebody did, they say nothing.
    """
    if order != "auto":
        return dict.fromkeys(_SEPARATORS, order)
    tells: dict[str, set[Order]] = {}
    for text in texts:
        if found := _by_numbers(text):
            separator, first, second, *_ = found
            told = tells.setdefault(separator, set())
            if _MONTHS < first <= _DAYS and second <= _MONTHS:
                told.add("day_first")
            elif _MONTHS < second <= _DAYS and first <= _MONTHS:
                told.add("month_first")
    if "." in tells:
        tells["."] = {"day_first"} if tells["."] != {"month_first"} else {"day_first", "month_first"}
    told_by_all = {one for told in tells.values() for one in told}
    if len(told_by_all) == 1:
        return dict.fromkeys(tells, told_by_all.pop())
    return {separator: next(iter(told)) if len(told) == 1 else None for separator, told in tells.items()}


def written_order(texts: Iterable[str | None]) -> Written | None:
    """The order of a column as a report tells it; None where its dates do not tell, "auto" where it has none."""
    return _named(orders(texts))


def instants(texts: pd.Series, order: Order = "auto") -> pd.Series:
    """Instants of a column of text; see `read_instants`."""
    return read_instants(texts, order)[0]


def read_instants(texts: pd.Series, order: Order = "auto") -> tuple[pd.Series, Written | None]:
    """Instants of a column of text, UTC, and the order that its dates by numbers were read in (see `written_order`).

    NaT for what is no date, or one of which day and month cannot be told, or none in the column's order.

    Args:
        texts: of one column; None where there is no text.
        order: of day and month in dates by numbers; auto: as the column's own dates tell.
    """
    found = orders(texts, order)
    return instants_in(texts, found), _named(found)


def instants_in(texts: pd.Series, found: Orders) -> pd.Series:
    """Instants of texts whose orders are known, maybe of a part of their column."""
    plain = pd.Series([_year_first(text, found) for text in texts], index=texts.index, dtype="object")
    read = _parsed(plain, dayfirst=False)
    # A shape that is not known here is a date only if it is the same one to both kinds of reader.
    strange = pd.Series([bool(text) and not _YEAR_FIRST.match(text) for text in plain], index=texts.index, dtype=bool)
    strange &= read.notna()
    agree = _parsed(plain[strange], dayfirst=True) == read[strange]
    return read.mask(~agree.reindex(read.index, fill_value=True))


def _named(found: Orders) -> Written | None:
    if not found:
        return "auto"
    told = set(found.values())
    return told.pop() if len(told) == 1 else "by_separator"


def _by_numbers(text: str | None) -> tuple[str, int, int, str, str] | None:
    """Separator, first and second number, the year, and all else of the text; None where it is no such date."""
    found = _BY_NUMBERS.match(text) if text else None
    if found is None or text is None:
        return None
    first, second, year = (found[2], found[4], found[5]) if found[3] else (found[6], found[7], found[8])
    before, behind = found[1].strip(), text[found.end() :]
    return found[3] or _BLANK, int(first), int(second), year, f" {before}{behind}" if before else behind


def _year_first(text: str | None, found: Orders) -> str | None:
    """The text with its date by numbers written year first; None where it is none in its order."""
    said = _by_numbers(text)
    if said is None:
        there = _YEAR_FIRST.match(text) if text else None
        return None if there and int(there[1]) > _MONTHS else text
    separator, first, second, year, rest = said
    order = found.get(separator)
    if order is None:
        return None
    day, month = (first, second) if order == "day_first" else (second, first)
    if not (1 <= month <= _MONTHS and 1 <= day <= _DAYS):
        return None
    whole = int(year) if len(year) > 2 else int(year) + (2000 if int(year) < _PIVOT else 1900)
    return f"{whole:04}-{month:02}-{day:02}{rest}"


def _parsed(texts: pd.Series, dayfirst: bool) -> pd.Series:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that some text is no date is the question here
        read = pd.to_datetime(texts, utc=True, errors="coerce", format="mixed", dayfirst=dayfirst)
    return pd.Series(read, index=texts.index)
