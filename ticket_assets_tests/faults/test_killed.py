"""kill -9 at each stage of the line, then the same command again: nothing lost, done twice or left half-written.

One line goes through all of it: each run is killed at the next stage, and the last one is left alone. Its twin is the
line of the other tests, which nobody ever killed.
"""

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest

from ticket_assets.serving.bundle import TriageBundle
from ticket_assets.serving.manifest import BundleManifest, file_faults
from ticket_assets.serving.store import read_champion
from ticket_assets_tests.line import ROWS, Line

pytestmark = pytest.mark.slow
INJECTED = Path(__file__).parent / "injected"
BATCH = 100
VECTORS = "ticket_assets.features.vectors"
FAULTS = {
    "ingestion": {"rename": "batch-*.parquet"},
    "cleaning": {"rename": "quarantine.parquet"},
    "embedding": {"module": VECTORS, "function": "VectorTable._upsert", "call": 3},
    "search": {"module": "ticket_assets.models.training", "function": "fold_scores", "call": 6},
    "candidate": {"rename": "latest"},
    "bundle": {"rename": "[0-9a-f]" * 16},
    "coronation": {"rename": "champion.json"},
    "BentoML's own writing": {"module": "bentoml._internal.bento.bento", "function": "Bento.save", "call": 1},
    "bento": {"rename": "v[0-9]-*"},
}


@dataclass
class Ordeal:
    """What was said, and what was visible, after each of the deaths and at the end."""

    line: Line
    said: dict[str, str] = field(default_factory=dict)
    broken: dict[str, list[str]] = field(default_factory=dict)


def run(line: Line, fault: dict[str, object]) -> subprocess.CompletedProcess[str]:
    """The documented command, with a fault in it, in a session of its own."""
    path = os.pathsep.join([str(INJECTED), *filter(None, [os.environ.get("PYTHONPATH")])])
    variables = {**line.variables, "PYTHONPATH": path, "CONSTANTS": json.dumps({VECTORS: {"UPSERT_ROWS": BATCH}})}
    return subprocess.run(
        [sys.executable, "-m", "ticket_assets", "run"],
        env={**variables, **({"FAULT": json.dumps(fault)} if fault else {})},
        cwd=line.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        start_new_session=True,
    )


def half_written(line: Line) -> list[str]:
    """Every file that a reader would take for finished and that is not."""
    faults = []
    for path in line.folders.root.rglob("[!.]*.parquet"):
        try:
            pd.read_parquet(path)
        except (OSError, ValueError) as error:
            faults.append(f"{path}: {error}")
    for path in [*line.folders.root.glob("**/[!.]*.json"), *line.folders.bundles.glob("*.json")]:
        if not any(part.startswith(".") for part in path.relative_to(line.folders.root).parts):
            json.loads(path.read_text())
    for folder in line.folders.bundles.glob("[!.]*/"):
        faults += file_faults(BundleManifest.read(folder), folder)
    for folder in line.folders.bentos.glob("bentos/*/v*"):
        if not (folder / "bento.yaml").exists() or not (folder / "src" / "service.py").exists():
            faults.append(f"{folder} is no bento")
    return faults


@pytest.fixture(scope="module")
def ordeal(tmp_path_factory: pytest.TempPathFactory, encoder_root: Path) -> Iterator[Ordeal]:
    folder = tmp_path_factory.mktemp("ordeal")
    told = Ordeal(Line.begin(folder, encoder_root))
    with told.line.environment():
        for stage, fault in FAULTS.items():
            mark = folder / "dead"
            done = run(told.line, {**fault, "mark": str(mark)})
            assert mark.exists(), f"{stage}: nobody died\n{done.stdout}"
            assert done.returncode == -9, done.stdout
            mark.unlink()
            told.said[stage], told.broken[stage] = done.stdout, half_written(told.line)
        done = run(told.line, {})
        assert done.returncode == 0, done.stdout
        told.said["end"], told.broken["end"] = done.stdout, half_written(told.line)
        yield told


@pytest.mark.parametrize("stage", [*FAULTS, "end"])
def test_nothing_half_written_is_visible(ordeal: Ordeal, stage: str) -> None:
    assert ordeal.broken[stage] == []


@pytest.mark.parametrize("stage", [*list(FAULTS)[1:], "end"])
def test_the_next_command_says_which_run_was_broken_off_and_goes_on(ordeal: Ordeal, stage: str) -> None:
    assert len(re.findall(r"^run \S+ was broken off; it goes on here$", ordeal.said[stage], re.MULTILINE)) == 1


def test_what_was_finished_before_a_death_is_not_made_again(ordeal: Ordeal) -> None:
    """The step that died is made again, and with it none that stands before it."""
    stages = {stage: set(re.findall(r"^due: (\S+)", said, re.MULTILINE)) for stage, said in ordeal.said.items()}
    assert "tickets/raw" in stages["cleaning"] and "tickets/raw" not in stages["embedding"]
    assert "tickets/clean" in stages["embedding"] and "tickets/clean" not in stages["search"]
    assert "features/embeddings" in stages["search"] and "features/embeddings" not in stages["candidate"]
    assert stages["bento"] == stages["end"] == {"serving/bento", "serving/deployment"}


def test_the_texts_encoded_before_the_death_are_not_encoded_again(ordeal: Ordeal) -> None:
    """Two batches were kept, the third died."""
    texts = len(ordeal.line.table("tickets", "clean"))
    with ordeal.line.instance() as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey(["features", "embeddings"]))
    assert event and event.asset_materialization
    told = {name: value.value for name, value in event.asset_materialization.metadata.items()}
    assert (told["encoded"], told["kept"]) == (texts - 2 * BATCH, 2 * BATCH)


def test_trials_finished_before_the_death_are_not_fitted_again(ordeal: Ordeal) -> None:
    """Four trials per target ended, whoever died between them."""
    with sqlite3.connect(ordeal.line.folders.root / "optuna.db") as database:
        ended = database.execute(
            "SELECT study_id, count(*) FROM trials WHERE state IN ('COMPLETE', 'PRUNED') GROUP BY study_id"
        ).fetchall()
    assert [count for _, count in ended] == [4, 4]


def test_no_row_was_lost_and_none_came_twice(ordeal: Ordeal) -> None:
    raw = pd.concat([pd.read_parquet(path) for path in ordeal.line.folders.raw.glob("batch-*.parquet")])
    assert len(raw) == ROWS and raw["_row_hash"].is_unique


def test_the_champion_is_the_one_of_a_line_that_nobody_killed(ordeal: Ordeal, finished_line: Line) -> None:
    mine, its = (read_champion(line.folders.bundles) for line in (ordeal.line, finished_line))
    assert mine and its and mine.bundle == its.bundle
    bundle = TriageBundle.load(ordeal.line.folders.bundles / mine.bundle, ordeal.line.folders.encoders)
    assert set(bundle.manifest.targets) == {"queue", "priority"}


def test_data_versions_are_those_of_a_line_that_nobody_killed(ordeal: Ordeal, finished_line: Line) -> None:
    """All but those that carry the bento's tag: it has the registry's version, and a death may have taken a number."""
    mine = ordeal.line.data_versions()
    with finished_line.environment():
        its = finished_line.data_versions()
    tagged = {"serving/bento", "serving/deployment"}
    assert {key: one for key, one in mine.items() if key not in tagged} == {
        key: one for key, one in its.items() if key not in tagged
    }
