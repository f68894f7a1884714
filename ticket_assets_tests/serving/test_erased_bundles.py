"""Bundles are rewritten under a new id, and the champion can be loaded at any moment of it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ticket_assets.models.neighbours import Neighbours
from ticket_assets.serving.bundle import rewrite_bundle, write_bundle
from ticket_assets.serving.erased_bundles import erase_from_artifacts, erase_from_bundles, remove_bentos
from ticket_assets.serving.erasure import sweep
from ticket_assets.serving.manifest import BundleManifest, Origin, file_faults
from ticket_assets.serving.store import Champion, require_champion, write_champion
from ticket_assets.storage import read_records
from ticket_assets.tickets.ledger import LEDGER
from ticket_assets.tickets.traces import Traces
from ticket_assets_tests.serving.conftest import toy_fields, toy_model

GONE = Traces(("t-1",))


class Registered:
    """Stands for the registry, which has tests of its own: remembers what it was told."""

    def __init__(self) -> None:
        self.renamed: list[tuple[str, str]] = []

    def rename_bundle(self, before: str, after: str) -> int:
        self.renamed.append((before, after))
        return 1


def put_neighbours(folder: Path) -> None:
    vectors = np.eye(3, dtype=np.float32)
    Neighbours.fit(vectors, np.arange(3), 3, ["t-1", "t-2", "t-3"]).save(folder / "tone")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store whose champion holds t-1, and another bundle that holds nobody."""
    root = tmp_path / "bundles"
    quiet = write_bundle(root, [toy_model()], toy_fields(), "a card")
    made = rewrite_bundle(root, quiet.id, put_neighbours)
    write_champion(root, Champion(3, made.id, "2026-01-01"))
    return root


def whole(root: Path) -> BundleManifest:
    """The champion's manifest; its files are those that it lists."""
    folder = root / require_champion(root).bundle
    manifest = BundleManifest.read(folder)
    assert file_faults(manifest, folder) == []
    return manifest


def test_the_champion_moves_to_its_new_id_which_is_recorded_and_tagged_and_the_old_folder_goes(store: Path) -> None:
    before, registry = require_champion(store), Registered()
    (untouched,) = {path.name for path in store.iterdir() if path.is_dir()} - {before.bundle}
    renamed = erase_from_bundles(store, store.parent, registry, GONE)
    after = require_champion(store)
    assert renamed == {before.bundle: after.bundle} and registry.renamed == [(before.bundle, after.bundle)]
    assert after == replace(before, bundle=after.bundle)
    assert whole(store).id == after.bundle
    assert {path.name for path in store.iterdir() if path.is_dir()} == {after.bundle, untouched}
    assert read_records(store.parent / LEDGER).whole == (
        {"kind": "bundle", "before": before.bundle, "after": after.bundle, "is_champion": True},
    )
    assert erase_from_bundles(store, store.parent, registry, GONE) == {}


def test_killed_while_the_old_folder_goes_nothing_of_it_is_left_after_the_next_try(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = shutil.rmtree

    def killed(path: Path, ignore_errors: bool = False) -> None:
        if ignore_errors:
            return real(path, ignore_errors=True)
        (path / "bundle.json").unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            erase_from_bundles(store, store.parent, Registered(), GONE)
    whole(store)
    sweep(store)
    erase_from_bundles(store, store.parent, Registered(), GONE)
    assert len(list(store.rglob("neighbours.npz"))) == 1
    assert whole(store)


def test_a_copy_among_the_artifacts_is_rewritten_in_its_place_also_when_that_was_broken_off(store: Path) -> None:
    copy = store.parent / "mlflow" / "run" / "artifacts" / "bundle"
    shutil.copytree(store / require_champion(store).bundle, copy)
    half = shutil.copytree(copy, store.parent / "mlflow" / "other" / "artifacts" / "bundle")
    index = Neighbours.load(half / "tone")
    index.without(["t-1"]).save(half / "tone")  # and its manifest still lists the file as it was
    assert erase_from_artifacts(store.parent / "mlflow", store.parent, GONE) == 2
    erase_from_bundles(store, store.parent, Registered(), GONE)
    for one in (copy, half):
        assert BundleManifest.read(one) == whole(store)
    assert erase_from_artifacts(store.parent / "mlflow", store.parent, GONE) == 0


def test_a_bento_that_holds_the_ticket_goes_with_the_name_of_the_latest_and_others_stay(store: Path) -> None:
    home = store.parent / "bentoml"
    for version, bundle in (("v1", "quiet"), ("v2", require_champion(store).bundle)):
        baked = home / "bentos" / "ticket-assets-x" / version / "src" / "baked" / "bundles" / bundle
        if bundle == "quiet":
            baked.mkdir(parents=True)
        else:
            shutil.copytree(store / bundle, baked)
    (home / "bentos" / "ticket-assets-x" / "latest").write_text("v2")
    assert remove_bentos(home, GONE) == ["ticket-assets-x:v2"]
    assert [path.name for path in (home / "bentos" / "ticket-assets-x").iterdir()] == ["v1"]
    assert remove_bentos(home, GONE) == []


def test_a_bundle_that_keeps_a_model_of_a_rewritten_one_names_it_by_its_new_id_in_every_copy(store: Path) -> None:
    """The id of what was erased stayed in the list of kept models, and no bundle had that name any more."""
    origin = require_champion(store).bundle
    keeping = toy_fields() | {"kept": {"tone": Origin(origin, {"tickets/clean": "d1"})}}
    kept = write_bundle(store, [toy_model()], keeping, "a card").id
    again = toy_fields() | {"kept": {"tone": Origin(kept, {})}}
    last = write_bundle(store, [toy_model()], again, "another card").id
    copy = shutil.copytree(store / last, store.parent / "mlflow" / "run" / "artifacts" / "bundle")
    erase_from_bundles(store, store.parent, Registered(), GONE)
    erase_from_artifacts(store.parent / "mlflow", store.parent, GONE)
    manifests = [BundleManifest.read(path.parent) for path in store.glob("[!.]*/bundle.json")]
    held, named = {one.id for one in manifests}, {one.bundle for its in manifests for one in its.kept.values()}
    assert not {origin, kept, last} & (held | named)
    assert len(named) == 2 and named < held
    assert BundleManifest.read(copy) in manifests
    assert erase_from_bundles(store, store.parent, Registered(), GONE) == {}
