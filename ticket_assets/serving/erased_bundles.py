"""Erasing tickets from bundles, wherever copies of them lie: the store, MLflow's artifacts, bentos.

Belongs here: rewriting bundles with their cards, the pointer and the registry's tags, removing bentos.
Does not belong here: the files of a model (models/erasure.py), the order of an erasure (erasure.py).
"""

import shutil
from collections.abc import Collection, Iterator
from dataclasses import replace
from graphlib import TopologicalSorter
from pathlib import Path

from ticket_assets.models.erasure import erase_from_models, holds
from ticket_assets.models.registry import Registry
from ticket_assets.serving.bundle import MODEL_CARD, describe, rewrite_bundle
from ticket_assets.serving.manifest import MANIFEST, BundleError, BundleManifest, file_sums
from ticket_assets.serving.redaction import black
from ticket_assets.serving.renamed import renamed
from ticket_assets.serving.store import (
    read_challenger,
    read_champion,
    remove_challenger,
    write_challenger,
    write_champion,
)
from ticket_assets.storage import append_record, replacing, temporary_sibling
from ticket_assets.tickets.ledger import BUNDLE, LEDGER
from ticket_assets.tickets.traces import Traces


def require_known_champion(root: Path) -> None:
    """Refuse a champion whose training tickets nobody can tell.

    Raises:
        BundleError: it is of a contract in which neighbours had no names.
    """
    champion = read_champion(root)
    if champion is not None:
        try:
            BundleManifest.read(root / champion.bundle)
        except BundleError as error:
            raise BundleError(
                f"the champion cannot be searched for tickets ({error}): bring the line up to date first (`make run`), "
                "so that another takes its place"
            ) from error


def erase_from_bundles(root: Path, records: Path, registry: Registry, traces: Traces) -> dict[str, str]:
    """Rewrite every bundle of the store that holds such a ticket; record and return old id to new id.

    A bundle is named by its content, so it has a new name. The champion's new bundle is whole before the pointer moves,
    and the old one goes after it: whoever loads the champion finds one at any time. Bundles that cannot be read, being
    of an earlier contract, go: they may hold any ticket, and nobody can answer with them. A bundle that keeps a model
    of a rewritten one names that by its new id, and has a new one itself.
    """
    done = {}
    for folder in _origins_first(root):
        names = renamed(records)
        if not (_holds(folder, traces) or _keeps(folder, names)):
            continue
        try:
            made = rewrite_bundle(root, folder.name, lambda draft: _erase(draft, traces), names)
        except BundleError:
            _remove(folder)
            _challenger_moved(root, folder.name, None)
            done[folder.name] = "removed: of an earlier contract"
            continue
        champion = read_champion(root)
        registry.rename_bundle(folder.name, made.id)
        moved = champion is not None and champion.bundle == folder.name
        entry = {"kind": BUNDLE, "before": folder.name, "after": made.id, "is_champion": moved}
        append_record(records / LEDGER, entry)
        if champion is not None and moved:
            write_champion(root, replace(champion, bundle=made.id))
        _challenger_moved(root, folder.name, made.id)
        _remove(folder)
        done[folder.name] = made.id
    return done


def _challenger_moved(root: Path, before: str, after: str | None) -> None:
    """Have the pointer to who is in the shadow, and in whose, name a bundle by its new id; without one nobody is."""
    challenger = read_challenger(root)
    if challenger is None or before not in (challenger.bundle, challenger.against):
        return
    if after is None:
        remove_challenger(root)
        return
    bundle, against = (after if one == before else one for one in (challenger.bundle, challenger.against))
    write_challenger(root, replace(challenger, bundle=bundle, against=against))


def erase_from_artifacts(folder: Path, records: Path, traces: Traces) -> int:
    """Rewrite the copies of bundles among MLflow's artifacts in their places; return how many.

    Each file is replaced whole; a copy that is broken off between two of them is mended when this is called again.
    """
    found, names = [path.parent for path in sorted(folder.rglob(MANIFEST))], renamed(records)
    touched = [one for one in found if _holds(one, traces) or _keeps(one, names) or _is_half_done(one)]
    for one in touched:
        try:
            before = BundleManifest.read(one)
        except BundleError:
            _remove(one)
            continue
        _erase(one, traces)
        describe(one, before, names)
    return len(touched)


def remove_bentos(home: Path, traces: Traces) -> list[str]:
    """Remove the bentos whose bundle holds such a ticket; return their tags. The next run builds the champion's again.

    A server that runs goes on: it has its bundle in memory.
    """
    removed = []
    for bento in _bentos(home):
        if _holds(bento, traces):
            latest = bento.with_name("latest")
            if latest.exists() and latest.read_text().strip() == bento.name:
                latest.unlink()
            shutil.rmtree(bento)
            removed.append(f"{bento.parent.name}:{bento.name}")
    return removed


def _origins_first(root: Path) -> list[Path]:
    """The bundles of a store, each after those that models in it come from."""
    kept = {path.parent.name: _kept(path.parent) for path in sorted(root.glob(f"[!.]*/{MANIFEST}"))}
    return [root / bundle for bundle in TopologicalSorter(kept).static_order() if bundle in kept]


def _kept(folder: Path) -> set[str]:
    """Ids of the bundles that models in it come from."""
    try:
        return {origin.bundle for origin in BundleManifest.read(folder).kept.values()}
    except BundleError:
        return set()


def _keeps(folder: Path, names: Collection[str]) -> bool:
    """Whether a model in it comes from one of these bundles."""
    return not _kept(folder).isdisjoint(names)


def _holds(folder: Path, traces: Traces) -> bool:
    """Whether a model below a folder holds such a ticket, or a model card names what only the tickets say."""
    return holds(folder, traces) or any(black(its, traces) != its for its in map(Path.read_bytes, _cards(folder)))


def _erase(folder: Path, traces: Traces) -> None:
    """Rewrite models and model cards. A card may name words of a model that did not go into its bundle."""
    erase_from_models(folder, traces)
    for card in _cards(folder):
        with replacing(card) as temporary:
            temporary.write_bytes(black(card.read_bytes(), traces))


def _cards(folder: Path) -> list[Path]:
    return sorted(folder.rglob(MODEL_CARD))


def _remove(folder: Path) -> None:
    """Under a name that a sweep finds: killed in the middle, what is left would no longer look like a bundle."""
    aside = temporary_sibling(folder)
    folder.rename(aside)
    shutil.rmtree(aside)


def _bentos(home: Path) -> Iterator[Path]:
    return (path for path in sorted((home / "bentos").glob("*/*")) if path.is_dir())


def _is_half_done(folder: Path) -> bool:
    """Whether the files are others than the manifest says: a rewriting was broken off before it."""
    try:
        return BundleManifest.read(folder).files != file_sums(folder)
    except BundleError:
        return False
