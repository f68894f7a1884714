"""The bundle's gate: whatever does not fit is refused, all of it at once; and what fits answers as it was trained."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest

from ticket_assets.models.bands import Bands
from ticket_assets.models.candidate import read_candidate
from ticket_assets.models.recipe import Recipe
from ticket_assets.models.representation import Blocks
from ticket_assets.models.target_model import TargetModel
from ticket_assets.serving.bundle import LEFT_BEHIND_SECONDS, TriageBundle, write_bundle
from ticket_assets.serving.manifest import CONTRACT_VERSION, FOUND_OUT, BundleError, BundleManifest
from ticket_assets.serving.prediction import Ticket
from ticket_assets_tests.serving.conftest import Served, as_arrays, change_manifest, toy_fields, toy_model

PROJECT = Path(__file__).resolve().parents[2]
BANDS = dict.fromkeys(("queue", "priority"), Bands(0.2, None))


def rewrite(served: Served, root: Path, **changes: object) -> BundleManifest:
    models = [read_candidate(served.line.folders.candidates / one, 1)[0] for one in served.manifest.targets]
    fields = {name: value for name, value in vars(served.manifest).items() if name not in FOUND_OUT}
    card = (served.folder / "MODEL_CARD.md").read_text()
    return write_bundle(root, models, {**fields, **changes}, card)


def fake_encoders(served: Served, root: Path) -> Path:
    """Links keep 90 MB free; damage is done by replacing a link."""
    assert served.manifest.encoder
    name = served.manifest.encoder["id"]
    shutil.copytree(served.encoders / name, root / name, copy_function=os.symlink)
    return root


def test_an_untouched_copy_loads_and_its_id_is_its_name(served_line: Served, copied: Path) -> None:
    assert served_line.load(copied).manifest == served_line.manifest
    assert served_line.manifest.id == copied.name


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda f: (f / "queue" / "model.json").write_text("{}"), "queue/model.json was changed"),
        (lambda f: (f / "priority" / "arrays.npz").unlink(), "priority/arrays.npz is missing"),
        (lambda f: (f / "queue" / "extra.bin").write_text("?"), "queue/extra.bin is not in its list"),
        (lambda f: (f / "MODEL_CARD.md").write_text("better"), "MODEL_CARD.md was changed"),
        (lambda f: change_manifest(f, cleaning="0"), "its cleaning is version 0, this code's"),
        (lambda f: change_manifest(f, feature_schema="beef"), "its features are beef, this code makes"),
        (lambda f: change_manifest(f, context=[]), "its features are"),
        (lambda f: change_manifest(f, libraries={"numpy": "1.26.4"}), "it was made with numpy 1.26.4"),
        (lambda f: change_manifest(f, libraries={"nowhere": "3.0"}), "nowhere 3.0 is not installed"),
        (lambda f: change_manifest(f, contract=99), f"contract 99, this code reads {CONTRACT_VERSION}"),
        (lambda f: change_manifest(f, colour="red"), "cannot be read"),
        (lambda f: (f / "bundle.json").write_text("{"), "cannot be read"),
        (lambda f: (f / "bundle.json").write_text("[]"), "cannot be read"),
        (lambda f: (f / "bundle.json").write_bytes(b"\xff\xfe\x00"), "cannot be read"),
        (lambda f: (f / "bundle.json").unlink(), "holds no bundle.json: it is no bundle"),
        (
            lambda f: change_manifest(f, encoder={"id": "onnx-000000000000", "runtime": "onnx"}),
            "its encoder onnx-000000000000 cannot be read",
        ),
        (
            lambda f: change_manifest(f, encoder={"id": "x", "runtime": "sentence-transformers"}),
            "its encoder runs on sentence-transformers, which the service does not have",
        ),
        (lambda f: change_manifest(f, bands={"queue": {"act": 0.2, "suggest": 0.1}}), "cannot be read: 'priority'"),
        (
            lambda f: change_manifest(f, bands={one: {"act": 0, "suggest": 0} for one in BANDS}),
            "bundle.json was changed",
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_name(
    served_line: Served, copied: Path, damage: Callable[[Path], object], complaint: str
) -> None:
    damage(copied)
    with pytest.raises(BundleError) as refusal:
        served_line.load(copied)
    assert complaint in str(refusal.value)


def test_a_patch_of_a_library_is_no_fault_and_a_minor_version_is(served_line: Served, tmp_path: Path) -> None:
    made = rewrite(served_line, tmp_path)
    numbers = np.__version__.split(".")
    patched, minor = ".".join([*numbers[:2], "999"]), ".".join([numbers[0], "999", "0"])
    for found, refused in ((patched, False), (minor, True)):
        change_manifest(tmp_path / made.id, libraries={**made.libraries, "numpy": found})
        with pytest.raises(BundleError) as refusal:  # the manifest was changed, which is a fault of its own
            served_line.load(tmp_path / made.id)
        assert (f"it was made with numpy {found}" in str(refusal.value)) is refused


def test_every_mismatch_is_listed_at_once(served_line: Served, copied: Path, tmp_path: Path) -> None:
    """One at a time, a broken deployment takes as many attempts as it has faults."""
    (copied / "queue" / "model.json").write_text("{}")
    (copied / "queue" / "stray").write_text("")
    (copied / "priority" / "blocks.json").unlink()
    change_manifest(copied, cleaning="0", feature_schema="beef", libraries={"numpy": "1.0.0", "scipy": "0.1"})
    with pytest.raises(BundleError) as refusal:
        TriageBundle.load(copied, tmp_path / "no encoders")
    said = str(refusal.value)
    for fault in (
        *("queue/model.json was changed", "queue/stray is not in its list", "priority/blocks.json is missing"),
        *("cleaning is version 0", "features are beef", "numpy 1.0.0", "scipy 0.1", "bundle.json was changed"),
        f"encoder {served_line.manifest.encoder['id']} cannot be read",  # type: ignore[index]
    ):
        assert fault in said


def test_a_changed_encoder_is_refused_before_it_is_opened(served_line: Served, tmp_path: Path) -> None:
    encoders = fake_encoders(served_line, tmp_path)
    [folder] = encoders.iterdir()
    (folder / "model.onnx").unlink()
    (folder / "model.onnx").write_bytes(b"weights of another")
    (folder / "tokenizer.json").unlink()
    with pytest.raises(BundleError) as refusal:
        TriageBundle.load(served_line.folder, encoders)
    assert "model.onnx has sha256" in str(refusal.value)
    assert "tokenizer.json is missing" in str(refusal.value)


def test_an_encoder_under_another_s_name_is_refused(served_line: Served, copied: Path, tmp_path: Path) -> None:
    encoders = fake_encoders(served_line, tmp_path / "encoders")
    [folder] = encoders.iterdir()
    folder.rename(encoders / "onnx-111111111111")
    change_manifest(copied, encoder={"id": "onnx-111111111111", "runtime": "onnx"})
    with pytest.raises(BundleError, match=f"its encoder is onnx-111111111111, .* holds {folder.name}"):
        TriageBundle.load(copied, encoders)


def test_the_same_models_make_the_same_bundle_and_it_is_kept(served_line: Served, tmp_path: Path) -> None:
    first = rewrite(served_line, tmp_path)
    stamp = (tmp_path / first.id / "bundle.json").stat().st_mtime_ns
    assert rewrite(served_line, tmp_path).id == first.id == served_line.manifest.id
    assert (tmp_path / first.id / "bundle.json").stat().st_mtime_ns == stamp
    assert [path.name for path in tmp_path.iterdir()] == [first.id]


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "tone" / "model.json").write_text("{}"),
        lambda folder: (folder / "bundle.json").write_text("{"),
        lambda folder: (folder / "bundle.json").unlink(),
    ],
)
def test_a_damaged_bundle_is_replaced_when_the_same_one_is_written_again(
    tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    """Kept because its name was there, it was refused for ever though the very same models were at hand."""
    made = write_bundle(tmp_path, [toy_model()], toy_fields(), "a toy")
    damage(tmp_path / made.id)
    assert write_bundle(tmp_path, [toy_model()], toy_fields(), "a toy") == made
    assert TriageBundle.load(tmp_path / made.id, tmp_path).manifest == made
    assert [path.name for path in tmp_path.iterdir()] == [made.id]


class MeetingModel(TargetModel):
    """Waits in `save` until another writer stands at the same point."""

    barrier = Barrier(2, timeout=60)

    def save(self, folder: Path) -> None:
        self.barrier.wait()
        super().save(folder)
        self.barrier.wait()


def test_two_writers_of_one_bundle_at_a_time_both_have_it(tmp_path: Path) -> None:
    """In one draft folder for all, the second removed what the first was writing."""
    model = MeetingModel(**vars(toy_model()))
    with ThreadPoolExecutor(2) as pool:
        writing = [pool.submit(write_bundle, tmp_path, [model], toy_fields(), "a toy") for _ in range(2)]
        one, other = (each.result() for each in writing)
    assert one == other
    assert [path.name for path in tmp_path.iterdir()] == [one.id]
    assert TriageBundle.load(tmp_path / one.id, tmp_path).predict([Ticket("HELP")])[0]["tone"].label == "loud"


def test_two_processes_write_the_same_bundle_again_and_again_and_none_fails(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from ticket_assets.serving.bundle import write_bundle; "
        "from ticket_assets_tests.serving.conftest import toy_fields, toy_model; model = toy_model(); "
        "roots = [Path(sys.argv[1], str(number)) for number in range(40)]; "
        "print(*[write_bundle(root, [model], toy_fields(), 'a toy').id for root in roots])"
    )
    writing = [
        subprocess.Popen([sys.executable, "-c", code, tmp_path], cwd=PROJECT, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate()[0].split() for process in writing]
    assert [process.returncode for process in writing] == [0, 0]
    assert said[0] == said[1] and len(said[0]) == 40
    for number, made in enumerate(said[0]):
        assert [path.name for path in (tmp_path / str(number)).iterdir()] == [made]
        assert TriageBundle.load(tmp_path / str(number) / made, tmp_path).manifest.id == made


def test_a_writer_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UnicodeEncodeError):
        write_bundle(tmp_path, [toy_model()], toy_fields(), "a broken \ud800 card")
    assert list(tmp_path.iterdir()) == []


def test_drafts_of_killed_runs_are_removed_and_those_of_running_ones_stay(tmp_path: Path) -> None:
    for name, age in ((".draft.dead.tmp", LEFT_BEHIND_SECONDS + 60), (".draft.at-work.tmp", 60)):
        (tmp_path / name / "queue").mkdir(parents=True)
        moment = (tmp_path / name).stat().st_mtime - age
        os.utime(tmp_path / name, (moment, moment))
    made = write_bundle(tmp_path, [toy_model()], toy_fields(), "a toy")
    assert {path.name for path in tmp_path.iterdir()} == {".draft.at-work.tmp", made.id}


def test_others_may_read_a_bundle_as_the_umask_says(tmp_path: Path) -> None:
    """A draft made private to its writer would stay so under its final name, and no service could open it."""
    made = write_bundle(tmp_path, [toy_model()], toy_fields(), "a toy")
    (tmp_path / "plain").mkdir()
    assert (tmp_path / made.id).stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_bundle_whose_models_need_no_vectors_has_no_encoder_and_answers_without_one(tmp_path: Path) -> None:
    encoder = {"id": "onnx-000000000000", "runtime": "onnx"}
    made = write_bundle(tmp_path, [toy_model(), toy_model("mood")], toy_fields(encoder, ("tone", "mood")), "a toy")
    assert made.encoder is None
    assert not {"onnxruntime", "tokenizers"} & set(made.libraries)
    bundle = TriageBundle.load(tmp_path / made.id, tmp_path / "no encoders")
    assert bundle.manifest == made
    assert bundle.features([Ticket("help")]).vectors is None
    loud, quiet = bundle.predict([Ticket("HELP HELP NOW"), Ticket("please help with this")])
    assert {one.label for one in loud.values()} == {"loud"}
    assert {one.label for one in quiet.values()} == {"quiet"}


def test_a_bundle_with_one_model_that_needs_vectors_has_the_encoder(tmp_path: Path) -> None:
    encoder = {"id": "onnx-000000000000", "runtime": "onnx"}
    encoding = replace(toy_model("queue"), recipe=Recipe("linear_svm", Blocks(vectors=1.0), {"C": 1.0}))
    made = write_bundle(tmp_path, [toy_model(), encoding], toy_fields(encoder, ("tone", "queue")), "a toy")
    assert made.encoder == encoder
    assert {"onnxruntime", "tokenizers"} <= set(made.libraries)
    with pytest.raises(BundleError, match="its encoder onnx-000000000000 cannot be read"):
        TriageBundle.load(tmp_path / made.id, tmp_path / "no encoders")
    with pytest.raises(ValueError, match="the models of queue need sentence vectors, and no encoder is named"):
        write_bundle(tmp_path, [toy_model(), encoding], toy_fields(None, ("tone", "queue")), "a toy")


@pytest.mark.parametrize("change", [{"split": "other"}, {"bands": BANDS}, {"cleaning": "0"}])
def test_anything_that_a_bundle_says_is_part_of_its_id(served_line: Served, tmp_path: Path, change: dict) -> None:
    assert rewrite(served_line, tmp_path, **change).id != served_line.manifest.id


def test_a_loaded_bundle_answers_as_the_models_in_memory(served_line: Served) -> None:
    models = [read_candidate(served_line.line.folders.candidates / one, 1)[0] for one in served_line.manifest.targets]
    bundle = served_line.load()
    features = bundle.features([served_line.tickets[one] for one in served_line.of_both_targets()[:30]])
    for model in models:
        np.testing.assert_array_equal(bundle.probabilities(features)[model.target], model.probabilities(features))


def test_the_answers_are_those_that_the_asset_stored(served_line: Served) -> None:
    ids = served_line.of_both_targets()
    answers = served_line.load().predict([served_line.tickets[one] for one in ids])
    for answer, expected in zip(answers, served_line.expected(ids), strict=True):
        for target, labels in expected.items():
            assert answer[target].probabilities == pytest.approx(labels, abs=1e-6)
            assert answer[target].label == max(labels, key=labels.__getitem__)


def test_a_ticket_has_the_same_answer_alone_and_in_bulk(served_line: Served) -> None:
    bundle, tickets = served_line.load(), [served_line.tickets[one] for one in served_line.of_both_targets()[:12]]
    in_bulk = as_arrays(bundle, tickets)
    for place, ticket in enumerate(tickets):
        for target, alone in as_arrays(bundle, [ticket]).items():
            np.testing.assert_allclose(alone[0], in_bulk[target][place], atol=1e-9)


def test_context_counts_and_unknown_or_missing_context_does_not_fail(served_line: Served) -> None:
    bundle, body = served_line.load(), "the printer on floor two does not print"
    contexts: list[dict[str, str | None]] = [{}, {"channel": None}, {"channel": "phone"}, {"weather": "rain"}]
    documents = bundle.features([Ticket(body, context=one) for one in contexts]).documents
    assert documents[0] == documents[1] == documents[3]
    assert "ctx_channel_phone" in documents[2]
    assert len(bundle.predict([Ticket(body, context=one) for one in contexts])) == 4


def test_no_tickets_have_no_answers_and_an_empty_one_has_one(served_line: Served) -> None:
    bundle = served_line.load()
    assert bundle.predict([]) == []
    [answer] = bundle.predict([Ticket("")])
    assert sum(answer["queue"].probabilities.values()) == pytest.approx(1)
