"""Which bundle answers: loaded, probed, seated, and replaced by the next champion without a request lost.

Belongs here: loading beside the one that answers, the probe, the swap, what came of each offer.
Does not belong here: the bundle's arithmetic (serving/bundle.py), who may ask for a reload (serving/access/), looking
at the pointer now and then (watcher.py).

A request takes the seat once and keeps it to its end, so every part of an answer comes from the version it names.
"""

import logging
import math
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from ticket_assets.serving.bundle import TriageBundle
from ticket_assets.serving.endpoint.lean import give_back_memory
from ticket_assets.serving.manifest import BundleError
from ticket_assets.serving.prediction import Ticket
from ticket_assets.serving.store import Champion, require_champion

REMEMBERED_SWAPS = 20
# One short, one long, one of a subject alone: each way through the request path is walked, and its memory taken, before
# the first real request comes.
PROBES = (Ticket("The VPN drops.", "VPN"), Ticket("The printer jams. " * 200), Ticket("", "Passwort abgelaufen"))
_SUM_TOLERANCE = 1e-6

logger = logging.getLogger(__name__)


class ProbeFailed(RuntimeError):
    """A bundle loads, and does not answer as one must; the message says what is wrong."""


@dataclass(frozen=True)
class BundlePlace:
    """Where bundles and their encoders lie."""

    bundles: Path
    encoders: Path


@dataclass(frozen=True)
class Seat:
    """The bundle that answers, where it lies, and since when it does here (UTC)."""

    champion: Champion
    bundle: TriageBundle
    place: BundlePlace
    loaded_at: datetime


@dataclass(frozen=True)
class Swap:
    """What came of an offer.

    Attributes:
        at: when, UTC.
        champion: what the pointer named; None where it could not be read.
        taken: whether it took the seat.
        refused: whether something is wrong with it; neither taken nor refused is who answers already.
        reason: why, or why not.
    """

    at: datetime
    champion: Champion | None
    taken: bool
    reason: str
    refused: bool = False


class Engine:
    """The seat and who takes it.

    Args:
        places: bundle stores, first choice first; the later ones (what is baked into the bento) answer only where the
            first holds no champion that loads when the service starts.
        threads: at most so many per request.
        counted: told of each offer of another bundle whether it was taken.
    """

    def __init__(
        self, places: Sequence[BundlePlace], threads: int = 1, counted: Callable[[bool], None] = lambda _: None
    ) -> None:
        self._places, self._counted = tuple(places), counted
        self._threads = threads
        self._changing = threading.Lock()
        self._swaps: deque[Swap] = deque(maxlen=REMEMBERED_SWAPS)
        self._seat: Seat | None = None

    @property
    def seat(self) -> Seat | None:
        """Who answers; None before `start`."""
        return self._seat

    @property
    def swaps(self) -> list[Swap]:
        """The latest offers, newest first."""
        return list(reversed(self._swaps))

    @property
    def store(self) -> Path:
        """The bundle store whose pointer is followed."""
        return self._places[0].bundles

    @property
    def is_fallback(self) -> bool:
        """Whether one of the later places answers."""
        return self._seat is not None and self._seat.place != self._places[0]

    def start(self) -> Seat:
        """Seat the champion of the first place that has one which answers its probe.

        Raises:
            BundleError: no place has one; with the reason of each.
        """
        reasons = []
        for place in self._places:
            try:
                return self._take(require_champion(place.bundles), place, "the service started")
            except (FileNotFoundError, BundleError, ProbeFailed, ValueError, OSError) as error:
                reasons.append(f"{place.bundles}: {error}")
                self._note(None, False, reasons[-1])
        raise BundleError("no bundle answers: " + "; ".join(reasons))

    def offer(self) -> Swap:
        """Look at the pointer of the first place; load, probe and seat what it names, if that is another bundle.

        The one that answers stays where anything is wrong with the other.
        """
        with self._changing:
            champion: Champion | None = None
            try:
                champion = require_champion(self.store)
                if self._is_seated(champion):
                    swap = Swap(datetime.now(UTC), champion, False, "it answers already")
                    if self._swaps and self._swaps[-1].refused:  # the pointer went back to it: all is well again
                        self._swaps.append(swap)
                    return swap
                self._take(champion, self._places[0], "the champion changed")
                self._counted(True)
            # Whatever is wrong with what was offered, the one that answers must go on: the reason is told, not raised.
            except Exception as error:
                logger.exception("the bundle offered was refused")
                self._note(champion, False, f"{type(error).__name__}: {error}")
                self._counted(False)
            return self._swaps[-1]

    def _is_seated(self, champion: Champion) -> bool:
        """Whether it answers, and from the store: one that is baked in makes room for the store's own."""
        seat = self._seat
        if seat is None or self.is_fallback:
            return False
        return (seat.champion.version, seat.champion.bundle) == (champion.version, champion.bundle)

    def _take(self, champion: Champion, place: BundlePlace, why: str) -> Seat:
        seat = self._seat
        if seat is not None and seat.champion.bundle == champion.bundle:
            bundle = seat.bundle  # a rollback to the same models under a new version, say
        else:
            bundle = TriageBundle.load(place.bundles / champion.bundle, place.encoders, self._threads)
            probe(bundle)
        self._seat = Seat(champion, bundle, place, datetime.now(UTC))
        del seat
        give_back_memory()
        self._note(champion, True, why)
        return self._seat

    def _note(self, champion: Champion | None, taken: bool, reason: str) -> None:
        swap = Swap(datetime.now(UTC), champion, taken, reason, refused=not taken)
        last = self._swaps[-1] if self._swaps else None
        if last and replace(last, at=swap.at) == swap and swap.refused:
            self._swaps.pop()  # tried again, and refused for the same reason: one line of it is enough
        self._swaps.append(swap)
        named = f"v{champion.version} {champion.bundle}" if champion else "no champion"
        logger.log(logging.INFO if taken else logging.WARNING, "%s: %s", named, reason)


def probe(bundle: TriageBundle) -> None:
    """Have a bundle answer a few tickets.

    Raises:
        ProbeFailed: a probability is no number in 0..1, or those of a target do not sum to 1.
    """
    for answer in bundle.predict(PROBES, reasons=1):
        for target, one in answer.items():
            values = one.probabilities.values()
            if not all(math.isfinite(value) and 0 <= value <= 1 for value in values):
                raise ProbeFailed(f"{target}: it answers with {dict(one.probabilities)}")
            if abs(math.fsum(values) - 1) > _SUM_TOLERANCE:
                raise ProbeFailed(f"{target}: its probabilities sum to {math.fsum(values)}")
