"""Which encoder a profile uses: made from its setting, measured on this machine where that is asked, remembered.

Belongs here: setting to encoder folder, the measurement of runtimes, the record of the choice and its reason.
Does not belong here: finding the model (sentence_model.py), making folders (onnx_export.py, torch_export.py,
distillation.py), the runtimes.

Models are trained and served with one encoder, so a choice is made once and then kept: another run on a busier machine
must not choose another runtime and so make every vector anew.
"""

import json
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

from ticket_assets.features.agreement import TEXTS, require_agreement, smallest_cosine
from ticket_assets.features.distillation import DISTILLATION_VERSION, distil
from ticket_assets.features.encoder import Encoder, OnnxEncoder
from ticket_assets.features.encoder_folder import is_complete, openvino_folder
from ticket_assets.features.encoder_measurement import WORTH_IT, Measured, pick, tickets_per_second
from ticket_assets.features.encoder_runtimes import load_encoder
from ticket_assets.features.onnx_export import GRAPH_VERSION, export_encoder
from ticket_assets.features.openvino_encoder import OpenVinoEncoder
from ticket_assets.features.reference_encoder import SentenceTransformersEncoder
from ticket_assets.features.sentence_model import PACKAGED, SentenceModel, find_model
from ticket_assets.features.torch_export import TRACE_VERSION, trace_encoder
from ticket_assets.profile import EncoderSettings
from ticket_assets.storage import digest, write_text

SAMPLE = 128
PRECISIONS = ("f32", "bf16")

Progress = Callable[[str], None]


class UnsettledEncoderError(RuntimeError):
    """The runtime is to be measured on the profile's tickets, and that has not been done."""


@dataclass(frozen=True)
class EncoderChoice:
    """The encoder of a profile, and why it is that one.

    Attributes:
        encoder_id: name of its folder.
        runtime: that it is trained and served with, with its precision where there are several.
        why: one sentence.
        model: fingerprint of the sentence-transformers model.
        processor: that it was measured on; empty where nothing was measured.
        measured: what was compared, the fastest first.
    """

    encoder_id: str
    runtime: str
    why: str
    model: str
    processor: str = ""
    measured: tuple[Measured, ...] = ()

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """The choice remembered in a file; None where there is none."""
        if not path.exists():
            return None
        raw = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{**raw, "measured": tuple(Measured(**one) for one in raw["measured"])})


