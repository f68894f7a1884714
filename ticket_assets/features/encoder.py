"""The sentence encoder that training and the service both run: what all runtimes share, and the first of them.

Belongs here: the protocol, encoding each text on its own, onnxruntime, rounding vectors.
Does not belong here: what a folder says of itself (encoder_manifest.py), making one (encoder_folder.py), the other
runtimes (openvino_encoder.py, static_encoder.py), keeping vectors (vectors.py).
The inference service imports this module, so it needs numpy, onnxruntime and tokenizers only, and loads the latter two
when an encoder is loaded.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np

from ticket_assets.features.encoder_manifest import (
    TOKENIZER_FILE,
    WEIGHTS_FILE,
    EncoderFilesError,
    EncoderManifest,
)

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Progress = Callable[[int], None]


class Encoder(Protocol):
    """What every runtime offers; models are trained on and served with the same `encoder_id`."""

    @property
    def encoder_id(self) -> str:
        """Runtime and content hash, such as `onnx-0123456789ab`: equal ids mean interchangeable vectors."""
        ...

    @property
    def dimensions(self) -> int:
        """Length of one vector."""
        ...

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> np.ndarray:
        """Return float32 (len(texts), dimensions), each row of length 1; `progress` gets the count so far."""
        ...


class TextByText(ABC):
    """An encoder of a folder that encodes each text on its own.

    No text is ever padded to the length of another, and one text is worked on by one thread: so its vector is
    the same to the last bit whatever is encoded beside it, in bulk for training or alone for a request.
    Padded batches differ in the seventh decimal, which is enough to put a tree on another branch, and are
    no faster: `threads` workers fill the cores, as the runtimes let go of the interpreter's lock.
    An instance may be shared by threads.
    """

    def __init__(self, manifest: EncoderManifest, threads: int) -> None:
        self.manifest = manifest
        self._threads = threads

    @property
    def encoder_id(self) -> str:
        """Runtime and content hash, as in the manifest."""
        return self.manifest.encoder_id

    @property
    def dimensions(self) -> int:
        """Length of one vector (384 for all-MiniLM-L6-v2)."""
        return self.manifest.dimensions

    @abstractmethod
    def _encode_one(self, text: str) -> np.ndarray:
        """Return float32 (dimensions,) of length 1."""

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> np.ndarray:
        """Return float32 (len(texts), dimensions): token vectors pooled, then scaled to length 1.

        Text beyond `max_tokens` tokens is cut; an empty text has a vector too. `progress` is called in the
        caller's thread with the number of texts done so far. Raises TypeError for a bare string.
        """
        if isinstance(texts, str):
            raise TypeError("encode takes a sequence of texts, not one string")
        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        if self._threads == 1 or len(texts) < 2:
            self._collect(map(self._encode_one, texts), vectors, progress)
            return vectors
        pool = ThreadPoolExecutor(self._threads, thread_name_prefix="encode")
        try:
            self._collect(pool.map(self._encode_one, texts), vectors, progress)
        finally:
            # Without the cancel an interrupted bulk run would first work through all that is still queued.
            pool.shutdown(cancel_futures=True)
        return vectors

    @staticmethod
    def _collect(rows: Iterable[np.ndarray], vectors: np.ndarray, progress: Progress | None) -> None:
        for done, row in enumerate(rows, start=1):
            vectors[done - 1] = row
            if progress is not None:
                progress(done)


class OnnxEncoder(TextByText):
    """Encodes texts with onnxruntime on the CPU."""

    def __init__(self, manifest: EncoderManifest, session: Any, tokenizer: "Tokenizer", threads: int) -> None:
        super().__init__(manifest, threads)
        self._session = session
        self._tokenizer = tokenizer

    @classmethod
    def load(cls, folder: Path, threads: int = 1) -> Self:
        """Check the folder's files against its manifest and open them.

        `threads` is the number of texts that `encode` works on at once. Raises EncoderFilesError with every
        mismatch, and ValueError for less than one thread.
        """
        manifest = checked_manifest(folder, "onnx", threads)
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        # A memory plan is kept per input shape, and every text has a length of its own.
        options.enable_mem_pattern = False
        session = onnxruntime.InferenceSession(str(folder / WEIGHTS_FILE), options, providers=["CPUExecutionProvider"])
        return cls(manifest, session, load_tokenizer(folder, manifest), threads)

    def encode_tokens(self, ids: np.ndarray) -> np.ndarray:
        """Return float32 (n, dimensions) for int64 (n, tokens) of texts that all have as many tokens."""
        feed = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        rows: np.ndarray = self._session.run(["embedding"], feed)[0]
        return rows

    def _encode_one(self, text: str) -> np.ndarray:
        row: np.ndarray = self.encode_tokens(token_ids(self._tokenizer, text))[0]
        return row


def checked_manifest(folder: Path, runtime: str, threads: int) -> EncoderManifest:
    """Return the manifest of a folder whose files are what it says.

    Raises:
        EncoderFilesError: with every mismatch, another runtime among them.
        ValueError: less than one thread.
    """
    if threads < 1:
        raise ValueError(f"threads must be at least 1, not {threads}")
    manifest = EncoderManifest.load(folder)
    faults = manifest.mismatches(folder)
    if manifest.runtime != runtime:
        faults.append(f"its runtime is {manifest.runtime!r}; this one runs {runtime!r}")
    if faults:
        raise EncoderFilesError(folder, faults)
    return manifest


def load_tokenizer(folder: Path, manifest: EncoderManifest) -> "Tokenizer":
    """Open the folder's tokenizer with the manifest's cut and no padding."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
    # A published tokenizer.json may cut and pad to a length of its own (128 here): the manifest decides.
    tokenizer.enable_truncation(manifest.max_tokens)
    tokenizer.no_padding()
    return tokenizer


def token_ids(tokenizer: "Tokenizer", text: str) -> np.ndarray:
    """Return int64 (1, tokens), special tokens included."""
    return np.asarray([tokenizer.encode(text).ids], dtype=np.int64)


def round_vectors(vectors: np.ndarray) -> np.ndarray:
    """Round to 4 decimals and return float32 of the same shape; to be done before any tree sees the vectors.

    A tree's thresholds are values that occurred in training. Another processor computes the same text with a
    difference of some 1e-8, and unrounded that alone carries a value across the threshold it defined itself.
    It is no cure for other values: the rare one that lies on the border between two roundings moves by 1e-4.
    """
    return np.round(vectors.astype(np.float64), 4).astype(np.float32)
