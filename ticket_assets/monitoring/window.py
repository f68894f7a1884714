"""Windows: which live predictions are judged together.

Belongs here: where a window begins and ends, reading its rows, a sample where there are too many.
Does not belong here: the tables of days (day_tables.py), what the rows are to the model (reading.py), judging.

Windows of a champion follow one another without a gap and never overlap. A prediction that comes to the log later than
its window was closed is in none.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from ticket_assets.monitoring.day_tables import batches
from ticket_assets.monitoring_settings import WindowSettings
from ticket_assets.serving.store import Champion


@dataclass(frozen=True, order=True)
class Place:
    """Of a prediction among all: its time (ISO 8601, UTC, microseconds) and its id."""

    at: str
    id: str


@dataclass(frozen=True)
class Window:
    """Consecutive live predictions of one champion.

    Attributes:
        number: from 1 since the champion took its seat.
        bundle: id of the champion.
        version: of the registry.
        first: of its first prediction.
        last: of its last.
        rows: predictions in it.
    """

    number: int
    bundle: str
    version: int
    first: Place
    last: Place
    rows: int

    @property
    def id(self) -> str:
        """`<bundle>-<number>`, numbers with four digits so that names sort."""
        return f"{self.bundle}-{self.number:04d}"

    @classmethod
    def from_dict(cls, told: dict[str, Any]) -> "Window":
        """From JSON."""
        return cls(**{**told, "first": Place(**told["first"]), "last": Place(**told["last"])})


@dataclass(frozen=True)
class Plan:
    """Windows that are complete, and how far the next one is.

    Attributes:
        closed: oldest first.
        waiting: predictions in the window that is not full yet.
    """

    closed: tuple[Window, ...]
    waiting: int


def plan_windows(
    folder: Path,
    champion: Champion,
    settings: WindowSettings,
    read_until: datetime,
    number: int = 1,
    after: Place | None = None,
    former: Collection[str] = (),
) -> Plan:
    """The complete windows of a champion that are not judged yet, in order.

    Args:
        folder: folders.monitoring, with the tables of days.
        champion: in the seat.
        settings: how many predictions fill a window, after how many days it is closed anyway.
        read_until: up to when the tables hold the log.
        number: of the next window.
        after: end of the last judged window of this champion; None: none was judged.
        former: ids that its bundle had before erasures; the log has answers as they were.
    """
    closed: list[Window] = []
    open_one: Window | None = None
    longest = timedelta(days=settings.max_days)
    for place in places(folder, champion, after, former):
        if open_one and instant(place) >= instant(open_one.first) + longest:
            closed.append(open_one)
            open_one = None
        if open_one is None:
            open_one = Window(number + len(closed), champion.bundle, champion.version, place, place, 0)
        open_one = replace(open_one, last=place, rows=open_one.rows + 1)
        if open_one.rows == settings.predictions:
            closed.append(open_one)
            open_one = None
    if open_one and read_until >= instant(open_one.first) + longest:
        closed.append(open_one)
        open_one = None
    return Plan(tuple(closed), open_one.rows if open_one else 0)


def places(
    folder: Path, champion: Champion, after: Place | None = None, former: Collection[str] = ()
) -> Iterator[Place]:
    """Places of the live predictions that the champion gave since it took its seat, in order; as of `plan_windows`."""
    since, its = datetime.fromisoformat(champion.since), {champion.bundle, *former}
    begins = max(since, instant(after)) if after else since
    for batch in batches(folder, begins, ["id", "at", "bundle"]):
        for one, at, bundle in zip(*(batch.column(name).to_pylist() for name in ("id", "at", "bundle")), strict=True):
            place = place_of(at, one)
            if bundle in its and at >= since and (after is None or place > after):
                yield place


def read_rows(
    folder: Path, window: Window, most: int, seed: int, former: Collection[str] = ()
) -> tuple[list[dict[str, Any]], str | None]:
    """Rows of a window as the day tables have them, in order, and what is to be said of a sample.

    Args:
        folder: folders.monitoring.
        window: which.
        most: rows; of more, so many are drawn by the seed while they are read: no more are ever in memory.
        seed: the same seed draws the same rows.
        former: as of `plan_windows`.
    """
    chosen, note, its = None, None, {window.bundle, *former}
    if window.rows > most:
        drawn = np.random.default_rng([seed, window.number]).choice(window.rows, most, replace=False)
        chosen = {int(one) for one in drawn}
        note = f"{most:,} of {window.rows:,} predictions were drawn with seed {seed}"
    found: list[dict[str, Any]] = []
    position = -1
    for batch in batches(folder, instant(window.first)):
        for row in _of_window(batch, window, its):
            position += 1
            if chosen is None or position in chosen:
                found.append(batch.slice(row, 1).to_pylist()[0])
        if batch.num_rows and batch.column("at")[-1].as_py() > instant(window.last):
            break
    return found, note


def _of_window(batch: Any, window: Window, bundles: Collection[str]) -> Iterator[int]:
    names = ("id", "at", "bundle")
    for row, (one, at, bundle) in enumerate(zip(*(batch.column(name).to_pylist() for name in names), strict=True)):
        if bundle in bundles and window.first <= place_of(at, one) <= window.last:
            yield row


def place_of(at: datetime, one: str) -> Place:
    """Of a prediction; times have microseconds throughout, so that as text they sort as they are."""
    return Place(at.isoformat(timespec="microseconds"), one)


def instant(place: Place) -> datetime:
    """Its time."""
    return datetime.fromisoformat(place.at)
