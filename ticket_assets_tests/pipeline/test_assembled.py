"""A bundle of two, by the assets: what is kept for it, what its card says, what the page shows."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import numpy as np
import pytest

from ticket_assets.automation.champion import CHAMPION
from ticket_assets.models.candidate import latest_version, read_candidate, read_out_of_fold, write_candidate
from ticket_assets.models.registry import require_experiment
from ticket_assets.models.training import train
from ticket_assets.models.workbench import Workbench
from ticket_assets.resources.desk import Desk
from ticket_assets.resources.tracking import mlflow_uri
from ticket_assets.serving.assembled_card import target_part
from ticket_assets.serving.bundle import MODEL_CARD, write_bundle
from ticket_assets.serving.manifest import FOUND_OUT, BundleManifest
from ticket_assets.serving.record import Event
from ticket_assets.serving.store import Champion, require_champion
from ticket_assets.serving.throne import instant, record, seat, throne
from ticket_assets_tests.line import PROFILE, Line

pytestmark = pytest.mark.slow

SUCCEEDED = ("bentoml", "bundles", "records", "mlflow", "mlflow.db")
REPORTS = [dg.AssetKey(["models", name]) for name in ("evaluation", "explanation")]


@pytest.fixture
def line(finished_line: Line, tmp_path: Path) -> Iterator[Line]:
    """The finished line with another champion, bad at queues, and with a candidate that is bad at priorities."""
    ignored = shutil.ignore_patterns(*SUCCEEDED)
    made = Line(Path(shutil.copytree(finished_line.folder, tmp_path / "line", symlinks=True, ignore=ignored)))
    folders = finished_line.folders
    with made.environment():
        crown_bad_queues(made, folders.bundles / require_champion(folders.bundles).bundle)
        turn_priorities(made)
        yield made


def crown_bad_queues(line: Line, good: Path) -> None:
    folders, court = line.folders, Desk(profile=PROFILE).court()
    manifest, card = BundleManifest.read(good), (good / MODEL_CARD).read_text()
    queue, priority = (read_candidate(folders.candidates / target, 1)[0] for target in ("queue", "priority"))
    turned = replace(queue, labels=(*queue.labels[1:], queue.labels[0]))
    fields = {name: value for name, value in vars(manifest).items() if name not in FOUND_OUT}
    bad = write_bundle(folders.bundles, [turned, priority], fields, card)
    require_experiment(mlflow_uri(line.settings()), PROFILE, folders.artifacts)
    client = court.registry._client
    run = client.create_run(client.get_experiment_by_name(PROFILE).experiment_id).info.run_id
    with throne(court) as standing:
        now, version = datetime.now(UTC), court.registry.register(run, folders.bundles / bad.id, {"bundle": bad.id})
        challenger = {"version": version, "bundle": bad.id}
        record(court, standing, Event.DECISION, now, challenger=challenger, promoted=True, reason="promoted: a test")
        seat(court, Champion(version, bad.id, instant(now)))


def turn_priorities(line: Line) -> None:
    """A candidate that was taught every priority wrong."""
    desk, folder = Desk(profile=PROFILE), line.folders.candidates / "priority"
    tables = [line.table(*name) for name in (("tickets", "clean"), ("features", "text"), ("models", "split"))]
    rows, recipe = desk.target_rows("priority", *tables), read_candidate(folder, 1)[0].recipe
    classes = len(rows.labels)
    wrong = (rows.training.y + 1) % classes
    bench = Workbench(rows.training.features, wrong, rows.groups, classes, 0, 1, rows.training_ids)
    worse = train(bench, recipe, "priority", rows.labels, np.eye(classes)[wrong])
    before = latest_version(folder)
    assert write_candidate(folder, worse, worse, read_out_of_fold(folder)) != before


def test_a_bundle_of_two_has_vectors_under_its_own_id_and_a_card_of_its_own_models(line: Line) -> None:
    champion = require_champion(line.folders.bundles)
    with line.instance() as instance:
        line.execute(instance, [*REPORTS, CHAMPION], raise_on_error=True)
        event = instance.get_latest_materialization_event(CHAMPION)
    assert event is not None and event.asset_materialization is not None
    told = {name: one.value for name, one in event.asset_materialization.metadata.items()}
    seated = require_champion(line.folders.bundles)
    manifest = BundleManifest.read(line.folders.bundles / seated.bundle)
    assert told["promoted"] and {*manifest.kept} == {"priority"}
    assert manifest.kept["priority"].bundle == champion.bundle
    assert seated.bundle not in (told["challenger"], champion.bundle)
    assert told["vectors"].endswith(f", kept as {seated.bundle}")
    desk, ids = Desk(profile=PROFILE), list(line.table("tickets", "clean")["ticket_id"])
    table = desk.vectors()
    assert {seated.bundle, told["challenger"]} <= {*table.kept()}
    assert table.as_of(seated.bundle).read(ids).tobytes() == table.read(ids).tobytes()
    cards = {
        one: (line.folders.bundles / one / MODEL_CARD).read_text()
        for one in (seated.bundle, str(told["challenger"]), champion.bundle)
    }
    parts = {one: (target_part(card, "queue"), target_part(card, "priority")) for one, card in cards.items()}
    (queue, priority), challengers, former = parts.values()
    assert queue == challengers[0] and priority is not None and former[1] is not None
    assert priority.startswith(f"This model stayed: it is that of bundle {champion.bundle}")
    assert priority.endswith(former[1]) and former[1] != challengers[1]
