"""Drift episodes: which alarms belong together, so that one of them leads to one retraining.

Belongs here: when an episode begins, what speaks in it, when it ends.
Does not belong here: what a window says (verdict.py), what follows from an episode (decision.py).

An episode begins with an alarm. It ends with a promotion, since windows are then another champion's, or with a window
that passes in everything that counts. Warnings and windows that were not judged neither begin nor end one.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from ticket_assets.monitoring.evidence import Champion
from ticket_assets.monitoring.verdict import Verdict, WindowRecord
from ticket_assets.monitoring_settings import DriftRule, RetrainSettings

DRIFT = ("data_drift", "embedding_drift", "prediction_drift")
QUALITY = ("performance", "low_confidence")
WORDS = {
    "data_drift": "data drift",
    "embedding_drift": "embedding drift",
    "prediction_drift": "prediction drift",
    "performance": "performance drop",
    "low_confidence": "low confidence",
}
_SPEAKS = (Verdict.WARN, Verdict.ALARM)


@dataclass(frozen=True)
class Episode:
    """Alarms that belong together.

    Attributes:
        window: id of the window that began it: the causing event.
        latest: id of the latest window in it.
        causes: cause to a sentence with its numbers, in the order in which they spoke.
    """

    window: str
    latest: str
    causes: dict[str, str]


def reign_windows(windows: Iterable[WindowRecord], champion: Champion) -> tuple[WindowRecord, ...]:
    """Windows of a champion since it took its seat, in their order; an earlier reign of the same bundle is another."""
    its = [
        one for one in windows if one.bundle == champion.bundle and datetime.fromisoformat(one.since) >= champion.since
    ]
    return tuple(sorted(its, key=_begins))


def open_episode(windows: Iterable[WindowRecord], rule: DriftRule, settings: RetrainSettings) -> Episode | None:
    """The episode that goes on, None where there is none.

    Args:
        windows: of one champion, in any order.
        rule: how many warnings in a row are an alarm.
        settings: which causes count, and from how much on.
    """
    found = [episode for _, episode in course(windows, rule, settings)]
    return found[-1] if found else None


def course(
    windows: Iterable[WindowRecord], rule: DriftRule, settings: RetrainSettings
) -> Iterator[tuple[WindowRecord, Episode | None]]:
    """Window by window, the episode that goes on after it; arguments as of `open_episode`."""
    counted: list[str] = [cause for cause in (*DRIFT, *QUALITY) if cause in settings.causes]
    found: Episode | None = None
    seen: list[WindowRecord] = []
    for window in sorted(windows, key=_begins):
        seen.append(window)
        speaking = {cause: said for cause in counted if (said := _alarm(cause, seen, rule, settings)) is not None}
        if speaking:
            causes = {**(found.causes if found else {}), **speaking}
            found = Episode(found.window if found else window.window, window.window, causes)
        elif all(_of(window, cause) is Verdict.PASS for cause in counted if _was_judged(window, cause)) and any(
            _was_judged(window, cause) for cause in counted
        ):
            found = None
        yield window, found


def _begins(window: WindowRecord) -> tuple[datetime, int]:
    """By time: of a champion that an erasure renamed numbers began anew in an earlier version."""
    return datetime.fromisoformat(window.since), window.number


def _alarm(cause: str, seen: Sequence[WindowRecord], rule: DriftRule, settings: RetrainSettings) -> str | None:
    """What the latest window says of a cause, where that is an alarm."""
    latest = seen[-1]
    where = f"window {latest.number}"
    if cause == "performance":
        return _performance(latest, settings, where) if _of(latest, cause) is Verdict.ALARM else None
    if cause == "low_confidence":
        return _low_confidence(latest, settings, where) if _of(latest, cause) is Verdict.ALARM else None
    words = WORDS[cause]
    if _of(latest, cause) is Verdict.ALARM:
        return f"{words}: an alarm in {where} ({latest.rows:,} predictions)"
    row = [one for one in seen if _was_judged(one, cause)][-rule.warnings :]
    if row and row[-1] is latest and len(row) == rule.warnings and all(_of(one, cause) in _SPEAKS for one in row):
        return f"{words}: warnings in {rule.warnings} windows in a row, up to {where}"
    return None


def _performance(window: WindowRecord, settings: RetrainSettings, where: str) -> str | None:
    """Targets whose scores on feedback stand below what was promised by more than is allowed."""
    told = []
    for target, one in window.performance.items():
        score, promised = one.get("macro_f1"), one.get("promised_low")
        if score is not None and promised is not None and score < promised - settings.performance_drop:
            told.append(f"{target} macro F1 {score:.3f} on feedback, promised {promised:.3f} at least")
    return f"{WORDS['performance']} in {where}: {'; '.join(told)}" if told else None


def _low_confidence(window: WindowRecord, settings: RetrainSettings, where: str) -> str | None:
    """Targets with more answers by hand than on the hold-out, by more than is allowed."""
    told = [
        f"{target} {one['share']:.0%} of the answers by hand, {one['promised']:.0%} on the hold-out"
        for target, one in window.by_hand.items()
        if one["share"] - one["promised"] > settings.low_confidence_share
    ]
    return f"{WORDS['low_confidence']} in {where}: {'; '.join(told)}" if told else None


def _of(window: WindowRecord, cause: str) -> Verdict:
    return window.verdicts.get(cause, Verdict.UNJUDGED)


def _was_judged(window: WindowRecord, cause: str) -> bool:
    return _of(window, cause) is not Verdict.UNJUDGED
