"""From the state that an earlier version of the project left to today's, step by step.

Belongs here: one migration per version of the state, what of the old state is of no use any more.
Does not belong here: the version itself (state.py). What code or cleaning of another version made is no matter of
this: it is due, and the next run makes it again.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ticket_assets.models.candidate import LATEST
from ticket_assets.models.neighbours import NEIGHBOURS_FILE
from ticket_assets.profile import Profile
from ticket_assets.serving.manifest import BundleError, BundleManifest, mismatches
from ticket_assets.serving.store import read_champion
from ticket_assets.state import STATE_VERSION, StateError, read_state, refuse_newer, write_state
from ticket_assets.storage import ProfileFolders, write_text


@dataclass(frozen=True)
class Old:
    """A root to upgrade: its folders, the profile's settings, the paths that its source may have had."""

    folders: ProfileFolders
    profile: Profile
    paths: tuple[str | None, ...]


def upgrade(old: Old) -> list[str]:
    """Bring a root to today's state; return what was done, a line per step. A fresh or current root needs nothing.

    Each step may be done twice, and the version is written behind each, so that a killed upgrade goes on.

    Raises:
        StateError: a later version of the project wrote it, or a step wants to be told more.
    """
    refuse_newer(old.folders)
    done = []
    for version in range(_first(old.folders), STATE_VERSION + 1):
        done += [f"state {version}: {line}" for line in MIGRATIONS[version](old)]
        write_state(old.folders, version)
    return done


def champion_faults(folders: ProfileFolders) -> list[str]:
    """Why the champion does not answer with this code; nothing where it does, or where there is none."""
    champion = read_champion(folders.bundles)
    if champion is None:
        return []
    folder = folders.bundles / champion.bundle
    try:
        return mismatches(BundleManifest.read(folder), folder, folders.encoders)
    except BundleError as error:
        return [str(error)]


def _first(folders: ProfileFolders) -> int:
    found = read_state(folders)
    return STATE_VERSION + 1 if found is None else found + 1


def _path_leaves_identity(old: Old) -> Iterator[str]:
    """State 1: where the source lies is no part of the identity any more, and the state has a version."""
    path = old.folders.root / "identity.json"
    before, now = json.loads(path.read_text()), old.profile.identity()
    if before["source"] == now["source"]:
        yield "the root has a version"
    elif before["source"] in _former_identities(old.profile, old.paths):
        write_text(path, json.dumps({**before, "source": now["source"]}, indent=2))
        yield "the identity no longer holds where the source lies"
    else:
        root, tried = old.folders.root, ", ".join(sorted({str(one) for one in old.paths if one}))
        raise StateError(
            f"{root} was filled by an early version of ticket-assets, which knew its source by a path, and by none of "
            f"{tried}: name the path that it was run with, make upgrade PROFILE={root.name} SOURCE=…; if the source or "
            "its columns are others, the root is another profile's"
        )


def _former_identities(profile: Profile, paths: Iterable[str | None]) -> set[str]:
    """The source's part of the identity as the first versions made it, for any path that it may have had."""
    source = profile.source.model_dump(include={"kind", "rows", "seed"})
    columns = profile.columns.model_dump(exclude={"known_at", "date_order"})
    told = [{"source": {**source, "path": path}, "columns": columns} for path in paths if path is not None]
    return {hashlib.sha256(json.dumps(one, sort_keys=True).encode()).hexdigest()[:12] for one in told}


def _neighbours_have_names(old: Old) -> Iterator[str]:
    """State 2: the rows of an index of neighbours have names, by which an erasure finds them.

    Candidates without are due and go. A bundle without stays for the record: it is refused, and goes with an erasure.
    """
    nameless = [one for one in old.folders.candidates.glob("*/*") if one.is_dir() and not _named(one)]
    for version in nameless:
        shutil.rmtree(version)
        latest = version.with_name(LATEST)
        if latest.exists() and latest.read_text() == version.name:
            latest.unlink()
    yield f"{len(nameless)} candidates of an earlier version removed; the next run trains others"


def _named(folder: Path) -> bool:
    for path in folder.rglob(NEIGHBOURS_FILE):
        with np.load(path, allow_pickle=False) as arrays:
            if "names" not in arrays:
                return False
    return True


MIGRATIONS: dict[int, Callable[[Old], Iterator[str]]] = {1: _path_leaves_identity, 2: _neighbours_have_names}
