"""The same graph under OpenVINO, which is faster where the processor computes in bfloat16.

Belongs here: that runtime behind the protocol of encoder.py.
Does not belong here: making its folder (encoder_folder.py), whether it pays on this machine (encoder_choice.py).
The service imports this module; openvino itself (extra `openvino`) is loaded with an encoder that needs it.
"""

from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ticket_assets.features.encoder import TextByText, checked_manifest, load_tokenizer, token_ids
from ticket_assets.features.encoder_manifest import WEIGHTS_FILE, EncoderFilesError, EncoderManifest

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PRECISION = "precision"


class OpenVinoEncoder(TextByText):
    """Encodes texts with OpenVINO on the CPU, in the precision that the manifest names: f32 or bf16."""

    def __init__(self, manifest: EncoderManifest, model: Any, tokenizer: "Tokenizer", threads: int) -> None:
        super().__init__(manifest, threads)
        self._model = model  # its requests do not keep it alive
        self._tokenizer = tokenizer
        self._requests: SimpleQueue[Any] = SimpleQueue()
        for _ in range(threads):
            self._requests.put(model.create_infer_request())
            # One answer each before threads share them: openvino sets itself up when it is first asked, holding the
            # interpreter's lock, and two threads that ask first wait for each other for ever (seen with 2026.4).
            self._encode_one("")

    @classmethod
    def load(cls, folder: Path, threads: int = 1) -> Self:
        """Check the folder's files against its manifest and compile the graph for this processor.

        `threads` is the number of texts worked on at once, each by one thread. Raises EncoderFilesError with
        every mismatch, where openvino is not installed and where the processor lacks the precision; ValueError
        for less than one thread.
        """
        manifest = checked_manifest(folder, "openvino", threads)
        try:
            import openvino
        except ModuleNotFoundError as error:
            reason = "its runtime openvino is not installed: pip install openvino (or ticket-assets[openvino])"
            raise EncoderFilesError(folder, [reason]) from error
        wanted = manifest.options[PRECISION]
        core = openvino.Core()
        properties = {
            "INFERENCE_PRECISION_HINT": wanted,
            "NUM_STREAMS": str(threads),
            "INFERENCE_NUM_THREADS": str(threads),
        }
        try:
            model = core.compile_model(core.read_model(folder / WEIGHTS_FILE), "CPU", properties)
            found = model.get_property("INFERENCE_PRECISION_HINT").get_type_name()
        except RuntimeError as error:
            found = f"no such way ({str(error).strip().splitlines()[-1]})"
        if found != wanted:
            reason = f"it was made for {wanted} and this processor computes in {found}: other vectors, encode again"
            raise EncoderFilesError(folder, [reason])
        return cls(manifest, model, load_tokenizer(folder, manifest), threads)

    def _encode_one(self, text: str) -> np.ndarray:
        ids = token_ids(self._tokenizer, text)
        request = self._requests.get()
        try:
            request.infer({"input_ids": ids, "attention_mask": np.ones_like(ids)})
            # A copy: the memory is the request's, and the next text overwrites it.
            row: np.ndarray = request.get_output_tensor(0).data[0].astype(np.float32, copy=True)
        finally:
            self._requests.put(request)
        if self.manifest.options[PRECISION] != "f32":
            row /= np.linalg.norm(row)  # in half the digits the graph's own scaling ends a percent off
        return row
