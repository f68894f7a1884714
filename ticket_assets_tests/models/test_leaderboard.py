"""Families of a search, best first, with the spread of their best recipe over the folds."""

import json
import statistics

import numpy as np
import pytest
from sklearn.metrics import f1_score

from ticket_assets.models.leaderboard import fold_macro_f1, leaderboard
from ticket_assets.models.outcome import SearchOutcome, TrialRow


def test_families_are_ranked_by_their_best_finished_trial() -> None:
    rows = [
        TrialRow(0, "svm", "complete", 0.5, 3, 2.0),
        TrialRow(1, "trees", "complete", 0.4, 3, 10.0),
        TrialRow(2, "trees", "complete", 0.7, 3, 20.0),
        TrialRow(3, "trees", "pruned", 0.9, 1, 1.0),
        TrialRow(4, "svm", "late", 0.9, 1, 1.0),
        TrialRow(5, "net", "fail", None, 0, 0.0),
    ]
    first, second = leaderboard(rows, {0: 0.5, 1: 0.4, 2: 0.7}, {0: [0.4, 0.6], 2: [0.7, 0.72]}.__getitem__)
    assert (first.rank, first.family, first.trial, first.macro_f1) == (1, "trees", 2, 0.7)
    assert (first.worst_fold, first.best_fold, first.deviation) == (0.7, 0.72, statistics.stdev([0.7, 0.72]))
    assert (first.trials, first.finished, first.pruned, first.late, first.seconds) == (3, 2, 1, 0, 31.0)
    assert (second.rank, second.family, second.late, second.seconds) == (2, "svm", 1, 3.0)


def test_the_score_of_a_fold_is_that_of_its_own_rows() -> None:
    random = np.random.default_rng(0)
    scores, y, folds = random.normal(size=(60, 3)), random.integers(0, 3, 60), random.integers(0, 3, 60)
    expected = [f1_score(y[folds == one], scores[folds == one].argmax(1), average="macro") for one in range(3)]
    assert fold_macro_f1(scores, y, folds) == pytest.approx(expected)


def test_a_search_has_the_leaderboard_of_its_own_trials_also_after_its_file(search) -> None:
    outcome = search.run()
    assert [one.rank for one in outcome.leaders] == list(range(1, len(outcome.leaders) + 1))
    assert {one.family for one in outcome.leaders} == set(search.families)
    leader = outcome.leaders[0]
    assert (leader.trial, leader.macro_f1) == (outcome.best, outcome.scores[outcome.best])
    per_fold = fold_macro_f1(search.out_of_fold(outcome.best), search.bench.y, search.folds)
    assert (leader.worst_fold, leader.best_fold) == (min(per_fold), max(per_fold))
    assert sum(one.trials for one in outcome.leaders) == len(outcome.trials)
    assert SearchOutcome.from_dict(json.loads(json.dumps(outcome.as_dict()))) == outcome
