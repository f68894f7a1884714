"""What is removed from the store, and what never is."""

import os
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ticket_assets.serving.bento import bento_folder, bento_name
from ticket_assets.serving.manifest import BundleManifest
from ticket_assets.serving.retention import needed_bundles, sweep
from ticket_assets.serving.rollback import Plan, plan, roll_back
from ticket_assets.serving.store import Champion
from ticket_assets.serving.throne import instant
from ticket_assets.storage import append_record
from ticket_assets.tickets.ledger import LEDGER
from ticket_assets_tests.serving.toys import DEAF, GOOD, HARD_OF_HEARING, NEARLY_GOOD, SmallDesk

PROFILE = "it_service"


class Store:
    """Six former champions, the last of which serves, and four bundles that never did; all old, the first oldest."""

    def __init__(self, desk: SmallDesk) -> None:
        self.desk = desk
        self.champions = [desk.crown(desk.bundle(tone=number / 100)) for number in range(6)]
        self.refused = [desk.bundle(tone=1 + number / 100).id for number in range(4)]
        for age, bundle in enumerate([*(one.bundle for one in self.champions), *self.refused]):
            self.age(bundle, days=100 - age)
        self.bentos = desk.bundles.parent / "bentoml"
        for one in self.champions:
            self.bento(one).mkdir(parents=True)

    def age(self, bundle: str, days: float) -> None:
        moment = datetime.now(UTC).timestamp() - days * 24 * 3600
        os.utime(self.desk.bundles / bundle, (moment, moment))

    def bento(self, one: Champion) -> Path:
        return bento_folder(self.bentos, f"{bento_name(PROFILE)}:v{one.version}-{one.bundle[:8]}-abc123")

    def sweep(self, keep: int) -> set[str]:
        rules = self.desk.court.rules.model_copy(update={"keep": keep})
        return set(sweep(replace(self.desk.court, rules=rules), PROFILE, self.bentos))


@pytest.fixture
def store(desk: SmallDesk) -> Store:
    return Store(desk)


def test_the_latest_champions_and_the_latest_refused_stay_and_bentos_go_with_their_bundles(store: Store) -> None:
    gone = store.sweep(keep=3)
    assert gone == {*(one.bundle for one in store.champions[:3]), store.refused[0]}
    kept = {path.parent.name for path in store.desk.bundles.glob("*/bundle.json")}
    assert kept == {*(one.bundle for one in store.champions[3:]), *store.refused[1:]}
    assert [store.bento(one).exists() for one in store.champions] == [False] * 3 + [True] * 3
    assert store.sweep(keep=3) == set()
    assert BundleManifest.read(store.desk.bundles / store.champions[-1].bundle).profile == "toy"


def test_with_room_for_all_nothing_goes(store: Store) -> None:
    assert store.sweep(keep=6) == set()


def test_the_champion_and_the_one_before_it_stay_however_old(store: Store) -> None:
    """Rolled back far, both are older than all that were champion since."""
    oldest, second = store.champions[:2]
    planned = Plan(store.champions[-1], replace(second, since=instant(datetime.now(UTC))), _manifest(store, second))
    roll_back(store.desk.court, planned, "", timedelta(hours=1))
    gone = store.sweep(keep=1)
    assert not gone & {second.bundle, oldest.bundle}
    assert gone >= {one.bundle for one in store.champions[2:]}
    assert store.bento(second).exists()


def test_what_is_younger_than_a_day_stays(store: Store) -> None:
    """Another run may be judging it."""
    store.age(store.refused[0], days=0.5)
    store.age(store.refused[3], days=0.4)
    assert store.sweep(keep=1) & set(store.refused) == {store.refused[1], store.refused[2]}


def test_what_is_being_rolled_back_to_stays_though_old(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that ended during its rehearsal, or while its bento was built, took the folder away."""
    wanted, swept = store.champions[0], set[str]()

    def rehearsing(*arguments: object) -> object:
        swept.update(store.sweep(keep=1))
        return rehearse(*arguments)  # type: ignore[arg-type]

    from ticket_assets.serving.rehearsal import rehearse

    monkeypatch.setattr("ticket_assets.serving.rollback.rehearse", rehearsing)
    planned = plan(store.desk.court, wanted.version, datetime.now(UTC))
    assert swept and wanted.bundle not in swept
    assert wanted.bundle not in store.sweep(keep=1), "nor while its bento is built"
    roll_back(store.desk.court, planned, "", timedelta())
    assert store.desk.champion is not None and store.desk.champion.bundle == wanted.bundle


def test_an_old_bundle_that_a_challenger_turns_out_to_be_stays_while_it_is_judged(store: Store) -> None:
    """With settings set back, a run makes the very bundle that lies there since months."""
    again = store.desk.bundle(tone=1.0)
    assert again.id == store.refused[0]
    assert again.id not in store.sweep(keep=1)


def test_a_bundle_stays_as_long_as_a_model_of_it_may_serve_in_another(desk: SmallDesk) -> None:
    """Its vectors are kept for it: without the folder they went, though a model that they fed was serving."""
    first, store = desk.bundle(tone=HARD_OF_HEARING, mood=GOOD), object.__new__(Store)
    desk.crown(first)
    challengers = [desk.bundle(tone=hearing, mood=DEAF) for hearing in (NEARLY_GOOD, GOOD)]
    assert all(desk.settle(one).decision.promoted for one in challengers)
    store.desk, store.bentos = desk, desk.bundles.parent / "bentoml"
    for folder in desk.bundles.glob("*/"):
        store.age(folder.name, days=100)
    assert desk.champion is not None
    assert BundleManifest.read(desk.bundles / desk.champion.bundle).kept["mood"].bundle == first.id
    assert first.id not in store.sweep(keep=1)
    assert first.id in needed_bundles(desk.court)
    renamed = {"kind": "bundle", "before": first.id, "after": "named anew", "is_champion": False}
    append_record(desk.records / LEDGER, renamed)
    (desk.bundles / first.id).rename(desk.bundles / "named anew")
    store.age("named anew", days=100)
    assert "named anew" not in store.sweep(keep=1), "an erasure gave it another name"
    shutil.rmtree(desk.bundles / "named anew")
    assert {first.id, "named anew"} <= needed_bundles(desk.court)


def _manifest(store: Store, one: Champion) -> BundleManifest:
    return BundleManifest.read(store.desk.bundles / one.bundle)
