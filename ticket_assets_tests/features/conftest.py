"""Tiny models of random weights, each made once a session, and the encoders that come of one of them."""

from pathlib import Path

import pytest

from ticket_assets.features.distillation import distil
from ticket_assets.features.encoder import OnnxEncoder
from ticket_assets.features.encoder_folder import openvino_folder
from ticket_assets.features.onnx_export import export_encoder
from ticket_assets_tests.features.tiny_models import save_tiny_model


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence-transformers folder: BERT of two layers, mean pooling."""
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def tiny_onnx(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_encoder(tiny_model, tmp_path_factory.mktemp("tiny-encoders"))


@pytest.fixture(scope="session")
def tiny_folders(tiny_onnx: Path) -> dict[str, Path]:
    """Runtime, with its precision, to an encoder folder of it; nothing is compared."""
    return {
        "onnx": tiny_onnx,
        **{f"openvino {one}": openvino_folder(tiny_onnx, one, lambda folder: None) for one in ("f32", "bf16")},
        "static": distil(OnnxEncoder.load(tiny_onnx), tiny_onnx, 16, lambda done, total: None),
    }
