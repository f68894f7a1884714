"""Records of windows as decisions read them. Not here: any test."""

from datetime import UTC, datetime, timedelta

from ticket_assets.monitoring.verdict import Verdict, WindowRecord

BUNDLE, VERSION = "b" * 16, 3
SEATED = datetime(2026, 3, 1, 8, tzinfo=UTC)
CAUSES = ("data_drift", "embedding_drift", "prediction_drift", "performance", "low_confidence")


def window(
    number: int,
    bundle: str = BUNDLE,
    seated: datetime = SEATED,
    scores: dict[str, float] | None = None,
    by_hand: dict[str, float] | None = None,
    feedback_rows: int = 0,
    **said: str,
) -> WindowRecord:
    """One that passes in everything but what is said; an hour after the one before.

    Args:
        number: from 1.
        bundle: who answered.
        seated: when it became champion.
        scores: of target queue on feedback.
        by_hand: of target queue.
        feedback_rows: corrections.
        said: cause to another verdict.
    """
    since = seated + timedelta(hours=number)
    return WindowRecord(
        window=f"{bundle}-{number:04d}",
        number=number,
        bundle=bundle,
        version=VERSION,
        since=since.isoformat(),
        until=(since + timedelta(minutes=50)).isoformat(),
        rows=500,
        verdicts={cause: Verdict(said.get(cause, "pass")) for cause in CAUSES},
        performance={"queue": scores} if scores else {},
        by_hand={"queue": by_hand} if by_hand else {},
        feedback_rows=feedback_rows,
    )
