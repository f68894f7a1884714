"""Evidently's report of a window: its figures as JSON, which is the contract, and a page for people.

Belongs here: which columns it may see, how many rows, writing both files, which pages stay.
Does not belong here: our own tests, which decide (drift/): this one decides nothing.

No text goes in, only its length, and of context columns only values that are no one's own, as for `tickets/quality`.
The reference of what was asked are training rows and of what was answered held-out rows. They are no pairs: each column
stands for itself.
"""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from ticket_assets.monitoring.judged import FIGURES, FOLDER, REPORT
from ticket_assets.monitoring.sample import Reference, Sample
from ticket_assets.storage import replacing

MOST_ROWS = 5000
PAGES_KEPT = 20
"""A page has 4 MB; those of older windows go, their figures stay."""
MOST_VALUES, MOST_VALUES_PER_TICKET, FEWEST_TICKETS, RARE = 50, 0.1, 5, "(rare)"
_SEED = 0


def write_report(folder: Path, reference: Reference, window: Sample) -> None:
    """Write `evidently.json` and `report.html` into the folder of a window."""
    with warnings.catch_warnings():
        # Its own modules are compiled with outdated escapes and ask numpy for an outdated name.
        for outdated in (DeprecationWarning, SyntaxWarning):
            warnings.filterwarnings("ignore", category=outdated)
        from evidently import DataDefinition, Dataset, Report
        from evidently.metrics import DriftedColumnsCount, ValueDrift

        before, now = report_frames(reference, window)
        numbers = [name for name in now if pd.api.types.is_float_dtype(now[name])]
        labels = [name for name in now if name not in numbers]
        definition = DataDefinition(numerical_columns=numbers, categorical_columns=labels)
        metrics = [DriftedColumnsCount(), *(ValueDrift(column=name) for name in now)]
        sets = [Dataset.from_pandas(one, data_definition=definition) for one in (now, before)]
        with np.errstate(divide="ignore", invalid="ignore"):  # of a column that is constant
            warnings.filterwarnings("ignore", category=RuntimeWarning)
            found = Report(metrics).run(*sets)
        for name, write in ((FIGURES, found.save_json), (REPORT, found.save_html)):
            with replacing(folder / name) as temporary:
                write(str(temporary))


def report_frames(reference: Reference, window: Sample) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Reference and window as Evidently may see them; columns that one of them lacks are left out."""
    asked, answered = _asked(reference.inputs), _answered(reference.answers)
    before = pd.concat([_few(asked), _few(answered)], axis=1)
    now = _few(pd.concat([_asked(window), _answered(window)], axis=1))
    for name in [one for one in now if one in before and one.startswith("context ")]:
        both = pd.concat([before[name], now[name]])
        tickets = both.value_counts()
        if not 0 < len(tickets) <= min(MOST_VALUES, MOST_VALUES_PER_TICKET * tickets.sum()):
            now = now.drop(columns=name)
            continue
        common = {*tickets.index[tickets >= FEWEST_TICKETS]}
        for frame in (before, now):
            frame[name] = frame[name].where(frame[name].isna() | frame[name].isin(common), RARE)
    kept = [name for name in now if name in before and now[name].notna().any() and before[name].notna().any()]
    return before[kept].copy(), now[kept].copy()


def forget_pages(monitoring: Path, keep: int = PAGES_KEPT) -> int:
    """Remove the pages of all windows but the latest; return how many."""
    pages = sorted((monitoring / FOLDER).glob(f"*/{REPORT}"), key=lambda path: path.stat().st_mtime)
    old = pages[: max(0, len(pages) - keep)]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def _asked(sample: Sample) -> pd.DataFrame:
    texts = pd.Series(sample.texts, dtype=object)
    frame = {"characters": texts.str.len().astype(float), "words": texts.str.count(r"\S+").astype(float)}
    context = {f"context {name}": pd.Series(values, dtype=object) for name, values in sample.context.items()}
    return pd.DataFrame({**frame, "language": pd.Series(sample.languages, dtype=object), **context})


def _answered(sample: Sample) -> pd.DataFrame:
    columns = {}
    for target, its in sample.targets.items():
        labels = np.array(its.labels, dtype=object)[its.probabilities.argmax(axis=1)]
        columns[f"{target}: predicted"] = pd.Series(labels, dtype=object)
        columns[f"{target}: confidence"] = pd.Series(its.probabilities.max(axis=1).astype(float))
    return pd.DataFrame(columns)


def _few(frame: pd.DataFrame) -> pd.DataFrame:
    return frame if len(frame) <= MOST_ROWS else frame.sample(MOST_ROWS, random_state=_SEED).reset_index(drop=True)
