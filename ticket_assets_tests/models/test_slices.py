"""Slices cover the hold-out once per way of cutting, and each has the scores of its own rows."""

from dataclasses import replace

import numpy as np
import pytest

from ticket_assets.features.text import TicketFeatures
from ticket_assets.models.labelled_rows import LabelledRows
from ticket_assets.models.significance import bootstrap_interval
from ticket_assets.models.slices import CLASS_SIZE, NONE, OTHER, UNKNOWN_CLASS, slices

LABELS = ("billing", "it", "sales")
ZEROS = np.zeros(90, int)


def rows(count: int, seed: int, **more: object) -> LabelledRows:
    random = np.random.default_rng(seed)
    documents = tuple("word " * int(length) for length in random.integers(1, 90, count))
    y = np.minimum(random.integers(0, 20, count), 2) if seed else np.repeat([0, 1, 2], [3, 60, count - 63])
    features = TicketFeatures(documents, np.zeros((count, 1), np.float32))
    codes = np.array(["en", "de"])[random.integers(0, 2, count)]
    return LabelledRows(features, y, np.arange(count) // 2, codes, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def training() -> LabelledRows:
    return rows(600, 0)


@pytest.fixture(scope="module")
def held() -> LabelledRows:
    channels = np.array([*["mail"] * 50, *["chat"] * 30, None, *[f"rare{one}" for one in range(9)]], dtype=object)
    made = rows(90, 1, contexts={"channel": channels})
    return replace(made, y=np.where(np.arange(90) < 4, -1, made.y))


def test_every_row_falls_into_one_slice_of_each_cut(held: LabelledRows, training: LabelledRows) -> None:
    found = slices(held, ZEROS, training, LABELS, 0)
    cuts = dict.fromkeys(one.by for one in found)
    assert list(cuts) == ["language", "words", "tickets of the class in training", "channel"]
    for by in cuts:
        assert sum(one.rows for one in found if one.by == by) == 90
        assert len({one.name for one in found if one.by == by}) == sum(one.by == by for one in found)


def test_a_slice_has_the_scores_of_its_own_rows(held: LabelledRows, training: LabelledRows) -> None:
    predicted = np.random.default_rng(3).integers(0, 3, 90)
    [german] = [one for one in slices(held, predicted, training, LABELS, 5) if one.name == "de"]
    at = np.flatnonzero(held.languages == "de")
    expected = bootstrap_interval(held.y[at], predicted[at], held.families[at], n_labels=3, seed=5)
    assert german.macro_f1 == expected
    assert german.accuracy.estimate == (predicted[at] == held.y[at]).mean()


def test_classes_are_cut_by_their_tickets_in_training_and_the_unknown_stand_apart(
    held: LabelledRows, training: LabelledRows
) -> None:
    found = {one.name: one for one in slices(held, ZEROS, training, LABELS, 0) if one.by.startswith("tickets of")}
    assert set(found) == {"0 to 49", "50 to 199", "200 to 999", UNKNOWN_CLASS}
    assert found[UNKNOWN_CLASS].rows == 4


def test_rare_values_and_missing_ones_are_told_as_such(held: LabelledRows, training: LabelledRows) -> None:
    """Of a column of ids, eight tickets' ids stood in the model card."""
    found = {one.name: one.rows for one in slices(held, ZEROS, training, LABELS, 0) if one.by == "channel"}
    assert found == {"mail": 50, "chat": 30, NONE: 1, OTHER: 9}
    many = np.array([f"value {one % 10}" for one in range(90)], dtype=object)
    cut = slices(replace(held, contexts={"channel": many}), ZEROS, training, LABELS, 0)
    assert [one.rows for one in cut if one.by == "channel"] == [*[9] * 8, 18], "eight values, the rest together"


def test_lengths_are_cut_where_the_training_rows_say(held: LabelledRows, training: LabelledRows) -> None:
    """Cut by the hold-out itself, every hold-out would have as many short tickets as long ones."""
    short = replace(held, features=replace(held.features, documents=("two words",) * 90))
    [only] = [one for one in slices(short, ZEROS, training, LABELS, 0) if one.by == "words"]
    lengths = [len(document.split()) for document in training.features.documents]
    assert (only.rows, only.name) == (90, f"up to {int(np.quantile(lengths, 1 / 3))}")


def test_ranges_stand_in_their_order(held: LabelledRows, training: LabelledRows) -> None:
    names = [one.name for one in slices(held, ZEROS, training, LABELS, 0) if one.by == "words"]
    assert [name.split()[0] for name in names] == ["up", names[1].split()[0], "over"] and " to " in names[1]
    sizes = [one for one in slices(held, ZEROS, training, LABELS, 0) if one.by == CLASS_SIZE]
    assert [one.name for one in sizes] == ["0 to 49", "50 to 199", "200 to 999", UNKNOWN_CLASS]
    assert [one.macro_f1 for one in sizes] == [None] * 4


def test_a_slice_of_one_family_has_no_interval_of_f1(training: LabelledRows) -> None:
    one = rows(2, 1)
    assert [each.macro_f1 for each in slices(one, one.y, training, LABELS, 0) if each.rows == 2] != []
    assert all(each.macro_f1 is None for each in slices(one, one.y, training, LABELS, 0))
