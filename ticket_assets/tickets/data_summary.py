"""Evidently's page about clean tickets: one HTML file that needs no network, and its figures as JSON.

Belongs here: which columns it may see, how many rows, writing both files.
Does not belong here: our own counts (quality.py).

No text goes in, only its length: a page about texts would quote them. Nor does free text come by way of a context
column: one goes in where it holds few values, each of ten tickets on average, and a value of fewer than five tickets is
not named, as statistics offices do with small cells. A count alone would let every id of a small profile through, and a
share alone what one ticket in a hundred says beside a default.
"""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ticket_assets.storage import replacing
from ticket_assets.tickets.schema import CONTEXT_PREFIX, LABEL_PREFIX

MOST_ROWS = 50_000
"""A summary of more rows says the same and takes longer; which ones is drawn with a fixed seed."""
MOST_VALUES = 50
MOST_VALUES_PER_TICKET = 0.1
FEWEST_TICKETS = 5
"""That a value of a context column stands in, to be named."""
RARE = "(rare)"
_SEED = 0


@dataclass(frozen=True)
class SummaryFiles:
    """Where the page and its figures lie, and how many rows they are about."""

    html: Path
    json: Path
    rows: int


def summary_frame(clean: pd.DataFrame, targets: Iterable[str], context: Iterable[str]) -> pd.DataFrame:
    """What Evidently may see of clean tickets: numbers, labels, languages, dates; a row per ticket, at most 50,000."""
    chosen = clean if len(clean) <= MOST_ROWS else clean.sample(MOST_ROWS, random_state=_SEED).sort_index()
    frame = pd.DataFrame(
        {
            "characters": chosen["text"].str.len().astype("int64"),
            "words": chosen["text"].str.count(r"\S+").astype("int64"),
            "family_size": chosen["family_id"].map(clean["family_id"].value_counts()).astype("int64"),
            "language": chosen["language"],
            "disputed": chosen["disputed"].map({True: "yes", False: "no"}),
        }
    )
    for name in targets:
        frame[f"label {name}"] = chosen[LABEL_PREFIX + name]
    for name in context:
        values = chosen[CONTEXT_PREFIX + name]
        tickets = values.value_counts()
        if 0 < len(tickets) <= min(MOST_VALUES, MOST_VALUES_PER_TICKET * tickets.sum()):
            frame[f"context {name}"] = values.where(values.isna() | (values.map(tickets) >= FEWEST_TICKETS), RARE)
    if chosen["created_at"].notna().any():
        frame["created_at"] = chosen["created_at"].dt.tz_localize(None)
    return frame.reset_index(drop=True)


def write_summary(frame: pd.DataFrame, folder: Path) -> SummaryFiles:
    """Write `quality.html` and `quality.json` of a frame of `summary_frame`; each is whole or the one before."""
    with warnings.catch_warnings():
        # Its own modules are compiled with outdated escapes and ask numpy for an outdated name.
        for outdated in (DeprecationWarning, SyntaxWarning):
            warnings.filterwarnings("ignore", category=outdated)
        from evidently import DataDefinition, Dataset, Report
        from evidently.presets import DataSummaryPreset
    numbers = ["characters", "words", "family_size"]
    instants = ["created_at"] if "created_at" in frame else []
    definition = DataDefinition(
        numerical_columns=numbers,
        categorical_columns=[name for name in frame if name not in (*numbers, *instants)],
        datetime_columns=instants,
    )
    found = Report([DataSummaryPreset()]).run(Dataset.from_pandas(frame, data_definition=definition), None)
    html, figures = folder / "quality.html", folder / "quality.json"
    for path, write in ((html, found.save_html), (figures, found.save_json)):
        with replacing(path) as temporary:
            write(str(temporary))
    return SummaryFiles(html, figures, len(frame))
