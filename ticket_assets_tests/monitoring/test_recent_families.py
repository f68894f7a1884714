"""How many recent families a challenger could be judged on, told before a run as the run itself comes to it."""

from dataclasses import replace
from pathlib import Path

import pytest

from ticket_assets.models.split import RECENT
from ticket_assets.models.trained_rows import keep_trained, recent_there
from ticket_assets.monitoring import recent_families
from ticket_assets.monitoring.recent_families import unseen_families
from ticket_assets.serving.manifest import BundleManifest, Origin
from ticket_assets.serving.prediction import Ticket
from ticket_assets.serving.recent_tickets import recent_tickets
from ticket_assets.storage import ProfileFolders
from ticket_assets.tables import write_parquet
from ticket_assets_tests.serving.conftest import toy_fields
from ticket_assets_tests.serving.growing_desk import NEW, RECENT_SHARE, GrowingDesk, arriving, begin


@pytest.fixture
def desk(tmp_path: Path) -> GrowingDesk:
    return begin(tmp_path / "desk", f"sqlite:///{tmp_path / 'registry.db'}", count=200)


def manifest(version: str, **kept: Origin) -> BundleManifest:
    told = {**toy_fields(), "data": {"tickets/clean": version}, "kept": kept}
    return BundleManifest(targets={"queue": NEW}, libraries={}, files={}, **told)


def written(desk: GrowingDesk, folder: Path) -> ProfileFolders:
    """The tables and lists as the line leaves them before a retraining begins: of the split before."""
    folders = ProfileFolders(folder)
    write_parquet(folders.parquet / "tickets" / "clean.parquet", desk.clean)
    folders.split.mkdir(parents=True, exist_ok=True)
    desk.holdout.save(folders.split / "holdout.json")
    return folders


def asked(desk: GrowingDesk, folders: ProfileFolders, version: str) -> int:
    """Families of the contest as the retraining holds it."""
    tickets = {one: Ticket("") for one in desk.clean["ticket_id"]}
    rows = recent_tickets({"queue": desk.rows()}, tickets).targets["queue"]
    return len({*rows.since(recent_there(folders.trained, version)).families})


def test_as_many_families_are_told_before_a_run_as_its_contest_has(desk: GrowingDesk, tmp_path: Path) -> None:
    folders = written(desk, tmp_path / "root")
    keep_trained(folders.trained, "v1", desk.clean["ticket_id"])
    desk.seen.save(folders.split)
    assert unseen_families(folders, manifest("v1"), RECENT_SHARE) == 0
    new = arriving(200, NEW, seed=2)
    new.loc[150:, "label_queue"] = None  # nobody solved them yet
    new.loc[:20, "family_id"] = new["family_id"].iloc[0]
    desk.grow(new)
    written(desk, tmp_path / "root")
    found = unseen_families(folders, manifest("v1"), RECENT_SHARE)
    assert found == asked(desk, folders, "v1")
    assert 10 < found < 50


def test_families_that_were_there_when_the_champion_was_trained_do_not_count(desk: GrowingDesk, tmp_path: Path) -> None:
    desk.grow(arriving(200, NEW, seed=2))
    folders = written(desk, tmp_path / "root")
    desk.seen.save(folders.split)
    lately = desk.split().loc[lambda split: split["side"] == RECENT, "ticket_id"]
    keep_trained(folders.trained, "v2", [], lately)
    assert unseen_families(folders, manifest("v2"), RECENT_SHARE) == 0
    kept = {"queue": Origin("b" * 16, {"tickets/clean": "v1"})}
    assert unseen_families(folders, replace(manifest("v2"), kept=kept), RECENT_SHARE) == lately.nunique()


def test_where_no_split_was_kept_nothing_tells(desk: GrowingDesk, tmp_path: Path) -> None:
    """A root of an earlier version: nobody is recent until its next split, and it must not wait for ever."""
    assert unseen_families(ProfileFolders(tmp_path / "none"), manifest("v1"), RECENT_SHARE) is None
    folders = written(desk, tmp_path / "root")
    assert unseen_families(folders, manifest("v1"), RECENT_SHARE) is None


def test_the_tables_are_read_again_only_where_they_changed(
    desk: GrowingDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tick comes every half minute; hashing the names of a large desk takes seconds."""
    folders, read = written(desk, tmp_path / "root"), []
    desk.seen.save(folders.split)
    count = recent_families.count_families
    monkeypatch.setattr(recent_families, "count_families", lambda *told: read.append(1) or count(*told))
    for _ in range(3):
        unseen_families(folders, manifest("v1"), RECENT_SHARE)
    assert len(read) == 1
    desk.grow(arriving(200, NEW, seed=2))
    written(desk, tmp_path / "root")
    assert unseen_families(folders, manifest("v1"), RECENT_SHARE)
    assert len(read) == 2
