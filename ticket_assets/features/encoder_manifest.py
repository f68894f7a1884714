"""What an encoder folder says of itself, and when it is refused.

Belongs here: the manifest of an encoder folder, its id, the sums of its files, the error that lists every fault.
Does not belong here: running an encoder (encoder.py and its neighbours), making a folder (encoder_folder.py).
The inference service imports this module: the standard library and storage.py only.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from ticket_assets.storage import file_digest

MANIFEST_FILE = "encoder.json"
WEIGHTS_FILE = "model.onnx"
TOKENIZER_FILE = "tokenizer.json"
VECTORS_FILE = "vectors.npy"
# What an encoder of a runtime cannot do without.
NEEDED_FILES = {
    "onnx": (WEIGHTS_FILE, TOKENIZER_FILE),
    "openvino": (WEIGHTS_FILE, TOKENIZER_FILE),
    "static": (VECTORS_FILE, TOKENIZER_FILE),
}


class EncoderFilesError(RuntimeError):
    """An encoder folder is not what its manifest says; `mismatches` holds one sentence per fault."""

    def __init__(self, folder: Path, mismatches: Sequence[str]) -> None:
        self.mismatches = tuple(mismatches)
        faults = "\n".join(f"  - {fault}" for fault in self.mismatches)
        super().__init__(f"the encoder in {folder} cannot be used:\n{faults}\nExport it again, or restore its files.")


def content_id(runtime: str, facts: Mapping[str, Any]) -> str:
    """Name an encoder after everything that shapes its vectors: `<runtime>-<12 hex digits>`."""
    canonical = json.dumps({"runtime": runtime, **facts}, sort_keys=True, separators=(",", ":"))
    return f"{runtime}-{hashlib.sha256(canonical.encode()).hexdigest()[:12]}"


@dataclass(frozen=True)
class EncoderManifest:
    """What an encoder folder holds, with the sums to refuse a damaged one by.

    `weights_sha256` is the sum of the weights that were exported and `graph_version` the revision of the code
    that laid the graph around them. The id is built on these rather than on `model.onnx` itself, so that
    another version of the onnx package, which may lay out the same graph in other bytes, leaves it alone.
    `options` are what else shapes the vectors, such as a precision; an encoder without any keeps the id it had.
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
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def encoder_id(self) -> str:
        """Runtime and content hash over weights, graph, tokenizer, pooling, the cut at `max_tokens` and options."""
        facts = {
            "weights": self.weights_sha256,
            "graph": self.graph_version,
            "tokenizer": self.files[TOKENIZER_FILE],
            "pooling": self.pooling,
            "max_tokens": self.max_tokens,
            "dimensions": self.dimensions,
        }
        return content_id(self.runtime, facts | ({"options": dict(self.options)} if self.options else {}))

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
        unsummed = sorted({*NEEDED_FILES.get(self.runtime, (TOKENIZER_FILE,))} - set(self.files))
        faults = [f"{name} has no sum in the manifest" for name in unsummed]
        for name, expected in self.files.items():
            path = folder / name
            if not path.is_file():
                faults.append(f"{name} is missing")
            elif (found := file_digest(path)) != expected:
                faults.append(f"{name} has sha256 {found[:12]}…, the manifest says {expected[:12]}…")
        return faults
