"""The traffic of the loop: tickets over HTTP at a steady pace, and later what people say of the answers.

Belongs here: the clients, what they were answered, which failed.
Does not belong here: which tickets (loop_scene.py), when which phase is (loop.py).
"""

import http.client
import json
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from time import monotonic, time
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.loop_scene import Scene


class Phase(IntEnum):
    """Of the traffic, in their order."""

    USUAL = 1  # as trained
    CHANGED = 2  # new tickets among them
    CORRECTED = 3  # and people say what was right
    QUIET = 4  # after the swap: the same, with fewer corrections


TOLD = {Phase.USUAL: 0.0, Phase.CHANGED: 0.6, Phase.CORRECTED: 0.6, Phase.QUIET: 0.1}
"""Share of the answers of a phase of which people say what was right; from CORRECTED on, those of CHANGED late."""
PER_TICKET = 2  # corrections that are sent beside a ticket, at most
SECONDS = 30.0  # an answer is waited for


@dataclass(frozen=True)
class Answer:
    """One ticket's answer: when it was asked for (s since 1970), its phase, truth and label, which version answered."""

    at: float
    phase: Phase
    truth: str
    label: str
    version: int
    seconds: float


@dataclass
class Heard:
    """What one desk's clients heard, and said.

    Attributes:
        answers: in their order.
        failures: what was answered, or not, in place of 200.
        told: rows of the stream of which people said what was right.
        ended: whether the stream of tickets was used up.
    """

    answers: list[Answer] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    told: list[int] = field(default_factory=list)
    ended: bool = False


class Traffic(threading.Thread):
    """Clients of one desk. It ends with `stop()`, or with the stream."""

    def __init__(self, port: int, scene: Scene, drifts: bool, rate: float, phase: Callable[[], Phase]) -> None:
        super().__init__(daemon=True)
        self.heard = Heard()
        self._port, self._rate, self._phase, self._drifts = port, rate, phase, drifts
        self._usual, self._changed = (_rows(table) for table in (scene.usual, scene.changed))
        self._chance = np.random.default_rng(len(scene.usual)).random(len(scene.usual))
        self._waiting: deque[tuple[int, str, str]] = deque()
        self._over = threading.Event()
        self._connection: http.client.HTTPConnection | None = None

    def stop(self) -> None:
        """End it, and wait for what is under way."""
        self._over.set()
        self.join(2 * SECONDS)

    def run(self) -> None:
        """A ticket at its time, then corrections, until it is over."""
        begun = monotonic()
        for row in range(len(self._usual)):
            if self._over.wait(max(0.0, begun + row / self._rate - monotonic())):
                return
            phase = self._phase()
            rows = self._changed if self._drifts and phase > Phase.USUAL else self._usual
            self._ask(row, rows[row], phase)
            if phase >= Phase.CORRECTED:
                self._tell()
        self.heard.ended = True

    def _ask(self, row: int, ticket: dict[str, str], phase: Phase) -> None:
        asked = time(), monotonic()
        said = self._post("/predict", {name: ticket[name] for name in ("subject", "body", "id")})
        if said is None:
            return
        one = said["targets"]["queue"]
        self.heard.answers.append(
            Answer(asked[0], phase, ticket["queue"], one["label"], said["model_version"], monotonic() - asked[1])
        )
        if said.get("prediction_id") is None:
            self.heard.failures.append(f"ticket {ticket['id']} has no prediction id")
        elif self._chance[row] < TOLD[phase]:
            self._waiting.append((row, said["prediction_id"], ticket["queue"]))

    def _tell(self) -> None:
        for _ in range(min(PER_TICKET, len(self._waiting))):
            row, prediction, truth = self._waiting.popleft()
            said = {"prediction_id": prediction, "labels": {"queue": truth}, "reviewer": "desk"}
            if self._post("/feedback", said) is not None:
                self.heard.told.append(row)

    def _post(self, path: str, message: dict[str, Any]) -> Any:
        """The answer; None, and a failure more, where it is not 200."""
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=SECONDS)
            self._connection.request("POST", path, json.dumps(message), {"Content-Type": "application/json"})
            response = self._connection.getresponse()
            said = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection = None
            self.heard.failures.append(f"{path}: {type(error).__name__}: {error}")
            return None
        if response.status != 200:
            self.heard.failures.append(f"{path}: {response.status} {said[:200].decode(errors='replace')}")
            return None
        return json.loads(said)


def _rows(table: pd.DataFrame) -> list[dict[str, str]]:
    return table.rename(columns={"ticket_id": "id"}).to_dict("records")
