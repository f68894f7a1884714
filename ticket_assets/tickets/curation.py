"""From source rows to clean tickets and quarantined rows; every row ends in exactly one place.

Belongs here: mapping columns, the latest version of a ticket, folding copies, reasons for quarantine.
Does not belong here: whose ticket a row is (identity.py), how a text is cleaned (cleaning.py), what its labels are
called (labels.py), languages (language.py), families (families.py).
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from ticket_assets.profile import ColumnSettings, TargetSettings
from ticket_assets.storage import digest
from ticket_assets.tickets.carried_mendings import fates
from ticket_assets.tickets.cleaning import ticket_text
from ticket_assets.tickets.identity import given_ids, strings, texts, ticket_ids
from ticket_assets.tickets.instants import Order, Written, read_instants
from ticket_assets.tickets.labels import read_labels
from ticket_assets.tickets.masking import DEFAULT_KINDS
from ticket_assets.tickets.replay import standing_rows
from ticket_assets.tickets.schema import CONTEXT_PREFIX, LABEL_PREFIX
from ticket_assets.tickets.sources.contract import DROPPED, FAULT, SourceError
from ticket_assets.tickets.taxonomy import Taxonomy

EMPTY_TEXT = "empty_text"
DROPPED_ON_PURPOSE = "dropped"
NO_USABLE_LABEL = "no_usable_label"
UNDECIDED_SPLIT = "undecided_split"
UNREADABLE = "unreadable"
# A source may have a column of the name that tells our reason.
SOURCE_REASON = "source_reason"
REASONS = {
    DROPPED_ON_PURPOSE: "people set it aside on purpose; `keep` takes it back",
    EMPTY_TEXT: "no text is left after cleaning",
    NO_USABLE_LABEL: "no target has a known label",
    UNDECIDED_SPLIT: "its label was split, and the taxonomy has no rule for the row; no other target has a label",
    UNREADABLE: "the source could not be read there: _unreadable says why, _file and _line where, _text what it says",
}
_TEXT = "_cleaned_text"
_DATE = re.compile(r"^\d{8}(\D|$)|\d{4}\D|\D\d{4}$|\d\D+\d{1,2}[./-]\d{2}")


@dataclass(frozen=True)
class Curation:
    """Where the rows of the snapshot went: `read == len(clean) + superseded + folded + len(quarantine)`.

    Superseded: an earlier version of a ticket with an id, and every row in whose place a mending stands; the mending is
    a row of the snapshot too, and goes where it belongs. Folded: a copy; without an id, equal texts are copies whatever
    their labels are. Disputed: clean tickets whose text stands in the snapshot with another label. Relabelled: rows per
    target that the taxonomy gave another label; undecided splits: rows per target that lost theirs by it. Mended:
    rows that stand as they were mended, wherever they went. Overruled: see carried_mendings.Fates. Date order: in which
    dates by numbers were read; None where nothing told it, "auto" where there are none, "by_separator"
    where both are in it.
    """

    clean: pd.DataFrame
    quarantine: pd.DataFrame
    read: int
    superseded: int
    folded: int
    disputed: int
    unknown_labels: dict[str, int]
    unreadable_dates: int
    relabelled: dict[str, int]
    undecided_splits: dict[str, int]
    mended: int = 0
    overruled: tuple[str, ...] = ()
    date_order: Written | None = "auto"


def curate(
    snapshot: pd.DataFrame,
    columns: ColumnSettings,
    targets: dict[str, TargetSettings],
    context: tuple[str, ...],
    kinds: Collection[str] = DEFAULT_KINDS,
    taxonomies: Mapping[str, Taxonomy] | None = None,
    cleaned: Sequence[str] | None = None,
) -> Curation:
    """Judge every row of the snapshot.

    Args:
        snapshot: rows of `snapshot.read_snapshot`, in order of ingestion.
        columns: which source column plays which part.
        targets: label columns and their value mappings.
        context: further source columns to carry along.
        kinds: of personal data to mask in the text.
        taxonomies: target to how its labels changed; labels become today's.
        cleaned: text of each row where they were cleaned already (kept_texts.py); None cleans them here.

    Returns:
        Clean rows without language and family (both are added by those who know them), in order of ingestion.

    Raises:
        SourceError: a mapped column is not in the source.
    """
    # Beside the rows, so that each text goes where its row goes.
    snapshot = snapshot.assign(**{_TEXT: cleaned_rows(snapshot, columns, kinds) if cleaned is None else cleaned})
    taxonomies = {name: (taxonomies or {}).get(name, Taxonomy()) for name in targets}
    _require_columns(snapshot, columns, targets, context, taxonomies)
    read, snapshot = len(snapshot), standing_rows(snapshot)
    created: pd.Series | None = None
    order: Written | None = "auto"
    if columns.created_at:
        created, order = _instants(snapshot[columns.created_at], columns.date_order)
    mapped = _map_columns(snapshot, columns, context, created)
    labelling = {
        name: read_labels(snapshot, mapped["created_at"], target, taxonomies[name]) for name, target in targets.items()
    }
    for name, one in labelling.items():
        mapped[LABEL_PREFIX + name] = one.labels
    labels = [LABEL_PREFIX + name for name in targets]
    superseded, copies = _earlier(mapped, snapshot, columns)
    mapped["disputed"] = _disputed(mapped[~superseded], labels).reindex(mapped.index, fill_value=False)
    _keep_labels_of_copies(mapped, mapped["ticket_id"].isin(mapped.loc[copies, "ticket_id"]), labels)
    # Each ticket keeps the place of its first version: a later one must not let a copy pass it by.
    place = {ticket_id: at for at, ticket_id in enumerate(mapped["ticket_id"].drop_duplicates())}
    latest = mapped[~(superseded | copies)]
    latest = latest.iloc[latest["ticket_id"].map(place).argsort(kind="stable").to_numpy()]
    reason = pd.Series(pd.NA, index=latest.index, dtype="object")
    unlabelled = latest[labels].isna().all(axis=1)
    reason[unlabelled] = NO_USABLE_LABEL
    undecided = {at for one in labelling.values() for at in one.undecided}
    reason[unlabelled & latest.index.isin(undecided)] = UNDECIDED_SPLIT
    reason[latest["text"] == ""] = EMPTY_TEXT
    if FAULT in snapshot:
        reason[snapshot.loc[latest.index, FAULT].notna()] = UNREADABLE
    reason[_dropped(snapshot)[latest.index]] = DROPPED_ON_PURPOSE
    accepted = latest[reason.isna()]
    # The first copy stays, so that ids in the frozen hold-out do not move when a copy arrives later.
    clean = accepted.drop_duplicates(["text", *labels], keep="first").copy()
    quarantine = snapshot.loc[reason.index[reason.notna()]].rename(columns={"reason": SOURCE_REASON})
    quarantine.insert(0, "reason", reason.dropna())
    return Curation(
        clean=clean.reset_index(drop=True),
        quarantine=quarantine.drop(columns=_TEXT).reset_index(drop=True),
        read=read,
        superseded=int(superseded.sum()) + read - len(snapshot),
        folded=int(copies.sum()) + len(accepted) - len(clean),
        disputed=int(clean["disputed"].sum()),
        unknown_labels={name: one.unknown for name, one in labelling.items() if one.unknown},
        unreadable_dates=_unreadable_dates(snapshot, columns, mapped),
        relabelled={name: one.relabelled for name, one in labelling.items() if one.relabelled},
        undecided_splits={name: len(one.undecided) for name, one in labelling.items() if one.undecided},
        **vars(fates(snapshot, columns)),
        date_order=order,
    )


def originals(snapshot: pd.DataFrame, columns: ColumnSettings, context: tuple[str, ...]) -> pd.DataFrame:
    """Tickets as they arrived or were mended, the latest version of each: ticket_id (index), subject, body, context."""
    snapshot = standing_rows(snapshot)
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
    taxonomies: Mapping[str, Taxonomy],
) -> None:
    wanted = {
        **{f"columns.{part}": getattr(columns, part) for part in ("id", "subject", "body", "created_at")},
        **{f"targets.{name}.column": target.column for name, target in targets.items()},
        **{f"features.context.{name}": name for name in context},
        **{f"a split in targets.{name}.taxonomy": one for name in taxonomies for one in taxonomies[name].columns},
    }
    for field, column in wanted.items():
        if column is not None and column not in snapshot.columns:
            present = ", ".join(name for name in map(str, snapshot.columns) if not name.startswith("_"))
            raise SourceError(f"{field} = {column!r} is not in the source: it has {present}")


def cleaned_rows(rows: pd.DataFrame, columns: ColumnSettings, kinds: Collection[str]) -> list[str]:
    """The cleaned text of source rows, each cleaned here."""
    said = zip(strings(rows, columns.subject), strings(rows, columns.body), strict=True)
    return [ticket_text(subject, body, kinds) for subject, body in said]


def _map_columns(
    snapshot: pd.DataFrame, columns: ColumnSettings, context: tuple[str, ...], created: pd.Series | None
) -> pd.DataFrame:
    mapped = pd.DataFrame(
        {
            "ticket_id": ticket_ids(snapshot, columns),
            "text": snapshot[_TEXT],
            "text_hash": [digest([text]) for text in snapshot[_TEXT]],
            "created_at": pd.NaT if created is None else created,
            "ingested_at": snapshot["_ingested_at"],
        },
        index=snapshot.index,
    )
    for instant in ("created_at", "ingested_at"):
        mapped[instant] = pd.to_datetime(mapped[instant], utc=True).astype("datetime64[us, UTC]")
    for name in context:
        mapped[CONTEXT_PREFIX + name] = pd.Series(texts(snapshot[name]), index=snapshot.index, dtype="object")
    return mapped


def _dropped(snapshot: pd.DataFrame) -> pd.Series:
    """Which rows people set aside."""
    if DROPPED not in snapshot:
        return pd.Series(False, index=snapshot.index)
    return snapshot[DROPPED].notna()


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


def _instants(values: pd.Series, order: Order) -> tuple[pd.Series, Written | None]:
    """Dates that say their year, and the order of those by numbers ("auto" where there are none).

    A bare number has no unit and a bare time no day, and pandas would invent both.
    """
    if pd.api.types.is_datetime64_any_dtype(values):
        return pd.to_datetime(values, utc=True, errors="coerce"), "auto"
    given = pd.Series(texts(values), index=values.index, dtype="object")
    return read_instants(given.where([bool(text and _DATE.search(text)) for text in given], None), order)


def _unreadable_dates(snapshot: pd.DataFrame, columns: ColumnSettings, mapped: pd.DataFrame) -> int:
    if columns.created_at is None:
        return 0
    given = pd.Series(texts(snapshot[columns.created_at]), index=snapshot.index, dtype="object")
    return int((given.notna() & mapped["created_at"].isna()).sum())
