"""How far back tickets are like the latest ones: where the time begins that a champion was last trained for.

Belongs here: when a ticket was written, a test for a change in the order of time, the begin of the latest stretch.
Does not belong here: which rows a reference has (reference.py), whether a window has drifted (drift/).

A reference over all times is like no time: after a retraining on a new kind of ticket it would have a tenth of what is
half of the traffic, and each window would alarm again. A reference of the latest few hundred would be like the traffic,
and would miss what a larger one finds. So it goes back as far as the tickets are alike, and no further.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ticket_assets.monitoring.drift.word_features import hashed_words, weighted_words
from ticket_assets.tickets.schema import LABEL_PREFIX

PERMUTATIONS = 499
"""None of which may reach what was observed: one history without a change in 500 is cut."""
DIRECTIONS = 32
LEAST_OF_A_VALUE = 10
LEAST_BEFORE = 50
"""Tickets on the older side: of fewer nothing is said."""


@dataclass(frozen=True)
class Stretch:
    """The latest tickets that are alike.

    Attributes:
        rows: int (n,) their positions in the table, oldest first; those of one instant in an order by chance.
        since: when the first of them was written; None where no change was found, so that they go back for ever.
    """

    rows: np.ndarray
    since: pd.Timestamp | None


def ticket_times(tickets: pd.DataFrame) -> pd.Series:
    """When each ticket was written, UTC; where nobody told, when it was read; NaT where neither is known."""
    none = pd.Series(pd.NaT, index=tickets.index)
    told = [pd.to_datetime(tickets.get(name, none), utc=True) for name in ("created_at", "ingested_at")]
    return told[0].fillna(told[1])


def in_order(tickets: pd.DataFrame, seed: int) -> np.ndarray:
    """int (n,) positions, oldest first; those of one instant in an order by the seed: that of a file means nothing."""
    times = ticket_times(tickets)
    ticks = times.astype("int64").where(times.notna(), np.iinfo(np.int64).min).to_numpy()
    return np.lexsort((np.random.default_rng([seed, 2]).random(len(tickets)), ticks))


def latest_alike(
    tickets: pd.DataFrame, most: int, least: int, seed: int, others: pd.DataFrame | None = None
) -> Stretch:
    """The latest tickets, back to the last change that the latest `most` of them show.

    Args:
        tickets: text, language, family_id, labels, and times (`ticket_times`).
        most: rows.
        least: rows that are kept after a change: a later one is not looked for.
        seed: of permutations, and of the order within one instant.
        others: tickets of the same desk that are asked for no change, and help to date one: a hold-out of the latest
            dates lies between the last of before and the first of after, and a row too early would be weeks too early.
    """
    rng = np.random.default_rng([seed, 3])
    rows = in_order(tickets, seed)[-most:]
    witnesses = _first_of_families(tickets, rows)
    described, begins, before = _described(tickets.iloc[witnesses], seed), 0, 0
    instants, its = _instants(tickets.iloc[rows]), np.flatnonzero(np.isin(rows, witnesses))
    while True:
        left = len(rows) - np.searchsorted(instants, instants[its[begins:]])  # rows, if a stretch began here
        allowed = _new_instants(instants[its[begins:]]) & (left >= least)
        found = change(described[begins:], allowed, rng)
        if found is None:
            break
        before, begins = begins, begins + found
    if not begins:
        return Stretch(rows, None)
    since = _dated(tickets.iloc[witnesses], before, begins, others, least, seed)
    return Stretch(rows[(ticket_times(tickets).iloc[rows] >= since).to_numpy()], since)


def _dated(
    witnesses: pd.DataFrame, before: int, begins: int, others: pd.DataFrame | None, least: int, seed: int
) -> pd.Timestamp:
    """When the change came that witnesses from row `before` on show at row `begins`, by others of that time too."""
    times = ticket_times(witnesses)
    if others is None or others.empty:
        return times.iloc[begins]
    apart = others[~others["family_id"].isin(set(witnesses["family_id"]))]
    if before:
        apart = apart[ticket_times(apart) >= times.iloc[before]]
    known = pd.concat([witnesses.iloc[before:].assign(_witness=True), apart.assign(_witness=False)], ignore_index=True)
    known = known.iloc[_first_of_families(known, in_order(known, seed))].reset_index(drop=True)
    ours = known["_witness"].to_numpy(dtype=bool)
    left = ours.sum() - np.cumsum(ours) + ours
    allowed = _new_instants(_instants(known)) & (left >= min(least, len(witnesses) - begins))
    places = np.flatnonzero(allowed)
    if not places.size:
        return times.iloc[begins]
    return ticket_times(known).iloc[places[_differences(_standardised(_described(known, seed)), places).argmax()]]


def change(described: np.ndarray, allowed: np.ndarray, rng: np.random.Generator) -> int | None:
    """Where rows in the order of time change their mean, or None where chance might do it.

    The largest standardised difference of the means before and after, over all places that are allowed, against the
    same of rows in another order (James and Matteson 2015 cut histories by such a test; theirs are energy distances).

    Args:
        described: float (n, d).
        allowed: bool (n,), whether a new time may begin with the row.
        rng: of the orders.
    """
    places = np.flatnonzero(allowed)
    if not places.size:
        return None
    numbers = _standardised(described)
    observed = _differences(numbers, places)
    for _ in range(PERMUTATIONS):
        if _differences(numbers[rng.permutation(len(numbers))], places).max() >= observed.max():
            return None
    return int(places[observed.argmax()])


def _standardised(described: np.ndarray) -> np.ndarray:
    """Columns of mean 0 and deviation 1; one of a single value is left out."""
    deviations = described.std(axis=0)
    return np.asarray((described - described.mean(axis=0))[:, deviations > 1e-9] / deviations[deviations > 1e-9])


def _differences(numbers: np.ndarray, places: np.ndarray) -> np.ndarray:
    """float (places,) how far apart the means before a place and from it on are."""
    n = len(numbers)
    before = np.cumsum(numbers, axis=0)[places - 1]
    return np.asarray((before**2).sum(axis=1) * (n / (places * (n - places))))


def _first_of_families(tickets: pd.DataFrame, rows: np.ndarray) -> np.ndarray:
    """Those of the rows that are the first of their family: relatives that came together are one witness."""
    return rows[~tickets["family_id"].iloc[rows].duplicated().to_numpy()]


def _instants(tickets: pd.DataFrame) -> np.ndarray:
    """The instant of each by number, oldest first; one that is not known is before all others."""
    return pd.factorize(ticket_times(tickets), sort=True, use_na_sentinel=True)[0]


def _new_instants(instants: np.ndarray) -> np.ndarray:
    """bool (n,) whether a time may begin here: with an instant, and after rows enough."""
    begins = np.append(False, instants[1:] > instants[:-1])
    begins[:LEAST_BEFORE] = False
    return begins


def _described(tickets: pd.DataFrame, seed: int) -> np.ndarray:
    """float32 (n, d): main directions of the words, languages, labels."""
    from sklearn.utils.extmath import randomized_svd

    words = hashed_words(list(tickets["text"]))
    words = weighted_words(words, words[:0])
    parts = []
    if (size := min(DIRECTIONS, min(words.shape) - 1)) > 0:
        left, weights, _ = randomized_svd(words, size, n_iter=3, random_state=seed)
        parts.append(left * weights)
    names = ["language", *(name for name in tickets if name.startswith(LABEL_PREFIX))]
    parts += [_told(list(tickets[name])) for name in names if name in tickets]
    return np.hstack(parts).astype(np.float32) if parts else np.zeros((len(tickets), 0), dtype=np.float32)


def _told(values: Sequence[object]) -> np.ndarray:
    """A column for each value that several rows have, float32."""
    said = pd.Series([one if isinstance(one, str) else "" for one in values], dtype="object")
    counts = said.value_counts()
    kept = [name for name in counts.index if counts[name] >= LEAST_OF_A_VALUE]
    return np.column_stack([said == name for name in kept]).astype(np.float32) if kept else np.zeros((len(said), 0))
