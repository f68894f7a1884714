"""What each step of an erasure did, as a line for people.

Belongs here: the words for the results of the steps.
Does not belong here: the steps (erasure.py), the table of what the proof searched (commands/erase.py).
"""

from collections.abc import Mapping
from typing import Any

NOTHING = "nothing"
WIDTH = 27
# Step to what its number counts, one and many, and what happened to it.
_COUNTED = {
    "leftovers": ("half-written file", "half-written files", "removed"),
    "lists of training tickets": ("list", "lists", "rewritten"),
    "MLflow's copies": ("copy", "copies", "rewritten"),
    "candidates": ("candidate", "candidates", "removed"),
    "vectors": ("vector", "vectors", "removed"),
    "tables": ("row", "rows", "removed"),
    "tables for people": ("row", "rows", "removed"),
    "hold-out": ("ticket", "tickets", "removed"),
    "generated source": ("row", "rows", "removed"),
    "raw batches": ("row", "rows", "removed"),
}
_LOGGED = {
    "predictions": ("answer", "answers"),
    "rejected": ("rejected record", "rejected records"),
    "lines": ("journal line", "journal lines"),
}


def step_lines(step: str, came: Any) -> list[str]:
    """Lines for a terminal: the step and what came of it; further lines name single bundles and bentos.

    Args:
        step: its name in `erasure.STEPS`.
        came: what it returned.
    """
    told, *more = _told(step, came)
    return [f"  {step:<{WIDTH}} {told}", *(f"  {'':<{WIDTH}} {one}" for one in more)]


def _told(step: str, came: Any) -> list[str]:
    if step == "ledger":
        return ["entered: no reading brings the tickets back"]
    if step in ("kept results", "copies of monitoring"):
        return ["removed: the next run makes them again"]
    if step == "prediction log":
        return [_logged(came or {})]
    if step == "bundles":
        return _bundles(came)
    if step == "bentos":
        return [f"{_count(len(came), 'bento', 'bentos')} removed", *came] if came else [NOTHING]
    one, many, done = _COUNTED[step]
    return [f"{_count(came, one, many)} {done}" if came else NOTHING]


def _logged(came: Mapping[str, int]) -> str:
    found = [_count(number, *_LOGGED[name]) for name, number in came.items() if number]
    return f"{', '.join(found)} removed" if found else NOTHING


def _bundles(came: Mapping[str, str]) -> list[str]:
    """Old id to new id, or to why there is none."""
    if not came:
        return [NOTHING]
    told = [f"{before} is {after} now" if ":" not in after else f"{before} {after}" for before, after in came.items()]
    return [f"{_count(len(came), 'bundle', 'bundles')} touched", *told]


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