@dataclass(frozen=True)
class EncoderShelf:
    """Where the encoders of a profile lie, and what they are made from.

    Attributes:
        settings: the profile's section `encoder`.
        base: folder that a relative path of a model counts from.
        encoders: folder of encoders by id.
        choices: folder of choices, one file per setting.
        threads: to measure and encode with.
    """

    settings: EncoderSettings
    base: Path
    encoders: Path
    choices: Path
    threads: int

    @property
    def record(self) -> Path:
        """File of the choice of these settings; code that makes other vectors chooses anew."""
        made_by = f"{GRAPH_VERSION} {TRACE_VERSION} {DISTILLATION_VERSION}"
        return self.choices / f"{digest([self.settings.model_dump_json(), made_by])}.json"

    def choice(self, progress: Progress = lambda line: None) -> EncoderChoice:
        """The encoder that was chosen; chosen now, and made anew, where it is missing or damaged.

        Raises:
            EncoderModelError: the model cannot be had or not be run.
            DisagreementError: the encoder made from it gives other vectors than the model.
            UnsettledEncoderError: `runtime = "auto"`, and nothing was measured yet.
        """
        known = EncoderChoice.read(self.record)
        if known and is_complete(self.encoders / known.encoder_id):
            return known
        return self._choose(find_model(self.settings.model, self.base), (), known, progress)

    def settle(self, texts: Sequence[str], progress: Progress) -> EncoderChoice:
        """The choice, looked at again: made anew where the model's folder has changed. Models fit to it come later.

        A model from the hub is looked for once, and stays the one that was found.

        Args:
            texts: the profile's tickets, on which runtimes are measured.
            progress: is told what takes long.
        """
        known = EncoderChoice.read(self.record)
        if known and is_complete(self.encoders / known.encoder_id) and self._is_from_hub():
            return known
        model = find_model(self.settings.model, self.base)
        if known and known.model == model.fingerprint and is_complete(self.encoders / known.encoder_id):
            return known
        sample = [*texts[:: max(1, len(texts) // SAMPLE)]][:SAMPLE]
        return self._choose(model, sample, known, progress)

    def _is_from_hub(self) -> bool:
        return self.settings.model != PACKAGED and not (self.base / Path(self.settings.model).expanduser()).is_dir()

    def _choose(
        self, model: SentenceModel, sample: Sequence[str], known: EncoderChoice | None, progress: Progress
    ) -> EncoderChoice:
        onnx = _onnx_folder(model, self.encoders, self.threads, progress)
        wanted, same = self.settings.runtime, known is not None and known.model == model.fingerprint
        if wanted == "auto":
            chosen = self._made_again(onnx, known) if known and same else self._measure(onnx, model, sample, progress)
        else:
            folder = self._folder(onnx, wanted, self.settings.precision, progress)
            chosen = EncoderChoice(
                folder.name,
                _runtime_name(wanted, self.settings.precision),
                f'set: runtime = "{wanted}"',
                model.fingerprint,
            )
        write_text(self.record, json.dumps(asdict(chosen), indent=2))
        return chosen

    def _folder(self, onnx: Path, runtime: str, precision: str, progress: Progress) -> Path:
        if runtime == "onnx":
            return onnx
        base = OnnxEncoder.load(onnx, self.threads)
        if runtime == "static":
            progress(f"distilling static vectors from {base.encoder_id}")
            return distil(base, onnx, self.settings.static_dimensions, lambda done, total: None)

        def check(folder: Path) -> None:
            made = OpenVinoEncoder.load(folder, self.threads)
            require_agreement(base, made, f"OpenVINO in {precision} against ONNX, encoder.runtime = {runtime!r}")

        return openvino_folder(onnx, precision, check)

    def _made_again(self, onnx: Path, known: EncoderChoice) -> EncoderChoice:
        """The folder of a choice that was measured and whose files were lost; nothing is measured again."""
        runtime, _, precision = known.runtime.partition(" ")
        self._folder(onnx, runtime, precision, lambda line: None)
        return known

    def _measure(self, onnx: Path, model: SentenceModel, sample: Sequence[str], progress: Progress) -> EncoderChoice:
        if not sample:
            raise UnsettledEncoderError(
                'encoder.runtime = "auto" is measured on the tickets, and has not been: materialise features/embeddings'
            )
        baseline = OnnxEncoder.load(onnx, self.threads)
        encoders: dict[str, Encoder] = {"onnx": baseline}
        refused = []
        for precision in PRECISIONS if find_spec("openvino") else ():
            name = _runtime_name("openvino", precision)
            try:
                encoders[name] = load_encoder(self._folder(onnx, "openvino", precision, progress), self.threads)
            except (ValueError, RuntimeError) as error:
                refused.append(f"{name} was refused ({str(error).splitlines()[0]})")
        rates = tickets_per_second(encoders, sample)
        rows = [
            Measured(each.encoder_id, name, rates[name], smallest_cosine(baseline, each, [*TEXTS, *sample]))
            for name, each in encoders.items()
        ]
        rows.sort(key=lambda row: -row.tickets_per_second)
        best = pick(rows)
        why = "; ".join(
            [
                "measured: "
                + ", ".join(f"{row.runtime} {row.tickets_per_second:.0f} tickets/s" for row in rows)
                + f"; onnx unless another agrees with it and is {WORTH_IT} times as fast",
                *refused,
                *([] if find_spec("openvino") else ["openvino is not installed"]),
            ]
        )
        progress(why)
        return EncoderChoice(
            best.encoder_id,
            best.runtime,
            why,
            model.fingerprint,
            platform.processor() or platform.machine(),
            tuple(rows),
        )


def _runtime_name(runtime: str, precision: str) -> str:
    return f"{runtime} {precision}" if runtime == "openvino" else runtime


def _onnx_folder(model: SentenceModel, root: Path, threads: int, progress: Progress) -> Path:
    """The ONNX encoder of a model; one that is not the packaged one is compared with sentence-transformers."""
    if model.name == PACKAGED:
        return export_encoder(model.folder, root)

    def check(folder: Path) -> None:
        reference: Any = SentenceTransformersEncoder(model.folder)
        what = f"the ONNX graph of {model.folder} against sentence-transformers"
        require_agreement(OnnxEncoder.load(folder, threads), reference, what)

    progress(f"exporting {model.name} to ONNX and comparing it with sentence-transformers")
    try:
        return export_encoder(model.folder, root, name=model.name, check=check)
    except (OSError, KeyError, ValueError):
        # Not the BERT that this graph describes, or one of a further kind that only looks like it: torch knows.
        return trace_encoder(model, root, check)
