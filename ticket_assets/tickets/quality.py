"""How good the tickets are: what is missing, doubled, rare, disputed, late.

Belongs here: counts over the snapshot and over clean tickets.
Does not belong here: drawing them (quality_plots.py), Evidently's page (data_summary.py), what becomes of a bad row
(curation.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from ticket_assets.tickets.batches import META_COLUMNS, batches
from ticket_assets.tickets.fed_tickets import FEEDBACK
from ticket_assets.tickets.masking import count_masked
from ticket_assets.tickets.schema import LABEL_PREFIX, SOURCE
from ticket_assets.tickets.sources.contract import DROPPED, FAULT, MENDED_FROM, UNREADABLE_COLUMNS
from ticket_assets.tickets.statements import identifier, types_of, union

SMALL_CLASS = 20
"""Tickets below which a class is called small: the hold-out has three of it, and a score of three says nothing."""
QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


@dataclass(frozen=True)
class Missing:
    """How often a column of the source has no value, or one of blanks alone, in the rows that could be read."""

    column: str
    rows: int
    missing: int


@dataclass(frozen=True)
class LabelCount:
    """Clean tickets of one label; None for those without one."""

    label: str | None
    tickets: int
    warning: str


@dataclass(frozen=True)
class Dates:
    """When tickets were written; days are UTC.

    Attributes:
        first, last: of the dates there are; None where there is none.
        missing: tickets without a date.
        future: tickets written after they were read.
        longest_gap_days: between two neighbouring tickets, and `gap_after` the day on which it begins.
    """

    first: str | None
    last: str | None
    missing: int
    future: int
    longest_gap_days: float
    gap_after: str | None


@dataclass(frozen=True)
class Quality:
    """The state of a profile's tickets.

    Attributes:
        read: rows of the snapshot; `clean` and `quarantined` of them are where their name says, and `replaced` are
            earlier versions, rows that were mended, and copies.
        missing: per column of the source.
        exact_duplicates: clean tickets whose text another one has too (with another label: equal ones are folded).
        in_families, families, largest_family: tickets with near-duplicates, groups of them, tickets of the largest.
        languages: code to clean tickets.
        labels: per target, the most frequent first.
        lengths: quantile to characters of the cleaned text.
        disputed: clean tickets whose text stands in the snapshot with another label.
        masked: kind of personal data to how often it stands masked.
    """

    read: int
    clean: int
    quarantined: int
    replaced: int
    missing: tuple[Missing, ...]
    exact_duplicates: int
    in_families: int
    families: int
    largest_family: int
    languages: dict[str, int]
    labels: dict[str, tuple[LabelCount, ...]]
    lengths: dict[str, int]
    dates: Dates
    disputed: int
    masked: dict[str, int]


def assess(folder: Path, clean: pd.DataFrame, quarantined: int, targets: Mapping[str, object]) -> Quality:
    """Measure the tickets of a profile.

    Args:
        folder: of the snapshot.
        clean: content of `tickets/clean`.
        quarantined: rows of `tickets/quarantine`.
        targets: by name.
    """
    read, missing = missing_values(folder)
    by_people = int((clean[SOURCE] == FEEDBACK).sum()) if SOURCE in clean else 0
    sizes = clean["family_id"].value_counts()
    relatives = sizes[sizes > 1]
    lengths = clean["text"].str.len().to_numpy(dtype=np.int64)
    return Quality(
        read=read,
        clean=len(clean),
        quarantined=quarantined,
        replaced=read - (len(clean) - by_people) - quarantined,
        missing=missing,
        exact_duplicates=int(clean["text_hash"].duplicated(keep=False).sum()),
        in_families=int(relatives.sum()),
        families=len(relatives),
        largest_family=int(sizes.max()) if len(sizes) else 0,
        languages={str(code): int(count) for code, count in clean["language"].value_counts().items()},
        labels={target: label_counts(clean[LABEL_PREFIX + target]) for target in targets},
        lengths={f"{q:.0%}": int(np.quantile(lengths, q)) for q in QUANTILES} if len(lengths) else {},
        dates=dates(clean["created_at"], clean["ingested_at"]),
        disputed=int(clean["disputed"].sum()),
        masked=count_masked(clean["text"]),
    )


def missing_values(folder: Path) -> tuple[int, tuple[Missing, ...]]:
    """Rows of the snapshot, and per column of the source how many of those that could be read lack a value."""
    with duckdb.connect() as engine:
        rows = union(batches(folder))
        types = types_of(engine, rows)
        ours = {*META_COLUMNS, *UNREADABLE_COLUMNS, MENDED_FROM, DROPPED}
        columns = [name for name in types if name not in ours]
        readable = f"count(*) FILTER ({FAULT} IS NULL)" if FAULT in types else "count(*)"
        given = "".join(f", count(nullif(trim({identifier(name)}::VARCHAR), ''))" for name in columns)
        found = engine.execute(f"SELECT count(*), {readable}{given} FROM {rows}").fetchone()
    assert found is not None
    read, could_be_read, *values = found
    return read, tuple(
        Missing(name, could_be_read, could_be_read - count) for name, count in zip(columns, values, strict=True)
    )


def label_counts(labels: pd.Series) -> tuple[LabelCount, ...]:
    """Tickets per label, the most frequent first, those without one last."""
    counts = labels.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    alone = "the only class: there is nothing to tell apart" if len(counts) == 1 else ""
    found = [
        LabelCount(str(label), int(count), alone or (f"fewer than {SMALL_CLASS}" if count < SMALL_CLASS else ""))
        for label, count in counts.items()
    ]
    without = int(labels.isna().sum())
    return (*found, LabelCount(None, without, "")) if without else tuple(found)


def dates(created: pd.Series, ingested: pd.Series) -> Dates:
    """Range and gaps of the dates, and those that cannot be: a ticket cannot be read before it is written."""
    known = created.dropna().sort_values()
    future = int((created > ingested).sum())
    if known.empty:
        return Dates(None, None, len(created), future, 0.0, None)
    gaps = known.diff().dt.total_seconds().to_numpy()[1:] / 86400
    at = int(gaps.argmax()) if len(gaps) else None
    return Dates(
        first=_day(known.iloc[0]),
        last=_day(known.iloc[-1]),
        missing=len(created) - len(known),
        future=future,
        longest_gap_days=round(float(gaps[at]), 1) if at is not None else 0.0,
        gap_after=_day(known.iloc[at]) if at is not None else None,
    )


def _day(instant: pd.Timestamp) -> str:
    return str(instant.date())
