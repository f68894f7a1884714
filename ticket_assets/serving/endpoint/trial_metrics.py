"""What Prometheus reads of a challenger: who answered in which role, what the shadow dropped, how often both agree.

Belongs here: these metrics, their names and labels. Does not belong here: what is counted of every answer (metrics.py).
"""

from collections.abc import Mapping
from functools import cache
from typing import Literal

Role = Literal["champion", "challenger", "shadow"]
# Why an answer of a challenger came to nothing: too many wait, the log takes none, the model failed.
Why = Literal["queue", "log", "error"]
_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


@cache
def trial_metrics_of_process() -> "TrialMetrics":
    """The one set of them that a process has."""
    return TrialMetrics()


class TrialMetrics:
    """Metrics by role; "shadow" is what nobody was told."""

    def __init__(self) -> None:
        from prometheus_client import Counter, Gauge, Histogram

        def name(of: str) -> str:
            return f"ticket_assets_{of}"

        self._answers = Counter(name("role_answers"), "tickets answered, by role", ["role", "model_version"])
        self._dropped = Counter(name("challenger_dropped"), "tickets that a challenger did not answer", ["role", "why"])
        self._agreed = Counter(name("shadow_labels"), "labels in the shadow, by agreement", ["target", "agrees"])
        self._seconds = Histogram(name("shadow_seconds"), "that scoring in the shadow took", buckets=_SECONDS)
        self._waiting = Gauge(name("shadow_waiting"), "tickets that wait for the shadow", multiprocess_mode="livesum")
        self._challenger = Gauge(
            name("challenger_version"), "version in the shadow; 0: no longer", ["bundle"], multiprocess_mode="liveall"
        )
        self._seated: str | None = None

    def answered(self, role: Role, version: int, tickets: int = 1) -> None:
        """Count tickets that were answered."""
        self._answers.labels(role, version).inc(tickets)

    def dropped(self, role: Role, why: Why, tickets: int = 1) -> None:
        """Count tickets that the challenger was to answer, and did not."""
        self._dropped.labels(role, why).inc(tickets)

    def compared(self, champion: Mapping[str, str], challenger: Mapping[str, str]) -> None:
        """Count in which targets both answered the same."""
        for target in champion.keys() & challenger.keys():
            self._agreed.labels(target, str(champion[target] == challenger[target]).lower()).inc()

    def took(self, seconds: float) -> None:
        """Say how long a ticket took in the shadow."""
        self._seconds.observe(seconds)

    def waiting(self, tickets: int) -> None:
        """Say how many wait."""
        self._waiting.set(tickets)

    def seated(self, bundle: str | None, version: int = 0) -> None:
        """Say who is in the shadow."""
        if self._seated is not None and self._seated != bundle:
            self._challenger.labels(self._seated).set(0)
        self._seated = bundle
        if bundle is not None:
            self._challenger.labels(bundle).set(version)
