"""The encoder against its reference, against itself in bulk, and against damaged files."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ticket_assets.features.encoder import OnnxEncoder, round_vectors
from ticket_assets.features.encoder_manifest import EncoderFilesError, EncoderManifest
from ticket_assets.features.onnx_export import packaged_model_folder
from ticket_assets.features.reference_encoder import SentenceTransformersEncoder, max_cosine_gap

COMPLAINTS = [
    "The {} has stopped working since this morning, please help.",
    "URGENT: {} down in production!!!",
    "Der {} funktioniert seit gestern nicht mehr, können Sie bitte prüfen? Grüße aus Köln, Jürgen Weiß",
    "¿Podrían reparar el {} cuanto antes? Muchas gracias.",
    "Le {} ne répond plus, veuillez réinitialiser l'accès.",
    "{} error 0x80070005 at C:\\Windows\\System32, see https://intranet.example/kb?id=42 🙏",
]
TEXTS = [
    *(
        text.format(thing)
        for thing in ("printer", "VPN", "SAP-Konto", "laptop", "Wi-Fi", "invoice")
        for text in COMPLAINTS
    ),
    "",
    " \n\t ",
    "😀🔥💻",
    "日本語のチケット: プリンターが動きません",
    "password " * 2000,
    "Donaudampfschifffahrtsgesellschaft" * 30,
    "[CLS] [SEP] [PAD] written by a user",
    "?",
]


def copy_of(folder: Path, destination: Path) -> Path:
    """Links keep the copy of 90 MB free; damage is done by replacing a file, never by writing into it."""
    return Path(shutil.copytree(folder, destination / folder.name, copy_function=os.symlink))


def replace(path: Path, content: bytes) -> None:
    path.unlink()
    path.write_bytes(content)


@pytest.fixture(scope="module")
def reference() -> SentenceTransformersEncoder:
    return SentenceTransformersEncoder(packaged_model_folder())


def test_vectors_equal_those_of_sentence_transformers(
    encoder: OnnxEncoder, reference: SentenceTransformersEncoder
) -> None:
    assert max_cosine_gap(encoder, reference, TEXTS) < 1e-5
    np.testing.assert_allclose(encoder.encode(TEXTS), reference.encode(TEXTS), atol=2e-6)


def test_two_runtimes_of_the_same_weights_have_two_ids(
    encoder: OnnxEncoder, reference: SentenceTransformersEncoder
) -> None:
    assert encoder.encoder_id.startswith("onnx-")
    assert reference.encoder_id.startswith("sentence-transformers-")
    assert encoder.dimensions == reference.dimensions == 384


def test_the_reference_id_does_not_change_by_being_used(reference: SentenceTransformersEncoder) -> None:
    """The tokenizer's padding and truncation are working state; hashed, they would change the id."""
    reference.encode(TEXTS)
    assert SentenceTransformersEncoder(packaged_model_folder()).encoder_id == reference.encoder_id


def test_the_gap_is_large_between_vectors_that_differ(encoder: OnnxEncoder) -> None:
    """Guards the measure itself: one that could not fail would pass any export."""

    class Reversed:
        encoder_id, dimensions = "reversed", encoder.dimensions

        def encode(self, texts, progress=None):
            return encoder.encode(list(reversed(texts)))

    assert max_cosine_gap(encoder, Reversed(), TEXTS[:5]) > 0.1
    with pytest.raises(ValueError, match="no texts"):
        max_cosine_gap(encoder, encoder, [])


def test_a_text_has_the_same_bits_alone_and_in_bulk(encoder: OnnxEncoder, encoder_folder: Path) -> None:
    """Padding a batch to its longest text moves the seventh decimal: training and serving would part."""
    in_bulk = OnnxEncoder.load(encoder_folder, threads=2).encode(TEXTS)
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    assert np.array_equal(in_bulk, alone)


