"""Static vectors: one per token, looked up and averaged; fifty times the speed of a transformer, and less precise.

Belongs here: that runtime behind the protocol of encoder.py.
Does not belong here: where the vectors come from (distillation.py).
The service imports this module: numpy, and tokenizers when an encoder is loaded.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from ticket_assets.features.encoder import TextByText, checked_manifest, load_tokenizer
from ticket_assets.features.encoder_manifest import VECTORS_FILE, EncoderManifest

if TYPE_CHECKING:
    from tokenizers import Tokenizer


class StaticEncoder(TextByText):
    """Averages the vectors of a text's tokens.

    `vectors` is float32 (vocabulary + 1, dimensions): a row of zeros for a token that says nothing, and last the
    vector of a text without any token that says something.
    """

    def __init__(self, manifest: EncoderManifest, vectors: np.ndarray, tokenizer: "Tokenizer", threads: int) -> None:
        super().__init__(manifest, threads)
        self._vectors = vectors
        self._says_something: np.ndarray = np.asarray(vectors.any(axis=1))
        self._tokenizer = tokenizer

    @classmethod
    def load(cls, folder: Path, threads: int = 1) -> Self:
        """Check the folder's files against its manifest and open them.

        `threads` is the number of texts worked on at once. Raises EncoderFilesError with every mismatch, and
        ValueError for less than one thread.
        """
        manifest = checked_manifest(folder, "static", threads)
        vectors = np.load(folder / VECTORS_FILE, allow_pickle=False)
        return cls(manifest, vectors, load_tokenizer(folder, manifest), threads)

    def _encode_one(self, text: str) -> np.ndarray:
        ids = np.asarray(self._tokenizer.encode(text, add_special_tokens=False).ids, dtype=np.int64)
        telling = ids[self._says_something[ids]]
        rows = self._vectors[telling] if telling.size else self._vectors[-1:]
        mean = rows.mean(axis=0, dtype=np.float64)
        row: np.ndarray = (mean / max(np.linalg.norm(mean), 1e-12)).astype(np.float32)
        return row
