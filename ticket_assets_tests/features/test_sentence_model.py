"""Any sentence-transformers model as encoder: exported so that it gives the model's own vectors, or refused."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ticket_assets.features.agreement import TEXTS, require_agreement, smallest_cosine
from ticket_assets.features.encoder import OnnxEncoder
from ticket_assets.features.onnx_export import export_encoder, packaged_model_folder
from ticket_assets.features.reference_encoder import SentenceTransformersEncoder
from ticket_assets.features.sentence_model import EncoderModelError, find_model
from ticket_assets.features.torch_export import trace_encoder
from ticket_assets_tests.features.tiny_models import save_tiny_model


@pytest.mark.parametrize(
    ("architecture", "pooling", "normalize"),
    [
        ("bert", "cls", True),
        ("xlm-roberta", "mean", True),
        ("xlm-roberta", "cls", False),
        ("mpnet", "mean", False),
        ("distilbert", "max", True),
    ],
)
def test_a_traced_model_gives_the_vectors_of_sentence_transformers(
    tmp_path: Path, architecture: str, pooling: str, normalize: bool
) -> None:
    saved = save_tiny_model(tmp_path / "mine", architecture, pooling, normalize=normalize)
    compared = []

    def check(folder: Path) -> None:
        reference = SentenceTransformersEncoder(saved)
        require_agreement(OnnxEncoder.load(folder), reference, "the trace")
        compared.append(smallest_cosine(OnnxEncoder.load(folder), reference))

    made = trace_encoder(find_model("mine", tmp_path), tmp_path / "encoders", check)
    assert compared[0] > 0.999999
    manifest = OnnxEncoder.load(made).manifest
    assert (manifest.name, manifest.dimensions, manifest.max_tokens) == ("mine", 32, 48)
    assert manifest.pooling == f"{pooling}, then L2"
    vectors = OnnxEncoder.load(made).encode(TEXTS)
    assert (vectors @ vectors.T).min() < 0.9, "a comparison of vectors that all point one way says nothing"


def test_the_graph_made_without_torch_and_the_traced_one_agree_and_are_two_encoders(
    tiny_model: Path, tiny_onnx: Path, tmp_path: Path
) -> None:
    traced = trace_encoder(find_model(str(tiny_model), tmp_path), tmp_path, lambda folder: None)
    assert traced.name != tiny_onnx.name
    np.testing.assert_allclose(
        OnnxEncoder.load(traced).encode(TEXTS), OnnxEncoder.load(tiny_onnx).encode(TEXTS), atol=1e-5
    )


def test_a_graph_that_fails_its_comparison_does_not_appear(tiny_model: Path, tmp_path: Path) -> None:
    other = SentenceTransformersEncoder(save_tiny_model(tmp_path / "other", "distilbert"))

    def check(folder: Path) -> None:
        require_agreement(OnnxEncoder.load(folder), other, "the trace")

    with pytest.raises(ValueError, match=r"the trace: the smallest cosine on 17 texts is -?0\.\d+, below 0\.9999"):
        trace_encoder(find_model(str(tiny_model), tmp_path), tmp_path / "encoders", check)
    assert list((tmp_path / "encoders").iterdir()) == []


def test_a_dense_module_is_refused(tmp_path: Path) -> None:
    save_tiny_model(tmp_path / "mine", dense=True)
    with pytest.raises(EncoderModelError, match="its modules are Transformer, Pooling, Dense, Normalize, not"):
        trace_encoder(find_model("mine", tmp_path), tmp_path / "encoders", lambda folder: None)
    with pytest.raises(ValueError, match="Dense"):
        export_encoder(tmp_path / "mine", tmp_path / "encoders")


def test_a_pooling_and_a_prompt_that_are_not_ours_are_refused_together(tiny_model: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_model, tmp_path / "mine"))
    for file, change in {
        "1_Pooling/config.json": {"pooling_mode": "lasttoken"},
        "config_sentence_transformers.json": {"prompts": {"query": "query: "}, "default_prompt_name": "query"},
    }.items():
        path = folder / file
        path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(EncoderModelError, match=r"its pooling is lasttoken, not.*; it puts the prompt 'query' before"):
        trace_encoder(find_model("mine", tmp_path), tmp_path / "encoders", lambda model: None)


def test_weights_that_cannot_be_opened_are_named_with_the_setting(tiny_model: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_model, tmp_path / "mine"))
    (folder / "model.safetensors").unlink()
    with pytest.raises(EncoderModelError, match=r"encoder\.model: .*mine cannot be opened: "):
        trace_encoder(find_model("mine", tmp_path), tmp_path / "encoders", lambda model: None)


def test_the_packaged_model_is_found_wherever_one_stands(tmp_path: Path) -> None:
    assert find_model("packaged", tmp_path).folder == packaged_model_folder()


def test_a_relative_folder_counts_from_the_base_and_its_fingerprint_is_its_content(
    tiny_model: Path, tmp_path: Path
) -> None:
    shutil.copytree(tiny_model, tmp_path / "models" / "mine")
    found = find_model("models/mine", tmp_path)
    assert found.folder == tmp_path / "models" / "mine"
    assert found.name == "mine"
    assert found.fingerprint == find_model(str(tiny_model), tmp_path).fingerprint
    (found.folder / "model.safetensors").write_bytes(b"others")
    assert find_model("models/mine", tmp_path).fingerprint != found.fingerprint


@pytest.mark.parametrize("name", ["./mine", "models/mine/deep", "~nobody/mine"])
def test_a_path_without_a_folder_is_not_asked_for_at_the_hub(name: str, tmp_path: Path) -> None:
    with pytest.raises(EncoderModelError, match=f"encoder.model = '{name}': there is no folder"):
        find_model(name, tmp_path)


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(EncoderModelError, match=r"holds no modules\.json, so it is no sentence-transformers model"):
        find_model("mine", tmp_path)


@pytest.mark.parametrize(
    "variables", [{"HF_HUB_OFFLINE": "1"}, {"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": "http://127.0.0.1:9"}]
)
def test_without_a_way_to_the_hub_the_error_names_the_setting_and_the_fix(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    code = "import sys; from pathlib import Path; from ticket_assets.features.sentence_model import find_model\n"
    command = [sys.executable, "-c", code + "find_model('all-mpnet-base-v2', Path(sys.argv[1]))", tmp_path]
    environment = {**os.environ, "HF_HOME": str(tmp_path / "cache"), **variables}
    said = subprocess.run(command, capture_output=True, text=True, check=False, env=environment).stderr
    assert "EncoderModelError: encoder.model = 'all-mpnet-base-v2': there is no folder" in said
    assert "the model hub did not give sentence-transformers/all-mpnet-base-v2 (" in said
    assert 'copy the model\'s folder here and name its path, or set encoder.model = "packaged"' in said


def test_a_model_in_the_hub_s_cache_is_found_by_its_name(tiny_model: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache" / "hub" / "models--desk--mine"
    shutil.copytree(tiny_model, cache / "snapshots" / "0123")
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text("0123")
    code = (
        "import sys; from pathlib import Path; from ticket_assets.features.sentence_model import find_model\n"
        "print(find_model('desk/mine', Path(sys.argv[1])).folder)"
    )
    environment = {**os.environ, "HF_HOME": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", code, tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == str(cache / "snapshots" / "0123")