def test_vectors_are_float32_of_length_one_even_for_an_empty_text(encoder: OnnxEncoder) -> None:
    vectors = encoder.encode(TEXTS)
    assert vectors.shape == (len(TEXTS), 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_no_texts_make_no_rows(encoder: OnnxEncoder) -> None:
    assert encoder.encode([]).shape == (0, 384)


def test_the_cut_lies_at_the_model_s_256_tokens_and_not_at_the_tokenizer_file_s_128(
    encoder: OnnxEncoder,
) -> None:
    """The published tokenizer.json says 128, and pads to it; sentence-transformers overrules it."""
    start = "printer " * 200
    short, changed_within, changed_beyond = encoder.encode(
        [start + "broken " * 54, start + "repaired " * 54, start + "broken " * 54 + "repaired " * 54]
    )
    assert not np.array_equal(short, changed_within)
    assert np.array_equal(short, changed_beyond)


def test_a_bare_string_is_refused_rather_than_encoded_letter_by_letter(
    encoder: OnnxEncoder, reference: SentenceTransformersEncoder
) -> None:
    for each in (encoder, reference):
        with pytest.raises(TypeError, match="not one string"):
            each.encode("printer")


@pytest.mark.parametrize("threads", [1, 2])
def test_progress_counts_up_to_the_number_of_texts(encoder_folder: Path, threads: int) -> None:
    seen: list[int] = []
    OnnxEncoder.load(encoder_folder, threads=threads).encode(TEXTS[:6], progress=seen.append)
    assert seen == [1, 2, 3, 4, 5, 6]


def test_an_interruption_ends_a_bulk_run_without_working_off_its_queue(encoder_folder: Path) -> None:
    """Leaving the pool's `with` block would first encode all 40,000 texts that are still queued."""

    def interrupt(done: int) -> None:
        raise KeyboardInterrupt

    encoder = OnnxEncoder.load(encoder_folder, threads=2)
    texts = ["printer " * 200] * 200
    start = time.perf_counter()
    encoder.encode(texts[:10])
    ten, start = time.perf_counter() - start, time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        encoder.encode(texts, progress=interrupt)
    assert time.perf_counter() - start < 5 * ten


def test_rounding_hides_the_jitter_between_machines() -> None:
    vectors = np.array([[0.12341, -0.5, 0.0]], dtype=np.float32)
    jittered = vectors + np.float32(3e-8)
    assert not np.array_equal(vectors, jittered)
    assert np.array_equal(round_vectors(vectors), round_vectors(jittered))
    assert round_vectors(vectors).dtype == np.float32
    assert np.array_equal(round_vectors(vectors), round_vectors(round_vectors(vectors)))


def test_a_damaged_folder_is_refused_with_every_fault_in_one_message(encoder_folder: Path, tmp_path: Path) -> None:
    folder = copy_of(encoder_folder, tmp_path)
    replace(folder / "model.onnx", (encoder_folder / "model.onnx").read_bytes()[:-1] + b"!")
    (folder / "tokenizer.json").unlink()
    with pytest.raises(EncoderFilesError) as refusal:
        OnnxEncoder.load(folder)
    assert len(refusal.value.mismatches) == 2
    assert "model.onnx has sha256" in str(refusal.value)
    assert "tokenizer.json is missing" in str(refusal.value)


@pytest.mark.parametrize("change", [{"max_tokens": 128}, {"encoder_id": "onnx-000000000000"}, {"colour": "red"}])
def test_a_manifest_whose_id_is_not_its_content_s_is_refused(
    encoder_folder: Path, tmp_path: Path, change: dict[str, object]
) -> None:
    folder = copy_of(encoder_folder, tmp_path)
    content = json.loads((folder / "encoder.json").read_text())
    replace(folder / "encoder.json", json.dumps(content | change).encode())
    with pytest.raises(EncoderFilesError, match=r"encoder\.json"):
        OnnxEncoder.load(folder)


def test_a_manifest_survives_saving_and_loading(encoder_folder: Path, tmp_path: Path) -> None:
    manifest = EncoderManifest.load(encoder_folder)
    manifest.save(tmp_path)
    assert EncoderManifest.load(tmp_path) == manifest
    assert manifest.encoder_id == encoder_folder.name


def test_loading_and_running_the_encoder_needs_no_training_library(encoder_folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from ticket_assets.features.encoder import OnnxEncoder; "
        "assert 'onnxruntime' not in sys.modules; "
        "OnnxEncoder.load(Path(sys.argv[1]), threads=2).encode(['printer', 'down']); "
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    run = subprocess.run([sys.executable, "-c", code, encoder_folder], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert "onnxruntime" in loaded
    assert not loaded & {
        "torch",
        "sentence_transformers",
        "transformers",
        "onnx",
        "safetensors",
        "dagster",
        "pandas",
    }
