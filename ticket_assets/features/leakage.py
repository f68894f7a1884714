"""The leakage guard: nothing that is unknown when a ticket arrives becomes a feature.

Belongs here: refusing columns by declaration, by origin and by content.
Does not belong here: making features (text.py), the schema of clean tickets (tickets/schema.py).

Declarations can be wrong, so content is looked at too: a column that copies, recodes or measures a column known
only at resolution is refused under whatever name it comes.
"""

from collections.abc import Iterator, Mapping
from typing import Literal

import numpy as np
import pandas as pd

SAME_SHARE = 0.99
SAME_CORRELATION = 0.999


class LeakageError(ValueError):
    """A column asked for as a feature is not known when a ticket arrives."""


def require_known_at_arrival(
    wanted: tuple[str, ...], known_at: Mapping[str, Literal["arrival", "resolution"]], labels: tuple[str, ...]
) -> None:
    """Refuse columns by what the settings say of them.

    Raises:
        LeakageError: naming each column that is a label, undeclared, or declared as known at resolution.
    """
    faults = []
    for column in wanted:
        if column in labels:
            faults.append(f"{column!r} is the label of a target")
        elif column not in known_at:
            faults.append(f'{column!r} is not declared: say columns.known_at.{column} = "arrival" if it is')
        elif known_at[column] != "arrival":
            faults.append(f"{column!r} is known only at resolution: take it out of features.context")
    if faults:
        raise LeakageError("features.context: " + "; ".join(faults))


def require_no_copy(source: pd.DataFrame, wanted: tuple[str, ...], late: tuple[str, ...]) -> None:
    """Refuse columns whose content is that of a late column: equal, recoded one to one, or its length.

    Args:
        source: rows with the wanted and the late columns.
        wanted: columns asked for as features.
        late: columns known only at resolution, labels included.

    Raises:
        LeakageError: naming the pair and how they agree.
    """
    faults = [
        f"{column!r} {fault} {other!r}, which is known only at resolution"
        for column in wanted
        for other in late
        if (fault := _likeness(source[column], source[other]))
    ]
    if faults:
        raise LeakageError("features.context: " + "; ".join(faults))


def _likeness(column: pd.Series, late: pd.Series) -> str | None:
    both = column.notna() & late.notna()
    if both.sum() < 20 or column[both].nunique() < 2 or late[both].nunique() < 2:
        return None
    one, other = column[both].astype(str).str.strip(), late[both].astype(str).str.strip()
    if (one == other).mean() >= SAME_SHARE:
        return "repeats"
    if _recoded(one, other):
        return "recodes"
    return "is computed from" if _correlated(column[both], late[both]) else None


def _recoded(one: pd.Series, other: pd.Series) -> bool:
    """Whether each determines the other in nearly all rows; ids, unique in both, say nothing and do not count."""
    if min(one.nunique(), other.nunique()) > 0.5 * len(one):
        return False
    return _determines(one, other) >= SAME_SHARE and _determines(other, one) >= SAME_SHARE


def _determines(one: pd.Series, other: pd.Series) -> float:
    """Share of rows in which the most frequent partner of each value of `one` stands."""
    pairs = pd.DataFrame({"one": one.to_numpy(), "other": other.to_numpy()}).value_counts()
    return float(pairs.groupby(level="one").max().sum() / len(one))


def _correlated(column: pd.Series, late: pd.Series) -> bool:
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)
    if np.isnan(numbers).mean() > 1 - SAME_SHARE:
        return False
    for measure in _measures(late):
        usable = ~np.isnan(numbers) & ~np.isnan(measure)
        varied = usable.sum() >= 20 and numbers[usable].std() > 0 and measure[usable].std() > 0
        if varied and abs(np.corrcoef(numbers[usable], measure[usable])[0, 1]) >= SAME_CORRELATION:
            return True
    return False


def _measures(late: pd.Series) -> Iterator[np.ndarray]:
    text = late.astype(str)
    yield pd.to_numeric(late, errors="coerce").to_numpy(dtype=float)
    yield text.str.len().to_numpy(dtype=float)
    yield text.str.split().str.len().to_numpy(dtype=float)
