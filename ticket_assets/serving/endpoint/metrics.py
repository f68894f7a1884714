"""What Prometheus reads: requests, how long they took, what was answered, what waits.

Belongs here: the metrics, their names and labels. Does not belong here: the page (BentoML's /metrics shows them).

Made once, after BentoML has set up its folder for several workers: so never when a module is imported.
Labels are few on purpose: target, band and model version, never a ticket, a key or a path that a client chose.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path

from ticket_assets.serving.endpoint.messages import TargetAnswer
from ticket_assets.serving.endpoint.trial_metrics import Role, trial_metrics_of_process

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # of several workers, set by BentoML
_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_PROBABILITIES = tuple(share / 10 for share in range(1, 11))


@cache
def metrics_of_process() -> "Metrics":
    """The one set of metrics that a process has; a second one of the same names would be refused."""
    if folder := os.environ.get(_FOLDER):
        forget_the_dead(Path(folder))
    return Metrics()


def forget_the_dead(folder: Path) -> None:
    """Take away what killed workers said of themselves; what they counted stays.

    Else the model that they answered with would be told of for ever.
    """
    for path in folder.glob("gauge_live*_*.db"):
        process = int(path.stem.rpartition("_")[2])
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            with suppress(FileNotFoundError):  # another worker was quicker
                path.unlink()
        except PermissionError:
            continue  # somebody else's: it lives


class Metrics:
    """The service's own metrics, beside BentoML's of HTTP.

    Attributes:
        trial: those of a challenger.
    """

    def __init__(self) -> None:
        from prometheus_client import Counter, Gauge, Histogram

        def name(of: str) -> str:
            return f"ticket_assets_{of}"

        self._requests = Counter(name("requests"), "requests, by what came of them", ["transport", "method", "code"])
        self._seconds = Histogram(
            name("request_seconds"), "until the answer was made", ["transport", "method"], buckets=_SECONDS
        )
        self._answers = Counter(name("answers"), "answers, by band as told", ["target", "band", "model_version"])
        self._labels = Counter(name("labels"), "answers, by label", ["target", "label", "model_version"])
        self._probability = Histogram(
            name("probability"), "of the label, calibrated", ["target", "model_version"], buckets=_PROBABILITIES
        )
        self._feedback = Counter(name("feedback"), "corrections, by what came of them", ["state"])
        self._in_flight = Gauge(name("in_flight"), "requests in work: the queue's depth", multiprocess_mode="livesum")
        self._backlog = Gauge(name("log_backlog"), "records not in the database yet", multiprocess_mode="livesum")
        # Each worker tells of the spool that all share: added up it would be told several times.
        self._spool = Gauge(name("log_spool_bytes"), "of all journals, dead workers' too", multiprocess_mode="livemax")
        self._not_logged = Counter(name("not_logged"), "answers without a prediction id")
        self._model = Gauge(
            name("model_version"),
            "version that answers; 0: no longer",
            ["profile", "bundle"],
            multiprocess_mode="liveall",
        )
        self._swaps = Counter(name("swaps"), "offers of another bundle", ["taken"])
        self._seated: tuple[str, str] | None = None
        self.trial = trial_metrics_of_process()

    def in_work(self, requests: int) -> None:
        """Say how many requests are in work."""
        self._in_flight.set(requests)

    def ended(self, transport: str, method: str, code: str, seconds: float) -> None:
        """Count a request, with HTTP's or gRPC's code."""
        self._requests.labels(transport, method, code).inc()
        self._seconds.labels(transport, method).observe(seconds)

    def answered(self, version: int, answers: Iterable[dict[str, TargetAnswer]], role: Role = "champion") -> None:
        """Count answers by role, band, label and probability."""
        for answer in answers:
            self.trial.answered(role, version)
            for target, one in answer.items():
                self._answers.labels(target, one.band, version).inc()
                self._labels.labels(target, one.label, version).inc()
                self._probability.labels(target, version).observe(one.probability)

    def not_logged(self, count: int) -> None:
        """Count answers that the log could not take."""
        self._not_logged.inc(count)

    def feedback(self, state: str) -> None:
        """Count a correction."""
        self._feedback.labels(state).inc()

    def backlog(self, records: int, spool: int) -> None:
        """Say how much waits for the database: records of this process, bytes of the spool."""
        self._backlog.set(records)
        self._spool.set(spool)

    def seated(self, profile: str, bundle: str, version: int) -> None:
        """Say which bundle answers."""
        if self._seated is not None and self._seated != (profile, bundle):
            # Never removed: with several workers the library cannot, and warns in the middle of our log.
            self._model.labels(*self._seated).set(0)
        self._seated = (profile, bundle)
        self._model.labels(profile, bundle).set(version)

    def swapped(self, taken: bool) -> None:
        """Count an offer of another bundle."""
        self._swaps.labels(str(taken).lower()).inc()
