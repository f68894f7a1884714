"""The bundle store: which bundle is champion.

Belongs here: `champion.json`, replaced atomically, and reading it.
Does not belong here: deciding who is champion (models/promotion.py), the bundle's content (bundle.py).
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ticket_assets.storage import write_text

POINTER = "champion.json"


@dataclass(frozen=True)
class Champion:
    """The pointer: registry version, bundle id, when it was moved (ISO 8601, UTC)."""

    version: int
    bundle: str
    since: str


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
