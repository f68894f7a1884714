"""The permutation test of means, on words and on vectors."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from ticket_assets.monitoring.drift.mean_difference import MeansCompared, Permutations, auc
from ticket_assets.monitoring.drift.vector_features import FourierFeatures, usable, whitened


def compared(rows: np.ndarray, m: int, seed: int = 0, permutations: int = 200) -> MeansCompared:
    return Permutations(np.arange(m), np.arange(len(rows) - m), permutations, np.random.default_rng(seed)).compare(
        rows.astype(np.float32)
    )


def test_the_statistic_is_the_squared_distance_of_the_means() -> None:
    rows = np.random.default_rng(1).normal(size=(300, 5))
    distance = float(((rows[200:].mean(axis=0) - rows[:200].mean(axis=0)) ** 2).sum())
    assert compared(rows, 200).statistic == pytest.approx(distance, rel=1e-3)


def test_sparse_rows_give_what_dense_ones_give() -> None:
    rows = np.random.default_rng(2).poisson(0.3, size=(300, 40)).astype(np.float32)
    dense = Permutations(np.arange(200), np.arange(100), 100, np.random.default_rng(0)).compare(rows)
    sparse = Permutations(np.arange(200), np.arange(100), 100, np.random.default_rng(0)).compare(csr_matrix(rows))
    assert sparse.p_value == pytest.approx(dense.p_value) and sparse.auc == pytest.approx(dense.auc)


def test_whitened_vectors_keep_the_level_though_the_scale_is_fitted() -> None:
    """As many directions as a fifth of the rows: scales fitted on the reference alone speak in most windows."""
    rng = np.random.default_rng(3)
    found = [
        compared(whitened(rng.normal(size=(300, 60)).astype(np.float32)), 250, seed).p_value for seed in range(150)
    ]
    assert np.mean(np.array(found) <= 0.05) <= 0.11
    assert 0.4 <= np.mean(np.array(found) <= 0.5) <= 0.6


def test_a_new_cluster_of_a_fifth_is_found_where_vectors_hardly_vary() -> None:
    rng = np.random.default_rng(4)
    rows = rng.normal(size=(900, 20)) * np.linspace(3, 0.5, 20)
    rows[860:, -1] += 2.5
    assert compared(whitened(rows.astype(np.float32)), 700).p_value < 1e-4
    assert compared(rows, 700).p_value > 0.01


def test_the_discrepancy_sees_a_spread_that_means_do_not() -> None:
    rng = np.random.default_rng(5)
    rows = np.vstack([rng.normal(size=(600, 4)), 1.8 * rng.normal(size=(300, 4))]).astype(np.float32)
    features = FourierFeatures(rows[:600], np.random.default_rng(0))
    assert compared(features(rows), 600).p_value < 1e-4
    assert compared(rows, 600).p_value > 1e-3


def test_the_classifier_is_scored_on_rows_that_it_was_not_made_from() -> None:
    """With more numbers than rows, its own rows it would tell apart with AUC 1."""
    rows = np.random.default_rng(6).normal(size=(200, 2000))
    assert compared(rows, 100).auc == pytest.approx(0.5, abs=0.12)
    rows[100:, :50] += 1
    assert compared(rows, 100).auc > 0.8


def test_constant_numbers_are_no_drift() -> None:
    found = compared(np.ones((200, 3)), 120)
    assert found.p_value == 1.0 and found.auc == 0.5
    assert compared(whitened(np.ones((200, 3), np.float32)), 120).p_value == 1.0


def test_auc_is_the_share_of_pairs_in_order() -> None:
    assert auc(np.array([0.1, 0.4, 0.4, 0.9]), np.array([False, True, False, True])) == pytest.approx(0.875)
    assert auc(np.array([0.1, 0.4]), np.array([True, True])) == 0.5


def test_rows_that_are_not_finite_are_not_usable() -> None:
    assert usable(np.array([[1.0, 2.0], [np.nan, 1.0], [1.0, np.inf]])).tolist() == [True, False, False]
