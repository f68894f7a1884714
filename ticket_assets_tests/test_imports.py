"""What loading the package, a bundle or the service costs: each asked of a process of its own."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from ticket_assets.features.text import FeatureSchema, TicketFeatures
from ticket_assets.models.bands import Bands
from ticket_assets.models.fitting import fit_estimator
from ticket_assets.models.recipe import Recipe
from ticket_assets.models.representation import Blocks, Representation
from ticket_assets.models.target_model import TargetModel
from ticket_assets.serving.bundle import write_bundle
from ticket_assets.serving.store import Champion, write_champion
from ticket_assets.tickets.cleaning import CLEANING_VERSION

PROJECT = Path(__file__).resolve().parents[1]
TRAINING_SIDE = {
    *("dagster", "dagster_mlflow", "mlflow", "torch", "transformers", "sentence_transformers", "optuna", "evidently"),
    *("shap", "ray", "openvino"),
    *("catboost", "lancedb", "duckdb", "pandas", "pandera", "pyarrow", "sklearn", "onnx", "safetensors", "matplotlib"),
}
PLAIN, LAYERS = "Only the thin layers know Dagster", "Raw tickets flow left to right"
ASSETS = "Asset modules know each other by keys alone"
REPORTING = (
    *("__init__", "declaration", "reporting"),
    *("ticket_reporting", "feedback_reporting", "monitoring_reporting", "shadow_reporting"),
)
MAY_IMPORT_DAGSTER = ("assets", "automation", "commands", "definitions", "resources")
BOOSTED = {"xgboost", "lightgbm"}
PARAMETERS = {
    "xgboost": {"num_boost_round": 2, "learning_rate": 0.3, "max_depth": 2},
    "lightgbm": {"num_iterations": 2, "learning_rate": 0.3, "num_leaves": 3, "min_data_in_leaf": 1},
    "linear_svm": {"C": 1.0},
    "catboost": {"iterations": 2, "depth": 2},
    "gradient_boosting": {"n_estimators": 2, "max_depth": 2},
    "random_forest": {"n_estimators": 2, "max_depth": 2},
    "extra_trees": {"n_estimators": 2, "max_depth": 2},
    "torch_head": {"hidden": 4, "dropout": 0.0, "learning_rate": 0.01, "weight_decay": 0.01},
}


def loaded_by(code: str, **variables: str) -> set[str]:
    """Top-level names of all modules that a fresh interpreter holds after running the code."""
    tail = "\nimport sys; print('loaded', *sorted({name.partition('.')[0] for name in sys.modules}))"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TICKET_ASSETS_", "COV"))}
    run = subprocess.run(
        [sys.executable, "-c", code + tail],
        cwd=PROJECT,
        env={**kept, **variables, "BENTOML_DO_NOT_TRACK": "True"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return set(run.stdout.splitlines()[-1].split()[1:])


def make_store(root: Path, family: str) -> Path:
    """A bundle store whose champion is a toy of one family, on numeric columns alone."""
    schema = FeatureSchema(("en", "de"))
    random = np.random.default_rng(0)
    columns = random.normal(size=(60, len(schema.columns))).astype(np.float32)
    y = (columns[:, 0] > 0).astype(int)
    blocks = Blocks(columns=1.0)
    scale = np.vstack([columns.mean(axis=0), columns.std(axis=0)]).astype(np.float32)
    representation = Representation(blocks, column_scale=scale)
    recipe = Recipe(family, blocks, dict(PARAMETERS[family]))
    matrix = representation.transform(TicketFeatures(("",) * 60, columns))
    model = TargetModel("queue", ("hr", "it"), recipe, representation, fit_estimator(recipe, matrix, y, 2, 1, 1), 1.0)
    said = {
        **{"profile": "toy", "encoder": None, "languages": schema.languages, "context": (), "split": "none"},
        **{"feature_schema": schema.hash, "cleaning": CLEANING_VERSION, "data": {}, "scores": {}},
        "bands": {"queue": Bands(0.85, 0.6)},
    }
    made = write_bundle(root, [model], said, "a toy")
    write_champion(root, Champion(1, made.id, "2026-01-02T03:04:05+00:00"))
    return root


def test_the_package_loads_nothing_but_itself() -> None:
    ours = loaded_by("import ticket_assets")
    assert not ours & (TRAINING_SIDE | BOOSTED | {"numpy", "pydantic", "bentoml", "onnxruntime"})


@pytest.mark.parametrize(
    "name",
    [
        *("settings", "storage", "serving", "serving.bundle", "serving.store", "serving.bento"),
        *("serving.endpoint.runtime", "serving.endpoint.similar"),
        *(f"serving.access.{name}" for name in ("guard", "http", "http_login", "grpc", "logs", "sign_in")),
    ],
)
def test_what_serving_stands_on_loads_nothing_of_the_training_side(name: str) -> None:
    assert not loaded_by(f"import ticket_assets.{name}") & (TRAINING_SIDE | BOOSTED)


def test_the_service_module_loads_nothing_of_the_training_side() -> None:
    loaded = loaded_by("import service")
    assert "bentoml" in loaded
    assert not loaded & (TRAINING_SIDE | BOOSTED)


@pytest.mark.parametrize(("family", "expected"), [(family, {family} & BOOSTED) for family in PARAMETERS])
def test_an_answer_loads_the_champion_s_own_library_and_no_other(
    family: str, expected: set[str], tmp_path: Path
) -> None:
    root = make_store(tmp_path, family)
    code = (
        "import os; from pathlib import Path; from ticket_assets.serving.store import require_champion; "
        "from ticket_assets.serving.bundle import TriageBundle; from ticket_assets.serving.prediction import Ticket; "
        "root = Path(os.environ['ROOT']); champion = require_champion(root); "
        "print(TriageBundle.load(root / champion.bundle, root).predict([Ticket('help', 'printer')]))"
    )
    loaded = loaded_by(code, ROOT=str(root))
    assert loaded & BOOSTED == expected
    assert not loaded & (TRAINING_SIDE - ({"sklearn", "pandas", "pyarrow"} if expected else set()))


def test_the_service_answers_from_the_store_that_the_environment_names(tmp_path: Path) -> None:
    """What `make serve` does; and without a champion it does not start."""
    root = make_store(tmp_path / "bundles", "linear_svm")
    code = (
        "import service; from ticket_assets.serving.endpoint.messages import TicketIn; "
        "from ticket_assets.serving.endpoint.runtime import Runtime; made = Runtime(service.SETTINGS.service); "
        "print(made.triage.predict(TicketIn(body='help'), 'http').model_dump_json()); made.close()"
    )
    variables = {
        "TICKET_ASSETS_SERVICE__BUNDLES": str(root),
        "TICKET_ASSETS_SERVICE__ENCODERS": str(tmp_path),
        "TICKET_ASSETS_SERVICE__STATE": str(tmp_path / "state"),
    }
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        env={**os.environ, **variables, "BENTOML_DO_NOT_TRACK": "True"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    answer = json.loads(run.stdout.splitlines()[-1])
    assert answer["model_version"] == 1
    assert set(answer["targets"]["queue"]["probabilities"]) == {"hr", "it"}
    shutil.rmtree(root)
    again = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, env={**os.environ, **variables}, capture_output=True, text=True
    )
    assert again.returncode != 0
    assert "has no champion" in again.stderr


def test_every_top_level_module_is_named_in_the_import_contracts() -> None:
    """A module that no contract names may import anything, and nobody notices."""
    told = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    contracts = {one["name"]: one for one in told}
    package = PROJECT / "ticket_assets"
    modules = {f"ticket_assets.{path.stem}" for path in package.iterdir() if path.suffix == ".py" or _is_package(path)}
    modules -= {"ticket_assets.__init__"}
    layers = {name.strip() for layer in contracts[LAYERS]["layers"] for name in layer.split("|")}
    assert layers == modules
    plain = {*contracts[PLAIN]["source_modules"]}
    assert plain == modules - {f"ticket_assets.{name}" for name in MAY_IMPORT_DAGSTER}
    assets = {f"ticket_assets.assets.{path.stem}" for path in (package / "assets").glob("*.py")}
    shared = {f"ticket_assets.assets.{name}" for name in REPORTING}
    assert {*contracts[ASSETS]["modules"]} == assets - shared


def _is_package(path: Path) -> bool:
    return (path / "__init__.py").exists()
