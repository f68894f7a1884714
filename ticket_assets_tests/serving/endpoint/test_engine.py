"""Who answers: the first that answers its probe, then whoever the pointer names and who does as well."""

import json
import shutil
import threading
import time
from pathlib import Path

import pytest

from ticket_assets.serving.bundle import TriageBundle
from ticket_assets.serving.endpoint import watcher as watching
from ticket_assets.serving.endpoint.engine import BundlePlace, Engine, ProbeFailed, probe
from ticket_assets.serving.endpoint.watcher import Watcher
from ticket_assets.serving.manifest import BundleError
from ticket_assets.serving.prediction import Ticket
from ticket_assets.serving.store import POINTER, Champion, write_champion
from ticket_assets_tests.serving.endpoint.conftest import ToyStore


def test_the_champion_of_the_store_is_seated_when_the_service_starts(store: ToyStore) -> None:
    champion = store.crown(1)
    engine = Engine([store.place])
    assert engine.seat is None
    assert engine.start().champion == champion
    assert not engine.is_fallback


def test_a_newer_champion_takes_the_seat_and_the_one_before_answers_until_then(engine: Engine, store: ToyStore) -> None:
    before = engine.seat
    champion = store.crown(2, act=0.9)
    assert engine.seat is before, "the pointer alone changes nothing"
    swap = engine.offer()
    assert (swap.taken, swap.refused, swap.champion) == (True, False, champion)
    assert engine.seat is not None
    assert engine.seat.champion == champion
    assert engine.seat.bundle.manifest.bands["tone"].act == 0.9


def test_an_offer_of_who_answers_already_changes_nothing_and_is_not_remembered(engine: Engine) -> None:
    seat, told = engine.seat, len(engine.swaps)
    swap = engine.offer()
    assert (swap.taken, swap.refused) == (False, False)
    assert engine.seat is seat
    assert len(engine.swaps) == told


def test_the_same_models_under_a_new_version_are_not_loaded_again(engine: Engine, store: ToyStore) -> None:
    before = engine.seat
    assert before is not None
    write_champion(store.root, Champion(9, before.champion.bundle, "2026-02-01T00:00:00+00:00"))
    assert engine.offer().taken
    assert engine.seat is not None
    assert engine.seat.bundle is before.bundle
    assert engine.seat.champion.version == 9


@pytest.mark.parametrize("damage", ["a file is changed", "a file is gone", "no bundle", "no pointer", "no JSON"])
def test_what_is_wrong_with_an_offer_is_told_and_the_one_before_goes_on(
    engine: Engine, store: ToyStore, damage: str
) -> None:
    before, champion = engine.seat, store.crown(2, act=0.9)
    model = store.root / champion.bundle / "tone" / "model.json"
    match damage:
        case "a file is changed":
            model.write_text(model.read_text().replace("3.0", "4.0"))
        case "a file is gone":
            model.unlink()
        case "no bundle":
            write_champion(store.root, Champion(2, "0123456789abcdef", "2026-01-02"))
        case "no pointer":
            (store.root / POINTER).unlink()
        case "no JSON":
            (store.root / POINTER).write_text("{")
    swap = engine.offer()
    assert swap.refused
    assert swap.reason
    assert engine.seat is before
    assert engine.swaps[0] == swap


