"""The bundle store: which bundle is champion, and which one answers in its shadow.

Belongs here: `champion.json` and `challenger.json`, replaced atomically, and reading them.
Does not belong here: deciding who is champion (models/promotion.py, serving/probation.py), the bundle's content
(bundle.py).
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ticket_assets.storage import write_text

POINTER = "champion.json"
CHALLENGER = "challenger.json"


@dataclass(frozen=True)
class Champion:
    """The pointer: registry version, bundle id, when it was moved (ISO 8601, UTC)."""

    version: int
    bundle: str
    since: str


@dataclass(frozen=True)
class Challenger:
    """Who answers in the shadow of a champion until it is decided upon.

    Attributes:
        version: of the registry.
        bundle: its id.
        since: when it was put there (ISO 8601, UTC).
        against: id of the champion's bundle; beside any other it does not answer.
    """

    version: int
    bundle: str
    since: str
    against: str


def read_challenger(root: Path) -> Challenger | None:
    """Who is in the shadow; None where nobody is.

    Raises:
        ValueError, TypeError: the file holds something else.
    """
    try:
        return Challenger(**json.loads((root / CHALLENGER).read_text()))
    except FileNotFoundError:
        return None


def write_challenger(root: Path, challenger: Challenger) -> None:
    """Put a challenger into the shadow, in the place of whoever was there."""
    write_text(root / CHALLENGER, json.dumps(asdict(challenger), indent=2))


def remove_challenger(root: Path) -> None:
    """Nobody is in the shadow any more."""
    (root / CHALLENGER).unlink(missing_ok=True)


def read_champion(root: Path) -> Champion | None:
    """The pointer of a store; None before the first promotion."""
    path = root / POINTER
    return Champion(**json.loads(path.read_text())) if path.exists() else None


def write_champion(root: Path, champion: Champion) -> None:
    """Move the pointer: the last step of a promotion."""
    write_text(root / POINTER, json.dumps(asdict(champion), indent=2))


def require_champion(root: Path) -> Champion:
    """The pointer of a store.

    Raises:
        FileNotFoundError: nothing was promoted yet.
    """
    champion = read_champion(root)
    if champion is None:
        raise FileNotFoundError(
            f"{root} has no champion: make run; where it refused the challenger, make report says why"
        )
    return champion
