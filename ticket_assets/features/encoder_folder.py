"""Writes an encoder folder whole or not at all, under the name of its id.

Belongs here: drafting, summing the files, the rename, an OpenVINO encoder from an ONNX one.
Does not belong here: the graph (onnx_export.py, torch_export.py), static vectors (distillation.py), reading a folder
(encoder_manifest.py).
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ticket_assets.features.encoder_manifest import (
    TOKENIZER_FILE,
    WEIGHTS_FILE,
    EncoderFilesError,
    EncoderManifest,
)
from ticket_assets.features.openvino_encoder import PRECISION
from ticket_assets.storage import file_digest


def publish(root: Path, draft: Callable[[Path], EncoderManifest], check: Callable[[Path], None] | None = None) -> Path:
    """Make `<root>/<encoder_id>/` and return it.

    A complete folder of the same encoder is kept as it is; a damaged one is replaced. The folder appears under its
    name only when all is written and checked; a killed export leaves a `.partial-…` behind that nobody reads, and
    that may be deleted.

    Args:
        root: where encoders lie, by id.
        draft: writes the files into the folder that it is given, and returns their manifest; its sums are made here.
        check: is given the finished folder; what it raises keeps the encoder from appearing.
    """
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=root) as partial:
        # A folder inside the temporary one: that is closed to other users, and this one will be served.
        folder = Path(partial) / "finished"
        folder.mkdir()
        manifest = draft(folder)
        files = {path.name: file_digest(path) for path in sorted(folder.iterdir())}
        manifest = replace(manifest, files=files)
        manifest.save(folder)
        if check is not None:
            check(folder)
        destination = root / manifest.encoder_id
        if destination.exists() and not is_complete(destination):
            destination.rename(Path(partial) / "damaged")
        try:
            folder.rename(destination)
        except OSError:
            # Another process finished the same export in the meantime: its folder is as good as this one.
            if not is_complete(destination):
                raise
    return destination


def is_complete(folder: Path) -> bool:
    """Whether a folder holds the encoder that it is named after, undamaged."""
    try:
        manifest = EncoderManifest.load(folder)
    except EncoderFilesError:
        return False
    return manifest.encoder_id == folder.name and not manifest.mismatches(folder)


def installed(*libraries: str) -> dict[str, str]:
    """Versions of those of the libraries that are installed."""
    found = {}
    for library in libraries:
        with contextlib.suppress(PackageNotFoundError):
            found[library] = version(library)
    return found


def openvino_folder(onnx_folder: Path, precision: str, check: Callable[[Path], None]) -> Path:
    """Make the OpenVINO encoder of an ONNX one beside it; the graph's file is shared where the disk can.

    Args:
        onnx_folder: the ONNX encoder.
        precision: f32 or bf16.
        check: as `publish` has it.
    """
    source = EncoderManifest.load(onnx_folder)
    manifest = replace(
        source,
        runtime="openvino",
        libraries={**source.libraries, **installed("openvino")},
        options={**source.options, PRECISION: precision},
    )
    destination = onnx_folder.parent / manifest.encoder_id
    if is_complete(destination):
        return destination

    def draft(folder: Path) -> EncoderManifest:
        for file in (WEIGHTS_FILE, TOKENIZER_FILE):
            try:
                os.link(onnx_folder / file, folder / file)
            except OSError:
                shutil.copyfile(onnx_folder / file, folder / file)
        return manifest

    return publish(onnx_folder.parent, draft, check)
