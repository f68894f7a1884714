"""A bundle's rehearsal: before it may serve, a fresh process loads it from the store and answers.

Belongs here: the process, what it is asked, how its answers are compared, how long they took.
Does not belong here: what follows from it (succession.py, rollback.py), asking a bento (probe.py).

The process holds nothing of training: a bundle that only answers where it was made is found out here.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np

from ticket_assets.serving.bundle import TriageBundle
from ticket_assets.serving.manifest import BundleError, BundleManifest
from ticket_assets.serving.prediction import Ticket

PROJECT = Path(__file__).resolve().parents[2]
TOLERANCE = 1e-6
ROUNDS = 40
LIMIT_SECONDS = 600
# Whatever a desk is sent: short, long, shouting, of a subject alone, in several languages, of signs no model has seen.
TICKETS = (
    Ticket("The VPN drops every few minutes since this morning.", "VPN"),
    Ticket("", "Passwort abgelaufen, bitte zurücksetzen"),
    Ticket("HELP!!! NOTHING WORKS ANY MORE, CALL ME BACK"),
    Ticket("La impresora del segundo piso no imprime. " * 200),
    Ticket("\u200f\u05e9\u05dc\u05d5\u05dd 你好 🙂 \x07", context={"channel": None, "weather": "rain"}),
)


class RehearsalError(RuntimeError):
    """A bundle did not answer as it should; the message says what was wrong."""


@dataclass(frozen=True)
class Expected:
    """What one target must answer.

    Attributes:
        places: n positions in the list of tickets.
        labels: K labels, in the order of the columns.
        probabilities: float64 (n, K).
    """

    places: Sequence[int]
    labels: tuple[str, ...]
    probabilities: np.ndarray


@dataclass(frozen=True)
class Latency:
    """Milliseconds of one ticket, in a process that does nothing else."""

    p50_ms: float
    p95_ms: float


def rehearse(
    folder: Path,
    encoders: Path,
    threads: int,
    tickets: Sequence[Ticket] = (),
    expected: Mapping[str, Expected] | None = None,
) -> Latency:
    """Have a fresh process load a bundle, answer the tickets above and those given, one by one; check the answers.

    Args:
        folder: of the bundle.
        encoders: folder that holds encoders by id.
        threads: at most so many per request.
        tickets: further ones.
        expected: target name to what it must answer to some of them, to 1e-6.

    Raises:
        RehearsalError: it does not load, dies, takes too long; an answer lacks a target or a label, is no probability,
            or is another than expected.
    """
    told = _in_a_process(folder, encoders, threads, [*TICKETS, *tickets])
    try:
        labels = BundleManifest.read(folder).targets
    except BundleError as error:
        raise RehearsalError(str(error)) from error
    if {target: tuple(its) for target, its in told["labels"].items()} != labels:
        raise RehearsalError(f"it answers {told['labels']}, and its manifest says {labels}")
    answers = {target: np.array(its, dtype=np.float64) for target, its in told["probabilities"].items()}
    faults = [
        *_no_probabilities(answers, labels, len(TICKETS) + len(tickets)),
        *_unexpected(answers, labels, expected or {}),
    ]
    if faults:
        raise RehearsalError("; ".join(faults))
    p50, p95 = np.percentile(told["milliseconds"], [50, 95])
    return Latency(float(p50), float(p95))


def _no_probabilities(
    answers: Mapping[str, np.ndarray], labels: Mapping[str, tuple[str, ...]], rows: int
) -> Iterator[str]:
    for target, its in labels.items():
        one = answers[target]
        if one.shape != (rows, len(its)):
            yield f"{target}: answers of shape {one.shape} to {rows} tickets over {len(its)} labels"
        elif not np.isfinite(one).all() or one.min() < 0:
            yield f"{target}: a probability is no number, or below 0"
        elif np.abs(one.sum(axis=1) - 1).max() > TOLERANCE:
            yield f"{target}: the probabilities of a ticket sum to {one.sum(axis=1).max():.6f}"


def _unexpected(
    answers: Mapping[str, np.ndarray], labels: Mapping[str, tuple[str, ...]], expected: Mapping[str, Expected]
) -> Iterator[str]:
    for target, wanted in expected.items():
        if labels.get(target) != wanted.labels:
            yield f"{target}: its labels are {labels.get(target)}, those evaluated {wanted.labels}"
            continue
        given = answers[target][len(TICKETS) + np.asarray(wanted.places, dtype=int)]
        # Written so that what is no number counts as far off.
        gap = float(np.abs(given - wanted.probabilities).max(initial=0))
        if not gap <= TOLERANCE:
            yield f"{target}: answers are {gap:.2g} from those evaluated, more than {TOLERANCE:g}"


def _in_a_process(folder: Path, encoders: Path, threads: int, tickets: Sequence[Ticket]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as place:
        request, answer = Path(place, "request.json"), Path(place, "answer.json")
        asked = {"folder": str(folder.absolute()), "encoders": str(encoders.absolute()), "threads": threads}
        request.write_text(json.dumps({**asked, "tickets": [asdict(one) for one in tickets]}))
        command = [sys.executable, "-m", "ticket_assets.serving.rehearsal", str(request), str(answer)]
        try:
            done = subprocess.run(
                command, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=LIMIT_SECONDS
            )
        except subprocess.TimeoutExpired:
            raise RehearsalError(f"it did not answer within {LIMIT_SECONDS} s") from None
        if done.returncode != 0:
            last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise RehearsalError(f"its process ended with {done.returncode}: {last}")
        told: dict[str, Any] = json.loads(answer.read_text())
    if "refused" in told:
        raise RehearsalError(told["refused"])
    return told


def _perform(request: Path, answer: Path) -> None:
    """What the process does: load, answer each ticket alone, as a service does, and take the time."""
    asked = json.loads(request.read_text())
    try:
        bundle = TriageBundle.load(Path(asked["folder"]), Path(asked["encoders"]), asked["threads"])
    except BundleError as error:
        answer.write_text(json.dumps({"refused": str(error)}))
        return
    tickets = [Ticket(**one) for one in asked["tickets"]]
    rows = [bundle.probabilities(bundle.features([ticket])) for ticket in tickets]
    told = {
        "labels": bundle.manifest.targets,
        "probabilities": {target: [row[target][0].tolist() for row in rows] for target in bundle.manifest.targets},
        "milliseconds": [
            _timed(bundle, ticket) for ticket in islice(cycle(tickets[len(TICKETS) :] or tickets), ROUNDS)
        ],
    }
    answer.write_text(json.dumps(told))


def _timed(bundle: TriageBundle, ticket: Ticket) -> float:
    begun = time.perf_counter()
    bundle.predict([ticket])
    return 1000 * (time.perf_counter() - begun)


if __name__ == "__main__":
    _perform(Path(sys.argv[1]), Path(sys.argv[2]))
