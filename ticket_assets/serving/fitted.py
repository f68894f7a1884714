"""Which data the models of bundles were fitted to, and whether erased tickets were among it.

Belongs here: the versions that a bundle names, those that an erasure touches, whether a champion is fitted to erased
tickets, whether a challenger that is not has lost already.
Does not belong here: the lists of training tickets (models/trained_rows.py), the ledger (tickets/ledger.py), what is
decided upon it (models/promotion.py).
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ticket_assets.models.promotion import Verdict
from ticket_assets.models.trained_rows import was_trained_on
from ticket_assets.serving.manifest import MANIFEST, BundleError, BundleManifest
from ticket_assets.tickets.ledger import fitted_to_erased, last_erasure, tells_fitted

DATA = "tickets/clean"
ERASED = "weights were fitted to tickets that were erased since"


def versions(manifest: BundleManifest) -> set[str]:
    """Versions of `tickets/clean` that the models of a bundle were made from; a model that stayed has its own."""
    told = [manifest.data, *(origin.data for origin in manifest.kept.values())]
    return {data[DATA] for data in told if DATA in data}


def version_of(manifest: BundleManifest, target: str) -> str | None:
    """The version that the model of a target was made from."""
    data = manifest.kept[target].data if target in manifest.kept else manifest.data
    return data.get(DATA)


def versions_in_store(bundles: Path) -> set[str]:
    """Those of all bundles of a store that can be read; nobody answers with the others."""
    found: set[str] = set()
    for path in bundles.glob(f"[!.]*/{MANIFEST}"):
        try:
            found |= versions(BundleManifest.read(path.parent))
        except BundleError:
            continue
    return found


def touched(bundles: Path, trained: Path, ticket_ids: Collection[str]) -> tuple[str, ...]:
    """Versions of the store's bundles in which any of these tickets was trained on.

    Args:
        bundles: the store.
        trained: folder of the lists of training tickets.
        ticket_ids: that the snapshot held and the hold-out did not. Where no list tells, being of an earlier version of
            the project, they are taken for trained on.
    """
    if not ticket_ids:
        return ()
    asked = {version: was_trained_on(trained, version, ticket_ids) for version in versions_in_store(bundles)}
    return tuple(sorted(version for version, answer in asked.items() if answer is not False))


def erased_data(records: Path, trained: Path, asked: Collection[str]) -> frozenset[str]:
    """Those of some versions in which tickets were trained on that were erased since.

    An erasure by an earlier version of the project does not tell: it counts against all that has no list, which is of
    such a time too.

    Args:
        records: folder of the profile's records.
        trained: folder of the lists of training tickets.
        asked: the versions.
    """
    told = fitted_to_erased(records).intersection(asked)
    if tells_fitted(records):
        return told
    return told | {version for version in asked if was_trained_on(trained, version, ()) is None}


def is_fitted_to_erased(records: Path, trained: Path, bundle: BundleManifest) -> bool:
    """Whether a model of the bundle was fitted to tickets that were erased since."""
    return bool(erased_data(records, trained, versions(bundle)))


def lost_without_erased(records: Path, trained: Path, decision: Mapping[str, Any]) -> bool:
    """Whether a challenger that was fitted to nobody who was erased was judged after the last erasure, and lost.

    Args:
        records: folder of the profile's records.
        trained: folder of the lists of training tickets.
        decision: a line of the record.
    """
    lost = any(one["verdict"] == Verdict.LOSES for one in decision.get("targets", {}).values())
    after = str(decision.get("at", "")) > last_erasure(records)  # both ISO 8601, UTC
    return lost and after and not erased_data(records, trained, {str(decision.get(DATA))})
