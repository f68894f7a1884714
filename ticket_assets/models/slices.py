"""Where a model is better and where it is worse: its scores by language, length, class size and context.

Belongs here: cutting the hold-out into slices, the scores of each with their intervals.
Does not belong here: scores of all rows (measures.py), the tables (card.py).
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ticket_assets.models.labelled_rows import LabelledRows
from ticket_assets.models.proportion import Proportion, proportion
from ticket_assets.models.significance import Interval, bootstrap_interval

# Tickets of a class in training, from which a slice of classes begins.
CLASS_SIZES = (0, 50, 200, 1000)
UNKNOWN_CLASS = "unknown to the model"
MOST_VALUES = 8
# Held-out tickets of a context value, from which it is named: what fewer say may be what a person wrote, and the slices
# stand in the model card.
FEWEST_TICKETS = 5
CLASS_SIZE = "tickets of the class in training"
OTHER, NONE = "(other)", "(none)"


@dataclass(frozen=True)
class Slice:
    """One slice of the hold-out.

    Attributes:
        by: what it is cut by: language, words, tickets of the class in training, or a context column.
        name: of the slice.
        rows: in it.
        accuracy: with its interval.
        macro_f1: with its interval, over the classes that occur in it; None within a single family, and where the cut
            is by class, since a slice then lacks what others are mistaken for.
    """

    by: str
    name: str
    rows: int
    accuracy: Proportion
    macro_f1: Interval | None


def slices(
    rows: LabelledRows, predicted: np.ndarray, training: LabelledRows, labels: Sequence[str], seed: int
) -> tuple[Slice, ...]:
    """Scores of each slice of the hold-out that holds a row.

    Args:
        rows: n rows of the hold-out.
        predicted: int (n,).
        training: where lengths and class sizes are cut, so that the cuts do not move with the hold-out.
        labels: K class names.
        seed: of the intervals.
    """
    found = []
    for by, names in _cuts(rows, training, len(labels)):
        for name in dict.fromkeys(sorted(names, key=_natural)):
            at = np.flatnonzero(np.array([one == name for one in names]))
            y, families = rows.y[at], rows.families[at]
            several = len(np.unique(families)) > 1 and by != CLASS_SIZE
            found.append(
                Slice(
                    by,
                    name,
                    len(at),
                    proportion(predicted[at] == y, families),
                    bootstrap_interval(y, predicted[at], families, n_labels=len(labels), seed=seed)
                    if several
                    else None,
                )
            )
    return tuple(found)


def _cuts(rows: LabelledRows, training: LabelledRows, classes: int) -> Iterator[tuple[str, list[str]]]:
    """What is cut by, and the slice of each row."""
    yield "language", [str(code) for code in rows.languages]
    short, long = np.quantile(_words(training), [1 / 3, 2 / 3]).astype(int)
    names = (f"up to {short}", f"{short + 1} to {long}", f"over {long}")
    yield "words", [names[int(words > short) + int(words > long)] for words in _words(rows)]
    sizes = np.bincount(training.y, minlength=classes)
    yield CLASS_SIZE, [_size(int(sizes[y])) if y >= 0 else UNKNOWN_CLASS for y in rows.y]
    for column, values in rows.contexts.items():
        told = [str(value) if value is not None and value == value else NONE for value in values]
        frequent = {value for value, count in Counter(told).most_common(MOST_VALUES) if count >= FEWEST_TICKETS}
        yield column, [value if value in {*frequent, NONE} else OTHER for value in told]


def _words(rows: LabelledRows) -> np.ndarray:
    """Counted words of each ticket, context words included."""
    return np.array([len(document.split()) for document in rows.features.documents])


def _size(tickets: int) -> str:
    least = max(size for size in CLASS_SIZES if tickets >= size)
    above = [size for size in CLASS_SIZES if size > least]
    return f"{least} to {above[0] - 1}" if above else f"{least} or more"


def _natural(name: str) -> tuple[float, str]:
    """Ranges by their first number and names by the alphabet; `up to 9` stands before `10 to 19`, `over 19` after."""
    found = re.search(r"\d+", name)
    return (float(found[0]) + name.startswith("over"), name) if found else (math.inf, name)
