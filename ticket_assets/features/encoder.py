"""The sentence encoder that training and the service both run: ONNX weights, a tokenizer, their manifest.

Here: loading an encoder folder, refusing a damaged one, turning texts into vectors.
Not here: making such a folder (`onnx_export`), the slower second runtime (`reference_encoder`), keeping
vectors (the vector store). The inference service imports this module, so it needs numpy, onnxruntime and
tokenizers only, and loads the latter two when an encoder is loaded.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MANIFEST_FILE = "encoder.json"
WEIGHTS_FILE = "model.onnx"
TOKENIZER_FILE = "tokenizer.json"

Progress = Callable[[int], None]


class EncoderFilesError(RuntimeError):
    """An encoder folder is not what its manifest says; `mismatches` holds one sentence per fault."""

    def __init__(self, folder: Path, mismatches: Sequence[str]) -> None:
        self.mismatches = tuple(mismatches)
        faults = "\n".join(f"  - {fault}" for fault in self.mismatches)
        super().__init__(f"the encoder in {folder} cannot be used:\n{faults}\nExport it again, or restore its files.")


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


def content_id(runtime: str, facts: Mapping[str, Any]) -> str:
    """Name an encoder after everything that shapes its vectors: `<runtime>-<12 hex digits>`."""
    canonical = json.dumps({"runtime": runtime, **facts}, sort_keys=True, separators=(",", ":"))
    return f"{runtime}-{hashlib.sha256(canonical.encode()).hexdigest()[:12]}"


def file_sha256(path: Path) -> str:
    """Return the hex SHA-256 of a file; OSError when it cannot be read."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@dataclass(frozen=True)
class EncoderManifest:
    """What an encoder folder holds, with the sums to refuse a damaged one by.

    `weights_sha256` is the sum of the weights that were exported and `graph_version` the revision of the code
    that laid the graph around them. The id is built on these rather than on `model.onnx` itself, so that
    another version of the onnx package, which may lay out the same graph in other bytes, leaves it alone.
    `libraries` are the versions that the export was made with: a record, not part of the id.
    """

    name: str
    runtime: str
    dimensions: int
    max_tokens: int
    pooling: str
    graph_version: int
    weights_sha256: str
    files: Mapping[str, str]
    libraries: Mapping[str, str]

    @property
    def encoder_id(self) -> str:
        """Runtime and content hash over weights, graph, tokenizer, pooling and the cut at `max_tokens`."""
        facts = {
            "weights": self.weights_sha256,
            "graph": self.graph_version,
            "tokenizer": self.files[TOKENIZER_FILE],
            "pooling": self.pooling,
            "max_tokens": self.max_tokens,
            "dimensions": self.dimensions,
        }
        return content_id(self.runtime, facts)

    def save(self, folder: Path) -> None:
        """Write `encoder.json` into the folder; to be done last, since a folder without it is unfinished."""
        content = {"encoder_id": self.encoder_id, **asdict(self)}
        (folder / MANIFEST_FILE).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read `encoder.json`; EncoderFilesError when it is missing, unreadable, or not the id it says."""
        try:
            content = json.loads((folder / MANIFEST_FILE).read_text(encoding="utf-8"))
            named = content.pop("encoder_id")
            manifest = cls(**content)
            actual = manifest.encoder_id
        except FileNotFoundError as error:
            raise EncoderFilesError(folder, [f"{MANIFEST_FILE} is missing"]) from error
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise EncoderFilesError(folder, [f"{MANIFEST_FILE} is not a manifest: {error!r}"]) from error
        if named != actual:
            raise EncoderFilesError(folder, [f"{MANIFEST_FILE} says {named} but its content makes {actual}"])
        return manifest

    def mismatches(self, folder: Path) -> list[str]:
        """Compare every file of the folder with its sum; return one sentence per file that differs."""
        unsummed = sorted({WEIGHTS_FILE, TOKENIZER_FILE} - set(self.files))
        faults = [f"{name} has no sum in the manifest" for name in unsummed]
        for name, expected in self.files.items():
            path = folder / name
            if not path.is_file():
                faults.append(f"{name} is missing")
            elif (found := file_sha256(path)) != expected:
                faults.append(f"{name} has sha256 {found[:12]}…, the manifest says {expected[:12]}…")
        return faults


class OnnxEncoder:
    """Encodes texts with onnxruntime on the CPU, each text on its own.

    No text is ever padded to the length of another, and one run uses one thread: so the vector of a text is
    the same to the last bit whatever is encoded beside it, in bulk for training or alone for a request.
    Padded batches differ in the seventh decimal, which is enough to put a tree on another branch, and are
    no faster: `threads` workers fill the cores, as onnxruntime lets go of the interpreter's lock.
    An instance may be shared by threads.
    """

    def __init__(self, manifest: EncoderManifest, session: Any, tokenizer: "Tokenizer", threads: int) -> None:
        self.manifest = manifest
        self._session = session
        self._tokenizer = tokenizer
        self._threads = threads

    @classmethod
    def load(cls, folder: Path, threads: int = 1) -> Self:
        """Check the folder's files against its manifest and open them.

        `threads` is the number of texts that `encode` works on at once. Raises EncoderFilesError with every
        mismatch, and ValueError for less than one thread.
        """
        if threads < 1:
            raise ValueError(f"threads must be at least 1, not {threads}")
        manifest = EncoderManifest.load(folder)
        faults = manifest.mismatches(folder)
        if manifest.runtime != "onnx":
            faults.append(f"its runtime is {manifest.runtime!r}; this one runs 'onnx'")
        if faults:
            raise EncoderFilesError(folder, faults)

        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        # A memory plan is kept per input shape, and every text has a length of its own.
        options.enable_mem_pattern = False
        session = onnxruntime.InferenceSession(str(folder / WEIGHTS_FILE), options, providers=["CPUExecutionProvider"])
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
        # A published tokenizer.json may cut and pad to a length of its own (128 here): the manifest decides.
        tokenizer.enable_truncation(manifest.max_tokens)
        tokenizer.no_padding()
        return cls(manifest, session, tokenizer, threads)

    @property
    def encoder_id(self) -> str:
        """Runtime and content hash, as in the manifest."""
        return self.manifest.encoder_id

    @property
    def dimensions(self) -> int:
        """Length of one vector (384 for all-MiniLM-L6-v2)."""
        return self.manifest.dimensions

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> np.ndarray:
        """Return float32 (len(texts), dimensions): token vectors averaged, then scaled to length 1.

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

    def _encode_one(self, text: str) -> np.ndarray:
        ids = np.asarray([self._tokenizer.encode(text).ids], dtype=np.int64)
        feed = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        row: np.ndarray = self._session.run(["embedding"], feed)[0][0]
        return row


def round_vectors(vectors: np.ndarray) -> np.ndarray:
    """Round to 4 decimals and return float32 of the same shape; to be done before any tree sees the vectors.

    A tree's thresholds are values that occurred in training. Another processor computes the same text with a
    difference of some 1e-8, and unrounded that alone carries a value across the threshold it defined itself.
    It is no cure for other values: the rare one that lies on the border between two roundings moves by 1e-4.
    """
    return np.round(vectors.astype(np.float64), 4).astype(np.float32)
