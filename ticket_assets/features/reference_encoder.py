"""The second runtime: any sentence-transformers model, through torch; slower to start, but it runs them all.

Belongs here: that runtime behind the same protocol as `encoder.OnnxEncoder`, and the measure of how far two encoders
differ.
Does not belong here: anything the service imports, which has neither torch nor sentence-transformers.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ticket_assets.features.encoder import Encoder, Progress
from ticket_assets.features.encoder_manifest import content_id

RUNTIME = "sentence-transformers"
_PROGRESS_STEP = 64
_TRUE = {"1", "ON", "YES", "TRUE"}  # the spellings that huggingface_hub takes for true


class SentenceTransformersEncoder:
    """Encodes with sentence-transformers in fp32, each vector scaled to length 1.

    `model` is a folder or a model's name. Nothing is downloaded unless HF_HUB_OFFLINE=0 is set, so
    a name must lie in the local cache. With the default `batch_size` of 1 no text is padded to another's
    length, and a vector does not depend on its neighbours; on a GPU larger batches are faster and differ in
    the seventh decimal.
    """

    def __init__(self, model: Path | str, *, device: str = "cpu", batch_size: int = 1) -> None:
        # huggingface_hub reads the variable when it is first imported, which may have been long before this.
        offline = os.environ.setdefault("HF_HUB_OFFLINE", "1").upper() in _TRUE
        from sentence_transformers import SentenceTransformer

        # Weights may be stored in half precision; vectors are compared and rounded in fp32.
        self._model = SentenceTransformer(str(model), device=device, local_files_only=offline).float()
        self._batch_size = batch_size
        self._dimensions = int(self._model.encode(["", ""], show_progress_bar=False).shape[1])
        self._encoder_id = content_id(RUNTIME, _facts(self._model))

    @property
    def encoder_id(self) -> str:
        """`sentence-transformers-<12 hex>` over weights, tokenizer, modules and the cut in tokens."""
        return self._encoder_id

    @property
    def dimensions(self) -> int:
        """Length of one vector."""
        return self._dimensions

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> np.ndarray:
        """Return float32 (len(texts), dimensions); `progress` gets the count done after every 64 texts.

        Raises TypeError for a bare string.
        """
        if isinstance(texts, str):
            raise TypeError("encode takes a sequence of texts, not one string")
        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        step = max(_PROGRESS_STEP, self._batch_size)
        for start in range(0, len(texts), step):
            part = list(texts[start : start + step])
            vectors[start : start + len(part)] = self._model.encode(
                part, batch_size=self._batch_size, normalize_embeddings=True, show_progress_bar=False
            )
            if progress is not None:
                progress(start + len(part))
        return vectors


def max_cosine_gap(first: Encoder, second: Encoder, texts: Sequence[str]) -> float:
    """Return the largest 1 - cosine between the two encoders' vectors of one text (0: the same directions).

    Raises ValueError when the dimensions differ or there is no text to compare on.
    """
    if first.dimensions != second.dimensions:
        raise ValueError(
            f"{first.encoder_id} has {first.dimensions} dimensions, {second.encoder_id} {second.dimensions}"
        )
    if not texts:
        raise ValueError("no texts to compare the encoders on")
    a, b = (encoder.encode(texts).astype(np.float64) for encoder in (first, second))
    cosines = (a * b).sum(axis=1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))
    return float(1 - cosines.min())


def _facts(model: Any) -> dict[str, Any]:
    """Collect what shapes the vectors, read from the loaded model so that folder and cached name agree."""
    import torch

    weights = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        weights.update(f"{name}{tuple(tensor.shape)}".encode())
        weights.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return {
        "weights": weights.hexdigest(),
        "tokenizer": hashlib.sha256(_tokenizer_text(model.tokenizer).encode()).hexdigest(),
        "modules": [[type(module).__name__, getattr(module, "get_config_dict", dict)()] for module in model],
        "max_tokens": model.max_seq_length,
    }


def _tokenizer_text(tokenizer: Any) -> str:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:  # a tokenizer in pure Python: its vocabulary has to speak for it
        return json.dumps(tokenizer.get_vocab(), sort_keys=True)
    content = json.loads(backend.to_str())
    # These two are working state: they change with every call that is made.
    return json.dumps({key: content[key] for key in content if key not in {"truncation", "padding"}}, sort_keys=True)
