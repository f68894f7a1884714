"""Votes of the nearest training tickets: what they say, whom they leave out; a ticket alone gets the same."""

import numpy as np
import pytest

from ticket_assets.models.neighbours import LEAST_SHARE, NEIGHBOURS, TEMPERATURES, Neighbours, row_names


def _unit(rows: int, dimensions: int = 16, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(rows, dimensions))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def _shares(block: np.ndarray, classes: int, temperature: int = 0) -> np.ndarray:
    """Shares of the votes, out of the logarithms."""
    return np.exp(block[:, 1 + temperature * classes : 1 + (temperature + 1) * classes]) - LEAST_SHARE


def test_the_votes_are_the_kernel_estimate_written_out():
    index = Neighbours.fit(_unit(40), np.arange(40) % 3, 3)
    queries = _unit(5, seed=1)
    cosines = queries.astype(np.float64) @ index.vectors.T
    block = index.votes(queries)
    np.testing.assert_allclose(block[:, 0], cosines.max(axis=1), rtol=1e-6)
    for place, temperature in enumerate(TEMPERATURES):
        weights = np.exp(cosines / temperature)
        weights /= weights.sum(axis=1, keepdims=True)
        expected = np.stack([weights[:, index.y == label].sum(axis=1) for label in range(3)], axis=1)
        np.testing.assert_allclose(_shares(block, 3, place), expected, atol=1e-6)


def test_only_the_nearest_vote():
    """A thousand tickets of the second class are a little further than 64 of the first: together they would win."""
    query = np.eye(16, dtype=np.float32)[:1]
    cosines = np.repeat([0.96, 0.95], [NEIGHBOURS, 1000])[:, None]
    aside = np.eye(16)[1 + np.arange(len(cosines)) % 15]
    vectors = cosines * query + np.sqrt(1 - cosines**2) * aside
    index = Neighbours.fit(vectors, np.repeat([0, 1], [NEIGHBOURS, 1000]), 2)
    np.testing.assert_allclose(_shares(index.votes(query), 2), [[1, 0]], atol=1e-6)


def test_a_ticket_alone_gets_the_votes_that_it_gets_among_a_thousand():
    index = Neighbours.fit(_unit(2000), np.arange(2000) % 5, 5)
    queries = _unit(1000, seed=1)
    together = index.votes(queries)
    for row in range(0, 1000, 37):
        assert index.votes(queries[row : row + 1]).tobytes() == together[row : row + 1].tobytes()


def test_relatives_of_an_indexed_ticket_have_no_vote_on_it():
    """Each ticket stands twice, as a family, with the right label; strangers say something else."""
    vectors, family = _unit(100).repeat(2, axis=0), np.arange(100).repeat(2)
    y = family % 2
    index = Neighbours.fit(vectors, y, 2)
    with_relatives, without = index.votes(vectors), index.votes(vectors, family)
    assert (with_relatives[:, 0] > 0.999).all()
    assert (without[:, 0] < 0.999).all()
    assert (_shares(with_relatives, 2).argmax(axis=1) == y).mean() > 0.99
    right = (_shares(without, 2).argmax(axis=1) == y).mean()
    assert right < 0.7, "random vectors say nothing of a stranger's label"


def test_votes_without_relatives_are_those_of_an_index_that_lacks_the_family():
    vectors, family = _unit(60), np.arange(60) // 3
    y = np.arange(60) % 4
    inner = Neighbours.fit(vectors, y, 4).votes(vectors, family)
    for number in (0, 7, 19):
        outside = Neighbours.fit(vectors[family != number], y[family != number], 4)
        own = family == number
        np.testing.assert_allclose(inner[own], outside.votes(vectors[own]), atol=1e-6)


def test_strangers_vote_on_a_ticket_whose_family_is_larger_than_the_neighbourhood():
    vectors = np.vstack([_unit(1).repeat(200, axis=0), _unit(3, seed=1)])
    family = np.array([0] * 200 + [1, 2, 3])
    index = Neighbours.fit(vectors, np.array([0] * 200 + [1, 1, 1]), 2)
    np.testing.assert_allclose(_shares(index.votes(vectors, family)[:200], 2), [[0, 1]] * 200, atol=1e-6)


def test_a_ticket_whose_family_is_all_there_is_gets_no_votes_and_no_error():
    vectors = _unit(4)
    block = Neighbours.fit(vectors, np.array([0, 1, 1, 0]), 2).votes(vectors, np.zeros(4, dtype=int))
    assert np.isfinite(block).all()
    np.testing.assert_allclose(block[:, 1:], np.log(LEAST_SHARE), rtol=1e-6)


def test_fewer_tickets_than_neighbours_all_vote():
    index = Neighbours.fit(_unit(3), np.array([0, 1, 2]), 3)
    assert index.votes(_unit(2, seed=1)).shape == (2, index.width)


def test_no_tickets_get_no_votes():
    index = Neighbours.fit(_unit(3), np.array([0, 1, 2]), 3)
    assert index.votes(np.empty((0, 16), dtype=np.float32)).shape == (0, index.width)


def test_an_index_survives_its_file_bit_for_bit(tmp_path):
    index = Neighbours.fit(_unit(50), np.arange(50) % 3, 3, [f"t-{one}" for one in range(50)])
    index.save(tmp_path)
    queries = _unit(9, seed=1)
    again = Neighbours.load(tmp_path)
    assert again.votes(queries).tobytes() == index.votes(queries).tobytes()
    assert list(again.names) == list(index.names)


def test_an_index_whose_rows_have_no_names_is_not_kept_since_no_ticket_could_be_erased_from_it(tmp_path):
    with pytest.raises(ValueError, match="ticket ids"):
        Neighbours.fit(_unit(5), np.arange(5) % 3, 3).save(tmp_path)
    with pytest.raises(ValueError, match="no names"):
        Neighbours.fit(_unit(5), np.arange(5) % 3, 3).without(["t-1"])


def test_an_erased_ticket_is_no_longer_anyones_neighbour_and_all_others_vote_as_before():
    ids = [f"t-{one}" for one in range(200)]
    index = Neighbours.fit(_unit(200), np.arange(200) % 3, 3, ids)
    left = index.without(["t-7", "t-11", "never seen"])
    assert len(left.y) == 198 and not np.isin(row_names(["t-7", "t-11"]), left.names).any()
    kept = np.delete(np.arange(200), [7, 11])
    np.testing.assert_array_equal(left.vectors, index.vectors[kept])
    np.testing.assert_array_equal(left.y, index.y[kept])
    assert index.without(["never seen"]) is index
    with pytest.raises(ValueError, match="every ticket"):
        index.without(ids)


def test_training_rows_are_given_votes_without_their_own_family(bench):
    from ticket_assets.models.representation import Blocks

    rows = np.arange(150)
    representation, matrix = bench.fit_representation(Blocks(votes=True), rows)
    vectors = bench.features.vectors[rows]
    expected = Neighbours.fit(vectors, bench.y[rows], bench.classes).votes(vectors, bench.groups[rows])
    np.testing.assert_allclose(matrix, expected, atol=1e-4)
    as_new = representation.transform(bench.features.take(rows))
    assert not np.allclose(matrix, as_new, atol=1e-3)


def test_votes_without_vectors_are_refused_in_words(bench):
    from dataclasses import replace

    from ticket_assets.models.representation import Blocks

    blind = replace(bench, features=replace(bench.features, vectors=None))
    with pytest.raises(ValueError, match="encode the tickets first"):
        blind.fit_representation(Blocks(votes=True), np.arange(50))
