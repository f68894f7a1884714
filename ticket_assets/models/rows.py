"""From tables to the rows of one target.

Belongs here: joining features, labels and split by ticket id; which classes a target has.
Does not belong here: features (features/), the choice of the hold-out (split.py).
"""

import hashlib
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ticket_assets.features.text import TicketFeatures
from ticket_assets.models.labelled_rows import LabelledRows
from ticket_assets.models.split import HOLDOUT, RECENT, TRAIN
from ticket_assets.storage import digest
from ticket_assets.tickets.fed_tickets import DESK
from ticket_assets.tickets.schema import CONTEXT_PREFIX, LABEL_PREFIX, SOURCE, WEIGHT

RecentLabels = tuple[LabelledRows, np.ndarray]
"""Recent rows, and whether people corrected or confirmed a label of each."""


@dataclass(frozen=True)
class TargetRows:
    """Training and hold-out rows of a target.

    Attributes:
        labels: K class names, those of the training rows, sorted.
        training: rows to fit on.
        holdout: rows to score, opened by the evaluation alone.
        groups: int (n training,) family numbers.
        folds: int (n training,) fold numbers.
        training_ids: ids of the training rows.
        holdout_ids: ids of the hold-out rows.
        holdout_labels: true label of each, a class that training lacks included.
        recent: rows that arrived since the hold-out was frozen, and that nothing is ever fitted to.
        recent_ids: ids of these.
        recent_labels: true label of each, as of the hold-out.
        recent_by_people: bool (n recent,), whether people corrected or confirmed a label of it.
    """

    labels: tuple[str, ...]
    training: LabelledRows
    holdout: LabelledRows
    groups: np.ndarray
    folds: np.ndarray
    training_ids: tuple[str, ...]
    holdout_ids: tuple[str, ...]
    holdout_labels: tuple[str, ...]
    recent: LabelledRows | None = None
    recent_ids: tuple[str, ...] = ()
    recent_labels: tuple[str, ...] = ()
    recent_by_people: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))

    @property
    def lately(self) -> RecentLabels | None:
        """The recent rows, where there are any."""
        return None if self.recent is None or not self.recent_ids else (self.recent, self.recent_by_people)

    @property
    def training_digest(self) -> str:
        """Content hash of what a search sees, vectors apart."""
        columns = hashlib.sha256(np.ascontiguousarray(self.training.features.columns).tobytes()).hexdigest()
        numbers = zip(self.training.y, self.groups, self.folds, strict=True)
        rows = zip(self.training_ids, self.training.features.documents, numbers, strict=True)
        weights = self.training.weights
        heavy = () if weights is None else (hashlib.sha256(np.ascontiguousarray(weights).tobytes()).hexdigest(),)
        return digest(
            [*heavy, *self.labels, columns, *("\x01".join([one, text, *map(str, its)]) for one, text, its in rows)]
        )


def target_rows(
    target: str, clean: pd.DataFrame, text: pd.DataFrame, split: pd.DataFrame, vectors: np.ndarray | None
) -> TargetRows:
    """Rows of one target.

    Args:
        target: its name.
        clean: `tickets/clean`.
        text: `features/text`, same tickets in the same order.
        split: `models/split`, likewise.
        vectors: float32 (len(clean), dimensions) in the same order, or None.

    Raises:
        ValueError: the tables do not speak of the same tickets.
    """
    for name, table in (("features/text", text), ("models/split", split)):
        if not clean["ticket_id"].equals(table["ticket_id"]):
            raise ValueError(f"{name} and tickets/clean hold other tickets: materialise {name} again")
    label = clean[LABEL_PREFIX + target]
    training = np.flatnonzero((split["side"] == TRAIN) & label.notna())
    holdout = np.flatnonzero((split["side"] == HOLDOUT) & label.notna())
    recent = np.flatnonzero((split["side"] == RECENT) & label.notna())
    labels = tuple(sorted(label.iloc[training].unique()))
    number = {name: place for place, name in enumerate(labels)}
    y = label.map(number).fillna(-1).to_numpy(dtype=np.int64)
    features = stored_features(text, vectors)
    contexts = {name.removeprefix(CONTEXT_PREFIX): name for name in clean if name.startswith(CONTEXT_PREFIX)}

    def of(rows: np.ndarray) -> LabelledRows:
        described = clean.iloc[rows]
        return LabelledRows(
            features.take(rows),
            y[rows],
            described["family_id"].to_numpy(),
            described["language"].to_numpy(),
            {name: described[column].to_numpy(dtype=object) for name, column in contexts.items()},
            _weights(described),
        )

    return TargetRows(
        labels,
        of(training),
        of(holdout),
        split["group"].to_numpy()[training],
        split["fold"].to_numpy()[training],
        tuple(clean["ticket_id"].iloc[training]),
        tuple(clean["ticket_id"].iloc[holdout]),
        tuple(label.iloc[holdout]),
        of(recent),
        tuple(clean["ticket_id"].iloc[recent]),
        tuple(label.iloc[recent]),
        (clean[SOURCE].iloc[recent] != DESK).to_numpy() if SOURCE in clean else np.zeros(len(recent), dtype=bool),
    )


def _weights(described: pd.DataFrame) -> np.ndarray | None:
    """Of the rows; None where each is 1, as where there is no feedback."""
    if WEIGHT not in described:
        return None
    weights = described[WEIGHT].to_numpy(dtype=np.float64)
    return None if (weights == 1).all() else weights


def stored_features(text: pd.DataFrame, vectors: np.ndarray | None) -> TicketFeatures:
    """Features from the table `features/text` and the vector table."""
    columns = text.drop(columns=["ticket_id", "document"]).to_numpy(dtype=np.float32)
    return TicketFeatures(tuple(text["document"]), columns, vectors)
