"""The challenger beside the champion: loaded, probed, followed as its pointer moves.

Belongs here: its seat, the thread that looks at `challenger.json`, when a challenger that fails is left alone.
Does not belong here: the champion's seat (engine.py), scoring in the shadow (shadow.py), whose ticket it is
(sharing.py).

Whatever is wrong with a challenger stays here: readiness, health and the champion's answers are what they were.

A thread of its own: a challenger whose files hang on a slow disk must not hold up the next champion. One bundle beside
the champion's, no more; it is let go of before another is loaded.
"""

import logging
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from ticket_assets.serving.bundle import TriageBundle
from ticket_assets.serving.endpoint.engine import BundlePlace, Engine, Seat, probe
from ticket_assets.serving.endpoint.lean import give_back_memory
from ticket_assets.serving.endpoint.trial_metrics import TrialMetrics
from ticket_assets.serving.store import CHALLENGER, Challenger, Champion, read_challenger

RETRY_SECONDS = 30.0
"""A challenger that was refused may be whole by then: its files are still being copied."""
MOST_FAILURES = 5
"""In a row: after so many tickets that it failed to answer, it is asked no more until the pointer moves."""
_Mark = tuple[int, int, int] | None

logger = logging.getLogger(__name__)


class ChallengerSeat:
    """Who answers beside the champion, if anybody.

    Args:
        engine: of the champion.
        place: the store whose `challenger.json` is followed, and its encoders.
        metrics: told who it is.
        threads: at most so many per request.
    """

    def __init__(self, engine: Engine, place: BundlePlace, metrics: TrialMetrics, threads: int = 1) -> None:
        self._engine, self._place, self._metrics, self._threads = engine, place, metrics, threads
        self._taken: tuple[Challenger, Seat] | None = None
        self._seen: _Mark = None
        self._again_at: float | None = None
        self._said: str | None = None
        self._failures = 0
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def seat(self) -> Seat | None:
        """The challenger that answers beside the champion of now; None where there is none, or it failed too often."""
        taken, champion = self._taken, self._engine.seat
        if taken is None or champion is None or self._failures >= MOST_FAILURES:
            return None
        challenger, seat = taken
        return seat if challenger.against == champion.champion.bundle != challenger.bundle else None

    def follow(self, seconds: float) -> None:
        """Look at the pointer every so many seconds from now on."""
        self._thread = threading.Thread(target=self._watch, args=(seconds,), name="challenger-watcher", daemon=True)
        self._thread.start()

    def stop(self, timeout: float) -> bool:
        """Look no more; wait, in seconds, for a look that is under way, and return whether it has ended."""
        self._stopped.set()
        if self._thread is None:
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def look(self) -> None:
        """Load and probe what the pointer names, if it moved since the last look, or what it names was refused."""
        try:
            mark = _mark(self._place.bundles / CHALLENGER)
        except OSError:  # a store that is out of reach for a while is no news of a challenger
            return
        if mark == self._seen and not (self._again_at is not None and time.monotonic() >= self._again_at):
            return
        if mark != self._seen:
            self._said = None
        self._seen, self._again_at = mark, None
        try:
            self._take(read_challenger(self._place.bundles))
        # Whatever is wrong with a challenger, the champion answers as it did: it is told once, and tried again.
        except Exception as error:  # noqa: BLE001 - told below
            self._leave()
            self._again_at = time.monotonic() + RETRY_SECONDS
            self._say(f"the challenger was refused, the champion answers as before: {type(error).__name__}: {error}")

    def answered(self) -> None:
        """It answered: what failed before does not count."""
        self._failures = 0

    def failed(self, error: Exception) -> None:
        """It failed to answer a ticket; one that fails again and again is asked no more."""
        self._failures += 1
        if self._failures == MOST_FAILURES:
            self._said = None
            self._say(f"the challenger failed {MOST_FAILURES} times in a row and is asked no more: {error!r}")
            self._metrics.seated(None)
        else:
            self._say(f"the challenger failed to answer, the champion does: {error!r}")

    def _take(self, challenger: Challenger | None) -> None:
        if self._taken is not None and self._taken[0] == challenger:
            return
        self._leave()
        if challenger is None:
            return
        bundle = TriageBundle.load(self._place.bundles / challenger.bundle, self._place.encoders, self._threads)
        probe(bundle)
        champion = Champion(challenger.version, challenger.bundle, challenger.since)
        self._failures = 0
        self._taken = challenger, Seat(champion, bundle, self._place, datetime.now(UTC))
        give_back_memory()
        self._metrics.seated(challenger.bundle, challenger.version)
        logger.info("v%s %s: in the shadow of %s", challenger.version, challenger.bundle, challenger.against)

    def _leave(self) -> None:
        if self._taken is not None:
            logger.info("v%s %s: no longer in the shadow", self._taken[0].version, self._taken[0].bundle)
            self._taken = None
            self._metrics.seated(None)
            give_back_memory()

    def _say(self, what: str) -> None:
        if self._said is None:
            self._said = what
            logger.warning("%s", what)

    def _watch(self, seconds: float) -> None:
        while not self._stopped.wait(seconds):
            try:
                self.look()
            except Exception:  # else no challenger would ever be followed again
                logger.exception("looking for a challenger failed; it is tried again")


def _mark(path: Path) -> _Mark:
    """What changes when a file is replaced; None where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
