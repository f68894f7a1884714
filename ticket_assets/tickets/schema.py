"""The one schema object of clean tickets, and when each column is known.

Belongs here: the columns, their types, `known_at`; the pandera schema made from them.
Does not belong here: filling them (curation.py), refusing features (features/leakage.py).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pandas as pd
    import pandera.pandas as pandera

KnownAt = Literal["arrival", "resolution"]
CONTEXT_PREFIX = "context_"
LABEL_PREFIX = "label_"
SOURCE, WEIGHT = "source", "weight"


@dataclass(frozen=True)
class Column:
    """One column of `tickets/clean`."""

    name: str
    dtype: str
    known_at: KnownAt
    description: str
    nullable: bool = False
    unique: bool = False


_FED = (
    Column(SOURCE, "str", "resolution", "desk; corrected: the desk's, with a label of people; feedback: of the log"),
    Column(WEIGHT, "float64", "resolution", "in training, beside 1 of a ticket of the desk"),
)


def clean_columns(context: Iterable[str], targets: Iterable[str], fed: bool = False) -> tuple[Column, ...]:
    """Columns of `tickets/clean` for a profile's context columns and targets, in order.

    Args:
        context: names of context columns.
        targets: names.
        fed: whether anything was learnt from feedback. Without, tickets have the columns that they had before there
            was any: a desk that gives no feedback keeps its data versions.
    """
    return (
        Column("ticket_id", "str", "arrival", "id in the source, or the hash of subject and body", unique=True),
        Column("text", "str", "arrival", "cleaned subject and body"),
        Column("text_hash", "str", "arrival", "hash of text"),
        Column("language", "str", "arrival", "detected ISO 639-1 code, und where undecidable"),
        Column("created_at", "datetime64[us, UTC]", "arrival", "when the ticket was written", nullable=True),
        Column("ingested_at", "datetime64[us, UTC]", "resolution", "when the row was read; never a feature"),
        Column("family_id", "str", "resolution", "near-duplicate family; never a feature"),
        Column("disputed", "bool", "resolution", "the same text stands elsewhere with another label"),
        *(Column(CONTEXT_PREFIX + name, "str", "arrival", f"source column {name}", nullable=True) for name in context),
        *(
            Column(LABEL_PREFIX + name, "str", "resolution", f"label of target {name}", nullable=True)
            for name in targets
        ),
        *(_FED if fed else ()),
    )


def ticket_contexts(clean: "pd.DataFrame", context: Sequence[str]) -> list[dict[str, str | None]]:
    """Context values of each clean ticket by their source name; an empty dict each where a profile has none."""
    columns = [clean[CONTEXT_PREFIX + name] for name in context]
    return [dict(zip(context, values, strict=True)) for values in zip(*columns, strict=True)] or [
        {} for _ in clean.index
    ]


def pandera_schema(columns: Iterable[Column]) -> "pandera.DataFrameSchema":
    """The schema that a frame of these columns must pass: exactly these, in this order."""
    import pandera.pandas as pandera

    return pandera.DataFrameSchema(
        {
            column.name: pandera.Column(
                column.dtype,
                nullable=column.nullable,
                unique=column.unique,
                description=column.description,
                metadata={"known_at": column.known_at},
            )
            for column in columns
        },
        strict=True,
        ordered=True,
    )
