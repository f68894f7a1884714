"""A word that only an erased ticket used is found and blacked out where reports, events and model cards name it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest

from ticket_assets.assets.reporting import explanation_metadata
from ticket_assets.models.card_tables import features
from ticket_assets.models.explanation import FeatureWeight, Summary
from ticket_assets.serving.bundle import MODEL_CARD, write_bundle
from ticket_assets.serving.erased_bundles import erase_from_artifacts, erase_from_bundles, remove_bentos
from ticket_assets.serving.manifest import BundleManifest, Origin, file_faults
from ticket_assets.serving.named_features import black_named, count_named
from ticket_assets.serving.proof import Found, search
from ticket_assets.serving.redaction import redact
from ticket_assets.serving.store import Champion, require_champion, write_champion
from ticket_assets.tickets.data_summary import write_summary
from ticket_assets.tickets.traces import Traces, pieces
from ticket_assets_tests.decoded import where
from ticket_assets_tests.serving.conftest import toy_fields, toy_model
from ticket_assets_tests.serving.test_erased_bundles import Registered

# `feature` and `event` stand in every event of Dagster, and must stay there.
TRACES = Traces(texts=(tuple(pieces("Magrathea branch")),), terms=frozenset({"zaphödbee", "zaphödbee login", "event"}))


def weight(name: str, kind: str = "word") -> FeatureWeight:
    return FeatureWeight(kind, name, 0.5, 0.1, 0.2, "it")  # type: ignore[arg-type]


SUMMARY = Summary(
    "queue",
    "linear_svm",
    40,
    (weight("Zaphödbee"), weight("printer"), weight("my zaphödbee"), weight("event", "context")),
    0.0,
)


def hits(root: Path) -> list[Found]:
    return [one for one in search(root, TRACES, None) if one.hits]


def explain(folder: Path) -> None:
    folder.mkdir()
    (folder / "explanation.json").write_text(json.dumps({"targets": {"queue": SUMMARY.as_dict()}}, indent=1))


def test_the_report_of_what_a_model_goes_by_names_it_no_more_and_all_else_of_it_stays(tmp_path: Path) -> None:
    explain(tmp_path / "reports")
    (found,) = hits(tmp_path)
    assert found.hits == 2 and redact(found.path, tmp_path, TRACES) and hits(tmp_path) == []
    told = json.loads(found.path.read_text())["targets"]["queue"]
    assert [one["name"] for one in told["features"]] == ["[erased]", "printer", "[erased]", "event"]
    assert told["features"][1] == json.loads(json.dumps(SUMMARY.as_dict()))["features"][1]


def test_an_event_names_and_draws_it_no_more_and_dagster_still_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: { enabled: false }")
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    key, other = dg.AssetKey(["models", "explanation"]), dg.AssetKey(["models", "event"])
    plain = "![a](data:image/png;base64,AAAA)"
    with dg.DagsterInstance.from_config(str(home)) as instance:
        instance.report_runless_asset_event(dg.AssetMaterialization(key, metadata=explanation_metadata({"q": SUMMARY})))
        instance.report_runless_asset_event(
            dg.AssetMaterialization(other, metadata={"event": dg.MetadataValue.md(plain)})
        )
    found = hits(tmp_path)
    assert found and all(one.place == "Dagster: events, logs" for one in found)
    for one in found:
        redact(one.path, tmp_path, TRACES)
    assert hits(tmp_path) == [] and where(home, "zaph\\u00f6dbee", "zaphödbee") == []
    with dg.DagsterInstance.from_config(str(home)) as instance:
        made = [instance.get_latest_materialization_event(one).asset_materialization for one in (key, other)]
    records = made[0].metadata["q_features"].records
    assert [one.data["feature"] for one in records] == ["[erased]", "printer", "[erased]", "event"]
    assert made[0].metadata["q_plot"].value == "![q: what the model goes by]([erased])"
    assert made[1].metadata["event"].value == plain


def card(folder: Path) -> str:
    return (folder / MODEL_CARD).read_text(encoding="utf-8")


def test_a_card_names_it_no_more_in_store_artifacts_and_bentos_also_where_its_model_did_not_go_into_the_bundle(
    tmp_path: Path,
) -> None:
    """A bundle of two: the card is the challenger's, the model the champion's, which never had the word."""
    root, said = tmp_path / "bundles", [vars(one) for one in SUMMARY.features]
    fields = {**toy_fields(), "kept": {"tone": Origin("b1", {})}}
    text = "\n".join(["# Card", *features(said), "It says Magrathea branch and an event.", ""])
    made = write_bundle(root, [toy_model()], fields, text)
    write_champion(root, Champion(1, made.id, "2026-01-01"))
    copy = tmp_path / "mlflow" / "run" / "bundle"
    baked = tmp_path / "bentoml" / "bentos" / "x" / "v1" / "src" / "baked" / "bundles" / made.id
    for place in (copy, baked):
        place.parent.mkdir(parents=True)
        shutil.copytree(root / made.id, place)
    assert len(hits(tmp_path)) == 3
    renamed = erase_from_bundles(root, tmp_path / "records", Registered(), TRACES)
    assert erase_from_artifacts(tmp_path / "mlflow", tmp_path, TRACES) == 1
    assert remove_bentos(tmp_path / "bentoml", TRACES) == ["x:v1"]
    folder = root / require_champion(root).bundle
    assert renamed == {made.id: folder.name} and hits(tmp_path) == []
    assert file_faults(BundleManifest.read(folder), folder) == []
    assert BundleManifest.read(folder).kept == made.kept and BundleManifest.read(copy).id == folder.name
    assert card(folder) == card(copy)
    assert "| word | [erased] | 0.500 |" in card(folder) and "| word | printer | 0.500 |" in card(folder)
    assert "It says [erased] and an event." in card(folder)
    assert erase_from_bundles(root, tmp_path / "records", Registered(), TRACES) == {}


def test_a_context_value_of_one_person_goes_from_the_page_on_the_tickets_quality(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            **{"characters": range(30), "words": range(30), "family_size": [1] * 30, "language": ["en"] * 30},
            "context site": ["Magrathea branch"] * 10 + ["other"] * 20,
        }
    )
    (tmp_path / "reports").mkdir()
    written = write_summary(frame, tmp_path / "reports")
    assert {one.path for one in hits(tmp_path)} == {written.html, written.json}
    for one in hits(tmp_path):
        redact(one.path, tmp_path, TRACES)
    assert hits(tmp_path) == [] and where(tmp_path, "magrathea") == []
    assert json.loads(written.json.read_text())


def test_what_names_no_such_feature_is_left_as_it_is() -> None:
    for said in (b'{"kind": "word", "name": "printer"}', b'{"name": "event"}', b"| word | x | 1", b"event zaph", b""):
        assert count_named(said, TRACES.terms) == 0 and black_named(said, TRACES.terms) == said
    nested = json.dumps(json.dumps({"feature": "zaphödbee login", "kind": "word"}))
    assert count_named(nested.encode(), TRACES.terms) == 1
    assert json.loads(json.loads(black_named(nested.encode(), TRACES.terms))) == {"feature": "[erased]", "kind": "word"}
    assert count_named(nested.encode(), frozenset()) == 0
