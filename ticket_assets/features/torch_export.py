"""The ONNX graph of any sentence-transformers model of one transformer and a pooling, traced by torch.

Belongs here: pooling and scaling to length 1 as a graph, the trace, the tokenizer's file.
Does not belong here: BERT graphs made without torch (onnx_export.py), which models can be run (sentence_model.py).
"""

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ticket_assets.features.encoder_folder import installed, publish
from ticket_assets.features.encoder_manifest import TOKENIZER_FILE, WEIGHTS_FILE, EncoderManifest
from ticket_assets.features.sentence_model import SentenceModel, load_model

TRACE_VERSION = 1  # raise with any change of the traced module that changes a vector
OPSET = 18


def trace_encoder(model: SentenceModel, root: Path, check: Callable[[Path], None]) -> Path:
    """Export a model to `<root>/<encoder_id>/` and return that.

    The legacy exporter is used: the newer one needs onnxscript. A trace holds for the path that was taken, so
    `check` (see `encoder_folder.publish`) must compare it on texts of other lengths.

    Raises:
        EncoderModelError: the model is none that we can run.
    """
    loaded, pooling = load_model(model)

    def draft(folder: Path) -> EncoderManifest:
        (folder / TOKENIZER_FILE).write_text(_tokenizer_json(loaded.tokenizer), encoding="utf-8")
        _trace(loaded, pooling, folder / WEIGHTS_FILE)
        return EncoderManifest(
            name=model.name,
            runtime="onnx",
            dimensions=int(loaded.get_embedding_dimension()),
            max_tokens=int(loaded.max_seq_length),
            pooling=f"{pooling}, then L2",
            graph_version=TRACE_VERSION,
            weights_sha256=model.fingerprint,
            files={},
            libraries=installed("onnx", "onnxruntime", "sentence-transformers", "tokenizers", "torch", "transformers"),
            options={"graph": "torch"},
        )

    return publish(root, draft, check)


def _tokenizer_json(tokenizer: Any) -> str:
    content = json.loads(tokenizer.backend_tokenizer.to_str())
    # Working state: they hold what the last call asked for.
    return json.dumps(content | {"truncation": None, "padding": None}, ensure_ascii=False)


def _trace(loaded: Any, pooling: str, path: Path) -> None:
    import torch

    class Sentence(torch.nn.Module):
        """Ids and mask to one vector of length 1 per text."""

        def __init__(self) -> None:
            super().__init__()
            self.transformer = loaded[0].auto_model

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            states = self.transformer(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            mask = attention_mask.unsqueeze(-1).to(states.dtype)
            if pooling == "cls":
                pooled = states[:, 0]
            elif pooling == "max":
                pooled = (states + (1 - mask) * torch.finfo(states.dtype).min).max(dim=1).values
            else:
                pooled = (states * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1e-9)
            return torch.nn.functional.normalize(pooled, dim=1)

    example = loaded.tokenizer(["A ticket to trace the graph with."], return_tensors="pt")
    ids = example["input_ids"]
    axes = {0: "batch", 1: "tokens"}
    with warnings.catch_warnings(), torch.inference_mode():
        # The exporter is deprecated, and warns of every branch that it takes as given: the check looks at both.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Sentence().eval(),
            (ids, torch.ones_like(ids)),
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=["input_ids", "attention_mask"],
            output_names=["embedding"],
            dynamic_axes={"input_ids": axes, "attention_mask": axes, "embedding": {0: "batch"}},
        )
