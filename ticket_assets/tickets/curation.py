"""From source rows to clean tickets and quarantined rows; every row ends in exactly one place.

Belongs here: mapping columns and labels, the latest version of a ticket, folding copies, reasons for quarantine.
Does not belong here: whose ticket a row is (identity.py), how a text is cleaned (cleaning.py), languages (language.py),
families (families.py).
"""

import re
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ticket_assets.profile import ColumnSettings, TargetSettings
from ticket_assets.storage import digest
from ticket_assets.tickets.cleaning import ticket_text
from ticket_assets.tickets.identity import given_ids, strings, texts, ticket_ids
from ticket_assets.tickets.schema import CONTEXT_PREFIX, LABEL_PREFIX
from ticket_assets.tickets.sources import SourceError

EMPTY_TEXT = "empty_text"
NO_USABLE_LABEL = "no_usable_label"
REASONS = {
    EMPTY_TEXT: "no text is left after cleaning",
    NO_USABLE_LABEL: "no target has a known label",
}
_DATE = re.compile(r"^\d{8}(\D|$)|\d{4}\D|\D\d{4}$|\d\D+\d{1,2}[./-]\d{2}")


@dataclass(frozen=True)
class Curation:
    """Where the rows of the snapshot went: `read == len(clean) + superseded + folded + len(quarantine)`.

    Superseded: an earlier version of a ticket with an id. Folded: a copy; without an id, equal texts are copies
    whatever their labels are. Disputed: clean tickets whose text stands in the snapshot with another label.
    """

    clean: pd.DataFrame
    quarantine: pd.DataFrame
    read: int
    superseded: int
    folded: int
    disputed: int
    unknown_labels: dict[str, int]
    unreadable_dates: int

    @property
    def adds_up(self) -> bool:
        """Whether no row was lost and none counted twice."""
        return self.read == len(self.clean) + self.superseded + self.folded + len(self.quarantine)


def curate(
    snapshot: pd.DataFrame,
    columns: ColumnSettings,
    targets: dict[str, TargetSettings],
    context: tuple[str, ...],
) -> Curation:
    """Judge every row of the snapshot.

    Args:
        snapshot: rows of `snapshot.read_snapshot`, in order of ingestion.
        columns: which source column plays which part.
        targets: label columns and their value mappings.
        context: further source columns to carry along.

    Returns:
        Clean rows without language and family (both are added by those who know them), in order of ingestion.

    Raises:
        SourceError: a mapped column is not in the source.
    """
    _require_columns(snapshot, columns, targets, context)
    mapped = _map_columns(snapshot, columns, context)
    unknown = {name: _map_labels(mapped, snapshot[target.column], name, target) for name, target in targets.items()}
    labels = [LABEL_PREFIX + name for name in targets]
    superseded, copies = _earlier(mapped, snapshot, columns)
    mapped["disputed"] = _disputed(mapped[~superseded], labels).reindex(mapped.index, fill_value=False)
    _keep_labels_of_copies(mapped, mapped["ticket_id"].isin(mapped.loc[copies, "ticket_id"]), labels)
    # Each ticket keeps the place of its first version: a later one must not let a copy pass it by.
    place = {ticket_id: at for at, ticket_id in enumerate(mapped["ticket_id"].drop_duplicates())}
    latest = mapped[~(superseded | copies)]
    latest = latest.iloc[latest["ticket_id"].map(place).argsort(kind="stable").to_numpy()]
    reason = pd.Series(pd.NA, index=latest.index, dtype="object")
    reason[latest[labels].isna().all(axis=1)] = NO_USABLE_LABEL
    reason[latest["text"] == ""] = EMPTY_TEXT
    accepted = latest[reason.isna()]
    # The first copy stays, so that ids in the frozen hold-out do not move when a copy arrives later.
    clean = accepted.drop_duplicates(["text", *labels], keep="first").copy()
    quarantine = snapshot.loc[reason.index[reason.notna()]].copy()
    quarantine.insert(0, "reason", reason.dropna())
    return Curation(
        clean=clean.reset_index(drop=True),
        quarantine=quarantine.reset_index(drop=True),
        read=len(snapshot),
        superseded=int(superseded.sum()),
        folded=int(copies.sum()) + len(accepted) - len(clean),
        disputed=int(clean["disputed"].sum()),
        unknown_labels={name: count for name, count in unknown.items() if count},
        unreadable_dates=_unreadable_dates(snapshot, columns, mapped),
    )


