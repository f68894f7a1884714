"""The labels of source rows: spelled as the settings spell them, called what they are called today.

Belongs here: reading one target's column.
Does not belong here: how labels changed (taxonomy.py), what becomes of rows without one (curation.py).
"""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from ticket_assets.profile import TargetSettings
from ticket_assets.tickets.identity import texts
from ticket_assets.tickets.taxonomy import Taxonomy


@dataclass(frozen=True)
class Labelling:
    """How one target's labels were read.

    Attributes:
        labels: object, by the index of the rows; None where there is none or none that is known.
        unknown: rows with a value that neither mapping nor taxonomy knows.
        relabelled: rows that the taxonomy gave another label.
        undecided: index of the rows whose label was split without a rule for them.
    """

    labels: pd.Series
    unknown: int
    relabelled: int
    undecided: tuple[Any, ...]


def read_labels(snapshot: pd.DataFrame, created_at: pd.Series, target: TargetSettings, taxonomy: Taxonomy) -> Labelling:
    """The labels of one target as they are called today.

    Args:
        snapshot: source rows.
        created_at: when each was written, UTC; NaT where unknown.
        target: its column and the mapping of its values; a label that the taxonomy brought is known without it.
        taxonomy: how its labels changed.
    """
    given = texts(snapshot[target.column])
    brought = taxonomy.introduced
    known = [
        target.values.get(value, value if value in brought else None) if value and target.values else value
        for value in given
    ]
    today = _labels_today(known, created_at, snapshot, taxonomy) if taxonomy.versions else known
    return Labelling(
        labels=pd.Series(today, index=snapshot.index, dtype="object"),
        unknown=sum(value is not None and label is None for value, label in zip(given, known, strict=True)),
        relabelled=sum(new is not None and new != old for old, new in zip(known, today, strict=True)),
        undecided=tuple(
            at for at, old, new in zip(snapshot.index, known, today, strict=True) if old is not None and new is None
        ),
    )


def _labels_today(
    labels: list[str | None], created_at: pd.Series, snapshot: pd.DataFrame, taxonomy: Taxonomy
) -> list[str | None]:
    told = {column: texts(snapshot[column]) for column in taxonomy.columns}
    days = [None if pd.isna(instant) else instant.date() for instant in created_at]
    return [
        label and taxonomy.label_today(label, days[at], {column: values[at] for column, values in told.items()})
        for at, label in enumerate(labels)
    ]
