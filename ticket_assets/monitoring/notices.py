"""What people are told of: drift, promotion, refusal, failure, recovery.

Belongs here: the words, from what decisions and records say; ids, so that nothing is told twice.
Does not belong here: delivery (outbox.py, courier.py), noticing it (automation/).
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from ticket_assets.monitoring.decision import Decision
from ticket_assets.monitoring.episode import open_episode, reign_windows
from ticket_assets.monitoring.evidence import Evidence
from ticket_assets.monitoring.outbox import Notice
from ticket_assets.monitoring_settings import DriftRule, RetrainSettings
from ticket_assets.serving.record import Event, event

HISTORY_PAGE, CHAMPION_PAGE, SHADOW_PAGE = (
    f"/assets/{one}" for one in ("monitoring/history", "models/champion", "monitoring/shadow")
)


def of_windows(
    profile: str, evidence: Evidence, decision: Decision, settings: RetrainSettings, rule: DriftRule
) -> list[Notice]:
    """Of an episode that began, and of one that ended because a window passed."""
    if evidence.champion is None:
        return []
    windows = reign_windows(evidence.windows, evidence.champion)
    episode = open_episode(windows, rule, settings)
    if episode:
        body = f"{'; '.join(episode.causes.values())}.\n" + (
            f"A challenger is made: {decision.why}." if decision.retrain else f"No challenger now: {decision.why}."
        )
        title = f"{profile}: live tickets are not what v{evidence.champion.version} was made for"
        since = next(one.until for one in windows if one.window == episode.window)
        return [Notice(f"drift-{episode.window}-{since}", "drift", title, body, HISTORY_PAGE, since)]
    before = open_episode(windows[:-1], rule, settings)
    if not windows or not before:
        return []
    passed = windows[-1]
    body = (
        f"Window {passed.number} of {passed.rows} predictions passes. It had been: {'; '.join(before.causes.values())}."
    )
    title = f"{profile}: live tickets are again what v{evidence.champion.version} was made for"
    return [Notice(f"passed-{passed.window}-{passed.until}", "recovery", title, body, HISTORY_PAGE, passed.until)]


def of_record(profile: str, lines: Iterable[Mapping[str, Any]]) -> list[Notice]:
    """Of the record's lines: a challenger that came into the shadow, was promoted or refused, a rollback."""
    found = []
    for line in lines:
        kind, at, reason = event(dict(line)), str(line["at"]), str(line.get("reason", ""))
        before = f"v{line['champion_before']}" if line.get("champion_before") else "nobody"
        page = SHADOW_PAGE if line.get("shadow_since") else CHAMPION_PAGE
        if kind is Event.SHADOW:
            title = f"{profile}: v{line['challenger']['version']} is in the shadow of {before}"
            gone = f" v{line['in_place_of']} is out of it." if line.get("in_place_of") else ""
            found.append(
                Notice(
                    f"shadow-{line['challenger']['version']}-{at}",
                    "promotion",
                    title,
                    f"{reason}.{gone}",
                    SHADOW_PAGE,
                    at,
                )
            )
        elif kind is Event.DECISION and line["promoted"]:
            title = f"{profile}: v{line['challenger']['version']} is champion"
            found.append(Notice(f"promotion-{at}", "promotion", title, f"It was {before}. {reason}", page, at))
        elif kind is Event.DECISION:
            who = f"v{line['challenger']['version']}" if line.get("shadow_since") else "a challenger"
            where = "is out of the shadow" if line.get("shadow_since") else "was refused"
            title = f"{profile}: {who} {where}, {before} stays"
            found.append(Notice(f"refusal-{at}", "refusal", title, reason, page, at))
        elif kind is Event.ROLLBACK:
            title = f"{profile}: rolled back to v{line['champion']['version']}"
            found.append(Notice(f"rollback-{at}", "promotion", title, f"It was {before}. {reason}", CHAMPION_PAGE, at))
    return found


def of_failure(
    profile: str, job: str, run: str, steps: Iterable[str], why: str, at: datetime, what: str, again: bool = False
) -> Notice:
    """Of a run that failed.

    Args:
        profile: whose.
        job: that it is of, for people.
        run: its id.
        steps: that failed.
        why: of which kind.
        at: when.
        what: it was to make, the same for all runs that are to make it.
        again: whether people know already that this fails.
    """
    named = ", ".join(steps)
    body = f"Run {run} of {job} failed" + (f" at {named}" if named else "") + f": {why}"
    body += (
        ".\nIt has failed ever since it was told first; this is told once a day until it runs again." if again else ""
    )
    title = f"{profile}: {job} {'still fails' if again else 'failed'}"
    return Notice(failure_id(what, run), "failure", title, body, f"/runs/{run}", _stamp(at))


def failure_id(what: str, run: str) -> str:
    """Id of a notice of a failure; without a run what all begin with that are of the same."""
    return f"failure-{what}-{run}"


def of_recovery(profile: str, job: str, run: str, failed: str, at: datetime) -> Notice:
    """Of a run that did what an earlier one failed at."""
    body = f"Run {run} did what run {failed} failed at."
    return Notice(f"recovery-{run}", "recovery", f"{profile}: {job} runs again", body, f"/runs/{run}", _stamp(at))


def _stamp(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
