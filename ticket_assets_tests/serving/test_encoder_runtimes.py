"""A bundle answers with the encoder that its models were trained with, whichever runtime that is, or not at all."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from ticket_assets.features.distillation import distil
from ticket_assets.features.encoder import OnnxEncoder
from ticket_assets.features.encoder_folder import openvino_folder
from ticket_assets.features.encoder_runtimes import load_encoder
from ticket_assets.features.onnx_export import export_encoder
from ticket_assets.features.vectors import VectorTable
from ticket_assets.models.recipe import Recipe
from ticket_assets.models.representation import Blocks
from ticket_assets.serving.bundle import TriageBundle, write_bundle
from ticket_assets.serving.prediction import Ticket
from ticket_assets.tickets.cleaning import ticket_text
from ticket_assets_tests.features.tiny_models import save_tiny_model
from ticket_assets_tests.serving.conftest import toy_fields, toy_model

RUNTIMES = ("onnx", "openvino f32", "openvino bf16", "static")
BODIES = [f"The printer of room {number} is broken again, please help! Grüße, Jürgen" for number in range(30)]


@pytest.fixture(scope="module")
def encoders(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Runtime to a tiny encoder's folder; all lie side by side."""
    model = save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")
    onnx = export_encoder(model, tmp_path_factory.mktemp("encoders"))
    made = {f"openvino {one}": openvino_folder(onnx, one, lambda folder: None) for one in ("f32", "bf16")}
    return {"onnx": onnx, **made, "static": distil(OnnxEncoder.load(onnx), onnx, 16, lambda done, total: None)}


def bundle_of(folder: Path, root: Path) -> Path:
    encoder = {"id": folder.name, "runtime": folder.name.partition("-")[0]}
    model = replace(toy_model("queue"), recipe=Recipe("linear_svm", Blocks(vectors=1.0), {"C": 1.0}))
    return root / write_bundle(root, [model], toy_fields(encoder, ("queue",)), "a toy").id


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_ticket_has_the_very_vector_that_the_asset_stored(
    encoders: Mapping[str, Path], tmp_path: Path, runtime: str
) -> None:
    folder = encoders[runtime]
    encoder, texts = load_encoder(folder, threads=2), [ticket_text("", body) for body in BODIES]
    table = VectorTable(tmp_path / "lancedb", encoder.encoder_id, encoder.dimensions)
    table.fill(BODIES, texts, texts, encoder, lambda done, total: None)
    bundle = TriageBundle.load(bundle_of(folder, tmp_path), folder.parent)
    for body in BODIES:
        served = bundle.features([Ticket(body)]).vectors
        assert served is not None
        assert served.tobytes() == table.read([body]).tobytes()


@pytest.mark.parametrize(
    ("runtime", "needed", "spared"),
    [
        ("onnx", {"onnxruntime", "tokenizers"}, {"openvino"}),
        ("openvino f32", {"openvino", "tokenizers"}, {"onnxruntime"}),
        ("static", {"tokenizers"}, {"onnxruntime", "openvino"}),
    ],
)
def test_a_bundle_names_the_libraries_of_its_runtime_and_no_other_s(
    encoders: Mapping[str, Path], tmp_path: Path, runtime: str, needed: set[str], spared: set[str]
) -> None:
    libraries = set(
        TriageBundle.load(bundle_of(encoders[runtime], tmp_path), encoders[runtime].parent).manifest.libraries
    )
    assert needed <= libraries
    assert not spared & libraries


LOAD = """
import sys; from pathlib import Path
{}
from ticket_assets.serving.bundle import TriageBundle
TriageBundle.load(Path(sys.argv[1]), Path(sys.argv[2]))
"""
NOT_THERE = """
import importlib.metadata as metadata
sys.modules["openvino"] = None
real = metadata.version
def version(name):
    if name == "openvino":
        raise metadata.PackageNotFoundError(name)
    return real(name)
metadata.version = version
"""


@pytest.mark.parametrize(
    ("runtime", "before", "variables", "complaint"),
    [
        ("openvino f32", NOT_THERE, {}, "is not installed"),
        ("openvino bf16", "", {"ONEDNN_MAX_CPU_ISA": "AVX2"}, "it was made for bf16 and this processor computes in"),
    ],
    ids=["no openvino", "no bf16"],
)
def test_a_bundle_refuses_to_load_where_its_runtime_is_missing(
    encoders: Mapping[str, Path], tmp_path: Path, runtime: str, before: str, variables: dict[str, str], complaint: str
) -> None:
    folder = encoders[runtime]
    command = [sys.executable, "-c", LOAD.format(before), bundle_of(folder, tmp_path), folder.parent]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **variables})
    assert done.returncode == 1
    assert "BundleError: bundle " in done.stderr
    assert complaint in done.stderr
