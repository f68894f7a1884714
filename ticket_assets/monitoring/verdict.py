"""What is said of a window: the result of each test, and the record of the window that decisions are made from.

Belongs here: the frozen forms between tests, assets, decisions and notices, and their JSON.
Does not belong here: testing (drift/), scoring (performance.py), deciding (decision.py).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Literal


class Verdict(StrEnum):
    """Of a test or of a window, mildest first."""

    UNJUDGED = "unjudged"
    PASS = "pass"
    WARN = "warn"
    ALARM = "alarm"


Kind = Literal["data_drift", "embedding_drift", "prediction_drift"]


@dataclass(frozen=True)
class Finding:
    """The result of one test.

    Attributes:
        kind: which cause of a retraining it belongs to.
        subject: what was compared, in words: `text length`, `language`, `vocabulary`, `queue: predictions`.
        test: its name in the literature.
        statistic: of the test.
        effect: how large the difference is, whatever the number of rows.
        effect_name: what the effect is: `AUC`, `Cramér's V`, `Wasserstein distance in deviations`.
        p_value: 0..1, of this test alone.
        adjusted: 0..1, corrected for all tests of the window.
        verdict: pass, warn or alarm.
        words: one sentence for people, with the numbers.
    """

    kind: Kind
    subject: str
    test: str
    statistic: float
    effect: float
    effect_name: str
    p_value: float
    adjusted: float
    verdict: Verdict
    words: str


@dataclass(frozen=True)
class DriftSummary:
    """All tests of one window.

    Attributes:
        verdict: the worst of all findings; UNJUDGED where the window has too few rows.
        rows: of the window that were compared.
        of_rows: of the window before sampling.
        reference_rows: that it was compared with.
        findings: one per test, worst first.
        notes: sentences: that it was sampled and by which seed, what could not be compared and why.
    """

    verdict: Verdict
    rows: int
    of_rows: int
    reference_rows: int
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()

    def verdict_of(self, kind: Kind) -> Verdict:
        """The worst of a kind; UNJUDGED where nothing of it was tested."""
        order = list(Verdict)
        return max(
            (one.verdict for one in self.findings if one.kind == kind), key=order.index, default=Verdict.UNJUDGED
        )

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


@dataclass(frozen=True)
class WindowRecord:
    """What decisions know of a window.

    Attributes:
        window: its id, `<bundle>-<number>`.
        number: from 1 since the champion took its seat.
        bundle: id of the champion that answered.
        version: of the registry.
        since: ISO 8601, UTC, of its first prediction.
        until: of its last.
        rows: predictions in it.
        verdicts: of data_drift, embedding_drift, prediction_drift, performance, low_confidence.
        reasons: a sentence for each verdict that is not pass.
        performance: target to `macro_f1`, `low`, `high` on feedback, `promised`, `promised_low`, `estimated`, `rows`;
            numbers that are not known are None.
        by_hand: target to `share` of answers by hand and the share `promised` on the hold-out.
        feedback_rows: corrections until now that the champion has not seen.
    """

    window: str
    number: int
    bundle: str
    version: int
    since: str
    until: str
    rows: int
    verdicts: Mapping[str, Verdict]
    reasons: tuple[str, ...] = ()
    performance: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    by_hand: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    feedback_rows: int = 0

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> "WindowRecord":
        """From JSON; raises KeyError, TypeError or ValueError where a field is missing or wrong."""
        verdicts = {name: Verdict(one) for name, one in told["verdicts"].items()}
        return cls(**{**told, "verdicts": verdicts, "reasons": tuple(told.get("reasons", ()))})
