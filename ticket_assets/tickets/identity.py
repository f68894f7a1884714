"""Which ticket a source row is about, and what its values say as text.

Belongs here: the id that the source gives or that the text stands for, one reading of values of any type.
Does not belong here: which rows are new (snapshot.py), what becomes of several rows of one ticket (curation.py).
"""

from typing import Any

import pandas as pd

from ticket_assets.profile import ColumnSettings
from ticket_assets.storage import digest


def ticket_ids(rows: pd.DataFrame, columns: ColumnSettings) -> list[str]:
    """The id of each row's ticket: the one that the source gives, or the hash of subject and body."""
    said = zip(given_ids(rows, columns), strings(rows, columns.subject), strings(rows, columns.body), strict=True)
    return [given or digest([subject, body]) for given, subject, body in said]


def given_ids(rows: pd.DataFrame, columns: ColumnSettings) -> list[str]:
    """The id that the source gives to each row, "" where it gives none."""
    return strings(rows, columns.id)


def strings(rows: pd.DataFrame, column: str | None) -> list[str]:
    """Values of a column as text, "" where there is none; all of it where the rows lack the column."""
    if column is None or column not in rows:
        return [""] * len(rows)
    return [text or "" for text in texts(rows[column])]


def texts(values: pd.Series) -> list[str | None]:
    """Values as text, None where there is none; the number 7 is "7" also where missing ones made it 7.0."""
    return [_text(value) for value in values]


def _text(value: Any) -> str | None:
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return None
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value) if whole else value).strip() or None
