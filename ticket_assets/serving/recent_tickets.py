"""Recent tickets before the court: both bundles answer them as they arrived, and are compared.

Belongs here: the tickets and their labels, which of them came since a champion's data, the contest on them.
Does not belong here: which tickets are recent (models/split.py), scores and rules (models/recent.py, promotion.py).

Recent is what no model is ever trained on of the families that came after the hold-out was frozen. A contest is about
those of them that were not there when the champion's model of the target was trained: the list of its version of the
data names the others (models/trained_rows.py). So each promotion begins a new recent set, and a champion that holds
its seat is asked about everything that came since it took it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ticket_assets.models.recent import RecentContest
from ticket_assets.models.rows import TargetRows
from ticket_assets.models.seen_tickets import names_of
from ticket_assets.serving.prediction import Ticket

Answers = tuple[tuple[str, ...], np.ndarray]
"""Labels and probabilities float64 (n, K)."""


@dataclass(frozen=True)
class RecentRows:
    """One target's recent tickets.

    Attributes:
        rows: int (n,) positions in the list of recent tickets.
        names: n names (`names_of`).
        truth: n labels.
        families: (n,) family of each.
        by_people: bool (n,), whether people corrected or confirmed a label of it.
    """

    rows: np.ndarray
    names: tuple[str, ...]
    truth: tuple[str, ...]
    families: np.ndarray
    by_people: np.ndarray

    def since(self, there: frozenset[str]) -> "RecentRows":
        """Those that are not of the given names."""
        new = np.array([place for place, name in enumerate(self.names) if name not in there], dtype=np.int64)
        return RecentRows(
            self.rows[new],
            tuple(self.names[place] for place in new),
            tuple(self.truth[place] for place in new),
            self.families[new],
            self.by_people[new],
        )


@dataclass(frozen=True)
class RecentTickets:
    """All recent tickets as they arrived, and the rows of each target."""

    tickets: Sequence[Ticket] = ()
    targets: Mapping[str, RecentRows] = field(default_factory=dict)


def recent_tickets(rows: Mapping[str, TargetRows], tickets: Mapping[str, Ticket]) -> RecentTickets:
    """The recent tickets of all targets over one list.

    Args:
        rows: target name to its rows.
        tickets: ticket id to the ticket as it arrived.
    """
    ids = sorted({one for its in rows.values() for one in its.recent_ids})
    place = {one: position for position, one in enumerate(ids)}
    targets = {
        target: RecentRows(
            np.array([place[one] for one in its.recent_ids], dtype=np.int64),
            tuple(names_of(its.recent_ids)),
            its.recent_labels,
            its.recent.families if its.recent is not None else np.array([], dtype=object),
            its.recent_by_people,
        )
        for target, its in rows.items()
        if its.recent_ids
    }
    return RecentTickets([tickets[one] for one in ids], targets)


def recent_contest(rows: RecentRows, challenger: Answers, champion: Answers | None) -> RecentContest:
    """Both bundles' answers over the union of their labels, so that a class one does not know is its error.

    Args:
        rows: of the target.
        challenger: labels, and probabilities of all recent tickets.
        champion: likewise; None without one.
    """
    labels = tuple(sorted({*rows.truth, *challenger[0], *(champion[0] if champion else ())}))
    number = {label: place for place, label in enumerate(labels)}

    def predicted(names: tuple[str, ...], probabilities: np.ndarray) -> np.ndarray:
        return np.array([number[name] for name in names])[probabilities[rows.rows].argmax(axis=1)]

    return RecentContest(
        y_true=np.array([number[label] for label in rows.truth], dtype=np.int64),
        challenger=predicted(*challenger),
        champion=predicted(*champion) if champion else None,
        families=rows.families,
        by_people=rows.by_people,
        labels=labels,
    )
