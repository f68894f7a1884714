"""How many requests a caller may make: token buckets.

Belongs here: the bucket, how many are kept, what is told of one.
Does not belong here: whose bucket it is and what a refusal looks like (guard.py), sizes (json_body.py, body.py).

The rate of a process is the rate of the settings divided by its processes: they share no memory, and what the kernel
gives to each is only about even. So all of them together never grant more, and may grant a little less.
"""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

MOST_BUCKETS = 10_000
# Sums of floats: who waits as long as it was told to must not find 0.9999999 of a request.
ROUNDING = 1e-6


@dataclass(frozen=True)
class Rate:
    """Requests per second on average, and how many at once after a pause; a rate of 0 is no limit."""

    per_second: float
    burst: int

    def shared_by(self, processes: int) -> "Rate":
        """The share of one of so many processes; of the burst at least one request."""
        return Rate(self.per_second / processes, max(1, self.burst // processes))


@dataclass(frozen=True)
class Grant:
    """What a bucket says to a request.

    Attributes:
        allowed: whether it may go on.
        limit: the bucket's size.
        remaining: requests that it holds now, whole ones.
        wait: seconds until it holds one; 0 where it does.
        reset: seconds until it is full.
    """

    allowed: bool
    limit: int
    remaining: int
    wait: float
    reset: float

    @property
    def retry_after(self) -> int:
        """Whole seconds for Retry-After, at least 1."""
        return max(1, math.ceil(self.wait))

    def headers(self) -> dict[str, str]:
        """RateLimit headers, as the IETF's draft 6 names them; names in lower case."""
        told = {
            "ratelimit-limit": str(self.limit),
            "ratelimit-remaining": str(self.remaining),
            "ratelimit-reset": str(math.ceil(self.reset)),
        }
        return told if self.allowed else {**told, "retry-after": str(self.retry_after)}


class Limiter:
    """Token buckets by name; the ones that were asked longest ago make room for new ones.

    Forgetting a bucket fills it, so the least recently used goes: it is the one that is most likely full anyway.

    Args:
        clock: monotonic seconds.
        most: buckets that are kept.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, most: int = MOST_BUCKETS) -> None:
        self._clock, self._most = clock, most
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, name: str, rate: Rate) -> Grant:
        """Take one request from a bucket, or, where it holds less than one, nothing."""
        with self._lock:
            now = self._clock()
            held = self._filled(name, rate, now)
            allowed = held >= 1 - ROUNDING
            held = max(0.0, held - 1) if allowed else held
            self._put(name, held, now)
        return _grant(allowed, held, rate)

    def give_back(self, name: str, rate: Rate) -> None:
        """Put one back, for a request that is not to count after all."""
        with self._lock:
            now = self._clock()
            self._put(name, min(float(rate.burst), self._filled(name, rate, now) + 1), now)

    def _filled(self, name: str, rate: Rate, now: float) -> float:
        held, at = self._buckets.get(name, (float(rate.burst), now))
        return min(float(rate.burst), held + max(0.0, now - at) * rate.per_second)

    def _put(self, name: str, held: float, now: float) -> None:
        self._buckets[name] = (held, now)
        self._buckets.move_to_end(name)
        while len(self._buckets) > self._most:
            self._buckets.popitem(last=False)


def _grant(allowed: bool, held: float, rate: Rate) -> Grant:
    missing = max(0.0, 1 - held)
    return Grant(
        allowed=allowed,
        limit=rate.burst,
        remaining=int(held),
        wait=missing / rate.per_second,
        reset=(rate.burst - held) / rate.per_second,
    )
