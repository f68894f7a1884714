"""Forests and boosted trees of scikit-learn, fitted and read into arrays.

Belongs here: random forest, extra trees, gradient boosting; their trees as arrays.
Does not belong here: scoring (trees.py), CatBoost (fitting_catboost.py).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ticket_assets.models.fit_task import FitTask
from ticket_assets.models.trees import LEAF, TreesEstimator


def fit_random_forest(parameters: dict[str, float], task: FitTask) -> TreesEstimator:
    """Trees on bootstrap samples, each split the best of some columns (Breiman 2001)."""
    from sklearn.ensemble import RandomForestClassifier

    return _forest(RandomForestClassifier(**parameters, n_jobs=task.threads, random_state=task.seed), task)


def fit_extra_trees(parameters: dict[str, float], task: FitTask) -> TreesEstimator:
    """Trees on all rows, each split the best of random thresholds (Geurts, Ernst, Wehenkel 2006)."""
    from sklearn.ensemble import ExtraTreesClassifier

    return _forest(ExtraTreesClassifier(**parameters, n_jobs=task.threads, random_state=task.seed), task)


def fit_gradient_boosting(parameters: dict[str, float], task: FitTask) -> TreesEstimator:
    """Stages of one small regression tree per class (Friedman 2001); one thread is all that it uses."""
    from sklearn.ensemble import GradientBoostingClassifier

    model = GradientBoostingClassifier(**parameters, random_state=task.seed)
    model.fit(task.matrix, task.y, sample_weight=task.weights)
    trees, values = [], []
    for stage in model.estimators_:
        for number, grown in enumerate(stage):
            trees.append(grown.tree_)
            added = model.learning_rate * _means(grown.tree_)
            values.append(task.spread(_of_classes(added, number, len(task.known))))
    grown = _arrays(trees, np.vstack(values), np.zeros(task.classes), votes=False)
    # What the trees leave of a score is the prior that boosting began with, the same for every row.
    told = np.atleast_1d(model.decision_function(task.matrix[:1])[0])
    prior = (np.array([-told[0], told[0]]) / 2 if len(told) == 1 else told) - grown.scores(task.matrix[:1])[
        0, task.known
    ]
    return _arrays(trees, grown.values, task.base(prior), votes=False)


def _forest(model: Any, task: FitTask) -> TreesEstimator:
    model.fit(task.matrix, task.y, sample_weight=task.weights)
    trees = [grown.tree_ for grown in model.estimators_]
    # float32 halves a file of a million leaves, and moves a probability by less than 1e-7.
    values = np.vstack([(tree.value[:, 0, :] / len(trees)).astype(np.float32) for tree in trees])
    known = np.zeros(len(task.known))
    return _arrays(trees, task.spread(values), task.base(known), votes=True)


def _of_classes(added: np.ndarray, number: int, known: int) -> np.ndarray:
    """What the tree of one class says, (N,), as columns (N, known); of two classes one tree speaks for both."""
    if known == 2:
        return np.column_stack([-added, added]) / 2
    columns = np.zeros((len(added), known))
    columns[:, number] = added
    return columns


def _means(tree: Any) -> np.ndarray:
    """Values float64 (N,) of a regression tree; an inner node's is the mean of its leaves.

    Boosting moves the leaves after the tree has grown, so what the library keeps at inner nodes is of another scale.
    """
    values, weights = tree.value[:, 0, 0].copy(), tree.weighted_n_node_samples
    for node in np.flatnonzero(tree.children_left >= 0)[::-1]:  # children stand behind their parents
        below = [tree.children_left[node], tree.children_right[node]]
        values[node] = np.average(values[below], weights=weights[below])
    return values


def _arrays(trees: Sequence[Any], values: np.ndarray, base: np.ndarray, votes: bool) -> TreesEstimator:
    sizes = [tree.node_count for tree in trees]
    roots = np.cumsum([0, *sizes[:-1]], dtype=np.int32)
    first = np.repeat(roots, sizes)
    children = np.vstack([np.column_stack([tree.children_left, tree.children_right]) for tree in trees])
    leaf = children[:, 0] < 0
    own = np.arange(len(first), dtype=np.int32)[:, None]
    return TreesEstimator(
        roots=roots,
        children=np.where(leaf[:, None], own, children + first[:, None]).astype(np.int32),
        features=np.where(leaf, LEAF, np.hstack([tree.feature for tree in trees])).astype(np.int32),
        thresholds=round_down(np.hstack([tree.threshold for tree in trees])),
        values=values,
        base=base,
        votes=votes,
    )


def round_down(thresholds: np.ndarray) -> np.ndarray:
    """The greatest float32 up to each float64: a float32 value is up to the one where it is up to the other."""
    near = thresholds.astype(np.float32)
    return np.where(near > thresholds, np.nextafter(near, np.float32(-np.inf)), near)
