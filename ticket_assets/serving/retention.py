"""Bundles and bentos that nobody needs any more, and taking them away.

Belongs here: which stay, removing the others.
Does not belong here: drafts of killed writers (bundle.py), copies in MLflow, which keep every registered bundle.
"""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from ticket_assets.serving.bento import bento_folder, bento_name
from ticket_assets.serving.bundle import LEFT_BEHIND_SECONDS
from ticket_assets.serving.chronicle import Chronicle
from ticket_assets.serving.manifest import MANIFEST
from ticket_assets.serving.throne import Court, throne


def sweep(court: Court, profile: str, bentos: Path) -> tuple[str, ...]:
    """Remove bundles, and the bentos of bundles that are gone; return the ids of the bundles.

    There stay: the champion and the one before it, the latest `promotion.keep` champions, as many of the latest that
    never were, and whatever was written or held (`bundle.hold`) within a day, since another run may just be judging it,
    or somebody rolling back to it.
    """
    with throne(court) as standing:
        gone = [*_superfluous(court.bundles, standing, court.rules.keep)]
        for folder in gone:
            shutil.rmtree(folder)
    left = {folder.name[:8] for folder in _bundles(court.bundles)}
    for built in bento_folder(bentos, bento_name(profile)).glob("v*-*-*"):
        if built.name.split("-")[1] not in left:
            shutil.rmtree(built)
    return tuple(folder.name for folder in gone)


def _superfluous(bundles: Path, standing: Chronicle, keep: int) -> Iterator[Path]:
    latest_first = [reign.champion.bundle for reign in reversed(standing.reigns)]
    champions = list(dict.fromkeys(latest_first))
    safe = {*champions[:keep], *(one.bundle for one in (standing.champion, standing.before) if one)}
    never = sorted(
        (folder for folder in _bundles(bundles) if folder.name not in champions),
        key=lambda folder: folder.stat().st_mtime,
        reverse=True,
    )
    former = [folder for folder in _bundles(bundles) if folder.name in champions and folder.name not in safe]
    for folder in (*never[keep:], *former):
        if time.time() - folder.stat().st_mtime > LEFT_BEHIND_SECONDS:
            yield folder


def _bundles(bundles: Path) -> list[Path]:
    return [path.parent for path in bundles.glob(f"[!.]*/{MANIFEST}")]
