"""The export of the encoder: whole or not at all, once, and only of models that the graph describes."""

import json
import os
import shutil
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from ticket_assets.features.encoder import OnnxEncoder
from ticket_assets.features.encoder_manifest import EncoderFilesError
from ticket_assets.features.onnx_export import export_encoder, packaged_model_folder


def test_a_second_export_returns_the_first_one_untouched(encoder_root: Path, encoder_folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in encoder_folder.iterdir()}
    assert export_encoder(packaged_model_folder(), encoder_root) == encoder_folder
    assert {path: path.stat().st_mtime_ns for path in encoder_folder.iterdir()} == before
    assert [path.name for path in encoder_root.iterdir()] == [encoder_folder.name]


def test_a_half_written_export_is_neither_taken_for_a_finished_one_nor_in_the_way(
    encoder_folder: Path, tmp_path: Path
) -> None:
    """What a killed export may leave: its temporary folder, or a target that lacks its manifest."""
    abandoned = tmp_path / ".partial-killed" / "finished"
    abandoned.mkdir(parents=True)
    (abandoned / "model.onnx").write_bytes(b"half")
    target = tmp_path / encoder_folder.name
    target.mkdir()
    (target / "model.onnx").write_bytes(b"half")
    with pytest.raises(EncoderFilesError, match=r"encoder\.json is missing"):
        OnnxEncoder.load(target)

    assert export_encoder(packaged_model_folder(), tmp_path) == target
    texts = ["", "printer down"]
    assert np.array_equal(OnnxEncoder.load(target).encode(texts), OnnxEncoder.load(encoder_folder).encode(texts))
    assert sorted(path.name for path in tmp_path.iterdir()) == [".partial-killed", encoder_folder.name]
    assert abandoned.exists()


def test_an_export_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    model, root = tmp_path / "model", tmp_path / "root"
    shutil.copytree(packaged_model_folder(), model, copy_function=os.symlink)
    (model / "model.safetensors").unlink()
    (model / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(Exception, match="header"):
        export_encoder(model, root)
    assert list(root.iterdir()) == []


def test_a_model_that_the_graph_does_not_describe_is_refused_with_all_reasons(tmp_path: Path) -> None:
    """A graph laid around such weights would load, run, and be wrong."""
    model = tmp_path / "model"
    shutil.copytree(packaged_model_folder(), model, copy_function=os.symlink)
    config = json.loads((model / "config.json").read_text())
    for file, content in {
        "config.json": config | {"hidden_act": "relu"},
        "1_Pooling/config.json": {"pooling_mode_cls_token": True},
    }.items():
        (model / file).unlink()
        (model / file).write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"hidden_act is 'relu'.*its pooling is \['pooling_mode_cls_token'\]"):
        export_encoder(model, tmp_path / "root")


def test_two_exports_at_once_make_one_folder_that_others_may_read(tmp_path: Path) -> None:
    """The service runs as another user, and a temporary folder is closed to all but its maker."""
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(export_encoder, [packaged_model_folder()] * 2, [tmp_path] * 2)
    assert first == second
    assert list(tmp_path.iterdir()) == [first]
    (tmp_path / "plain").mkdir()
    assert stat.S_IMODE(first.stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)
    OnnxEncoder.load(first)


def test_the_same_weights_make_the_same_bytes(encoder_folder: Path, tmp_path: Path) -> None:
    again = export_encoder(packaged_model_folder(), tmp_path)
    for file in encoder_folder.iterdir():
        assert (again / file.name).read_bytes() == file.read_bytes()
