"""Fixtures of several folders: the real packaged encoder, and one line that really ran, each made once a session."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ticket_assets.features.encoder import OnnxEncoder
from ticket_assets.features.onnx_export import export_encoder, packaged_model_folder
from ticket_assets_tests.line import Line


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


@pytest.fixture(scope="session")
def finished_line(tmp_path_factory: pytest.TempPathFactory, encoder_root: Path) -> Line:
    """A line run from tickets to bento, in this process. Nobody changes it: pipeline/ has one of its own for that."""
    line = Line.begin(tmp_path_factory.mktemp("line"), encoder_root)
    with line.environment():
        line.bring_up_to_date()
    return line


@pytest.fixture
def line(finished_line: Line) -> Iterator[Line]:
    """The finished line, with the environment that makes it the active profile."""
    with finished_line.environment():
        yield finished_line