def originals(snapshot: pd.DataFrame, columns: ColumnSettings, context: tuple[str, ...]) -> pd.DataFrame:
    """Tickets as they arrived, the latest version of each: ticket_id (index), subject, body, context columns."""
    frame = pd.DataFrame(
        {
            "ticket_id": ticket_ids(snapshot, columns),
            "subject": strings(snapshot, columns.subject),
            "body": strings(snapshot, columns.body),
        }
    )
    for name in context:
        frame[name] = texts(snapshot[name])
    return frame.drop_duplicates("ticket_id", keep="last").set_index("ticket_id")


def _require_columns(
    snapshot: pd.DataFrame,
    columns: ColumnSettings,
    targets: dict[str, TargetSettings],
    context: tuple[str, ...],
) -> None:
    wanted = {
        **{f"columns.{part}": getattr(columns, part) for part in ("id", "subject", "body", "created_at")},
        **{f"targets.{name}.column": target.column for name, target in targets.items()},
        **{f"features.context.{name}": name for name in context},
    }
    for field, column in wanted.items():
        if column is not None and column not in snapshot.columns:
            present = ", ".join(name for name in map(str, snapshot.columns) if not name.startswith("_"))
            raise SourceError(f"{field} = {column!r} is not in the source: it has {present}")


def _map_columns(snapshot: pd.DataFrame, columns: ColumnSettings, context: tuple[str, ...]) -> pd.DataFrame:
    said = zip(strings(snapshot, columns.subject), strings(snapshot, columns.body), strict=True)
    cleaned = [ticket_text(subject, body) for subject, body in said]
    mapped = pd.DataFrame(
        {
            "ticket_id": ticket_ids(snapshot, columns),
            "text": cleaned,
            "text_hash": [digest([text]) for text in cleaned],
            "created_at": _instants(snapshot[columns.created_at]) if columns.created_at else pd.NaT,
            "ingested_at": snapshot["_ingested_at"],
        },
        index=snapshot.index,
    )
    for instant in ("created_at", "ingested_at"):
        mapped[instant] = pd.to_datetime(mapped[instant], utc=True).astype("datetime64[us, UTC]")
    for name in context:
        mapped[CONTEXT_PREFIX + name] = pd.Series(texts(snapshot[name]), index=snapshot.index, dtype="object")
    return mapped


def _map_labels(mapped: pd.DataFrame, values: pd.Series, name: str, target: TargetSettings) -> int:
    """Add the label column; return how many rows carry a value that the mapping does not know."""
    given = texts(values)
    known = [target.values.get(value) if value and target.values else value for value in given]
    mapped[LABEL_PREFIX + name] = pd.Series(known, index=values.index, dtype="object")
    return sum(value is not None and label is None for value, label in zip(given, known, strict=True))


def _earlier(mapped: pd.DataFrame, snapshot: pd.DataFrame, columns: ColumnSettings) -> tuple[pd.Series, pd.Series]:
    """Which rows are followed by another of their ticket: as an earlier version, or, without an id, as a copy."""
    followed = mapped.duplicated("ticket_id", keep="last")
    named = pd.Series([bool(given) for given in given_ids(snapshot, columns)], index=mapped.index, dtype=bool)
    # Rows without words are equal only in having nothing to say: no copies.
    return followed & named, followed & ~named & (mapped["text"] != "")


def _disputed(standing: pd.DataFrame, labels: list[str]) -> pd.Series:
    """Whether the same text stands with another label; a missing one disputes nothing."""
    return (standing.groupby("text")[labels].transform("nunique") > 1).any(axis=1)


def _keep_labels_of_copies(mapped: pd.DataFrame, copied: pd.Series, labels: list[str]) -> None:
    """Give each copy the labels known so far: the last one stands for all, and must not lose what they say."""
    known = mapped.loc[copied].groupby("ticket_id")[labels].ffill()
    mapped.loc[copied, labels] = known.astype(object).where(known.notna(), None)


def _instants(values: pd.Series) -> Any:
    """Dates that say their year; a bare number has no unit and a bare time no day, and pandas would invent both."""
    if not pd.api.types.is_datetime64_any_dtype(values):
        given = pd.Series(texts(values), index=values.index, dtype="object")
        values = given.where([bool(text and _DATE.search(text)) for text in given], None)
    return pd.to_datetime(values, utc=True, errors="coerce", format="mixed")


def _unreadable_dates(snapshot: pd.DataFrame, columns: ColumnSettings, mapped: pd.DataFrame) -> int:
    if columns.created_at is None:
        return 0
    given = pd.Series(texts(snapshot[columns.created_at]), index=snapshot.index, dtype="object")
    return int((given.notna() & mapped["created_at"].isna()).sum())
