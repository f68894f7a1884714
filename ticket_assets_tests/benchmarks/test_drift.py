"""The benchmark of drift on a few generated tickets: what its windows are, that it goes on, what its tables say."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import drift, drift_figures
from benchmarks.drift_kinds import KINDS, NONE, Round, Sizes, window
from benchmarks.drift_perturbed import PERTURBED, Perturbation
from benchmarks.drift_pools import Pool
from benchmarks.drift_rivals import evidently_says, score_says
from ticket_assets.monitoring.drift.word_features import hashed_words

SIZES = Sizes(250, 200)
QUIET = drift.Cell("generated", NONE, 0.0, 200, 4)
TYPOS = drift.Cell("generated", "typos", 0.4, 200, 2)
STREAM = drift.Cell("generated", "typos", 0.4, 200, 1, drift.STREAM)


def encode(texts: Sequence[str]) -> np.ndarray:
    """Words at random places of the unit sphere, averaged: the packaged encoder takes a minute to be distilled."""
    places = np.random.default_rng(0).normal(size=(2**16, 24)).astype(np.float32)
    made = np.asarray(hashed_words(texts) @ places) + 1e-6
    return made / np.linalg.norm(made, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def pool() -> Pool:
    return drift.generated_pool(encode, 900)


@pytest.fixture(scope="module")
def one(pool: Pool) -> Round:
    return Round.begin(pool, 0, 5, SIZES)


def test_no_family_is_in_a_window_and_in_the_reference(pool: Pool, one: Round) -> None:
    place = {name: row for row, name in enumerate(pool.rows.ids)}
    sides = [
        {pool.families[place[name]] for name in side.ids} for side in (one.reference.inputs, one.reference.answers)
    ]
    left = set(pool.families[one.left].tolist())
    assert not sides[0] & sides[1] and not left & (sides[0] | sides[1])
    assert set(pool.reserved) <= set(one.left)


def test_a_class_left_out_is_in_no_reference_and_in_its_windows_alone(pool: Pool) -> None:
    queues = pool.labels["queue"]
    name = sorted(set(queues))[0]
    without = Round.begin(pool, 0, 5, SIZES, name)
    assert name not in without.reference.answers.targets["queue"].truth
    assert name not in without.champion.models["queue"][2]
    assert set(queues[without.new]) == {name} and name not in set(queues[without.left])


@pytest.mark.parametrize("kind", ["typos", "length", "vendor"])
def test_strength_is_the_share_of_rows_that_are_replaced(one: Round, kind: str) -> None:
    found = window(kind, one, 0.2, 200, 3, 5)
    assert sum(name.endswith(f"-{kind}") for name in found.ids) == 40 and len(found) == 200


def test_strength_of_a_concept_shift_is_the_share_of_labels_told(one: Round) -> None:
    found = window("concept shift", one, 0.4, 400, 0, 5).targets["queue"]
    told = [label for label in found.truth if label is not None]
    assert 130 <= len(told) <= 190
    usual = window("concept shift", one, 0.4, 400, 0, 6).targets["queue"]
    predicted = np.array(usual.labels)[usual.probabilities.argmax(axis=1)]
    wrong = np.mean([label != said for label, said in zip(usual.truth, predicted, strict=True) if label is not None])
    assert wrong > 0.35


def test_a_window_is_the_same_for_the_same_number_and_another_for_the_next(one: Round) -> None:
    first = window("class mix", one, 0.2, 200, 3, 5)
    assert first.ids == window("class mix", one, 0.2, 200, 3, 5).ids
    assert first.texts != window("class mix", one, 0.2, 200, 4, 5).texts


def test_perturbed_texts_are_what_their_kind_says() -> None:
    text = "the printer in the second office needs another cartridge before monday " * 20
    known, rng = Perturbation({"printer": "zenquavor"}), np.random.default_rng(1)
    typed = PERTURBED["typos"](known, text, rng)
    changed = np.mean([one != other for one, other in zip(text.split(), typed.split(), strict=False)])
    assert changed > 0.1 and abs(len(typed) - len(text)) < 40
    assert len(PERTURBED["length"](known, text, rng)) == pytest.approx(len(text) / 2, abs=2)
    assert PERTURBED["vendor"](known, text, rng).count("zenquavor") == 20
    assert not {"printer"} & set(PERTURBED["vendor"](known, text, rng).split())


def test_a_run_that_was_cut_short_goes_on_and_says_the_same(pool: Pool, tmp_path: Path) -> None:
    plan = drift.Plan(((QUIET, TYPOS), (STREAM,)), 2, SIZES)
    for stage in plan.stages:
        drift.run_stage(stage, plan, pool, tmp_path / "whole", 5)
    file = tmp_path / "cut" / "windows.jsonl"
    file.parent.mkdir()
    file.write_text("".join((tmp_path / "whole" / "windows.jsonl").read_text().splitlines(True)[:3]) + '{"key": "gen')
    assert len(drift.read_lines(file.parent)) == 3
    for stage in plan.stages:
        drift.run_stage(stage, plan, pool, file.parent, 5)
    whole, cut = (
        {line["key"]: {**line, "seconds": 0} for line in drift.read_lines(tmp_path / name)} for name in ("whole", "cut")
    )
    assert len(whole) == 7 and cut == whole
    told = drift_figures.report(list(whole.values()))
    assert "| generated | 4 |" in told and "generated | typos |" in told and "1 of 1" not in told
    assert whole[TYPOS.key(0)]["verdict"] == "alarm"
    assert drift_figures.power_picture(list(whole.values()), 200).startswith(b"\x89PNG")
    assert drift_figures.quiet_picture(list(whole.values())).startswith(b"\x89PNG")


def test_a_kind_that_a_pool_is_too_small_for_is_named_and_the_others_are_judged(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    largest = str(pd.Series(pool.labels["queue"]).mode()[0])
    kind = f"new topic: {largest}"
    monkeypatch.setitem(KINDS, kind, replace(KINDS["typos"], left_out=largest))
    cells = (replace(TYPOS, kind=kind, windows=1), replace(TYPOS, windows=1))
    drift.run_stage(cells, drift.Plan((cells,), 1, Sizes(250, 320)), pool, tmp_path, 5)
    assert [line["kind"] for line in drift.read_lines(tmp_path)] == ["typos"]
    assert f"without {largest} is left out" in capsys.readouterr().out


def test_rivals_see_what_they_look_at_and_nothing_else(one: Round) -> None:
    usual = window(NONE, one, 0.0, 200, 0, 5)
    assert not score_says(one.reference, usual) and not evidently_says(one.reference, usual)["evidently"]
    longer = replace(
        usual, texts=tuple(f"{text} {text} {text} {text}" for text in usual.texts), languages=("xx",) * 200
    )
    said = evidently_says(one.reference, longer)
    assert said["evidently"] and said["share rule"]
    answered = usual.targets["queue"]
    same = np.zeros_like(answered.probabilities)
    same[:, 0] = 1.0
    skewed = replace(longer, targets={"queue": replace(answered, probabilities=same)})
    assert score_says(one.reference, skewed)


def test_intervals_are_those_of_clopper_and_pearson() -> None:
    assert drift_figures.interval(0, 10) == (0.0, pytest.approx(0.3085, abs=1e-4))
    assert drift_figures.interval(10, 10)[0] == pytest.approx(0.6915, abs=1e-4)


def test_two_warnings_of_a_kind_in_a_row_are_an_alarm_and_of_two_kinds_are_none() -> None:
    def line(index: int, **kinds: str) -> dict[str, object]:
        return {"index": index, "verdict": "warn", "kinds": kinds}

    same = [line(index, data_drift="warn") for index in (0, 10)]
    others = [line(0, data_drift="warn"), line(10, embedding_drift="warn")]
    assert drift_figures.in_a_row([*same, *(line(index, data_drift="pass") for index in range(1, 10))]) == 1
    assert drift_figures.in_a_row([*others, *(line(index, data_drift="pass") for index in range(1, 10))]) == 0


def test_every_kind_names_its_pools_and_its_strength() -> None:
    assert all(kind.pools and kind.strength for kind in KINDS.values())
