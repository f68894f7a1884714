"""The champion's reference: which rows it is made of, how it is kept."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ticket_assets.features.vectors import VectorTable
from ticket_assets.models.trained_rows import keep_trained
from ticket_assets.monitoring.reference import Basis, NoReferenceError, TicketTables, make_reference
from ticket_assets.monitoring.reference_store import (
    MadeWith,
    forget_references,
    load_reference,
    reference_folder,
    save_reference,
)
from ticket_assets.serving.bundle import TriageBundle
from ticket_assets.tables import write_parquet
from ticket_assets_tests.monitoring.watched import TARGET, Watched

MADE_WITH = MadeWith(max_rows=5000, min_sample=200, seed=3)


def tables(watched: Watched) -> TicketTables:
    watched.tables()
    champion = watched.crown()
    return watched.watch.tables(watched.bundle(champion).manifest)


def made(watched: Watched, its: TicketTables, most: int = 5000) -> Basis:
    champion = watched.watch.champion
    assert champion
    return make_reference(watched.bundle(champion), its, most, 200, seed=3)


def test_inputs_were_trained_on_and_answers_are_of_held_out_rows_with_their_truth(watched: Watched) -> None:
    its = tables(watched)
    basis = made(watched, its)
    train = set(its.split.loc[its.split["side"] == "train", "ticket_id"])
    assert set(basis.reference.inputs.ids) == train and not basis.reference.inputs.targets
    assert not train & {*basis.reference.answers.ids} and len(basis.reference.answers) == 300
    answers = basis.reference.answers.targets[TARGET]
    clean = its.clean.set_index("ticket_id")
    assert list(answers.truth) == [clean.at[one, "label_tone"] for one in basis.reference.answers.ids]
    right = np.array(answers.labels)[answers.probabilities.argmax(axis=1)] == np.array(answers.truth)
    assert 0.7 < right.mean() < 0.95
    assert basis.families == basis.reference.answers.ids and basis.notes == ()


def test_answers_are_the_bundle_s_own_to_the_bit_of_a_float(watched: Watched) -> None:
    from ticket_assets.serving.prediction import Ticket

    basis, champion = made(watched, tables(watched)), watched.watch.champion
    assert champion
    bundle = watched.bundle(champion)
    asked = bundle.probabilities(bundle.features([Ticket(text) for text in basis.reference.answers.texts]))
    np.testing.assert_allclose(basis.reference.answers.targets[TARGET].probabilities, asked[TARGET], atol=1e-6)


def test_a_row_that_the_champion_was_trained_on_is_no_answer_whatever_today_s_split_says(watched: Watched) -> None:
    its = tables(watched)
    moved = its.split.assign(side="holdout")
    basis = made(watched, replace(its, split=moved))
    assert len(basis.reference.inputs) == 900 and len(basis.reference.answers) == 300


def test_tickets_held_out_as_recent_count_where_they_were_there_when_the_champion_was_trained(
    watched: Watched,
) -> None:
    its = tables(watched)
    there, later = (
        {*its.split.loc[its.split["side"] == "holdout", "ticket_id"][part]} for part in (slice(9), slice(9, 20))
    )
    moved = its.split.assign(side=its.split["side"].where(~its.split["ticket_id"].isin(there | later), "recent"))
    trained = its.split.loc[its.split["side"] == "train", "ticket_id"]
    keep_trained(watched.folders.trained, "v1", trained, there)
    write_parquet(watched.folders.parquet / "models" / "split.parquet", moved)
    champion = watched.watch.champion
    assert champion
    basis = made(watched, watched.watch.tables(watched.bundle(champion).manifest))
    assert there < {*basis.reference.answers.ids} and not later & {*basis.reference.answers.ids}


def test_tables_that_are_newer_give_what_is_left_and_it_is_said(watched: Watched) -> None:
    its = tables(watched)
    fewer = replace(its, clean=its.clean[400:].reset_index(drop=True))
    basis = made(watched, fewer)
    assert len(basis.reference.inputs) == 600
    assert basis.notes == ("300 of its training tickets are in tickets/clean no longer",)
    assert "no list tells" in made(watched, replace(its, trained=None)).notes[0]


def test_a_champion_of_other_settings_reads_tickets_its_own_way(watched: Watched) -> None:
    its = tables(watched)
    basis = made(watched, replace(its, reads_alike=False, clean=its.clean.assign(language="xx")))
    assert "xx" not in basis.reference.inputs.languages and "other settings" in basis.notes[0]


def test_without_a_row_of_either_half_there_is_no_reference_and_the_error_says_what_to_do(watched: Watched) -> None:
    its = tables(watched)
    with pytest.raises(NoReferenceError, match=r"trained on none is in tickets/clean.*make run"):
        made(watched, replace(its, trained={"somebody else"}))
    with pytest.raises(NoReferenceError, match="held out"):
        made(watched, replace(its, split=its.split.assign(side="train"), trained=None))


def test_of_many_rows_a_seeded_sample_is_drawn_and_said(watched: Watched) -> None:
    its = tables(watched)
    basis, again = made(watched, its, most=100), made(watched, its, most=100)
    assert basis.reference.inputs.ids == again.reference.inputs.ids and len(basis.reference.inputs) == 100
    assert basis.notes[0] == "100 of 900 training rows were drawn with seed 3"


def test_a_kept_reference_comes_back_as_it_was_without_a_pickle(watched: Watched) -> None:
    basis = made(watched, tables(watched), most=50)
    inputs = replace(
        basis.reference.inputs,
        vectors=np.eye(50, 7, dtype=np.float32),
        context={"product": ("vpn", None) * 25},
    )
    basis = replace(basis, reference=replace(basis.reference, inputs=inputs))
    folder = watched.folders.monitoring
    save_reference(folder, basis, MADE_WITH)
    found = load_reference(folder, basis.reference.bundle, MADE_WITH)
    assert found
    for one, other in ((found.reference.inputs, inputs), (found.reference.answers, basis.reference.answers)):
        assert (one.ids, one.texts, one.languages, one.context) == (
            other.ids,
            other.texts,
            other.languages,
            other.context,
        )
        assert one.column_names == other.column_names
        np.testing.assert_array_equal(one.columns, other.columns)
    np.testing.assert_array_equal(found.reference.inputs.vectors, inputs.vectors)
    assert found.reference.answers.vectors is None
    told, known = found.reference.answers.targets[TARGET], basis.reference.answers.targets[TARGET]
    assert (told.labels, told.truth, found.families, found.notes) == (
        known.labels,
        known.truth,
        basis.families,
        basis.notes,
    )
    np.testing.assert_array_equal(told.probabilities, known.probabilities)
    for path in reference_folder(folder, basis.reference.bundle).glob("*.npz"):
        with np.load(path, allow_pickle=False) as held:
            assert all(held[name].dtype.kind in "fU" for name in held.files)


def test_a_reference_without_answers_is_kept_too(watched: Watched) -> None:
    basis, folder = made(watched, tables(watched), most=50), watched.folders.monitoring
    none = basis.reference.answers.take(np.arange(0))
    save_reference(folder, replace(basis, reference=replace(basis.reference, answers=none), families=()), MADE_WITH)
    found = load_reference(folder, basis.reference.bundle, MADE_WITH)
    assert found and len(found.reference.answers) == 0 and found.families == ()
    assert found.reference.answers.targets[TARGET].probabilities.shape == (0, 2)


def test_a_reference_of_an_earlier_layout_is_made_again(watched: Watched) -> None:
    """One of the time before drew from all training rows, and names other things that it was made with."""
    basis, folder = made(watched, tables(watched), most=50), watched.folders.monitoring
    place = save_reference(folder, basis, MADE_WITH)
    about = json.loads((place / "reference.json").read_text())
    about["made_with"] = {"max_rows": 5000, "seed": 3, "layout": 1}
    (place / "reference.json").write_text(json.dumps(about))
    assert load_reference(folder, basis.reference.bundle) is None
    assert load_reference(folder, basis.reference.bundle, MADE_WITH) is None


def test_another_seed_or_size_makes_it_again_and_former_champions_go(watched: Watched) -> None:
    basis, folder = made(watched, tables(watched), most=50), watched.folders.monitoring
    save_reference(folder, basis, MADE_WITH)
    assert load_reference(folder, basis.reference.bundle, replace(MADE_WITH, seed=4)) is None
    assert load_reference(folder, "another") is None
    save_reference(folder, replace(basis, reference=replace(basis.reference, bundle="next")), MADE_WITH)
    assert forget_references(folder, {"next"}) == 1
    assert load_reference(folder, basis.reference.bundle) is None and load_reference(folder, "next")


def test_a_draft_that_was_left_is_no_reference(watched: Watched, tmp_path: Path) -> None:
    folder = watched.folders.monitoring
    (reference_folder(folder, "b")).mkdir(parents=True)
    pd.DataFrame({"id": ["a"]}).to_parquet(reference_folder(folder, "b") / "inputs.parquet")
    assert load_reference(folder, "b") is None


class Lengths:
    """An encoder of three dimensions that counts what it was asked to encode."""

    encoder_id, dimensions = "onnx-lengths", 3

    def __init__(self) -> None:
        self.encoded = 0

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> np.ndarray:
        self.encoded += len(texts)
        raw = np.array([[len(text), text.count(" "), 1] for text in texts], dtype=np.float32).reshape(-1, 3)
        return raw / np.linalg.norm(raw, axis=1, keepdims=True)


def test_vectors_that_are_stored_are_read_and_missing_ones_are_made(watched: Watched, tmp_path: Path) -> None:
    its, champion, encoder = tables(watched), watched.watch.champion, Lengths()
    assert champion
    plain = watched.bundle(champion)
    manifest = replace(plain.manifest, encoder={"id": encoder.encoder_id, "runtime": "onnx"})
    bundle = TriageBundle(manifest, plain._models, encoder)  # type: ignore[arg-type]
    clean, table = its.clean, VectorTable(tmp_path / "lancedb", encoder.encoder_id, 3)
    table.fill(list(clean["ticket_id"]), list(clean["text"]), list(clean["text"]), encoder, lambda *_: None)
    encoder.encoded = 0
    stored = make_reference(bundle, replace(its, vectors=table), 5000, 200, seed=3)
    assert encoder.encoded == 0, "all of them are stored"
    made = make_reference(bundle, its, 5000, 200, seed=3)
    assert encoder.encoded == 1200
    np.testing.assert_allclose(stored.reference.inputs.vectors, made.reference.inputs.vectors, atol=1e-6)
    lacking = [one for one in clean["ticket_id"] if one in {*stored.reference.inputs.ids}][:5]
    fewer = clean[~clean["ticket_id"].isin(lacking)]
    table.fill(list(fewer["ticket_id"]), list(fewer["text"]), list(fewer["text"]), encoder, lambda *_: None)
    encoder.encoded = 0
    again = make_reference(bundle, replace(its, vectors=table), 5000, 200, seed=3)
    assert encoder.encoded == 900, "of a half that lacks some, all are made"
    np.testing.assert_allclose(again.reference.inputs.vectors, made.reference.inputs.vectors, atol=1e-6)
