"""The sentence-transformers model that a profile names: where it lies, what it is made of, whether we can run it.

Belongs here: finding the model's folder (packaged, on disk, from the hub), its fingerprint, its modules.
Does not belong here: turning it into an encoder (onnx_export.py, torch_export.py), which profile names which.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ticket_assets.features.onnx_export import packaged_model_folder
from ticket_assets.storage import digest, file_digest

PACKAGED = "packaged"
POOLINGS = ("cls", "max", "mean")
_HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
_HUB_OWNER = "sentence-transformers"  # whose models go by their bare name
# What sentence-transformers reads of a model; published ones carry further copies for other frameworks.
_FILES = ("*.json", "*.safetensors", "*.txt", "*.model", "*/config.json", "pytorch_model*.bin")


class EncoderModelError(ValueError):
    """The setting `encoder.model` names no model that can be had, or none that we can run."""


@dataclass(frozen=True)
class SentenceModel:
    """A model's folder.

    Attributes:
        name: as people call it.
        folder: that holds it.
        fingerprint: of its files.
    """

    name: str
    folder: Path
    fingerprint: str


def find_model(name: str, base: Path) -> SentenceModel:
    """Find a model.

    Args:
        name: `packaged`, a folder, or a name on the hub.
        base: folder from which a relative path counts.

    Raises:
        EncoderModelError: it is neither a folder with a model nor to be had from the hub.
    """
    if name == PACKAGED:
        folder = packaged_model_folder()
        return SentenceModel(PACKAGED, folder, _fingerprint(folder))
    folder = base / Path(name).expanduser()
    if not folder.is_dir():
        if not _HUB_NAME.fullmatch(name) or name.startswith("."):
            raise EncoderModelError(f"encoder.model = {name!r}: there is no folder {folder}")
        folder = _from_hub(name, folder)
    if not (folder / "modules.json").is_file():
        raise EncoderModelError(
            f"encoder.model = {name!r}: {folder} holds no modules.json, so it is no sentence-transformers model: "
            "name the folder that SentenceTransformer.save wrote"
        )
    return SentenceModel(Path(name).name, folder, _fingerprint(folder))


def _fingerprint(folder: Path) -> str:
    files = sorted({path for pattern in _FILES for path in folder.glob(pattern)})
    return digest(f"{path.relative_to(folder)} {file_digest(path)}" for path in files)


def _from_hub(name: str, folder: Path) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    repository = name if "/" in name else f"{_HUB_OWNER}/{name}"
    try:
        return Path(snapshot_download(repository, allow_patterns=list(_FILES)))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise EncoderModelError(
            f"encoder.model = {name!r}: there is no folder {folder}, and the model hub did not give {repository} "
            f"({reason}). Without a network: copy the model's folder here and name its path, or set "
            f'encoder.model = "{PACKAGED}". Behind a mirror: set HF_ENDPOINT; HF_HUB_OFFLINE=1 reads the local cache '
            "alone, HF_TOKEN opens private models"
        ) from error


def load_model(model: SentenceModel) -> tuple[Any, str]:
    """Open a model with sentence-transformers in fp32.

    Returns:
        The SentenceTransformer, and its pooling: cls, max or mean.

    Raises:
        EncoderModelError: with every reason why the encoder could not be what the model is.
    """
    from sentence_transformers import SentenceTransformer

    try:
        loaded: Any = SentenceTransformer(str(model.folder), device="cpu", local_files_only=True).float().eval()
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise EncoderModelError(f"encoder.model: {model.folder} cannot be opened: {error}") from error
    modules = [type(module).__name__ for module in loaded]
    faults = []
    if modules[:2] != ["Transformer", "Pooling"] or modules[2:] not in ([], ["Normalize"]):
        faults.append(f"its modules are {', '.join(modules)}, not Transformer, Pooling and perhaps Normalize")
    pooling = str(loaded[1].get_config_dict().get("pooling_mode")) if modules[1:2] == ["Pooling"] else "none"
    if pooling not in POOLINGS:
        faults.append(f"its pooling is {pooling}, not one of {', '.join(POOLINGS)}")
    if loaded.default_prompt_name:
        faults.append(f"it puts the prompt {loaded.default_prompt_name!r} before each text")
    if getattr(loaded.tokenizer, "backend_tokenizer", None) is None:
        faults.append("its tokenizer is in pure Python, and the service has none of its code")
    if faults:
        raise EncoderModelError(f"encoder.model: {model.folder} cannot be run by the service: {'; '.join(faults)}")
    return loaded, pooling
