"""Times and ids: when something happened, and an order that a clock which is put back does not change.

Belongs here: the two clocks, moments (ns, strictly growing in a process), ids made of them.
Does not belong here: which file the zero of a machine's moments is kept in (spool.py).

A moment is the time since the machine started, which nobody can set, plus a zero that all processes of a spool share:
so corrections that came through several workers have one order. It says nothing about the time of day, `at` does.
"""

import hashlib
import secrets
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

PREDICTION, FEEDBACK, EVENT, SHADOW = "p-", "f-", "e-", "s-"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def _steady() -> int:
    return time.clock_gettime_ns(_STEADY)


def boot() -> str:
    """Tells one start of the machine from the next; empty where the system does not say."""
    return BOOT_ID.read_text().strip() if BOOT_ID.exists() else ""


@dataclass(frozen=True)
class Clock:
    """The time of day, which may be put back, and the time since the start, which is not; both in ns."""

    wall: Callable[[], int] = time.time_ns
    steady: Callable[[], int] = _steady

    def now(self) -> datetime:
        """The time of day, UTC."""
        return datetime.fromtimestamp(self.wall() / 1e9, UTC)

    @property
    def zero(self) -> int:
        """What to add to the time since the start to get the time of day, as far as it is right now."""
        return self.wall() - self.steady()


@dataclass
class Moments:
    """Gives moments: each larger than the one before in this process, whatever the clocks do."""

    clock: Clock
    zero: int
    _last: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self) -> int:
        """The moment of now, in ns; no two are the same."""
        with self._lock:
            self._last = max(self.clock.steady() + self.zero, self._last + 1)
            return self._last


def made_id(prefix: str, moment: int) -> str:
    """An id that sorts by its moment: a UUID of version 7 (RFC 9562, method 3: 12 bits of the sub-millisecond)."""
    milliseconds, rest = divmod(moment, 1_000_000)
    fraction = rest * 4096 // 1_000_000
    bits = (milliseconds & (1 << 48) - 1) << 80 | 7 << 76 | fraction << 64 | 2 << 62 | secrets.randbits(62)
    return f"{prefix}{uuid.UUID(int=bits)}"


def derived_id(prediction_id: str, key: str | None, idempotency_key: str) -> str:
    """The id of feedback whose sender gave it a name: the same name is the same feedback, of that key alone."""
    parts = "\x00".join((prediction_id, key or "", idempotency_key)).encode("utf-8", "surrogatepass")
    return f"{FEEDBACK}{hashlib.sha256(parts).hexdigest()[:32]}"
