"""Notices on their way: what is to be told, to whom it was told already, what is tried again.

Belongs here: the files of it, and when which notice is tried.
Does not belong here: what is told (notices.py), how an address is reached (courier.py), settings.

A notice is a file from the moment it is put until every address has it. What cannot be delivered never stops what it
tells of: it is tried again, after longer and longer, and given up after a day or so.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from pathlib import Path

from ticket_assets.monitoring_settings import Occasion
from ticket_assets.storage import append_record, digest, read_records, write_text

TOLD = "told.jsonl"
FIRST_PAUSE = timedelta(minutes=1)  # doubled with every try
TRIES = 11  # the last of them some 17 hours after the first


@dataclass(frozen=True)
class Notice:
    """Something that people want to know.

    Attributes:
        id: of what happened; a second notice of the same id is none.
        occasion: what kind of thing it is.
        title: a short line.
        body: sentences, without any text of a ticket.
        page: path in the Dagster UI where there is more.
        at: when it happened (ISO 8601, UTC).
    """

    id: str
    occasion: Occasion
    title: str
    body: str
    page: str
    at: str


@dataclass(frozen=True)
class Pending:
    """A notice that not every address has yet.

    Attributes:
        notice: itself.
        tries: so far.
        after: not to be tried before (ISO 8601, UTC); empty: at once.
        reached: digests of the addresses that have it.
        why_not: what the last try said of the others.
    """

    notice: Notice
    tries: int = 0
    after: str = ""
    reached: tuple[str, ...] = ()
    why_not: str = ""


@dataclass(frozen=True)
class Delivery:
    """What a round came to: notices that are done, tried in vain, given up, and that wait."""

    done: int = 0
    failed: int = 0
    given_up: int = 0
    waiting: int = 0
    words: tuple[str, ...] = ()


class Outbox:
    """The notices of a profile, in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, notice: Notice) -> bool:
        """Keep a notice until it is delivered; False where it was put before."""
        if self.has(notice.id):
            return False
        self._write(Pending(notice))
        return True

    def has(self, notice_id: str) -> bool:
        """Whether a notice was put, be it on its way or told."""
        return self._path(notice_id).exists() or any(one["id"] == notice_id for one in self.told())

    def pending(self) -> tuple[Pending, ...]:
        """Those that are on their way, oldest first."""
        found = [_read(path) for path in self._folder.glob("pending/*.json")]
        return tuple(sorted(found, key=lambda one: (one.notice.at, one.notice.id)))

    def told(self) -> tuple[dict[str, object], ...]:
        """What became of the others, oldest first."""
        return read_records(self._folder / TOLD).whole

    def latest(self, begins: str) -> Notice | None:
        """The latest notice whose id begins so, on its way or told."""
        told = [Notice(**{one.name: entry[one.name] for one in fields(Notice)}) for entry in self.told()]  # type: ignore[arg-type]
        found = [one for one in (*told, *(one.notice for one in self.pending())) if one.id.startswith(begins)]
        return max(found, key=lambda one: one.at, default=None)

    def deliver(
        self,
        addresses: Sequence[str],
        occasions: Sequence[Occasion],
        send: Callable[[str, Notice], str | None],
        now: datetime,
        has_time: Callable[[], bool] = lambda: True,
    ) -> Delivery:
        """Try what is due.

        Args:
            addresses: secret; none of them is written anywhere.
            occasions: that anybody wants to know of.
            send: tells one address; returns why it could not, in words without a secret.
            now: the moment (UTC).
            has_time: whether another address may be tried in this round.
        """
        counted = {"done": 0, "failed": 0, "given_up": 0, "waiting": 0}
        words = []
        for one in self.pending():
            if one.after and datetime.fromisoformat(one.after) > now:
                counted["waiting"] += 1
                continue
            if not has_time():
                counted["waiting"] += 1
                continue
            wanted = addresses if one.notice.occasion in occasions else ()
            became, tried = self._try(one, wanted, send, now, has_time)
            counted[became] += 1
            if became in ("failed", "given_up"):
                words.append(f"{one.notice.id}: {tried.why_not}")
        return Delivery(**counted, words=tuple(words))

    def _try(
        self,
        one: Pending,
        addresses: Sequence[str],
        send: Callable[[str, Notice], str | None],
        now: datetime,
        has_time: Callable[[], bool],
    ) -> tuple[str, Pending]:
        """One round of one notice; what became of it."""
        reached, faults, late = list(one.reached), [], False
        for number, address in enumerate(addresses, start=1):
            if _mark(address) in reached:
                continue
            if not has_time():
                late = True
                continue
            why_not = send(address, one.notice)
            if why_not is None:
                reached.append(_mark(address))
                self._write(replace(one, reached=tuple(reached)))  # a process that dies now must not tell it twice
            else:
                faults.append(f"address {number} {why_not}")
        if not faults and not late:
            self._end(one.notice, "told" if addresses else "nobody is to be told", len(reached), now)
            return "done", one
        tries = one.tries + bool(faults)
        tried = replace(one, tries=tries, reached=tuple(reached), why_not="; ".join(faults) or one.why_not)
        if tries >= TRIES:
            self._end(one.notice, f"given up after {tries} tries: {tried.why_not}", len(reached), now)
            return "given_up", tried
        after = (now + FIRST_PAUSE * 2 ** (tries - 1)).isoformat() if faults else ""
        self._write(replace(tried, after=after))
        return ("failed" if faults else "waiting"), tried

    def _end(self, notice: Notice, became: str, reached: int, now: datetime) -> None:
        told = {**asdict(notice), "became": became, "addresses": reached, "ended": now.isoformat()}
        append_record(self._folder / TOLD, told)  # before the file goes: told twice is better than never
        self._path(notice.id).unlink(missing_ok=True)

    def _write(self, pending: Pending) -> None:
        write_text(self._path(pending.notice.id), json.dumps(asdict(pending)))

    def _path(self, notice_id: str) -> Path:
        return self._folder / "pending" / f"{digest([notice_id])}.json"


def _read(path: Path) -> Pending:
    told = json.loads(path.read_text(encoding="utf-8"))
    return Pending(**{**told, "notice": Notice(**told["notice"]), "reached": tuple(told["reached"])})


def _mark(address: str) -> str:
    """Tells an address from others without saying it."""
    return digest([address])
