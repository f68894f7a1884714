"""Static vectors distilled from a sentence encoder, offline: what the encoder says of each token of its vocabulary.

Belongs here: encoding the vocabulary, PCA, weights by frequency, the folder of the result.
Does not belong here: encoding texts with it (static_encoder.py).

After Tulkens & van Dongen, "Model2Vec: fast state-of-the-art static embeddings" (2024): each token is put through the
sentence encoder by itself, the vectors are centred and reduced by PCA, and each is weighted down by its frequency
a / (a + p) (smooth inverse frequency: Arora, Liang & Ma, 2017), where p follows Zipf's law over the vocabulary's order.
Their own code for it (`model2vec[distill]`) brings further packages; ours needs the exported encoder alone.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from ticket_assets.features.encoder import OnnxEncoder, load_tokenizer
from ticket_assets.features.encoder_folder import publish
from ticket_assets.features.encoder_manifest import TOKENIZER_FILE, VECTORS_FILE, EncoderManifest
from ticket_assets.storage import file_digest

DISTILLATION_VERSION = 1  # raise with any change that changes a vector
SIF = 1e-4
# Without attention a long text costs little: as much as model2vec reads.
MAX_TOKENS = 512
_BATCH = 512
_UNUSED = re.compile(r"\[unused\d+\]|<unused\d+>|madeupword\d+")


def distil(encoder: OnnxEncoder, folder: Path, dimensions: int, progress: Callable[[int, int], None]) -> Path:
    """Make the static encoder of a sentence encoder beside it and return its folder.

    Args:
        encoder: whose vectors are distilled.
        folder: it was loaded from; its tokenizer is taken over.
        dimensions: wanted; at most the encoder's own, and fewer than it has tokens.
        progress: called with (tokens done, tokens).
    """

    def draft(made: Path) -> EncoderManifest:
        vectors = _static_vectors(encoder, folder, dimensions, progress)
        np.save(made / VECTORS_FILE, vectors)
        (made / TOKENIZER_FILE).write_bytes((folder / TOKENIZER_FILE).read_bytes())
        return replace(
            encoder.manifest,
            runtime="static",
            dimensions=vectors.shape[1],
            max_tokens=MAX_TOKENS,
            pooling="mean of weighted tokens, then L2",
            graph_version=DISTILLATION_VERSION,
            weights_sha256=file_digest(made / VECTORS_FILE),
            options={"distilled_from": encoder.encoder_id},
        )

    return publish(folder.parent, draft)


def _static_vectors(
    encoder: OnnxEncoder, folder: Path, dimensions: int, progress: Callable[[int, int], None]
) -> np.ndarray:
    """Float32 (vocabulary + 1, dimensions), as `static_encoder.StaticEncoder` reads them."""
    tokenizer = load_tokenizer(folder, encoder.manifest)
    size = tokenizer.get_vocab_size(with_added_tokens=True)
    special = {number for number, token in tokenizer.get_added_tokens_decoder().items() if token.special}
    tokens = {number: tokenizer.id_to_token(number) for number in range(size)}
    kept = [one for one, token in tokens.items() if token and one not in special and not _UNUSED.fullmatch(token)]
    probe = tokenizer.encode("a")
    inner = [place for place, is_special in enumerate(probe.special_tokens_mask) if not is_special]
    before, after = probe.ids[: inner[0]], probe.ids[inner[-1] + 1 :]

    rows = np.empty((len(kept), encoder.dimensions), dtype=np.float32)
    for start in range(0, len(kept), _BATCH):
        part = [[*before, one, *after] for one in kept[start : start + _BATCH]]
        rows[start : start + len(part)] = encoder.encode_tokens(np.array(part, dtype=np.int64))
        progress(start + len(part), len(kept))
    silent = encoder.encode([""])

    centre = rows.mean(axis=0, dtype=np.float64)
    axes = _principal_axes(rows - centre, min(dimensions, encoder.dimensions, len(kept) - 1))
    vectors = np.zeros((size + 1, axes.shape[1]), dtype=np.float32)
    vectors[kept] = ((rows - centre) @ axes) * zipf_weights(len(kept))[:, None]
    vectors[size] = ((silent - centre) @ axes)[0]
    return vectors


def _principal_axes(centred: np.ndarray, count: int) -> np.ndarray:
    """Float64 (width, count), by falling variance; the sign of each makes its largest entry positive."""
    _, axes = np.linalg.eigh(centred.T @ centred)
    axes = axes[:, ::-1][:, :count]
    signs: np.ndarray = np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(count)])
    return axes * signs


def zipf_weights(count: int) -> np.ndarray:
    """Float64 (count,): a / (a + p) of tokens in the order of their frequency; the rarest weighs most."""
    share = 1 / np.arange(2, count + 2)
    weights: np.ndarray = SIF / (SIF + share / share.sum())
    return weights
