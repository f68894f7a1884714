"""How far a long work is, how fast it goes, how long it still takes; said now and then.

Belongs here: the words of it, and when they are due.
Does not belong here: the work. A step's output is no terminal, even where the command's is: lines, then, and no bar.
"""

import time
from collections.abc import Callable

EVERY_SECONDS = 10.0


class Pace:
    """Told of every bit of progress, tells of it every so many seconds, and at the end of what took so long.

    Args:
        what: is done, as in "texts encoded".
        tell: is given a line.
        every: seconds between lines.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        what: str,
        tell: Callable[[str], None],
        every: float = EVERY_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._what, self._tell, self._every, self._clock = what, tell, every, clock
        self._begun = self._told = clock()
        self._ended = False

    def __call__(self, done: int, total: int) -> None:
        """Take note of `done` of `total`."""
        now = self._clock()
        is_end = done >= total and not self._ended
        if not is_end and now - self._told < self._every:
            return
        self._told, self._ended = now, self._ended or is_end
        rate = done / max(now - self._begun, 1e-9)
        left = "" if is_end else f", {_minutes((total - done) / rate)} left" if rate else ", not one yet"
        self._tell(f"{done:,} of {total:,} {self._what} ({100 * done / total:.0f} %), {rate:,.0f} a second{left}")


def _minutes(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02} min" if minutes else f"{rest} s"
