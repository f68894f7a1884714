"""Models on tickets that came since the hold-out was frozen, and that none was ever trained on.

Belongs here: a candidate's scores on them; the contest of champion and challenger on those since the champion's data,
and whether they are enough to be asked for a gain.
Does not belong here: which tickets are recent (split.py), what follows from the scores (promotion.py).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ticket_assets.models.label_scores import Statistic, class_counts, macro_f1_of_true
from ticket_assets.models.significance import Interval, bootstrap_interval, paired_difference

# Recent rows are few, and need not have every class.
STATISTIC: Statistic = "macro_f1_of_true"


@dataclass(frozen=True)
class RecentReport:
    """A candidate on all recent rows of its target; intervals need two families.

    Attributes:
        rows: labelled by the desk or by people.
        families: of these.
        macro_f1: on them.
        people_rows: those that people corrected or confirmed, having seen the answer.
        people_macro_f1: on these: what is promised of live traffic that somebody looks at.
    """

    rows: int
    families: int
    macro_f1: Interval | None
    people_rows: int
    people_macro_f1: Interval | None


@dataclass(frozen=True)
class RecentContest:
    """Both on the same recent rows of one target.

    Attributes:
        y_true: int (n,), classes of the union of labels; a class that one does not know is its error.
        challenger: int (n,) predicted.
        champion: int (n,) predicted; None where there is no champion.
        families: (n,) family of each row, for the interval.
        by_people: bool (n,), whether people corrected or confirmed it.
        labels: the union of label sets.
    """

    y_true: np.ndarray
    challenger: np.ndarray
    champion: np.ndarray | None
    families: np.ndarray
    by_people: np.ndarray
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Scored:
    """Macro F1 of both on some rows; none where there are no rows, or no champion.

    Attributes:
        rows: that were scored.
        challenger_macro_f1: 0..1.
        champion_macro_f1: likewise.
    """

    rows: int = 0
    challenger_macro_f1: float | None = None
    champion_macro_f1: float | None = None


@dataclass(frozen=True)
class RecentScores:
    """What the recent rows say of one target.

    Attributes:
        all: labelled by the desk or by people.
        by_people: the held-out slice of feedback, which is the honest score on what was served and looked at.
        families: of all rows.
        asked: whether they are enough to be asked for the gain; else the hold-out is.
        difference: challenger less champion in macro F1 on all rows; None where it cannot be told.
    """

    all: Scored
    by_people: Scored
    families: int
    asked: bool
    difference: Interval | None

    def told(self) -> str:
        """The numbers for people."""
        if self.difference is None:
            return ""
        one = self.difference
        return f"macro F1 {one.estimate:+.3f} [{one.low:+.3f}, {one.high:+.3f}] on {self.all.rows} recent tickets"


def score_recent(contest: RecentContest, least: int, seed: int) -> RecentScores:
    """Score both.

    Args:
        contest: the rows; may be none.
        least: families that are enough for an interval one can decide by.
        seed: of the interval.
    """
    rows, families = len(contest.y_true), int(np.unique(contest.families).size)
    difference = None
    if contest.champion is not None and families >= 2:
        difference = paired_difference(
            *(contest.y_true, contest.challenger, contest.champion, contest.families),
            n_labels=len(contest.labels),
            statistic=STATISTIC,
            seed=seed,
        )
    every = np.ones(rows, dtype=bool)
    asked = difference is not None and families >= least
    return RecentScores(_scored(contest, every), _scored(contest, contest.by_people), families, asked, difference)


def _scored(contest: RecentContest, rows: np.ndarray) -> Scored:
    if not rows.any():
        return Scored()

    def of(predicted: np.ndarray) -> float:
        return float(macro_f1_of_true(class_counts(contest.y_true[rows], predicted[rows], len(contest.labels))))

    champion = None if contest.champion is None else of(contest.champion)
    return Scored(int(rows.sum()), of(contest.challenger), champion)


def report_recent(
    y_true: np.ndarray, predicted: np.ndarray, families: np.ndarray, by_people: np.ndarray, classes: int, seed: int
) -> RecentReport | None:
    """Score a candidate on recent rows; None where there are none.

    Args:
        y_true: int (n,), -1 for a class that training lacks, always an error.
        predicted: int (n,).
        families: (n,) family of each.
        by_people: bool (n,).
        classes: K.
        seed: of the intervals.
    """

    def of(rows: np.ndarray) -> Interval | None:
        if np.unique(families[rows]).size < 2:
            return None
        return bootstrap_interval(
            *(y_true[rows], predicted[rows], families[rows]), n_labels=classes, statistic=STATISTIC, seed=seed
        )

    if not len(y_true):
        return None
    every, counted = np.ones(len(y_true), dtype=bool), int(np.unique(families).size)
    return RecentReport(len(y_true), counted, of(every), int(by_people.sum()), of(by_people))


def recent_row(scores: RecentScores | None) -> dict[str, Any]:
    """What a table of targets says of recent tickets; the same columns where a target has none."""
    none = Scored()
    every, people = (scores.all, scores.by_people) if scores else (none, none)
    told = {
        "recent tickets": every.rows,
        "challenger on them": every.challenger_macro_f1,
        "champion on them": every.champion_macro_f1,
        "by people": people.rows,
        "challenger on these": people.challenger_macro_f1,
        "champion on these": people.champion_macro_f1,
    }
    return {name: "none" if value is None else value for name, value in told.items()}
