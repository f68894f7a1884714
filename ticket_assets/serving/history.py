"""Who was champion when, for people: one moment, one day, all of it.

Belongs here: reading a date, words and tables for a terminal.
Does not belong here: the reigns (chronicle.py), the command (commands/champion.py).

All times are UTC; a moment with an offset is turned into it.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from ticket_assets.serving.chronicle import Chronicle, Reign, stamp
from ticket_assets.serving.record import Event, event
from ticket_assets.serving.store import Challenger

FORMS = "write 2026-05-01 for a day, 2026-05-01T12:00 for a moment (UTC), 2026-05-01T12:00+02:00 for one elsewhere"
EMPTY = "no champion yet: models/champion has promoted none"


class MomentError(ValueError):
    """What was given is no moment of the past; the message names it and the forms."""


def span(given: str, now: datetime) -> tuple[datetime, datetime]:
    """The moment, as a span of no length, or the whole day that a text names (UTC).

    Raises:
        MomentError: it names none, or one that is still to come.
    """
    is_day = len(given) <= len("2026-05-01")
    try:
        begins = datetime.combine(date.fromisoformat(given), time()) if is_day else datetime.fromisoformat(given)
        begins = begins.astimezone(UTC) if begins.tzinfo else begins.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise MomentError(f"{given!r} is no date: {FORMS}") from None
    if begins > now:
        raise MomentError(f"{given} is still to come: it is {stamp(now)}")
    return begins, begins + timedelta(days=is_day)


def on_lines(chronicle: Chronicle, given: str, now: datetime) -> Iterator[str]:
    """Who was champion at a moment, or during a day.

    Raises:
        MomentError: as `span`.
    """
    begins, ends = span(given, now)
    reigns = chronicle.reigns
    found = [
        one for one in reigns if one.since <= begins < (one.until or now + timedelta(1)) or begins < one.since < ends
    ]
    if found:
        for one in found:
            yield from _reign(one)
    elif not reigns:
        yield EMPTY
    else:
        first = reigns[0]
        yield f"no champion on {given} (UTC): the first was v{first.champion.version}, since {stamp(first.since)}"


def now_lines(chronicle: Chronicle, now: datetime, beside: Challenger | None = None) -> Iterator[str]:
    """Who is champion now, who is in its shadow, what is pinned, what was broken off."""
    if not chronicle.reigns:
        yield EMPTY
    else:
        yield from _reign(chronicle.reigns[-1])
    if beside is not None:
        since = stamp(datetime.fromisoformat(beside.since))
        yield f"in shadow  v{beside.version}, bundle {beside.bundle}, since {since}: make challenger says more"
    pin, unfinished = chronicle.pin(now), chronicle.broken_off
    if pin:
        yield f"pin        {pin}"
    if unfinished:
        yield (
            f"broken off the move to v{unfinished.version} of {stamp(datetime.fromisoformat(unfinished.since))}: its "
            "process ended before the pointer moved; the next run, rollback or unpin puts the alias back"
        )


def history_lines(chronicle: Chronicle) -> Iterator[str]:
    """The whole record as a table, oldest first."""
    yield f"{'when (UTC)':<17} {'what':<11} {'version':<8} {'bundle':<17} why"
    for line in chronicle.lines:
        who = line.get("challenger") or line.get("champion") or {}
        version = f"v{who['version']}" if who.get("version") else ""
        when = f"{datetime.fromisoformat(line['at']).astimezone(UTC):%Y-%m-%d %H:%M}"
        yield f"{when:<17} {_what(line):<11} {version:<8} {who.get('bundle', ''):<17} {_why(line)}"


def _reign(one: Reign) -> Iterator[str]:
    until = f" until {stamp(one.until)}" if one.until else ""
    yield f"champion   v{one.champion.version}, bundle {one.champion.bundle}"
    yield f"since      {stamp(one.since)}{until}"
    yield f"why        {one.how}: {' '.join(one.why.split()).removeprefix('promoted: ')}"
    for target, its in one.scores.items():
        yield f"scores     {target}: " + ", ".join(f"{name} {value:.3f}" for name, value in its.items())


def _what(line: dict[str, Any]) -> str:
    if event(line) is Event.DECISION:
        return "promoted" if line["promoted"] else "refused"
    told = {Event.SHADOW: "in shadow", Event.ROLLBACK: "rolled back", Event.UNPIN: "unpinned"}
    return told.get(event(line), "broken off")


def _why(line: dict[str, Any]) -> str:
    why = " ".join(str(line["reason"]).split()).removeprefix("refused: ").removeprefix("promoted: ")
    if line.get("pin"):
        return f"{why} (pinned until {stamp(datetime.fromisoformat(line['pin']['until']))})"
    return why
