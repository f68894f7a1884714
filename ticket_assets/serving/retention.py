"""Bundles and bentos that nobody needs any more, and taking them away.

Belongs here: which stay, removing the others; which ones what is kept elsewhere (their vectors) is still needed for.
Does not belong here: drafts of killed writers (bundle.py), copies in MLflow, which keep every registered bundle.
"""

import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from ticket_assets.serving.bento import bento_folder, bento_name
from ticket_assets.serving.bundle import LEFT_BEHIND_SECONDS
from ticket_assets.serving.chronicle import Chronicle
from ticket_assets.serving.manifest import MANIFEST, BundleError, BundleManifest
from ticket_assets.serving.renamed import renamed
from ticket_assets.serving.store import read_challenger
from ticket_assets.serving.throne import Court, throne


def sweep(court: Court, profile: str, bentos: Path) -> tuple[str, ...]:
    """Remove bundles, and the bentos of bundles that are gone; return the ids of the bundles.

    There stay: the champion, the one before it, who is in its shadow, the latest `promotion.keep` champions, as many of
    the latest that never were, and whatever was written or held (`bundle.hold`) within a day, since another run may
    just be judging it, or somebody rolling back to it. So does a bundle of which a model stands in one that stays.
    """
    with throne(court) as standing:
        gone = _superfluous(court, standing)
        for folder in gone:
            shutil.rmtree(folder)
    left = {folder.name[:8] for folder in _bundles(court.bundles)}
    for built in bento_folder(bentos, bento_name(profile)).glob("v*-*-*"):
        if built.name.split("-")[1] not in left:
            shutil.rmtree(built)
    return tuple(folder.name for folder in gone)


def needed_bundles(court: Court) -> set[str]:
    """Ids of the bundles in the store, and of those that models of them come from, gone or not."""
    there = {folder.name for folder in court.bundles.glob("[!.]*") if folder.is_dir()}
    names = renamed(court.records)
    return there.union(*(_origins(court.bundles / one, names) for one in there))


def _superfluous(court: Court, standing: Chronicle) -> list[Path]:
    latest_first = [reign.champion.bundle for reign in reversed(standing.reigns)]
    champions, keep = list(dict.fromkeys(latest_first)), court.rules.keep
    beside = read_challenger(court.bundles)
    safe = {*champions[:keep], *(one.bundle for one in (standing.champion, standing.before, beside) if one)}
    there = _bundles(court.bundles)
    never = sorted(
        (folder for folder in there if folder.name not in {*champions, *safe}),
        key=lambda folder: folder.stat().st_mtime,
        reverse=True,
    )
    former = [folder for folder in there if folder.name in champions and folder.name not in safe]
    old = {one for one in (*never[keep:], *former) if time.time() - one.stat().st_mtime > LEFT_BEHIND_SECONDS}
    names = renamed(court.records)
    needed = set[str]().union(*(_origins(folder, names) for folder in there if folder not in old))
    return [folder for folder in there if folder in old and folder.name not in needed]


def _origins(folder: Path, names: Mapping[str, str]) -> set[str]:
    """Bundles that models of this one come from, by the ids of then and of now."""
    try:
        then = {origin.bundle for origin in BundleManifest.read(folder).kept.values()}
    except BundleError:  # of an earlier contract, which no process can load
        return set()
    return then | {names.get(one, one) for one in then}


def _bundles(bundles: Path) -> list[Path]:
    return [path.parent for path in bundles.glob(f"[!.]*/{MANIFEST}")]
