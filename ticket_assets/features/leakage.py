"""The leakage guard: nothing that is unknown when a ticket arrives becomes a feature.

Belongs here: refusing columns by declaration, by origin and by content.
Does not belong here: making features (text.py), the schema of clean tickets (tickets/schema.py).

Declarations can be wrong, so content is looked at too: a column that copies, recodes, flags, contains or measures a
column known only at resolution is refused under whatever name it comes. Agreement is counted above chance, on the rows
where both have a value, whatever the case, the blanks and the word for "none". What only resembles a late column
passes: a product may decide the queue, and a fine resolution code the product. So does, unseen, what is made from
several late columns at once, or from one by a rule that rises and falls, or what has fewer than 20 rows to show it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from ticket_assets.tickets.instants import Order, instants, instants_in, orders
from ticket_assets.tickets.snapshot_columns import SnapshotColumns

EVIDENCE_ROWS = 20  # below, agreement is chance
SAME = 0.98  # of what chance leaves open
HELD = 0.5  # of texts; nobody writes the same sentences by chance
SAME_CORRELATION = 0.999
SAME_SECONDS = 60
TEXT_LENGTH = 20  # a value this long is a text, no code
LABEL_LENGTH = 3  # a shorter label stands in other words by chance
ROWS_PER_CODE, FLAGGED_CODES = 5, 20  # fewer rows on average, and each value fixes its rows by itself
NO_VALUE = frozenset({"", "-", "?", "n/a", "na", "nan", "none", "null", "unknown"})


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


def require_no_copy(
    source: pd.DataFrame | SnapshotColumns, wanted: tuple[str, ...], late: tuple[str, ...], date_order: Order = "auto"
) -> None:
    """Refuse columns whose content is that of a late column, or made from it.

    Args:
        source: rows with the wanted columns; a late column that it lacks has nothing to give away.
        wanted: columns asked for as features, subject and body included: an answer may lie in them under their name.
        late: columns known only at resolution, labels included.
        date_order: the setting of day and month in dates by numbers.

    Raises:
        LeakageError: naming the pair and how they agree, or a wanted column that is not in the source.
    """
    absent = [repr(column) for column in wanted if column not in source.columns]
    if absent:
        raise LeakageError(f"features.context: not in the source: {', '.join(absent)}")
    columns = {column: _look(source[column], date_order) for column in wanted}
    others = {other: _look(source[other], date_order) for other in dict.fromkeys(late) if other in source.columns}
    starts = _starts(source, others, date_order) if columns else []
    faults = [
        f"{column!r} {fault} {other!r}, which is known only at resolution"
        for column, its in columns.items()
        for other, theirs in others.items()
        if (fault := _likeness(its, theirs, starts))
    ]
    if faults:
        raise LeakageError("a model would read what is unknown when a ticket arrives: " + "; ".join(faults))


@dataclass(frozen=True)
class _Look:
    """One column, seen as texts, as numbers and as instants; None or NaN where it is none of that."""

    raw: pd.Series
    words: pd.Series
    numbers: np.ndarray
    seconds: np.ndarray

    @property
    def present(self) -> np.ndarray:
        return self.words.notna().to_numpy()

    def take(self, rows: np.ndarray) -> "_Look":
        return _Look(self.raw[rows], self.words[rows], self.numbers[rows], self.seconds[rows])


def _look(values: pd.Series, date_order: Order) -> _Look:
    raw = pd.Series([str(value) for value in values], dtype="object")
    missing = pd.Series([bool(pd.api.types.is_scalar(value) and pd.isna(value)) for value in values], dtype=bool)
    words = pd.Series([" ".join(text.casefold().split()) for text in raw], dtype="object")
    words = words.mask(missing | words.isin(NO_VALUE), None)
    if pd.api.types.is_timedelta64_dtype(values):
        numbers = values.dt.total_seconds().to_numpy(dtype=float)
    else:
        numbers = pd.to_numeric(words, errors="coerce").to_numpy(dtype=float)
    numbers = np.where(np.isfinite(numbers), numbers, np.nan)
    return _Look(raw, words, numbers, _seconds(values, words, numbers, date_order))


def _seconds(values: pd.Series, words: pd.Series, numbers: np.ndarray, date_order: Order) -> np.ndarray:
    """Instants as seconds; all NaN for a column that does not hold dates."""
    if pd.api.types.is_datetime64_any_dtype(values):
        return _since_1970(instants(words))
    given = words.dropna()
    some = given.iloc[:: max(1, len(given) // 200)]  # of the whole column: what is sorted tells little by its beginning
    written = some.str.contains(r"\d") & (some.str.len() <= 40)
    if len(some) and np.isnan(numbers).all() and written.mean() >= SAME:
        # The setting is for the column of the tickets' dates; another may tell its own. Where nothing tells, copies and
        # durations of what is misread alike are still found.
        for order in dict.fromkeys((date_order, "auto", "day_first")):
            found = orders(given, order)
            if instants_in(some, found).notna().mean() >= SAME:
                return _since_1970(instants_in(words, found))
    return np.full(len(values), np.nan)


def _since_1970(read: pd.Series) -> np.ndarray:
    return ((read - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)).to_numpy(dtype=float)


def _starts(source: pd.DataFrame | SnapshotColumns, others: Mapping[str, _Look], date_order: Order) -> list[np.ndarray]:
    """Instants known at arrival, from which a late instant makes a duration."""
    if all(np.isnan(other.seconds).all() for other in others.values()):
        return []
    early = [name for name in source.columns if name not in others and not str(name).startswith("_")]
    found = [_look(source[name], date_order).seconds for name in early]
    return [seconds for seconds in found if not np.isnan(seconds).all()]


def _likeness(column: _Look, late: _Look, starts: list[np.ndarray]) -> str | None:
    if _tells_presence(column, late):
        return "says whether there is a value of"
    both = column.present & late.present
    if both.sum() < EVIDENCE_ROWS:
        return None
    column, late, starts = column.take(both), late.take(both), [start[both] for start in starts]
    if column.words.nunique() < 2 or late.words.nunique() < 2:
        return None
    if _agreement(column.words, late.words) >= SAME:
        return "repeats"
    if _recodes(column.words, late.words):
        return "recodes"
    if _flags(column.words, late.words):
        return "follows from"
    if _contains(column.words, late.words):
        return "contains"
    return "is computed from" if _computed(column, late, starts) else None


def _tells_presence(column: _Look, late: _Look) -> bool:
    rows = column.present
    presence = pd.Series(late.present[rows]).astype(str)
    return rows.sum() >= EVIDENCE_ROWS and presence.nunique() == 2 and _recodes(column.words[rows], presence)


def _agreement(one: pd.Series, other: pd.Series) -> float:
    """Share of equal rows above chance (Cohen's kappa): two rare flags are equal in most rows and have no relation."""
    equal = float((one == other).mean())
    chance = float(one.value_counts(normalize=True).mul(other.value_counts(normalize=True), fill_value=0).sum())
    return (equal - chance) / (1 - chance)


def _recodes(one: pd.Series, other: pd.Series) -> bool:
    """Whether each determines the other; ids, unique in both, would by themselves and do not count."""
    if max(one.nunique(), other.nunique()) * ROWS_PER_CODE > len(one):
        return False
    return _determines(one, other) >= SAME and _determines(other, one) >= SAME


def _flags(column: pd.Series, late: pd.Series) -> bool:
    """Whether two values stand for two groups of labels; more values may be a hierarchy, which is honest."""
    codes = late.nunique()
    few = codes <= FLAGGED_CODES and codes * ROWS_PER_CODE <= len(late)
    return few and column.nunique() == 2 and _determines(late, column) >= SAME


def _determines(one: pd.Series, other: pd.Series) -> float:
    """How much of `other` is known from `one` that its most frequent value leaves open (Goodman and Kruskal)."""
    pairs = pd.DataFrame({"one": one.to_numpy(), "other": other.to_numpy()}).value_counts()
    known, guessed = pairs.groupby(level="one").max().sum(), pairs.groupby(level="other").sum().max()
    return float(known - guessed) / float(len(one) - guessed) if guessed < len(one) else 0.0


def _contains(column: pd.Series, late: pd.Series) -> bool:
    """Whether the late value stands in the column, or a late text begins with the column's."""
    pairs = list(zip(column, late, strict=True))
    texts = [(ours, theirs) for ours, theirs in pairs if len(theirs) >= TEXT_LENGTH]
    if len(texts) >= EVIDENCE_ROWS and 2 * len(texts) >= len(pairs):
        held = sum(theirs in ours or (len(ours) >= TEXT_LENGTH and theirs.startswith(ours)) for ours, theirs in texts)
        return held >= HELD * len(texts)
    if late.nunique() * ROWS_PER_CODE > len(late):
        return False
    held = sum(len(theirs) >= LABEL_LENGTH and theirs in ours for ours, theirs in pairs) / len(pairs)
    if held < SAME:  # what chance leaves open is never more; counting chance takes a search per label
        return False
    labels = late.value_counts(normalize=True)
    chance = sum(share * column.str.contains(label, regex=False).mean() for label, share in labels.items())
    return chance < 1 and (held - chance) / (1 - chance) >= SAME


def _computed(column: _Look, late: _Look, starts: list[np.ndarray]) -> bool:
    if _sameinstants(column.seconds, late.seconds) or _sameinstants(column.numbers, late.seconds):
        return True
    if np.isnan(column.numbers).mean() > 1 - SAME:
        return any(_correlated(column.seconds - start, late.seconds - start) for start in starts)
    return any(_correlated(column.numbers, measure) for measure in _measures(late, starts))


def _sameinstants(one: np.ndarray, late: np.ndarray) -> bool:
    """Whether one gives the other to the minute, in whatever unit and zone; when a ticket came says less than that."""
    usable = ~np.isnan(one) & ~np.isnan(late)
    one, late = one[usable], late[usable]
    if len(one) < EVIDENCE_ROWS or one.std() == 0 or late.std() <= SAME_SECONDS:
        return False
    scaled = (one - one.mean()) / one.std()
    rest = late - late.mean() - scaled * (scaled * (late - late.mean())).mean()
    return bool((np.abs(rest) <= SAME_SECONDS).mean() >= SAME)


def _measures(late: _Look, starts: list[np.ndarray]) -> Iterator[np.ndarray]:
    yield late.numbers
    yield late.raw.str.len().to_numpy(dtype=float)
    yield late.raw.str.split().str.len().to_numpy(dtype=float)
    for start in starts:
        yield late.seconds - start


def _correlated(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether one is the other on another scale: straight, or by any rule that only rises or only falls."""
    usable = ~np.isnan(one) & ~np.isnan(other)
    one, other = one[usable], other[usable]
    if len(one) < EVIDENCE_ROWS or one.std() == 0 or other.std() == 0:
        return False
    ranks = (pd.Series(one).rank().to_numpy(), pd.Series(other).rank().to_numpy())
    return any(abs(np.corrcoef(a, b)[0, 1]) >= SAME_CORRELATION for a, b in ((one, other), ranks))
