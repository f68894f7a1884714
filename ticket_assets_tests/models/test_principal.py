"""The nearest are found by bounds: the very rows that reading all vectors finds, on tickets as on worse."""

from pathlib import Path

import numpy as np
import pytest

from ticket_assets.models.neighbours import NEIGHBOURS, NEIGHBOURS_FILE, Neighbours
from ticket_assets.models.principal import DIRECTIONS, LEAST_ROWS, Principal

ROWS, WIDTH = LEAST_ROWS + 900, 192


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def topics(rows: int, seed: int = 1) -> np.ndarray:
    """Vectors of some 40 topics with most of their variance in few directions, as sentence vectors have it."""
    random = np.random.default_rng(seed)
    middle = np.random.default_rng(0).normal(size=(40, WIDTH)) * np.exp(-np.arange(WIDTH) / 30)
    return unit(middle[random.integers(0, 40, rows)] + random.normal(size=(rows, WIDTH)) * 0.05)


def uniform(rows: int, seed: int = 1) -> np.ndarray:
    """Nothing to be gained: no direction matters more than another."""
    return unit(np.random.default_rng(seed).normal(size=(rows, WIDTH)))


def copies(rows: int, seed: int = 1) -> np.ndarray:
    return np.repeat(topics(rows // 60 + 1, seed), 60, axis=0)[:rows]


@pytest.mark.parametrize("made", [topics, uniform, copies])
def test_the_nearest_are_those_that_reading_all_vectors_finds(made) -> None:
    slow = Neighbours.fit(made(ROWS), np.arange(ROWS) % 7, 7, [str(row) for row in range(ROWS)])
    quick = slow.quick()
    assert quick.principal is not None
    for one in (*made(40, seed=2), slow.vectors[17].astype(np.float32), -slow.vectors[3].astype(np.float32)):
        found, expected = quick.nearest(one[None, :]), slow.nearest(one[None, :])
        np.testing.assert_array_equal(found.cosines, expected.cosines)
        if made is not copies:  # of more equals than are wanted any will do
            np.testing.assert_array_equal(found.rows, expected.rows)
            np.testing.assert_array_equal(quick.votes(one[None, :]), slow.votes(one[None, :]))


def test_few_of_all_vectors_are_read_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, read = topics(ROWS), []

    class Counting(np.ndarray):
        def __getitem__(self, rows):
            read.append(np.size(rows))
            return np.asarray(super().__getitem__(rows))

    made = Principal.of(vectors)
    assert made is not None
    for one in topics(20, seed=3):
        made.near(vectors.view(Counting), one, 80)
    assert np.mean(read) * 2 < ROWS / 4


def test_a_few_tickets_have_the_votes_that_they_have_among_many() -> None:
    index = Neighbours.fit(topics(ROWS), np.arange(ROWS) % 7, 7).quick()
    asked = topics(30, seed=4)
    np.testing.assert_array_equal(index.votes(asked)[:5], index.votes(asked[:5]))


def test_few_vectors_or_short_ones_are_read_as_they_are() -> None:
    assert Principal.of(topics(LEAST_ROWS - 1)) is None
    assert Principal.of(topics(ROWS)[:, :DIRECTIONS]) is None
    assert Neighbours.fit(topics(200), np.arange(200) % 3, 3).quick().principal is None


def test_directions_are_found_when_an_index_is_written_and_not_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = Neighbours.fit(topics(ROWS), np.arange(ROWS) % 7, 7, [str(row) for row in range(ROWS)])
    index.save(tmp_path)
    first = (tmp_path / NEIGHBOURS_FILE).read_bytes()
    monkeypatch.setattr(np.linalg, "eigh", None)
    loaded = Neighbours.load(tmp_path).quick()
    loaded.save(tmp_path)
    assert (tmp_path / NEIGHBOURS_FILE).read_bytes() == first
    one = topics(1, seed=5)
    np.testing.assert_array_equal(loaded.nearest(one).rows, index.nearest(one).rows)
    assert loaded.nearest(one).rows.shape == (1, NEIGHBOURS)


def test_what_is_left_after_an_erasure_has_directions_of_its_own(tmp_path: Path) -> None:
    """Those of all would still have a part of the tickets that went."""
    index = Neighbours.fit(topics(ROWS), np.arange(ROWS) % 7, 7, [str(row) for row in range(ROWS)])
    index.save(tmp_path)
    left = Neighbours.load(tmp_path).without(["5"])
    left.save(tmp_path)
    expected = Principal.of(left.vectors)
    assert expected is not None
    np.testing.assert_array_equal(Neighbours.load(tmp_path).directions, expected.directions)
