"""What people are told of: drift, promotion, refusal, failure, recovery.

Belongs here: the words, from what decisions and records say; ids, so that nothing is told twice.
Does not belong here: delivery (outbox.py, courier.py), noticing it (automation/).
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from ticket_assets.monitoring.decision import Decision
from ticket_assets.monitoring.episode import Episode, course, reign_windows
from ticket_assets.monitoring.evidence import Evidence
from ticket_assets.monitoring.outbox import Notice
from ticket_assets.monitoring.verdict import WindowRecord
from ticket_assets.monitoring_settings import DriftRule, RetrainSettings
from ticket_assets.serving.record import Event, event

HISTORY_PAGE, CHAMPION_PAGE, SHADOW_PAGE = (
    f"/assets/{one}" for one in ("monitoring/history", "models/champion", "monitoring/shadow")
)
AUTOMATION_PAGE = "/automation"


def of_windows(
    profile: str,
    evidence: Evidence,
    decision: Decision,
    settings: RetrainSettings,
    rule: DriftRule,
    seen: str | None,
    was_put: Callable[[str], bool],
) -> list[Notice]:
    """Of each episode that ended in a window that is new, and of its end; of the one that goes on.

    Args:
        profile: whose.
        evidence: of this moment.
        decision: what follows from it.
        settings: which causes count, and from how much on.
        rule: how many warnings in a row are an alarm.
        seen: what `seen_until` said at the look before; None at the first: of what was over by then nobody is told,
            but of the end of what people know of.
        was_put: whether there was a notice of an id.
    """
    if evidence.champion is None:
        return []
    windows, version = reign_windows(evidence.windows, evidence.champion), evidence.champion.version
    begun = {one.window: one.until for one in windows}

    def drift(episode: Episode, follows: str) -> Notice:
        since, body = begun[episode.window], f"{'; '.join(episode.causes.values())}.\n{follows}."
        title = f"{profile}: live tickets are not what v{version} was made for"
        return Notice(f"drift-{episode.window}-{since}", "drift", title, body, HISTORY_PAGE, since)

    def is_news(window: WindowRecord, over: Episode) -> bool:
        return was_put(drift(over, "").id) if seen is None else _place(window) > _read_place(seen)

    found: list[Notice] = []
    before: Episode | None = None
    for window, episode in course(windows, rule, settings):
        if before and not episode and is_news(window, before):
            named = f"Window {window.number} ({window.rows:,} predictions) passes"
            body = f"{named}. It had been: {'; '.join(before.causes.values())}."
            title, at = f"{profile}: live tickets are again what v{version} was made for", window.until
            # Put before, where a look saw it begin; then this is none.
            found.append(drift(before, f"It is over: window {window.number} passes"))
            found.append(Notice(f"passed-{window.window}-{at}", "recovery", title, body, HISTORY_PAGE, at))
        before = episode
    if before:
        follows = f"A challenger is made: {decision.why}" if decision.retrain else f"No challenger now: {decision.why}"
        found.append(drift(before, follows))
    return found


def seen_until(evidence: Evidence) -> str:
    """Up to which window a look saw; whatever is judged after it is new to the next one."""
    at, number = max(map(_place, evidence.windows), default=(datetime.min.replace(tzinfo=UTC), 0))
    return f"{at.isoformat()} {number}"


def _place(window: WindowRecord) -> tuple[datetime, int]:
    """Where a window stands among all."""
    return datetime.fromisoformat(window.until), window.number


def _read_place(seen: str) -> tuple[datetime, int]:
    at, _, number = seen.partition(" ")
    return datetime.fromisoformat(at), int(number)


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


def of_ticks(profile: str, kind: str, name: str, at: datetime, failed: int = 0, why: str = "") -> Notice:
    """Of a sensor or a schedule whose ticks fail, or tick well again.

    Args:
        profile: whose.
        kind: sensor or schedule.
        name: its name.
        at: when it ticked.
        failed: so many times in a row; 0: it ticks again.
        why: of which kind the error was.
    """
    number, stamp = ticks_id(name, f"{at.timestamp():.0f}"), _stamp(at)
    if not failed:
        title, body = f"{profile}: {kind} {name} ticks again", f"The {kind} {name} had failed tick after tick."
        return Notice(number, "recovery", title, body, AUTOMATION_PAGE, stamp)
    body = f"The {kind} {name} failed {failed} times in a row: {why}. What it does is not done until it ticks again."
    return Notice(number, "failure", f"{profile}: {kind} {name} fails", body, AUTOMATION_PAGE, stamp)


def ticks_id(name: str, number: str) -> str:
    """Id of a notice of ticks; without a number what all begin with that are of the same sensor or schedule."""
    return f"ticks-{name}-{number}"


def _stamp(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
