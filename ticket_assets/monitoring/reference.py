"""The champion's reference: rows it was trained on, and rows it was not, with its answers.

Belongs here: which rows, how they are read, what could not be had.
Does not belong here: where it is kept (reference_store.py), what is compared with it (drift/, performance.py), where
the time begins that the champion was last trained for (stretch.py).

Inputs come from the champion's training rows, as it was made for those: from the latest, back to the last change that
they show. Its answers come from held-out rows of the same time: of a ticket that it was trained on a model is too sure,
and live confidence would look too low for ever. Where that time has few held-out rows, few is what there are, and who
compares says so: older ones stand for traffic that the champion was retrained for not to be any more.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ticket_assets.features.text import TicketFeatures, document
from ticket_assets.features.vectors import VectorTable
from ticket_assets.models.neighbours import row_names
from ticket_assets.models.split import HOLDOUT, RECENT, TRAIN
from ticket_assets.monitoring.reading import Texts, sample_of
from ticket_assets.monitoring.sample import Reference, Sample, TargetSample
from ticket_assets.monitoring.stretch import in_order, latest_alike, ticket_times
from ticket_assets.serving.bundle import TriageBundle
from ticket_assets.tickets.language import detect_languages
from ticket_assets.tickets.schema import CONTEXT_PREFIX, LABEL_PREFIX


class NoReferenceError(RuntimeError):
    """Nothing is left that the champion could be compared with; the message says what is missing."""


@dataclass(frozen=True)
class TicketTables:
    """What is there of the tickets today.

    Attributes:
        clean: `tickets/clean`.
        split: `models/split`.
        trained: names of the tickets that the champion was trained on (models/trained_rows.py); None where no list
            tells.
        recent: names of the tickets held out as recent that were there then; others came since, and are live traffic.
        vectors: of the champion's encoder, as they fed it where that is kept; None where there are none.
        reads_alike: whether today's settings clean tickets and detect languages as the champion does.
    """

    clean: pd.DataFrame
    split: pd.DataFrame
    trained: Collection[str] | None
    recent: Collection[str]
    vectors: VectorTable | None
    reads_alike: bool


@dataclass(frozen=True)
class Basis:
    """A reference with what scores on it need, and what is to be said of it.

    Attributes:
        reference: inputs and answers.
        families: near-duplicate family of each of the answers: relatives are right or wrong together.
        notes: sentences.
    """

    reference: Reference
    families: tuple[str, ...]
    notes: tuple[str, ...]


def make_reference(bundle: TriageBundle, tables: TicketTables, most: int, least: int, seed: int) -> Basis:
    """The reference of a champion.

    Args:
        bundle: the champion's.
        tables: of today, which may be newer than it.
        most: rows of inputs, and of answers; of more the latest are taken.
        least: rows of inputs that are left after a change, however late it came.
        seed: of the search for a change, and of the order within one instant.

    Raises:
        NoReferenceError: no training row or no held-out row is left.
    """
    trained, held, notes = _sides(tables)
    for rows, whose in ((trained, "that the champion was trained on"), (held, "that were held out from it")):
        if rows.empty:
            raise NoReferenceError(f"of the tickets {whose} none is in tickets/clean any more: make run trains anew")
    stretch = latest_alike(trained, most, least, seed, held)
    of_its_time = held if stretch.since is None else held[ticket_times(held) >= stretch.since]
    latest = of_its_time.iloc[np.sort(in_order(of_its_time, seed)[-most:])]
    if stretch.since is not None:
        told = f"{len(stretch.rows):,} of {len(trained):,} training rows and {len(of_its_time):,} of {len(held):,}"
        notes.append(f"its tickets changed on {stretch.since:%Y-%m-%d %H:%M}: {told} held-out rows are of that time")
    else:
        notes += _cut("training", trained, len(stretch.rows), seed)
    notes += _cut("held-out", of_its_time, len(latest), seed)
    if not tables.reads_alike:
        notes.append("the champion is of other settings: its reference is cleaned texts of today, read its way")
    inputs = _read(bundle, tables, trained.iloc[np.sort(stretch.rows)])
    answers = _answered(bundle, tables, latest if len(latest) else held[:1]).take(np.arange(len(latest)))
    return Basis(Reference(bundle.manifest.id, inputs, answers), tuple(latest["family_id"].astype(str)), tuple(notes))


def _sides(tables: TicketTables) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Rows of `tickets/clean` that the champion was trained on, rows that were held out, and what is to be said."""
    sides = tables.split.drop_duplicates("ticket_id").set_index("ticket_id")["side"]
    side = tables.clean["ticket_id"].map(sides)
    names = pd.Series(row_names(tables.clean["ticket_id"]).astype(str), index=tables.clean.index)
    held = (side == HOLDOUT) | ((side == RECENT) & names.isin(set(tables.recent)))
    if tables.trained is None:
        note = "no list tells whom the champion was trained on: today's training rows stand for them"
        return tables.clean[side == TRAIN], tables.clean[held], [note]
    seen = names.isin(set(tables.trained))
    gone = len(set(tables.trained)) - int(seen.sum())
    notes = [f"{gone:,} of its training tickets are in tickets/clean no longer"] if gone else []
    return tables.clean[seen], tables.clean[held & ~seen], notes


