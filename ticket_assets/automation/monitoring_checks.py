"""What is said of live traffic: checks that stop nothing, as a drifted window is no reason to stop the line.

Belongs here: pass, warn or fail of the latest window, with the reasons.
Does not belong here: gates (checks.py), judging (monitoring/), what follows (sensors).
"""

import dagster as dg

from ticket_assets.monitoring import judged as files
from ticket_assets.monitoring.judged import Judged
from ticket_assets.monitoring.verdict import Verdict
from ticket_assets.resources.desk import Desk
from ticket_assets.resources.watch import Watch


@dg.asset_check(
    asset=["monitoring", "drift"],
    description="The latest window looks like what the champion was made from; a warning warns, an alarm fails.",
)
def as_in_training(desk: Desk) -> dg.AssetCheckResult:
    """Inputs, vectors and answers of the latest window."""
    watch = Watch(desk)
    return checked(watch.judged(files.SUMMARY), watch.without_reference())


@dg.asset_check(
    asset=["monitoring", "performance"],
    description="The latest window is answered as well, and as surely, as the champion promised.",
)
def as_promised(desk: Desk) -> dg.AssetCheckResult:
    """Scores on labels, and the share left to people."""
    watch = Watch(desk)
    return checked(watch.judged(files.PERFORMANCE), watch.without_reference())


def checked(judged: list[Judged], missing: str | None = None) -> dg.AssetCheckResult:
    """What the latest window comes to; without one there is nothing to complain of.

    Args:
        judged: windows of the champion, oldest first.
        missing: what windows cannot be judged without, and how it is made.
    """
    if missing:
        return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN, description=missing)
    if not judged:
        return dg.AssetCheckResult(passed=True, description="no window is complete yet", metadata={"windows": 0})
    latest = judged[-1]
    verdict = latest.verdict
    said = "; ".join(latest.reasons) or f"{verdict}: nothing speaks against it"
    return dg.AssetCheckResult(
        passed=verdict not in (Verdict.WARN, Verdict.ALARM),
        severity=dg.AssetCheckSeverity.ERROR if verdict is Verdict.ALARM else dg.AssetCheckSeverity.WARN,
        description=f"window {latest.window.number}: {said}",
        metadata={
            "window": latest.window.id,
            "rows": latest.window.rows,
            **{kind: str(one) for kind, one in latest.verdicts.items()},
        },
    )
