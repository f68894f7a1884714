"""The decision to retrain: what speaks for it, and what against it at this moment.

Belongs here: one pure function from evidence and settings to a decision with its reasons.
Does not belong here: gathering evidence (automation/evidence.py), acting on it (automation/retraining.py).

Order of the questions: does anything speak for it that was not acted upon yet? Is a retraining at work, or the data not
ready? Did the last one fail, and may it be tried again? Is it too early, is the champion pinned, is there anything new
to learn, and enough of it to judge a challenger by? An order by hand is asked the first two only.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ticket_assets.monitoring.episode import Episode, open_episode, reign_windows
from ticket_assets.monitoring.evidence import Evidence, Order, Retraining, State
from ticket_assets.monitoring_settings import DriftRule, RetrainSettings

# A fault that heals by itself, such as a database that restarts, needs some minutes.
RETRY_AFTER = timedelta(minutes=5)
ORDER = "order-"
AGAIN = ":again-"


@dataclass(frozen=True)
class Decision:
    """Whether to retrain now.

    Attributes:
        retrain: the answer.
        why: a sentence with the numbers: what it is for, or why not.
        causes: what speaks for it, a sentence each; also where it has to wait.
        events: the causing events that such a run is for, the first of them the oldest.
        run_key: of the run; None where there is none to be.
    """

    retrain: bool
    why: str
    causes: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    run_key: str | None = None


@dataclass(frozen=True)
class _Cause:
    event: str
    says: str


def decide(evidence: Evidence, settings: RetrainSettings, rule: DriftRule, recent_families: int) -> Decision:
    """Retrain, or say why not.

    Args:
        evidence: of this moment.
        settings: what counts, and from how much on.
        rule: how many warnings are an alarm.
        recent_families: from which on a challenger is asked for its gain on recent tickets (`promotion`).
    """
    champion = evidence.champion
    if champion is None:
        return Decision(False, "nobody is champion yet, so there is nothing to retrain: make run")
    windows = reign_windows(evidence.windows, champion)
    episode = open_episode(windows, rule, settings)
    causes = [*_ordered(evidence), *_of_episode(episode), *_counted(evidence, settings)]
    if not causes:
        return Decision(False, _quiet(evidence, settings, len(windows)))
    open_ones = [one for one in causes if not _is_settled(one.event, evidence)]
    if not open_ones:
        return Decision(False, _settled(causes, evidence), tuple(one.says for one in causes))
    # What was given up is done along with what speaks anew, but neither names the run nor opens a way for it.
    alive = [one.event for one in open_ones if _failures(one.event, evidence) <= settings.retries]
    says = tuple(one.says for one in open_ones)
    events = tuple(dict.fromkeys([*alive, *(one.event for one in open_ones)]))
    why_not = _hindered(evidence) or _given_up(open_ones, evidence, settings)
    if not why_not and not any(event.startswith(ORDER) for event in alive):
        why_not = _waits(events, evidence, settings, recent_families)
    if why_not:
        return Decision(False, f"{why_not} ({'; '.join(says)})", says, events)
    tries = _failures(
        events[0], evidence
    )  # of that event alone, or the key comes back that a run had: Dagster skips it
    key = f"{events[0]}@{champion.since:%Y%m%dT%H%M%S}" + (f"{AGAIN}{tries}" if tries else "")
    return Decision(True, "; ".join(says), says, events, key)


def _ordered(evidence: Evidence) -> list[_Cause]:
    orders = sorted(evidence.orders, key=lambda one: one.at)
    causes = [_Cause(ORDER + one.id, f"ordered by hand: {one.reason}") for one in orders]
    return [one for one in causes if not _is_settled(one.event, evidence)]  # one that was served speaks no more


def settled_orders(evidence: Evidence) -> list[tuple[Order, str]]:
    """Orders that had their run, each with it."""
    return [
        (one, _about(ORDER + one.id, evidence)[-1].run)
        for one in evidence.orders
        if _is_settled(ORDER + one.id, evidence)
    ]


def _of_episode(episode: Episode | None) -> list[_Cause]:
    return [_Cause(episode.window, said) for said in episode.causes.values()] if episode else []


def _counted(evidence: Evidence, settings: RetrainSettings) -> list[_Cause]:
    """Feedback and staleness. Refused once, they count again after as much again."""
    champion, found = evidence.champion, []
    assert champion is not None
    times = evidence.feedback_rows // settings.feedback_rows
    if "feedback" in settings.causes and times:
        event = f"feedback-{champion.bundle}-{times * settings.feedback_rows}"
        counted = f"{evidence.feedback_rows:,} corrections that the champion has not seen"
        found.append(_Cause(event, f"feedback: {counted}, of {settings.feedback_rows:,}"))
    age = (evidence.now - champion.since) / timedelta(days=1)
    if "staleness" in settings.causes and age >= settings.max_age_days:
        event = f"stale-{champion.bundle}-{int(age // settings.max_age_days)}"
        found.append(_Cause(event, f"staleness: the champion is {age:.0f} days old, of {settings.max_age_days:g}"))
    return found


def _about(event: str, evidence: Evidence) -> list[Retraining]:
    """Retrainings for an event, oldest first.

    Those before the champion took its seat are of an earlier reign, in which windows had the same names where this
    champion came back by a rollback. An order is one whoever reigns.
    """
    champion = evidence.champion
    found = [
        one
        for one in evidence.retrainings
        if event in one.events and (event.startswith(ORDER) or champion is None or one.began >= champion.since)
    ]
    return sorted(found, key=lambda one: one.began)


def _is_settled(event: str, evidence: Evidence) -> bool:
    """Whether it was acted upon: a retraining for it ended, whatever became of the challenger, or was stopped."""
    return any(one.state in (State.DONE, State.STOPPED) for one in _about(event, evidence))


def _failures(event: str, evidence: Evidence) -> int:
    return sum(one.state is State.FAILED for one in _about(event, evidence))


def _hindered(evidence: Evidence) -> str | None:
    """What every retraining has to wait for."""
    running = [one for one in evidence.retrainings if one.state is State.AT_WORK]
    if running:
        return f"run {running[0].run[:8]} retrains already, since {_minutes(evidence.now - running[0].began)}"
    if evidence.at_work:
        return f"run {evidence.at_work[0][:8]} makes models already"
    if evidence.behind:
        return f"the data is not up to date yet: {', '.join(evidence.behind)}"
    return None


def _given_up(open_ones: list[_Cause], evidence: Evidence, settings: RetrainSettings) -> str | None:
    """Why what failed is not tried again, or not yet; something new that speaks is a try of its own."""
    failed = {one.event: _failures(one.event, evidence) for one in open_ones}
    if any(count == 0 for count in failed.values()):
        return None
    event, tries = min(failed.items(), key=lambda one: one[1])
    last = _about(event, evidence)[-1]
    if tries > settings.retries:
        return (
            f"the retraining for {event} failed {_times(tries)}, last in run {last.run[:8]}, and is not tried again: "
            "mend the cause, then make retrain"
        )
    since = evidence.now - (last.ended or last.began)
    if since < RETRY_AFTER:
        return f"run {last.run[:8]} failed {_minutes(since)} ago; it is tried again after {_minutes(RETRY_AFTER)}"
    return None


def _waits(events: tuple[str, ...], evidence: Evidence, settings: RetrainSettings, recent_families: int) -> str | None:
    """What a retraining that nobody ordered has to wait for."""
    if evidence.pinned_until and evidence.pinned_until > evidence.now:
        return f"the champion is pinned until {evidence.pinned_until:%Y-%m-%d %H:%M} UTC"
    if evidence.in_shadow is not None:  # another would take its place, and what is known of it would be lost
        return f"challenger v{evidence.in_shadow} is in the shadow, and is decided upon first (make challenger)"
    # What is tried again has waited already; what was given up is not tried again, and lets nothing else go first.
    again = any(0 < _failures(event, evidence) <= settings.retries for event in events)
    ended, pause = _last_end(evidence), RETRY_AFTER if again else timedelta(minutes=settings.cool_down_minutes)
    if ended and evidence.now - ended < pause:
        return f"cool-down: the last retraining ended {_minutes(evidence.now - ended)} ago, of {_minutes(pause)}"
    fresh = evidence.fresh_rows
    if fresh is not None and fresh < settings.fresh_rows:
        return (
            f"there is too little to learn from: {fresh:,} labelled tickets that the champion has not seen, "
            f"of {settings.fresh_rows:,}"
        )
    found = evidence.recent_families
    if found is not None and found < recent_families:
        return (
            f"there is too little to judge a challenger by: {found:,} families of recent tickets that the champion has "
            f"not seen, of {recent_families:,}"
        )
    return None


def _last_end(evidence: Evidence) -> datetime | None:
    ends = [one.ended for one in evidence.retrainings if one.ended]
    return max([*ends, *([evidence.decided_at] if evidence.decided_at else [])], default=None)


def _settled(causes: list[_Cause], evidence: Evidence) -> str:
    """What became of what still speaks: one run for an event, whatever its challenger was worth."""
    told = []
    for event in dict.fromkeys(one.event for one in causes):
        last = _about(event, evidence)[-1]
        ended = "was stopped by hand" if last.state is State.STOPPED else "ended without a new champion"
        told.append(f"run {last.run[:8]} for {event} {ended}")
    return f"{'; '.join(told)}: no second run for the same event ({'; '.join(one.says for one in causes)})"


def _quiet(evidence: Evidence, settings: RetrainSettings, windows: int) -> str:
    champion = evidence.champion
    assert champion is not None
    age = (evidence.now - champion.since) / timedelta(days=1)
    return (
        f"nothing speaks for a retraining: {windows:,} windows of v{champion.version} without an open alarm, "
        f"{evidence.feedback_rows:,} of {settings.feedback_rows:,} corrections unseen, "
        f"{age:.1f} of {settings.max_age_days:g} days old, no order"
    )


def _minutes(span: timedelta) -> str:
    return f"{span / timedelta(minutes=1):.0f} min"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
