"""Rows as the champion reads them: from the log's table or from the ticket tables to what tests compare.

Belongs here: tickets to a Sample by the champion's own bundle, answers in its own order of labels.
Does not belong here: which rows (window.py, reference.py), tests (drift/).

Both sides go through the same bundle: a window that is read by other code than its reference differs from it at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ticket_assets.features.text import text_features
from ticket_assets.monitoring.sample import Sample, TargetSample
from ticket_assets.serving.bundle import TriageBundle
from ticket_assets.serving.prediction import Ticket

TOLERANCE = 1e-3  # the log has six digits of each of some labels


@dataclass(frozen=True)
class Texts:
    """n tickets before they are features: ids, cleaned texts, languages, context values by name."""

    ids: tuple[str, ...]
    texts: tuple[str, ...]
    languages: tuple[str, ...]
    contexts: tuple[Mapping[str, str | None], ...]


def window_sample(rows: Sequence[Mapping[str, Any]], bundle: TriageBundle) -> tuple[Sample, tuple[str, ...]]:
    """A window as its champion reads it, and what is to be said of it.

    Args:
        rows: of the tables of days.
        bundle: that gave the answers.
    """
    asked = [Ticket(row["body"] or "", row["subject"] or "", dict(row["context"] or ())) for row in rows]
    read = bundle.read(asked)
    texts = Texts(
        tuple(row["id"] for row in rows),
        tuple(read.texts),
        tuple(read.languages),
        tuple(ticket.context for ticket in asked),
    )
    targets, notes = {}, []
    for target, labels in bundle.manifest.targets.items():
        # A window may lie over the day on which the profile lost the target, or got it.
        read_of = sum(f"predicted_{target}" in row for row in rows)
        if rows and read_of == len(rows):
            shares, unknown = probabilities([row.get(f"probabilities_{target}") for row in rows], labels)
            targets[target] = TargetSample(labels, shares, tuple(row.get(f"truth_{target}") for row in rows))
            if unknown:
                notes.append(
                    f"{target}: {unknown:,} answers are logged without all probabilities, taken as evenly spread"
                )
        elif read_of:
            some = f"on some days of the window alone ({read_of:,} of {len(rows):,} answers)"
            notes.append(f"{target} was a target of this profile {some}, and was not read")
        else:
            notes.append(f"{target} is no target of this profile any more, and was not read")
    return sample_of(texts, bundle, targets=targets), tuple(notes)


def sample_of(
    texts: Texts,
    bundle: TriageBundle,
    vectors: np.ndarray | None = None,
    targets: Mapping[str, TargetSample] | None = None,
) -> Sample:
    """Features of cleaned texts by a bundle.

    Args:
        texts: n tickets.
        bundle: the champion.
        vectors: of its encoder where they are stored; None: they are made here, if its models need any.
        targets: what was answered.
    """
    made = text_features(texts.texts, texts.languages, texts.contexts, bundle.schema)
    needed = bundle.manifest.encoder is not None
    if needed and vectors is None:
        vectors = bundle.encode(texts.texts)
    context = {name: tuple(_said(one.get(name)) for one in texts.contexts) for name in bundle.manifest.context}
    return Sample(
        ids=texts.ids,
        texts=texts.texts,
        languages=texts.languages,
        columns=made.columns,
        column_names=tuple(bundle.schema.columns),
        context=context,
        vectors=vectors if needed else None,
        targets=dict(targets or {}),
    )


def probabilities(logged: Sequence[Any], labels: tuple[str, ...]) -> tuple[np.ndarray, int]:
    """What was logged as float32 (n, K) in the order of the labels, and how many rows were not whole.

    Args:
        logged: n lists of label and probability; None where the target was not answered.
        labels: K, of the model.
    """
    made = np.full((len(logged), len(labels)), np.nan, dtype=np.float64)
    for row, its in enumerate(logged):
        told = dict(its or ())
        made[row] = [np.nan if told.get(label) is None else told[label] for label in labels]
    sums = made.sum(axis=1)
    broken = ~np.isfinite(sums) | (np.abs(sums - 1) > max(TOLERANCE, 1e-6 * len(labels)))
    made[broken] = 1 / len(labels)
    return (made / made.sum(axis=1, keepdims=True)).astype(np.float32), int(broken.sum())


def _said(value: str | None) -> str | None:
    """None for what is no value: tables have NaN, and NA, where a ticket had none."""
    return value if isinstance(value, str) and value else None
