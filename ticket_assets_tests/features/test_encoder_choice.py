"""A profile's encoder: made from its setting, measured once, and then the same one until the setting changes."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from ticket_assets.features import encoder_choice
from ticket_assets.features.encoder_choice import EncoderChoice, EncoderShelf, UnsettledEncoderError
from ticket_assets.features.encoder_folder import openvino_folder
from ticket_assets.features.encoder_measurement import Measured, pick, tickets_per_second
from ticket_assets.features.encoder_runtimes import load_encoder
from ticket_assets.features.sentence_model import EncoderModelError
from ticket_assets.profile import EncoderSettings
from ticket_assets_tests.features.tiny_models import save_tiny_model

SAMPLE = [f"ticket number {number} about the printer" for number in range(40)]


@pytest.fixture
def base(tiny_model: Path, tmp_path: Path) -> Path:
    shutil.copytree(tiny_model, tmp_path / "models" / "mine")
    return tmp_path


def shelf(base: Path, **settings: object) -> EncoderShelf:
    chosen = EncoderSettings.model_validate({"model": "models/mine", **settings})
    return EncoderShelf(chosen, base, base / "encoders", base / "choices", threads=1)


def silent(line: str) -> None:
    pass


def never(*arguments: object) -> None:
    raise AssertionError("it was measured again")


@pytest.mark.parametrize(
    ("settings", "runtime"),
    [
        ({}, "onnx"),
        ({"runtime": "openvino"}, "openvino f32"),
        ({"runtime": "static", "static_dimensions": 8}, "static"),
    ],
)
def test_the_encoder_is_the_one_that_is_set(base: Path, settings: dict[str, object], runtime: str) -> None:
    choice = shelf(base, **settings).settle(SAMPLE, silent)
    assert (choice.runtime, choice.why) == (runtime, f'set: runtime = "{settings.get("runtime", "onnx")}"')
    encoder = load_encoder(base / "encoders" / choice.encoder_id)
    assert encoder.encoder_id == choice.encoder_id
    assert encoder.dimensions == (8 if runtime == "static" else 32)
    assert shelf(base, **settings).choice() == choice


def test_a_model_of_another_architecture_is_traced_and_compared(tmp_path: Path) -> None:
    save_tiny_model(tmp_path / "models" / "mine", "xlm-roberta")
    said: list[str] = []
    choice = shelf(tmp_path).settle(SAMPLE, said.append)
    assert load_encoder(tmp_path / "encoders" / choice.encoder_id).manifest.options == {"graph": "torch"}
    assert said == ["exporting mine to ONNX and comparing it with sentence-transformers"]


def test_auto_measures_once_and_remembers_what_it_found(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    choice = shelf(base, runtime="auto").settle(SAMPLE, silent)
    assert {row.runtime for row in choice.measured} == {"onnx", "openvino f32", "openvino bf16"}
    assert all(row.tickets_per_second > 0 for row in choice.measured)
    assert choice.runtime == pick(choice.measured).runtime
    assert choice.why.startswith("measured: ")
    assert choice.processor
    monkeypatch.setattr(encoder_choice, "tickets_per_second", never)
    assert shelf(base, runtime="auto").settle(SAMPLE[::-1], silent) == choice
    shutil.rmtree(base / "encoders")
    assert shelf(base, runtime="auto").choice() == choice, "lost files are made again, for the runtime that was chosen"
    assert load_encoder(base / "encoders" / choice.encoder_id).encoder_id == choice.encoder_id


def test_auto_takes_the_runtime_that_pays(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rates = {"onnx": 100.0, "openvino f32": 130.0, "openvino bf16": 110.0}
    monkeypatch.setattr(encoder_choice, "tickets_per_second", lambda encoders, texts: rates)
    choice = shelf(base, runtime="auto").settle(SAMPLE, silent)
    assert choice.runtime == "openvino f32"
    assert choice.encoder_id.startswith("openvino-")
    assert "openvino f32 130 tickets/s, openvino bf16 110 tickets/s, onnx 100 tickets/s" in choice.why


def test_without_openvino_auto_is_onnx_and_says_why(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder_choice, "find_spec", lambda name: None)
    choice = shelf(base, runtime="auto").settle(SAMPLE, silent)
    assert choice.runtime == "onnx"
    assert choice.why.endswith("openvino is not installed")


def test_a_precision_that_cannot_be_had_is_left_out_and_named(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = openvino_folder

    def refuses(onnx: Path, precision: str, check: object) -> Path:
        if precision == "bf16":
            raise RuntimeError("no such way")
        return real(onnx, precision, check)

    monkeypatch.setattr(encoder_choice, "openvino_folder", refuses)
    choice = shelf(base, runtime="auto").settle(SAMPLE, silent)
    assert {row.runtime for row in choice.measured} == {"onnx", "openvino f32"}
    assert "openvino bf16 was refused (no such way)" in choice.why


def test_auto_is_not_measured_without_tickets(base: Path) -> None:
    with pytest.raises(UnsettledEncoderError, match="materialise features/embeddings"):
        shelf(base, runtime="auto").choice()


def test_a_runtime_must_agree_and_be_worth_it() -> None:
    def row(runtime: str, rate: float, cosine: float = 1.0) -> Measured:
        return Measured(runtime, runtime, rate, cosine)

    onnx = row("onnx", 100)
    assert pick([row("a", 119), onnx]) == onnx
    assert pick([row("a", 500, 0.99), row("b", 121), onnx]).runtime == "b"
    assert pick([row("a", 500, float("nan")), onnx]) == onnx
    assert pick([row("a", 121), row("b", 300), onnx]).runtime == "b"


def test_rates_are_of_every_encoder_on_all_texts(base: Path) -> None:
    encoder = load_encoder(base / "encoders" / shelf(base).choice().encoder_id)
    seen: list[int] = []

    class Counting:
        encoder_id, dimensions = "counting", 32

        def encode(self, texts, progress=None):
            seen.append(len(texts))
            return encoder.encode(texts)

    rates = tickets_per_second({"a": Counting(), "b": encoder}, SAMPLE)
    assert rates.keys() == {"a", "b"}
    assert seen == [8, 40, 40]


def test_a_changed_model_folder_is_another_encoder_once_embeddings_are_made(base: Path) -> None:
    """Models fitted to the old vectors go on with the old encoder until then."""
    before = shelf(base).settle(SAMPLE, silent)
    shutil.rmtree(base / "models")
    save_tiny_model(base / "models" / "mine", "distilbert")
    assert shelf(base).choice() == before
    after = shelf(base).settle(SAMPLE, silent)
    assert after.encoder_id != before.encoder_id
    assert shelf(base).choice() == after


def test_a_damaged_encoder_is_made_again(base: Path) -> None:
    choice = shelf(base).settle(SAMPLE, silent)
    (base / "encoders" / choice.encoder_id / "model.onnx").write_bytes(b"?")
    assert shelf(base).choice() == choice
    load_encoder(base / "encoders" / choice.encoder_id)


def test_a_model_from_the_hub_stays_the_one_that_was_found(base: Path) -> None:
    """The hub is not asked again: it may be away, and a name there may stand for other weights tomorrow."""
    hub = replace(shelf(base), settings=EncoderSettings(model="desk/mine"))
    made = shelf(base).settle(SAMPLE, silent)
    hub.record.write_text(json.dumps({**vars(made), "measured": []}))
    assert hub.settle(SAMPLE, silent) == made == hub.choice()


def test_another_setting_is_another_choice_and_the_first_is_not_forgotten(base: Path) -> None:
    first = shelf(base).settle(SAMPLE, silent)
    second = shelf(base, runtime="openvino").settle(SAMPLE, silent)
    assert second != first
    assert EncoderChoice.read(shelf(base).record) == first


def test_a_model_that_is_not_there_leaves_no_choice(base: Path) -> None:
    with pytest.raises(EncoderModelError, match=r"encoder\.model = '\./yours': there is no folder"):
        shelf(base, model="./yours").settle(SAMPLE, silent)
    assert not (base / "choices").exists()
