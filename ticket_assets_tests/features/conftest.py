"""Fixtures for the feature tests: the real packaged encoder, exported once for the whole session."""

from pathlib import Path

import pytest

from ticket_assets.features.encoder import OnnxEncoder
from ticket_assets.features.onnx_export import export_encoder, packaged_model_folder


@pytest.fixture(scope="session")
def encoder_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("encoders")
    export_encoder(packaged_model_folder(), root)
    return root


@pytest.fixture(scope="session")
def encoder_folder(encoder_root: Path) -> Path:
    """The exported encoder. Shared: a test that damages an encoder copies it first."""
    (folder,) = encoder_root.glob("onnx-*")
    return folder


@pytest.fixture(scope="session")
def encoder(encoder_folder: Path) -> OnnxEncoder:
    return OnnxEncoder.load(encoder_folder)
