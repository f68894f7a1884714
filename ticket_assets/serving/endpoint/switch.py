"""The switch that turns `act` into `suggest` at once, for every worker that shares the file.

Belongs here: its file, what it does to a band. Does not belong here: who may move it (serving/access/), the report of
what was acted upon (serving/prediction_log/).
"""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from ticket_assets.models.bands import BandName
from ticket_assets.storage import write_text


@dataclass(frozen=True)
class SwitchState:
    """Whether `act` is given; since when (ISO 8601, UTC), by whom and why it was last moved."""

    on: bool = True
    since: str | None = None
    by: str | None = None
    reason: str | None = None


class ActingSwitch:
    """The file of the switch; one that is not there stands at on, one that cannot be read at off."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # One value: a thread must not meet the mark of one state beside another.
        self._known: tuple[tuple[int, int] | None, SwitchState] = (None, SwitchState())

    @property
    def state(self) -> SwitchState:
        """How it stands; costs one `stat` where it was not moved."""
        seen, state = self._known
        try:
            found = self._path.stat()
        except FileNotFoundError:
            # A folder that went away must not turn on what somebody turned off.
            return state if seen and not state.on else SwitchState()
        except OSError as error:
            return SwitchState(on=False, reason=f"the switch cannot be read: {error.strerror}")
        mark = (found.st_ino, found.st_mtime_ns)
        if mark != seen:
            state = self._read()
            self._known = (mark, state)
        return state

    def move(self, on: bool, by: str | None, reason: str) -> SwitchState:
        """Move it.

        Raises:
            OSError: its file cannot be written.
        """
        state = SwitchState(on, datetime.now(UTC).isoformat(timespec="seconds"), by, reason)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_text(self._path, json.dumps(asdict(state), indent=2))
        return state

    def _read(self) -> SwitchState:
        try:
            return SwitchState(**json.loads(self._path.read_text(encoding="utf-8")))
        except (OSError, TypeError, ValueError):
            # It was moved, and nobody can tell whereto: a person looks, rather than a queue be flooded.
            return SwitchState(on=False, reason=f"{self._path.name} cannot be read: move the switch again")


def served_band(band: BandName, acting: bool) -> BandName:
    """The band that is told: `act` becomes `suggest` where the switch is off."""
    return "suggest" if band == "act" and not acting else band
