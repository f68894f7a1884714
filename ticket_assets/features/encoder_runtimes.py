"""Which runtimes there are: opening an encoder folder with the one that it was made for.

Belongs here: runtime name to class, and to the libraries that it needs at answer time.
Does not belong here: the runtimes themselves, which of them a profile uses (encoder_choice.py).
"""

from collections.abc import Mapping
from pathlib import Path

from ticket_assets.features.encoder import OnnxEncoder, TextByText
from ticket_assets.features.encoder_manifest import EncoderFilesError, EncoderManifest
from ticket_assets.features.openvino_encoder import OpenVinoEncoder
from ticket_assets.features.static_encoder import StaticEncoder

RUNTIMES: Mapping[str, type[OnnxEncoder] | type[OpenVinoEncoder] | type[StaticEncoder]] = {
    "onnx": OnnxEncoder,
    "openvino": OpenVinoEncoder,
    "static": StaticEncoder,
}
LIBRARIES = {
    "onnx": ("onnxruntime", "tokenizers"),
    "openvino": ("openvino", "tokenizers"),
    "static": ("tokenizers",),
}


def load_encoder(folder: Path, threads: int = 1) -> TextByText:
    """Open an encoder folder with its own runtime, `threads` texts at once.

    Raises:
        EncoderFilesError: with every mismatch; or the runtime is not one that can be served, or not installed.
    """
    runtime = EncoderManifest.load(folder).runtime
    if runtime not in RUNTIMES:
        raise EncoderFilesError(folder, [f"its runtime is {runtime!r}; there are {', '.join(RUNTIMES)}"])
    return RUNTIMES[runtime].load(folder, threads)
