"""The assets that know of vectors: what they tell, which encoder they settle, what is kept for which bundle."""

import shutil
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ticket_assets.features.encoder import OnnxEncoder
from ticket_assets.resources.desk import Desk
from ticket_assets.serving.bundle import write_bundle
from ticket_assets.serving.manifest import Origin
from ticket_assets.serving.store import read_champion
from ticket_assets_tests.features.tiny_models import save_tiny_model
from ticket_assets_tests.line import PROFILE, ROWS, SETTINGS, Line
from ticket_assets_tests.serving.conftest import toy_fields, toy_model

pytestmark = pytest.mark.slow
EMBEDDINGS = dg.AssetKey(["features", "embeddings"])
CHAMPION = dg.AssetKey(["models", "champion"])
BEFORE = [dg.AssetKey(["tickets", name]) for name in ("raw", "feedback", "clean", "quarantine")]


def told(instance: dg.DagsterInstance, key: dg.AssetKey) -> dict[str, Any]:
    event = instance.get_latest_materialization_event(key)
    assert event is not None and event.asset_materialization is not None
    return {name: one.value for name, one in event.asset_materialization.metadata.items()}


def test_embeddings_tell_which_encoder_why_how_many_and_how_fast(line: Line, encoder: OnnxEncoder) -> None:
    with line.instance() as instance:
        metadata = told(instance, EMBEDDINGS)
    rows = len(line.table("tickets", "clean"))
    assert metadata["encoder"] == encoder.encoder_id
    assert (metadata["runtime"], metadata["why"]) == ("onnx", 'set: runtime = "onnx"')
    assert (metadata["dimensions"], metadata["rows"]) == (384, rows)
    assert (metadata["encoded"], metadata["kept"], metadata["removed"]) == (rows, 0, 0)
    assert metadata["tickets_per_second"] > 1
    assert metadata["table_version"] >= 2
    assert metadata["indices"] == [], f"{ROWS} rows are scanned faster"


def test_the_vectors_that_fed_the_champion_are_kept_under_its_bundle(line: Line) -> None:
    champion = read_champion(line.folders.bundles)
    assert champion is not None
    desk = Desk(profile=PROFILE)
    table, ids = desk.vectors(), list(line.table("tickets", "clean")["ticket_id"])
    assert table.kept() == (champion.bundle,)
    assert table.as_of(champion.bundle).read(ids).tobytes() == table.read(ids).tobytes()
    with line.instance() as instance:
        said = told(instance, CHAMPION)["vectors"]
        version = told(instance, EMBEDDINGS)["table_version"]
    assert said == f"version {version} of {desk.encoder_id}, kept as {champion.bundle}"


def test_vectors_of_a_deleted_bundle_are_let_go(tmp_path: Path, encoder_root: Path) -> None:
    line = Line.begin(tmp_path, encoder_root)
    with line.environment():
        desk = Desk(profile=PROFILE)
        (line.folders.bundles / "first").mkdir(parents=True)
        desk.keep_vectors("first")
        (line.folders.bundles / "second").mkdir()
        desk.keep_vectors("second")
        table = desk.vectors()
        assert set(table.kept()) == {"first", "second"}
        (line.folders.bundles / "first").rmdir()
        fields = toy_fields() | {"kept": {"tone": Origin("first", {})}}
        serving = write_bundle(line.folders.bundles, [toy_model()], fields, "a card")
        desk.keep_vectors("second")
        assert set(table.kept()) == {"first", "second"}, "a model that they fed may serve in another bundle"
        shutil.rmtree(line.folders.bundles / serving.id)
        desk.keep_vectors("second")
        assert table.kept() == ("second",)


def test_auto_is_measured_on_the_tickets_and_then_stays(tmp_path: Path) -> None:
    save_tiny_model(tmp_path / "mine")
    settings = SETTINGS.replace("families = { cut", 'encoder = { model = "mine", runtime = "auto" }\nfamilies = { cut')
    line = Line.begin(tmp_path, None, settings)
    with line.environment(), line.instance() as instance:
        line.execute(instance, [*BEFORE, EMBEDDINGS], raise_on_error=True)
        first = told(instance, EMBEDDINGS)
        line.execute(instance, [EMBEDDINGS], raise_on_error=True)
        second = told(instance, EMBEDDINGS)
        assert Desk(profile=PROFILE).encoder_id == first["encoder"]
    assert first["why"].startswith("measured: ") and first["why"] == second["why"]
    assert len(first["measured"].records) == 3
    assert (second["encoder"], second["encoded"]) == (first["encoder"], 0)
    assert second["kept"] == first["encoded"] > 300
