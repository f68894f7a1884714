"""What a test found, before it is known how many others looked at the same window.

Belongs here: that form, how numbers are written.
Does not belong here: correction (correction.py), verdicts (detector.py).
"""

from dataclasses import dataclass

from ticket_assets.monitoring.verdict import Kind


@dataclass(frozen=True)
class Outcome:
    """The result of one test by itself.

    Attributes:
        kind: which cause of a retraining it belongs to.
        group: tests of one group share one weight in the correction.
        subject: what was compared.
        test: its name in the literature.
        statistic: of the test.
        effect: how large the difference is.
        effect_name: what the effect is.
        p_value: 0..1.
        said: the difference in words, with its numbers, without p-value.
    """

    kind: Kind
    group: str
    subject: str
    test: str
    statistic: float
    effect: float
    effect_name: str
    p_value: float
    said: str


def number(value: float) -> str:
    """Three digits that count: 0.0123, 41.2, 1,830."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def percent(share: float) -> str:
    """One decimal: 12.3 %."""
    return f"{100 * share:.1f} %"


def chance(p_value: float) -> str:
    """A p-value in words: `p = 0.0042`, `p < 1e-12`."""
    from ticket_assets.monitoring.drift.tail import SMALLEST

    return f"p = {p_value:.2g}" if p_value > SMALLEST else f"p < {SMALLEST:.0e}"
