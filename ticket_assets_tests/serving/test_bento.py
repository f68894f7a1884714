"""The bento: built from the promoted bundle, holding what bentofile.yaml says and nothing of the training side."""

import json
import re
import shutil
import subprocess
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import yaml

from ticket_assets.serving import bento
from ticket_assets.serving.bento import BentoError, bento_folder, bento_tag, build_bento, stage
from ticket_assets.serving.bundle import write_bundle
from ticket_assets.serving.store import Champion, read_champion
from ticket_assets_tests.line import PROFILE
from ticket_assets_tests.serving.conftest import Served, toy_fields, toy_model

HEAVY = {
    *("dagster", "dagster-mlflow", "dagster-webserver", "mlflow", "mlflow-skinny", "torch", "optuna", "evidently"),
    *(
        "lancedb",
        "sentence-transformers",
        "transformers",
        "duckdb",
        "pandera",
        "ray",
        "shap",
        "catboost",
        "pandas",
        "pyarrow",
    ),
}


@pytest.fixture(scope="module")
def built(served_line: Served) -> Path:
    home = served_line.line.folders.bentos
    return bento_folder(home, bento_tag(PROFILE, served_line.champion))


def test_the_tag_carries_profile_version_and_bundle() -> None:
    champion = Champion(7, "0123456789abcdef", "2026-01-02T03:04:05+00:00")
    assert re.fullmatch("ticket-assets-it-service:v7-01234567-[0-9a-f]{6}", bento_tag("it_service", champion))


def test_the_bento_lies_under_its_tag_and_knows_it(built: Path, served_line: Served) -> None:
    described = yaml.safe_load((built / "bento.yaml").read_text())
    assert f"{described['name']}:{described['version']}" == bento_tag(PROFILE, served_line.champion)
    assert described["service"] == "service:TriageService"
    assert described["labels"]["project"] == "ticket-assets"


def test_the_bento_holds_the_champion_its_encoder_and_nothing_else_baked(built: Path, served_line: Served) -> None:
    baked = built / "src" / "baked"
    assert read_champion(baked / "bundles") == served_line.champion
    assert {path.name for path in (baked / "bundles").iterdir()} == {"champion.json", served_line.champion.bundle}
    assert served_line.manifest.encoder
    assert [path.name for path in (baked / "encoders").iterdir()] == [served_line.manifest.encoder["id"]]
    copied = sorted(path.relative_to(baked / "bundles") for path in (baked / "bundles").rglob("*.*"))
    assert len(copied) > len(served_line.manifest.files)


def test_the_bento_holds_the_code_of_four_packages_and_no_asset(built: Path) -> None:
    package = built / "src" / "ticket_assets"
    folders = {path.name for path in package.iterdir() if path.is_dir()} - {"__pycache__"}
    assert folders == {"tickets", "features", "models", "serving"}
    assert {path.name for path in package.glob("*.py")} == {"__init__.py", "storage.py"}
    code = "\n".join(path.read_text() for path in (built / "src").rglob("*.py"))
    assert not re.search(r"^\s*(import|from) dagster", code, re.MULTILINE)


def test_the_requirements_name_nothing_of_the_training_side(built: Path) -> None:
    lines = (built / "env" / "python" / "requirements.txt").read_text().splitlines()
    named = {re.split("[=<>~! ;\\[]", line)[0].lower() for line in lines if line and line[0].isalpha()}
    assert {"bentoml", "numpy", "onnxruntime", "tokenizers"} <= named
    assert not named & HEAVY


def test_a_bento_that_is_built_is_not_built_again(served_line: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*arguments: object, **more: object) -> None:
        raise AssertionError("bentoml build was called")

    monkeypatch.setattr(subprocess, "run", never)
    folders = served_line.line.folders
    tag = build_bento(PROFILE, served_line.champion, folders.bundles, folders.encoders, folders.bentos)
    assert tag == bento_tag(PROFILE, served_line.champion)


def test_a_build_that_fails_raises_what_it_said_and_leaves_no_bento(
    served_line: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    for name in bento.SERVICE_FILES:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(bento.PROJECT / name, project / name)
    (project / "service.py").write_text("raise RuntimeError('no such service today')\n")
    (project / "ticket_assets").symlink_to(bento.PROJECT / "ticket_assets")
    monkeypatch.setattr(bento, "PROJECT", project)
    folders, home = served_line.line.folders, tmp_path / "home"
    with pytest.raises(BentoError, match=r"(?s)bentoml build of ticket-assets-tiny:v1-.*no such service today"):
        build_bento(PROFILE, served_line.champion, folders.bundles, folders.encoders, home)
    assert not bento_folder(home, bento_tag(PROFILE, served_line.champion)).exists()


def test_a_bundle_without_an_encoder_is_staged_with_an_empty_folder_of_encoders(tmp_path: Path) -> None:
    """With the encoder that nobody asks, the image was 90 MB larger."""
    encoders, bundles = tmp_path / "encoders", tmp_path / "bundles"
    (encoders / "onnx-000000000000").mkdir(parents=True)
    fields = toy_fields({"id": "onnx-000000000000", "runtime": "onnx"})
    champion = Champion(1, write_bundle(bundles, [toy_model()], fields, "a toy").id, "2026-01-02T03:04:05+00:00")
    stage(tmp_path / "staged", champion, bundles, encoders)
    assert list((tmp_path / "staged" / "baked" / "encoders").iterdir()) == []
    assert (tmp_path / "staged" / "baked" / "bundles" / champion.bundle / "bundle.json").is_file()


def test_a_library_that_this_bundle_alone_answers_with_is_required_at_its_version(tmp_path: Path) -> None:
    """The image of a bundle encoded with OpenVINO lacked it, and refused to start."""
    wanted = {}
    for name, more in (("with", {"openvino": "2026.4.1"}), ("without", {})):
        bundles = tmp_path / name
        made = write_bundle(bundles, [toy_model()], toy_fields(), "a toy")
        changed = replace(made, libraries={**made.libraries, **more})
        (bundles / made.id).rename(bundles / changed.id)
        (bundles / changed.id / "bundle.json").write_text(json.dumps(asdict(changed)))
        stage(tmp_path / f"{name} staged", Champion(1, changed.id, "2026-01-02"), bundles, tmp_path)
        wanted[name] = (tmp_path / f"{name} staged" / "requirements" / "serve.txt").read_text().splitlines()
    assert wanted["with"] == [*wanted["without"], "openvino==2026.4.1"]
    assert wanted["without"] == (bento.PROJECT / "requirements" / "serve.txt").read_text().splitlines()


def test_staging_leaves_compiled_files_behind(served_line: Served, tmp_path: Path) -> None:
    stage(tmp_path, served_line.champion, served_line.line.folders.bundles, served_line.encoders)
    assert not list(tmp_path.rglob("__pycache__"))
    assert (tmp_path / "bentofile.yaml").is_file()
    assert (tmp_path / "requirements" / "serve.txt").is_file()


def test_the_image_s_own_requirements_are_at_the_versions_of_the_lock() -> None:
    """A champion asks for the XGBoost that it was trained with; the image has another build of it."""

    def pinned(name: str) -> dict[str, str]:
        lines = (bento.PROJECT / "requirements" / name).read_text().splitlines()
        return {line.replace("xgboost-cpu==", "xgboost=="): line for line in lines if line.startswith("xgboost")}

    assert pinned("image.txt").keys() == pinned("lock.txt").keys() == pinned("serve.txt").keys()