def _cut(name: str, rows: pd.DataFrame, taken: int, seed: int) -> list[str]:
    """That only some rows were taken: the latest, or any where all are of one time."""
    if taken >= len(rows):
        return []
    if ticket_times(rows).nunique() > 1:
        return [f"the latest {taken:,} of {len(rows):,} {name} rows were taken"]
    return [f"{taken:,} of {len(rows):,} {name} rows were drawn with seed {seed}"]


def _read(bundle: TriageBundle, tables: TicketTables, rows: pd.DataFrame) -> Sample:
    """Cleaned tickets as the bundle reads them; a context column that is gone is one that no ticket has."""
    names = [name for name in bundle.manifest.context if CONTEXT_PREFIX + name in rows]
    values = {name: rows[CONTEXT_PREFIX + name].to_numpy(dtype=object) for name in names}
    contexts = tuple({name: values[name][row] for name in names} for row in range(len(rows)))
    contexts = tuple({name: v if isinstance(v, str) else None for name, v in one.items()} for one in contexts)
    texts = tuple(rows["text"])
    languages = rows["language"] if tables.reads_alike else detect_languages(list(texts), bundle.schema.languages)
    its = Texts(tuple(rows["ticket_id"].astype(str)), texts, tuple(languages), contexts)
    return sample_of(its, bundle, _stored(tables.vectors, its.ids))


def _stored(vectors: VectorTable | None, ids: tuple[str, ...]) -> np.ndarray | None:
    """Vectors of these tickets, None where one has none: then all are made by the champion's encoder."""
    if vectors is None:
        return None
    try:
        return vectors.read(ids)
    except KeyError:
        return None


def _answered(bundle: TriageBundle, tables: TicketTables, rows: pd.DataFrame) -> Sample:
    """The rows with the bundle's own probabilities, and with the truth."""
    sample = _read(bundle, tables, rows)
    contexts = [{name: values[row] for name, values in sample.context.items()} for row in range(len(sample))]
    said = zip(sample.texts, sample.languages, contexts, strict=True)
    documents = tuple(document(text, language, context, bundle.schema) for text, language, context in said)
    found = bundle.probabilities(TicketFeatures(documents, sample.columns, sample.vectors))
    targets = {}
    for target, shares in found.items():
        truth = rows[LABEL_PREFIX + target] if LABEL_PREFIX + target in rows else pd.Series(None, index=rows.index)
        told = tuple(one if isinstance(one, str) else None for one in truth)
        targets[target] = TargetSample(bundle.manifest.targets[target], shares.astype(np.float32), told)
    return replace(sample, targets=targets)
