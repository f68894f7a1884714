"""Static vectors: what the encoder says of each token, reduced, weighted, and averaged as model2vec averages them."""

from pathlib import Path

import numpy as np
import pytest

from ticket_assets.features.agreement import TEXTS
from ticket_assets.features.distillation import SIF, distil, zipf_weights
from ticket_assets.features.encoder import OnnxEncoder
from ticket_assets.features.encoder_folder import is_complete
from ticket_assets.features.static_encoder import StaticEncoder


def test_model2vec_encodes_as_we_do_with_the_same_vectors(tiny_folders: dict[str, Path]) -> None:
    """Its library reads what we distilled: the method is theirs, the code of the service is not."""
    from model2vec import StaticModel
    from tokenizers import Tokenizer

    folder = tiny_folders["static"]
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    theirs = StaticModel(np.load(folder / "vectors.npy")[:-1], tokenizer, normalize=True)
    # Of a long text it cuts letters before it cuts tokens, and one without a telling token is zeros there.
    spoken = [text for text in TEXTS if len(text) < 200 and any(theirs.tokenize([text])[0])]
    assert len(spoken) > 10
    cosines = (theirs.encode(spoken) * StaticEncoder.load(folder).encode(spoken)).sum(axis=1)
    assert cosines.min() > 0.999999


def test_a_token_s_row_is_its_centred_vector_turned_and_weighted(tiny_folders: dict[str, Path]) -> None:
    """With as many dimensions as the encoder has, turning keeps every angle."""
    onnx = OnnxEncoder.load(tiny_folders["onnx"])
    folder = distil(onnx, tiny_folders["onnx"], 4096, lambda done, total: None)
    rows = np.load(folder / "vectors.npy")
    tokenizer = onnx._tokenizer
    begin, end = (tokenizer.token_to_id(one) for one in ("[CLS]", "[SEP]"))
    numbers = np.arange(5, tokenizer.get_vocab_size())  # the five special ones come first
    said = onnx.encode_tokens(np.array([[begin, one, end] for one in numbers], dtype=np.int64)).astype(np.float64)
    centred = (said - said.mean(axis=0)) * zipf_weights(len(numbers))[:, None]
    np.testing.assert_allclose(rows[numbers] @ rows[numbers].T, centred @ centred.T, atol=1e-5)
    variances = (rows[numbers] / zipf_weights(len(numbers))[:, None]).var(axis=0)
    assert (np.diff(variances) < 1e-9).all(), "the first dimensions must say most: the last are cut off"
    assert not rows[:5].any(), "special tokens say nothing"


def test_frequent_tokens_weigh_least() -> None:
    weights = zipf_weights(30_000)
    assert (np.diff(weights) > 0).all()
    share = (1 / 2) / (1 / np.arange(2, 30_002)).sum()
    assert weights[0] == pytest.approx(SIF / (SIF + share))


def test_distilling_again_makes_the_same_encoder_and_tells_how_far_it_is(tiny_folders: dict[str, Path]) -> None:
    onnx, seen = tiny_folders["onnx"], []
    again = distil(OnnxEncoder.load(onnx, 2), onnx, 16, lambda done, total: seen.append((done, total)))
    assert again == tiny_folders["static"]
    assert is_complete(again)
    assert seen[-1][0] == seen[-1][1] > 100
    assert StaticEncoder.load(again).dimensions == 16


def test_a_text_without_a_telling_token_has_the_vector_of_the_empty_text(tiny_folders: dict[str, Path]) -> None:
    encoder = StaticEncoder.load(tiny_folders["static"])
    empty, special, spoken = encoder.encode(["", "[CLS] [SEP]", "printer"])
    assert np.array_equal(empty, special)
    assert not np.array_equal(empty, spoken)


@pytest.mark.slow
def test_static_vectors_of_the_packaged_encoder_know_what_is_alike(encoder: OnnxEncoder, encoder_folder: Path) -> None:
    folder = distil(encoder, encoder_folder, 256, lambda done, total: None)
    try:
        pairs = [
            ("The printer does not print", "My printer is broken"),
            ("I forgot my password", "Please reset my password"),
            ("The invoice is too high", "We were charged twice on the bill"),
        ]
        first, second = (StaticEncoder.load(folder).encode(each) for each in zip(*pairs, strict=True))
        cosines = first @ second.T
        assert (cosines.argmax(axis=1) == np.arange(3)).all()
        assert np.diag(cosines).min() > 0.3
    finally:
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
