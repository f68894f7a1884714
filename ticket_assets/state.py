"""The version of a profile's state: which layout its root has, and whether this code may go on with it.

Belongs here: the version, its file, what is refused and what to do then.
Does not belong here: how an older layout becomes today's (serving/upgrade.py), paths and identity (storage.py).
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ticket_assets.storage import ProfileFolders, write_text

# What each version changed, and how a root of the one before becomes one: serving/upgrade.py.
STATE_VERSION = 2
_FILE = "state.json"


class StateError(RuntimeError):
    """The root is of another version of the project, or an erasure is not finished on it; says what to do."""


def read_state(folders: ProfileFolders) -> int | None:
    """Version of the layout; 0 of a root from before it was written down, None of one that holds nothing yet."""
    path = folders.root / _FILE
    if path.exists():
        return int(json.loads(path.read_text())["version"])
    return 0 if (folders.root / "identity.json").exists() else None


def write_state(folders: ProfileFolders, version: int) -> None:
    """Say which layout the root has."""
    write_text(folders.root / _FILE, json.dumps({"version": version}))


def open_root(folders: ProfileFolders, identity: Mapping[str, str], frozen: Mapping[str, Any] | None = None) -> None:
    """Begin or go on with a profile's root.

    Raises:
        StateError: see `require_state`.
        IdentityError: it was filled from another source or for other targets.
    """
    require_state(folders)
    if read_state(folders) is None:
        write_state(folders, STATE_VERSION)  # before the identity, with which alone it would be an older root
    folders.require_identity(identity, frozen)


def require_state(folders: ProfileFolders) -> None:
    """Refuse a root that this code cannot go on with.

    Raises:
        StateError: an earlier or a later version wrote it, or an erasure was broken off.
    """
    refuse_older(folders)
    refuse_newer(folders)
    if plan_of_erasure(folders.root).exists():
        raise StateError(
            f"an erasure was broken off in {folders.root}; nothing else runs before it is finished: "
            f"make erase PROFILE={folders.root.name} YES=1"
        )


def refuse_older(folders: ProfileFolders) -> None:
    """Refuse a root of an earlier version that nobody upgraded.

    Raises:
        StateError: with both versions and the command.
    """
    found = read_state(folders)
    if found is not None and found < STATE_VERSION:
        raise StateError(
            f"{folders.root} was written by an earlier version of ticket-assets (state {found}; this one writes "
            f"{STATE_VERSION}): make upgrade PROFILE={folders.root.name}"
        )


def refuse_newer(folders: ProfileFolders) -> None:
    """Refuse a root of a later version, which may hold what this code would lose.

    Raises:
        StateError: with both versions.
    """
    found = read_state(folders)
    if found is not None and found > STATE_VERSION:
        raise StateError(
            f"{folders.root} was written by a newer version of ticket-assets (state {found}; this one writes "
            f"{STATE_VERSION}): install that version, or a later one"
        )


def plan_of_erasure(root: Path) -> Path:
    """The plan of an erasure that is not finished; there only as long."""
    return root / "erasure.json"