def test_a_bundle_that_answers_with_no_probability_is_refused(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert engine.seat is not None
    bundle = engine.seat.bundle
    probe(bundle)
    told = bundle.predict([Ticket("help")])
    for wrong in ({"quiet": float("nan"), "loud": 0.5}, {"quiet": 0.9, "loud": 0.9}, {"quiet": -0.5, "loud": 1.5}):
        answer = {"tone": told[0]["tone"].__class__("quiet", 0.5, wrong, "act")}
        monkeypatch.setattr(TriageBundle, "predict", lambda *_, its=answer, **__: [its])
        with pytest.raises(ProbeFailed, match="tone: "):
            probe(bundle)


def test_the_bundle_that_is_baked_in_answers_where_the_store_has_none(store: ToyStore, tmp_path: Path) -> None:
    store.crown(1)
    engine = Engine([BundlePlace(tmp_path / "empty", tmp_path), store.place])
    assert engine.start().champion.version == 1
    assert engine.is_fallback
    assert "has no champion" in engine.swaps[1].reason


def test_a_store_that_comes_to_life_takes_over_from_the_baked_in_bundle(store: ToyStore, tmp_path: Path) -> None:
    store.crown(1)
    first = ToyStore(tmp_path / "late")
    engine = Engine([first.place, store.place])
    engine.start()
    first.crown(2, act=0.9)
    assert engine.offer().taken
    assert not engine.is_fallback


def test_a_store_that_comes_back_with_the_very_champion_that_was_baked_in_ends_the_fallback(
    store: ToyStore, tmp_path: Path
) -> None:
    champion = store.crown(1)
    first = ToyStore(tmp_path / "late")
    engine = Engine([first.place, store.place])
    engine.start()
    shutil.copytree(store.root, first.root)
    assert engine.offer().taken
    assert not engine.is_fallback
    assert engine.seat is not None
    assert engine.seat.champion == champion


def test_a_pointer_that_goes_back_to_who_answers_ends_the_refusal(engine: Engine, store: ToyStore) -> None:
    before = (store.root / POINTER).read_bytes()
    champion = store.crown(2, act=0.9)
    (store.root / champion.bundle / "tone" / "model.json").unlink()
    told = len(engine.swaps)
    assert engine.offer().refused
    assert engine.offer().refused
    assert len(engine.swaps) == told + 1, "the same refusal again is no news"
    (store.root / POINTER).write_bytes(before)
    engine.offer()
    assert not engine.swaps[0].refused


def test_a_service_without_any_bundle_does_not_start_and_says_why_of_each_place(tmp_path: Path) -> None:
    places = [BundlePlace(tmp_path / name, tmp_path) for name in ("one", "two")]
    with pytest.raises(BundleError, match=r"no bundle answers: .*one.*no champion.*two.*no champion"):
        Engine(places).start()


def test_a_request_that_began_before_a_swap_ends_with_the_bundle_it_began_with(engine: Engine, store: ToyStore) -> None:
    """The seat is one object: nobody can meet the version of one bundle and the answer of another."""
    seen, done = [], threading.Event()

    def ask() -> None:
        while not done.is_set():
            seat = engine.seat
            assert seat is not None
            seen.append((seat.champion.version, seat.bundle.manifest.bands["tone"].act))

    asking = threading.Thread(target=ask)
    asking.start()
    for version in range(2, 22):
        store.crown(version, act=0.9 if version % 2 else 0.7)
        assert engine.offer().taken
    done.set()
    asking.join()
    assert {act for version, act in seen if version > 1 and version % 2} <= {0.9}
    assert {act for version, act in seen if version > 1 and not version % 2} <= {0.7}


def test_the_watcher_offers_a_pointer_once_when_it_moves(engine: Engine, store: ToyStore) -> None:
    watcher = Watcher(engine, seconds=3600)
    watcher.look()
    told = len(engine.swaps)
    store.crown(2, act=0.9)
    watcher.look()
    watcher.look()
    assert engine.seat is not None
    assert engine.seat.champion.version == 2
    assert len(engine.swaps) == told + 1


def test_the_watcher_offers_a_refused_bundle_again_after_a_while(
    engine: Engine, store: ToyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files may still be on their way to this machine."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    champion = store.crown(2, act=0.9)
    model = store.root / champion.bundle / "tone" / "model.json"
    whole = model.read_text()
    model.unlink()
    watcher = Watcher(engine, seconds=3600)
    watcher.look()
    assert engine.swaps[0].refused
    model.write_text(whole)
    watcher.look()
    assert engine.seat is not None
    assert engine.seat.champion.version == 1, "not before its time"
    now[0] += watching.RETRY_SECONDS
    watcher.look()
    assert engine.seat.champion.version == 2


def test_the_watcher_follows_by_itself_and_stops_when_told(engine: Engine, store: ToyStore) -> None:
    taken = threading.Event()
    offer = engine.offer
    engine.offer = lambda: [swap := offer(), taken.set() if swap.taken else None][0]  # type: ignore[method-assign]
    watcher = Watcher(engine, seconds=0.01)
    watcher.start()
    store.crown(2, act=0.9)
    assert taken.wait(30)
    watcher.stop()
    assert not watcher._thread.is_alive()


def test_a_store_that_is_out_of_reach_is_no_news_of_a_champion(engine: Engine, store: ToyStore) -> None:
    watcher, told = Watcher(engine, seconds=3600), len(engine.swaps)
    (store.root / POINTER).unlink()
    watcher.look()
    assert len(engine.swaps) == told


def test_what_the_pointer_says_is_json_of_three_fields(store: ToyStore) -> None:
    store.crown(3)
    assert set(json.loads((store.root / POINTER).read_text())) == {"version", "bundle", "since"}
