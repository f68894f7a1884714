"""The runtimes beside ONNX: same texts, same bits, whatever is encoded beside them; refused where they are missing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ticket_assets.features.agreement import TEXTS, DisagreementError, require_agreement, smallest_cosine
from ticket_assets.features.encoder import OnnxEncoder
from ticket_assets.features.encoder_folder import is_complete, openvino_folder
from ticket_assets.features.encoder_manifest import EncoderFilesError, EncoderManifest
from ticket_assets.features.encoder_runtimes import load_encoder
from ticket_assets.features.openvino_encoder import OpenVinoEncoder

RUNTIMES = ("onnx", "openvino f32", "openvino bf16", "static")


@pytest.fixture
def folder(request: pytest.FixtureRequest, tiny_folders: dict[str, Path]) -> Path:
    return tiny_folders[request.param]


def run(code: str, *arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **variables})


@pytest.mark.parametrize("folder", RUNTIMES, indirect=True)
def test_a_text_has_the_same_bits_alone_in_bulk_and_in_another_order(folder: Path) -> None:
    alone = np.concatenate([load_encoder(folder).encode([text]) for text in TEXTS])
    in_bulk = load_encoder(folder, threads=2)
    assert in_bulk.encode(TEXTS).tobytes() == alone.tobytes()
    assert in_bulk.encode(TEXTS[::-1])[::-1].tobytes() == alone.tobytes()


@pytest.mark.parametrize("folder", RUNTIMES, indirect=True)
def test_vectors_are_float32_of_length_one_even_for_an_empty_text(folder: Path) -> None:
    encoder = load_encoder(folder)
    vectors = encoder.encode([*TEXTS, "", " \n ", "[CLS] [SEP]"])
    assert vectors.shape == (len(TEXTS) + 3, encoder.dimensions)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_each_runtime_and_precision_has_an_id_of_its_own(tiny_folders: dict[str, Path]) -> None:
    ids = {name: load_encoder(folder).encoder_id for name, folder in tiny_folders.items()}
    assert len(set(ids.values())) == 4
    assert {name: one.partition("-")[0] for name, one in ids.items()} == {one: one.split()[0] for one in RUNTIMES}


def test_openvino_gives_the_vectors_of_onnx(tiny_folders: dict[str, Path], encoder: OnnxEncoder) -> None:
    tiny = load_encoder(tiny_folders["onnx"])
    assert smallest_cosine(tiny, load_encoder(tiny_folders["openvino f32"])) > 0.999999
    assert smallest_cosine(tiny, load_encoder(tiny_folders["openvino bf16"])) > 0.999


@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_the_packaged_encoder_agrees_under_openvino(
    encoder: OnnxEncoder, encoder_folder: Path, tmp_path: Path, precision: str
) -> None:
    onnx = Path(shutil.copytree(encoder_folder, tmp_path / encoder_folder.name, copy_function=os.link))
    made = openvino_folder(onnx, precision, lambda folder: None)
    require_agreement(encoder, OpenVinoEncoder.load(made, 2), precision)
    assert is_complete(made)
    assert openvino_folder(onnx, precision, lambda folder: pytest.fail("made again")) == made
    assert (made / "model.onnx").stat().st_ino == (onnx / "model.onnx").stat().st_ino, "90 MB stand there twice"


def test_another_encoder_is_refused_with_the_measured_number_and_does_not_appear(
    tiny_onnx: Path, tmp_path: Path
) -> None:
    onnx = Path(shutil.copytree(tiny_onnx, tmp_path / tiny_onnx.name))
    tiny = OnnxEncoder.load(onnx)

    class Reversed:
        encoder_id, dimensions = "reversed", tiny.dimensions

        def encode(self, texts, progress=None):
            return tiny.encode(list(reversed(texts)))

    with pytest.raises(DisagreementError, match=r"bf16: the smallest cosine on 17 texts is 0\.\d+, below 0\.9999"):
        openvino_folder(onnx, "bf16", lambda folder: require_agreement(tiny, Reversed(), "bf16"))
    assert list(tmp_path.iterdir()) == [onnx]


def test_without_openvino_its_encoder_is_refused_by_name(tiny_folders: dict[str, Path]) -> None:
    code = (
        "import sys; from pathlib import Path; sys.modules['openvino'] = None\n"
        "from ticket_assets.features.encoder_runtimes import load_encoder\n"
        "load_encoder(Path(sys.argv[1]))"
    )
    said = run(code, tiny_folders["openvino f32"]).stderr
    assert "EncoderFilesError" in said
    assert "its runtime openvino is not installed: pip install openvino (or ticket-assets[openvino])" in said


def test_a_processor_without_the_precision_is_refused(tiny_folders: dict[str, Path]) -> None:
    """It would compute other vectors than the models were trained on."""
    code = (
        "import sys; from pathlib import Path\nfrom ticket_assets.features.encoder_runtimes import load_encoder\n"
        "load_encoder(Path(sys.argv[1]))"
    )
    said = run(code, tiny_folders["openvino bf16"], ONEDNN_MAX_CPU_ISA="AVX2").stderr
    assert "EncoderFilesError" in said
    assert "it was made for bf16 and this processor computes in" in said


def test_a_runtime_that_is_none_of_ours_is_refused(tiny_onnx: Path, tmp_path: Path) -> None:
    copied = Path(shutil.copytree(tiny_onnx, tmp_path / "other"))
    manifest = EncoderManifest.load(copied)
    EncoderManifest(**{**vars(manifest), "runtime": "abacus"}).save(copied)
    with pytest.raises(EncoderFilesError, match="its runtime is 'abacus'; there are onnx, openvino, static"):
        load_encoder(copied)
    with pytest.raises(EncoderFilesError, match="its runtime is 'abacus'; this one runs 'onnx'"):
        OnnxEncoder.load(copied)


@pytest.mark.parametrize(
    ("folder", "needed"), [("openvino f32", "openvino"), ("static", "tokenizers")], indirect=["folder"]
)
def test_running_it_needs_no_training_library(folder: Path, needed: str) -> None:
    code = (
        "import sys; from pathlib import Path; from ticket_assets.features.encoder_runtimes import load_encoder\n"
        "assert not {'openvino', 'onnxruntime'} & set(sys.modules)\n"
        "load_encoder(Path(sys.argv[1]), threads=2).encode(['printer', 'down'])\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    loaded = set(run(code, folder).stdout.split())
    assert needed in loaded
    heavy = {"torch", "sentence_transformers", "transformers", "onnx", "safetensors", "dagster", "pandas", "model2vec"}
    assert not loaded & (heavy | {"onnxruntime"})
