"""What was found of each window, on disk: one folder per window.

Belongs here: `summary.json` (drift) and `performance.json` of a window, the order of a champion's windows, escalation.
Does not belong here: finding it (drift/, performance.py), the record that decisions read (history.py).
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from ticket_assets.monitoring.verdict import Verdict
from ticket_assets.monitoring.window import Window
from ticket_assets.storage import write_text

FOLDER = "windows"
SUMMARY, PERFORMANCE = "summary.json", "performance.json"
REPORT, FIGURES = "report.html", "evidently.json"


@dataclass(frozen=True)
class Judged:
    """What was found of one window by one asset.

    Attributes:
        window: which.
        verdicts: kind to what is to be made of it.
        reasons: a sentence for each finding that is not pass.
        told: all else, JSON-ready.
    """

    window: Window
    verdicts: Mapping[str, Verdict]
    reasons: tuple[str, ...] = ()
    told: Mapping[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        """The worst of all kinds."""
        order = list(Verdict)
        return max(self.verdicts.values(), key=order.index, default=Verdict.UNJUDGED)


def window_folder(monitoring: Path, window: str) -> Path:
    """Of a window, under folders.monitoring."""
    return monitoring / FOLDER / window


def write_judged(monitoring: Path, name: str, judged: Judged) -> None:
    """Keep what was found: SUMMARY or PERFORMANCE."""
    content = {**asdict(judged), "told": judged.told}
    write_text(window_folder(monitoring, judged.window.id) / name, json.dumps(content, indent=1))


def read_judged(monitoring: Path, name: str, window: str) -> Judged | None:
    """What was found of a window; None where it was not looked at."""
    path = window_folder(monitoring, window) / name
    if not path.exists():
        return None
    told = json.loads(path.read_text(encoding="utf-8"))
    verdicts = {kind: Verdict(one) for kind, one in told["verdicts"].items()}
    return Judged(Window.from_dict(told["window"]), verdicts, tuple(told["reasons"]), told["told"])


def judged_windows(monitoring: Path, name: str, bundle: str, since: str, former: Collection[str] = ()) -> list[Judged]:
    """All windows of a champion since it took its seat, oldest first.

    Args:
        monitoring: folders.monitoring.
        name: SUMMARY or PERFORMANCE.
        bundle: the champion.
        since: ISO 8601; a champion that was rolled back to may have windows of an earlier time.
        former: ids that its bundle had before erasures; windows keep the names that they have.
    """
    found = [
        one for folder in _folders(monitoring, bundle, former) if (one := read_judged(monitoring, name, folder.name))
    ]
    begun = datetime.fromisoformat(since)
    return sorted(
        (one for one in found if datetime.fromisoformat(one.window.first.at) >= begun),
        key=lambda one: one.window.first,  # not the number: it began anew where an earlier version followed no erasure
    )


def next_number(monitoring: Path, bundle: str, former: Collection[str] = ()) -> int:
    """Number of a champion's next window; arguments as of `judged_windows`.

    Numbering goes on where it ended when the champion had the seat before, or was called otherwise.
    """
    judged = (one for one in _folders(monitoring, bundle, former) if (one / SUMMARY).exists())
    return max((int(one.name.rpartition("-")[2]) for one in judged), default=0) + 1


def _folders(monitoring: Path, bundle: str, former: Collection[str]) -> Iterator[Path]:
    for one in (bundle, *former):
        yield from (monitoring / FOLDER).glob(f"{one}-*")


def escalated(
    verdicts: Mapping[str, Verdict], before: Sequence[Judged], warnings: int
) -> tuple[dict[str, Verdict], list[str]]:
    """Verdicts in which warnings in a row of the same kind are an alarm, and a sentence for each that became one.

    Args:
        verdicts: of a window alone.
        before: the windows before it, oldest first; one that could not be judged neither counts nor breaks the row.
        warnings: that must stand in a row, this one among them.
    """
    made, said = dict(verdicts), []
    for kind, verdict in verdicts.items():
        if verdict is not Verdict.WARN:
            continue
        judged = [one.verdicts[kind] for one in before if one.verdicts.get(kind, Verdict.UNJUDGED) != Verdict.UNJUDGED]
        last = judged[len(judged) - (warnings - 1) :] if warnings > 1 else []
        if len(last) == warnings - 1 and all(one in (Verdict.WARN, Verdict.ALARM) for one in last):
            made[kind] = Verdict.ALARM
            said.append(f"{kind.replace('_', ' ')}: {warnings} windows in a row warned, which is an alarm")
    return made, said
