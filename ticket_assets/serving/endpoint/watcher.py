"""Following the pointer: every worker looks at `champion.json` now and then, and offers what it names to its engine.

Belongs here: the thread that looks. Does not belong here: the swap (engine.py).

A reload call reaches one worker of several; a pointer reaches all.
"""

import logging
import threading
import time
from pathlib import Path

from ticket_assets.serving.endpoint.engine import Engine
from ticket_assets.serving.store import POINTER

# A bundle that was refused may be whole by then: its files are still being copied, or a disk is back.
RETRY_SECONDS = 30.0

logger = logging.getLogger(__name__)


class Watcher:
    """Looks every so many seconds; a pointer that did not move costs one `stat`."""

    def __init__(self, engine: Engine, seconds: float) -> None:
        self._engine = engine
        self._seconds = seconds
        self._stopped = threading.Event()
        # What stood there before the engine started was read by it, or is offered once more: never overlooked.
        self._seen: tuple[int, int, int] | None = None
        self._again_at: float | None = None
        self._thread = threading.Thread(target=self._watch, name="champion-watcher", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self, timeout: float | None = None) -> bool:
        """Look no more; wait, in seconds, for a swap that is under way, and return whether it has ended."""
        self._stopped.set()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def look(self) -> None:
        """Offer what the pointer names, if the pointer moved since the last look, or what it names was refused."""
        mark = _mark(self._engine.store / POINTER)
        if mark is None or (mark == self._seen and not self._is_due()):
            return
        self._seen = mark
        self._again_at = time.monotonic() + RETRY_SECONDS  # also where the offer itself fails
        if not self._engine.offer().refused:
            self._again_at = None

    def _is_due(self) -> bool:
        return self._again_at is not None and time.monotonic() >= self._again_at

    def _watch(self) -> None:
        while not self._stopped.wait(self._seconds):
            try:
                self.look()
            except Exception:  # else no champion would ever be followed again
                logger.exception("the store could not be looked at; it is tried again")


def _mark(path: Path) -> tuple[int, int, int] | None:
    """What changes when a file is replaced; None where there is none."""
    try:
        found = path.stat()
    except OSError:  # a store that is out of reach for a while is no news of a champion
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
