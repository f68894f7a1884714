"""What led to former models and leads to none any more: candidates, searches, vectors of former encoders.

Belongs here: which of it stays, removing the rest.
Does not belong here: bundles and bentos (retention.py), versions of a vector table (features/vectors.py).

Whatever serves, or may serve again after a rollback, is in its bundle; so nothing here can take an answer away.
"""

import json
import shutil
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from ticket_assets.features.vector_storage import drop_table, encoders_with_tables
from ticket_assets.models.candidate import LATEST
from ticket_assets.serving.bundle import LEFT_BEHIND_SECONDS
from ticket_assets.serving.manifest import MANIFEST, BundleError, BundleManifest
from ticket_assets.storage import ProfileFolders


@dataclass(frozen=True)
class Removed:
    """How many went."""

    candidates_removed: int = 0
    searches_removed: int = 0
    vector_tables_removed: int = 0


def sweep_work(folders: ProfileFolders, profile: str, storage_url: str, encoder_id: str, keep: int) -> Removed:
    """Remove candidates, searches and vector tables that nothing refers to; what is younger than a day stays.

    Args:
        folders: of the profile.
        profile: its name, which begins the names of its studies.
        storage_url: of Optuna.
        encoder_id: of today's vectors. They stay, and those of the encoder of any bundle in the store.
        keep: former candidates and former searches of a target that stay, the latest of them, beside the last one.
    """
    candidates = [*_former_candidates(folders.candidates, keep)]
    searches = [*_former_searches(folders, keep)]
    tables = _former_tables(folders, encoder_id)
    for folder in searches:
        # The study first: a folder that is left is found again.
        _delete_study(f"{profile}-{folder.parent.name}-{folder.name}", storage_url)
    for folder in (*candidates, *searches):
        shutil.rmtree(folder)
    for one in tables:
        drop_table(folders.vectors, one)
    return Removed(len(candidates), len(searches), len(tables))


def _former_candidates(root: Path, keep: int) -> Iterable[Path]:
    for target in _folders(root):
        latest = target / LATEST
        if latest.exists():
            yield from _superfluous(target, {latest.read_text()}, keep)


def _former_searches(folders: ProfileFolders, keep: int) -> Iterable[Path]:
    for target in _folders(folders.search):
        told = folders.reports / f"search_{target.name}.json"
        if told.exists():  # else none is finished
            study = str(json.loads(told.read_text(encoding="utf-8"))["study"])
            yield from _superfluous(target, {study.rpartition("-")[2]}, keep)


def _former_tables(folders: ProfileFolders, encoder_id: str) -> list[str]:
    needed = {encoder_id}
    for path in folders.bundles.glob(f"[!.]*/{MANIFEST}"):
        try:
            encoder = BundleManifest.read(path.parent).encoder
        except BundleError:  # of an earlier contract: nobody can answer with it
            continue
        needed |= {encoder["id"]} if encoder else set()
    tables = encoders_with_tables(folders.vectors)
    return sorted(one for one, path in tables.items() if one not in needed and _is_old(path))


def _superfluous(folder: Path, used: Collection[str], keep: int) -> list[Path]:
    """Folders in a folder but those in use and as many of the latest others."""
    former = sorted((one for one in _folders(folder) if one.name not in used), key=_changed, reverse=True)
    return [one for one in former[keep:] if _is_old(one)]


def _folders(root: Path) -> list[Path]:
    return [path for path in root.glob("[!.]*") if path.is_dir()] if root.is_dir() else []


def _is_old(folder: Path) -> bool:
    """Whether no other run can be at work on it: a search writes a file with every trial, a table with every batch."""
    return time.time() - _changed(folder) > LEFT_BEHIND_SECONDS


def _changed(folder: Path) -> float:
    return max(path.stat().st_mtime for path in (folder, *folder.rglob("*")))


def _delete_study(name: str, storage_url: str) -> None:
    import optuna

    try:
        optuna.delete_study(study_name=name, storage=storage_url)
    except KeyError:  # deleted by a sweep that was killed before the folder went
        return
