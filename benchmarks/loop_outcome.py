"""What must come of a loop: one retraining, a better champion, nobody who was not answered, and quiet.

Belongs here: the figures of a loop that is over, its scores, what is not as it must be.
Does not belong here: running it (loop.py), reading what happened (loop_events.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks import loop_events as events
from benchmarks.loop_desk import Desk
from benchmarks.loop_figures import macro_f1
from benchmarks.loop_traffic import Heard, Phase
from ticket_assets.automation.runs import RETRAIN
from ticket_assets.serving.bundle import TriageBundle
from ticket_assets.serving.prediction import Ticket
from ticket_assets.serving.record import decisions
from ticket_assets.serving.store import require_champion

LOOP, CONTROL, ORACLE = "loop", "control", "oracle"


@dataclass(frozen=True)
class Score:
    """Of a champion on the test tickets: macro F1, share of right answers, tickets."""

    macro_f1: float
    right: float
    tickets: int


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes:
        scores: of the first champion, the loop's last one and the oracle's.
        retrains: runs of the loop's retraining.
        control_retrains: the like of the control desk.
        versions: champions of the loop that answered.
        windows_after: judged windows of the loop's last champion.
        alarms_after: of them with an alarm.
        windows_control: judged windows of the control desk.
        alarms_control: of them with an alarm.
        failures: of requests, both desks.
        requests: tickets and corrections, both desks.
        failed_runs: of both daemons.
        corrections: that the retraining saw.
        moments: alarm, retraining, swap: s since 1970.
        delays: likewise, since the first new ticket.
        within: macro F1 that the last champion may be below the oracle's.
    """

    scores: dict[str, Score]
    retrains: int
    control_retrains: int
    versions: list[int]
    windows_after: int
    alarms_after: int
    windows_control: int
    alarms_control: int
    failures: list[str]
    requests: int
    failed_runs: list[str]
    corrections: int
    moments: dict[str, float]
    delays: dict[str, float]
    within: float

    @property
    def faults(self) -> list[str]:
        """What is not as it must be; empty where the loop closed."""
        behind = self.scores[ORACLE].macro_f1 - self.scores[LOOP].macro_f1
        checks = {
            f"{self.retrains} retrainings, not one": self.retrains == 1,
            f"{self.control_retrains} retrainings of the control desk": self.control_retrains == 0,
            f"champions were {self.versions}, not v1 and v2": self.versions == [1, 2],
            f"{self.alarms_after} of {self.windows_after} windows after the swap are alarms": self.alarms_after == 0,
            f"{len(self.failures)} requests failed, first {self.failures[:1]}": not self.failures,
            f"runs failed: {', '.join(self.failed_runs)}": not self.failed_runs,
            f"macro F1 is {behind:.3f} below a model that knew the new tickets from the start": behind <= self.within,
        }
        return [fault for fault, holds in checks.items() if not holds]


def outcome_of(
    desks: Mapping[str, Desk],
    oracle: Desk,
    heard: Mapping[str, Heard],
    began: Mapping[Phase, float],
    over: float,
    test: pd.DataFrame,
    within: float,
) -> Outcome:
    """The figures of a loop that is over.

    Args:
        desks: loop, and control where there is one.
        oracle: the desk that had the new tickets from the start.
        heard: by the clients of both.
        began: when each phase did (s since 1970).
        over: when the last phase was.
        test: tickets that nobody sent.
        within: macro F1 that the last champion may be below the oracle's.
    """
    loop, control = desks[LOOP], desks.get(CONTROL)
    last = require_champion(loop.folders.bundles)
    first = decisions(loop.folders.records).whole[0]["challenger"]["bundle"]
    retrains, answers = events.runs(loop, RETRAIN), heard[LOOP].answers
    moments = {
        "alarm": events.seconds(events.alarmed(loop, 1)[0].until),
        "retraining": retrains[0].start_time or retrains[0].create_timestamp.timestamp(),
        "swap": next(one.at for one in answers if one.version == last.version),
    }
    return Outcome(
        scores={
            "first": score(loop, first, test),
            LOOP: score(loop, last.bundle, test),
            ORACLE: score(oracle, require_champion(oracle.folders.bundles).bundle, test),
        },
        retrains=len(retrains),
        control_retrains=len(events.runs(control, RETRAIN)) if control else 0,
        versions=sorted({one.version for one in answers}),
        windows_after=len(events.windows(loop, last.version)),
        alarms_after=len(events.alarmed(loop, last.version)),
        windows_control=len(events.windows(control)) if control else 0,
        alarms_control=len(events.alarmed(control, 1)) if control else 0,
        failures=[f"{name}: {one}" for name, its in heard.items() for one in its.failures],
        requests=sum(len(one.answers) + len(one.told) + len(one.failures) for one in heard.values()),
        failed_runs=[f"{name}: {one}" for name, desk in desks.items() for one in events.failed(desk, over)],
        corrections=seen_corrections(loop, heard[LOOP]),
        moments=moments,
        delays={name: at - began[Phase.CHANGED] for name, at in moments.items()},
        within=within,
    )


def seen_corrections(loop: Desk, heard: Heard) -> int:
    """Corrections that the first retraining saw: tickets that the table it read had more than the first one."""
    [began, *_] = [one.start_time for one in events.runs(loop, RETRAIN) if one.start_time]
    rows = events.clean_rows(loop)
    return min(len(heard.told), max(number for at, number in rows if at < began) - rows[0][1])


def score(desk: Desk, bundle: str, test: pd.DataFrame) -> Score:
    """A champion's answers to tickets with a truth."""
    loaded = TriageBundle.load(desk.folders.bundles / bundle, desk.folders.encoders)
    rows = test.to_dict("records")
    said = loaded.predict([Ticket(body=row["body"], subject=row["subject"]) for row in rows])
    truth, labels = [row["queue"] for row in rows], [one["queue"].label for one in said]
    return Score(
        macro_f1(truth, labels), float(np.mean([a == b for a, b in zip(truth, labels, strict=True)])), len(rows)
    )
