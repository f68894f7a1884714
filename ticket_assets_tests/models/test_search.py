"""The search on a real database: it stops, resumes, repeats itself on demand, and gives the boosted trees their share.

The tickets are few and short, so that real studies of real models take seconds.
"""

import json
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import optuna
import pytest

from ticket_assets.models.outcome import LATE, SearchOutcome, seconds_saved
from ticket_assets.models.recipe import BOOSTED
from ticket_assets.models.search import Budget, Search, _share_done, open_storage
from ticket_assets.models.space import STARTING_POINTS
from ticket_assets.models.training import RUNGS, fold_scores
from ticket_assets.profile import SearchSettings

FAMILIES = ("linear_svm", "lightgbm", "xgboost", "logistic_regression")


@pytest.fixture(scope="module")
def searched(few, tmp_path_factory) -> tuple[Search, SearchOutcome, list[str]]:
    """A search of 12 trials, its outcome, and the lines that it told."""
    folder, lines = tmp_path_factory.mktemp("searched"), []
    url = f"sqlite:///{folder}/optuna.db"
    folds = (few.groups // 1000) % 3
    search = Search(few, folds, FAMILIES, 1000, Budget(1000, 12), url, "few", folder, lines.append)
    return search, search.run(), lines


def test_each_boosted_family_gets_a_quarter_of_the_trials_and_reaches_the_last_rung(searched):
    _, outcome, _ = searched
    assert len(outcome.trials) == 12
    for family in BOOSTED:
        its = [row for row in outcome.trials if row.family == family]
        assert len(its) >= 3
        assert any(row.state == "complete" and row.rungs == len(RUNGS) for row in its)


def test_a_boosted_family_that_lags_behind_is_put_next_until_it_has_its_quarter(search):
    study, given = optuna.create_study(), []
    for family in (*FAMILIES, "linear_svm", "linear_svm", "linear_svm"):
        study.enqueue_trial({"family": family})
        _end_next(study)
    for _ in range(6):
        search._queue_next(study)
        search._queue_next(study)  # while one waits, no other is put behind it
        if study.trials[-1].state.name == "WAITING":
            given.append(_end_next(study))
    assert given == ["lightgbm", "lightgbm", "xgboost", "xgboost"]  # three of eleven each


def test_every_family_begins_at_its_starting_point_and_finishes_it(searched):
    search, outcome, _ = searched
    assert [row.family for row in outcome.trials[:4]] == list(FAMILIES)
    assert all(row.state == "complete" for row in outcome.trials[:4])
    for trial, family in zip(_study(search).trials, FAMILIES, strict=False):
        assert trial.params == {"family": family, **STARTING_POINTS[family]}


def test_pruned_trials_are_counted_and_their_saving_is_told(searched):
    _, outcome, lines = searched
    pruned = [row for row in outcome.trials if row.state == "pruned"]
    assert pruned
    assert all(1 <= row.rungs < len(RUNGS) for row in pruned)
    assert outcome.seconds_saved == seconds_saved(outcome.trials)
    assert sum(" pruned at rung " in line for line in lines) == len(pruned)


def test_each_trial_is_told_with_its_score_and_the_budget(searched):
    _, outcome, lines = searched
    assert len(lines) == 12
    score = outcome.trials[0].score
    assert lines[0].startswith(f"trial 0 linear_svm complete at rung 3/3: macro F1 {score:.3f}, ")
    assert lines[0].endswith("of 12 trials)")


def test_the_winner_is_the_best_finished_trial_and_the_best_boosted_is_boosted(searched):
    _, outcome, _ = searched
    finished = {row.number: row for row in outcome.trials if row.state == "complete"}
    assert outcome.scores[outcome.best] == max(row.score for row in finished.values())
    boosted = [row.score for row in finished.values() if row.family in BOOSTED]
    assert outcome.scores[outcome.best_boosted] == max(boosted)
    assert outcome.recipes[outcome.best_boosted].family in BOOSTED
    assert set(outcome.recipes) == {outcome.best, outcome.best_boosted}


def test_out_of_fold_scores_are_those_of_models_that_did_not_see_the_row(searched):
    search, outcome, _ = searched
    kept = search.out_of_fold(outcome.best)
    fresh = replace(search.bench)
    for number in range(3):
        expected = fold_scores(fresh, outcome.recipes[outcome.best], search.folds, number)
        np.testing.assert_allclose(kept[search.folds == number], expected, atol=1e-5)


def test_an_outcome_survives_json(searched):
    _, outcome, _ = searched
    assert SearchOutcome.from_dict(json.loads(json.dumps(outcome.as_dict()))) == outcome


def test_the_same_seed_and_trials_give_the_same_scores(searched, search):
    _, outcome, _ = searched
    again = replace(search, budget=Budget(1000, 6), bench=replace(search.bench)).run()
    assert [(row.family, row.state, row.score) for row in again.trials] == [
        (row.family, row.state, row.score) for row in outcome.trials[:6]
    ]


def test_time_that_is_up_stops_the_search_but_not_the_first_trial_of_a_family(search):
    lines = []
    outcome = replace(search, budget=Budget(seconds=0.01), progress=lines.append).run()
    assert [row.state for row in outcome.trials] == ["complete"] * 4
    assert lines[-1].endswith("s used of 0 s)")


def test_a_later_trial_is_cut_short_when_time_is_up(search, monkeypatch):
    """The pruner is asked first, so it is told to keep everything: what stops the trial is the clock."""
    from ticket_assets.models.pruning import FamilyHalving

    monkeypatch.setattr(FamilyHalving, "prune", lambda *_: False)
    search = replace(search, families=("linear_svm", "logistic_regression"), budget=Budget(1000, 2))
    search.run()
    used = sum(row.seconds for row in replace(search).run().trials)
    outcome = replace(search, budget=Budget(seconds=used + 1e-3)).run()
    assert [row.state for row in outcome.trials] == ["complete", "complete", "late"]
    assert outcome.trials[-1].rungs == 1
    assert (outcome.pruned, outcome.seconds_saved) == (0, 0.0), "the clock saves nothing"


def test_a_trial_that_would_take_most_of_the_time_is_cut_short(search):
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    trial, day = SimpleNamespace(study=optuna.create_study(), datetime_start=hour_ago), 24 * 3600
    search = replace(search, budget=Budget(seconds=day))
    assert search._is_late(trial, 0.1), "ten hours are more than a quarter of a day"
    assert not search._is_late(trial, 0.5), "two hours are not"
    assert not replace(search, budget=Budget(day, trials=9))._is_late(trial, 0.1), "trials are counted, not timed"


@pytest.mark.parametrize(
    ("seconds", "begun"),
    [
        ([1, 4, 30, 30, 30, 30], 6),  # 125 in all
        (
            [1, 4, 90, 90, 90, 90],
            4,
        ),  # 95 + 90 + 90 would be more than a quarter of 1000, its first two rungs told of 21
        ([1, 4, 300, 1, 1, 1], 3),  # a fit that has begun is not broken off; the one after it does not begin
        ([20, 80, 80, 80, 80, 80], 1),  # 420 in all, as the first rung tells already
    ],
)
def test_a_trial_gets_no_fit_that_by_those_before_it_would_end_after_a_quarter_of_the_time(
    search, monkeypatch, seconds, begun
):
    """It was looked at between rungs alone, and the last of these is most of the work."""
    study, now, waiting, scores = (
        optuna.create_study(),
        [time.time()],
        list(seconds),
        search.bench.y[:, None] == [0, 1, 2],
    )
    study.add_trial(
        optuna.trial.create_trial(
            params={"family": "linear_svm"},
            distributions={"family": optuna.distributions.CategoricalDistribution(["linear_svm"])},
            value=0.5,
        )
    )

    def fit(bench, recipe, folds, number, share):
        now[0] += waiting.pop(0)
        return scores[folds == number]

    monkeypatch.setattr("ticket_assets.models.search.fold_scores", fit)
    monkeypatch.setattr("ticket_assets.models.search.time", SimpleNamespace(time=lambda: now[0]))
    search = replace(
        search, families=("linear_svm",), budget=Budget(seconds=1000), folds=np.arange(len(search.folds)) % 5
    )
    search.folder.mkdir()
    study.optimize(search._objective, n_trials=1)
    assert len(seconds) - len(waiting) == begun
    assert study.trials[-1].user_attrs.get(LATE, False) == (begun < len(seconds))
    assert study.trials[-1].state.name == ("PRUNED" if begun < len(seconds) else "COMPLETE")


def test_how_much_of_a_trial_is_done_counts_the_rows_that_its_fits_have_seen():
    assert [_share_done(step, folds=5) for step in range(len(RUNGS))] == pytest.approx([0.25 / 5.25, 1.25 / 5.25, 1.0])


def test_a_boosted_family_that_lags_when_time_is_up_is_given_its_trial(search):
    """Stopped after five trials, one of the two has had a fifth of them."""
    search = replace(search, budget=Budget(1000, 5))
    search.run()
    outcome = replace(search, budget=Budget(seconds=0.01)).run()
    families = [row.family for row in outcome.trials]
    assert len(families) > 5
    assert all(families.count(family) >= len(families) / 4 for family in BOOSTED)


def test_without_boosted_families_the_best_stands_in_for_the_best_boosted(search):
    outcome = replace(search, families=("linear_svm", "logistic_regression"), budget=Budget(1000, 3)).run()
    assert outcome.best_boosted == outcome.best


def test_of_all_eight_families_each_finishes_a_trial_and_the_boosted_have_their_quarter(search):
    """Time is up at once, and still none is left out; the two are given what they lack of their share."""
    families = SearchSettings().families
    outcome = replace(search, families=families, budget=Budget(seconds=0.01)).run()
    assert [row.family for row in outcome.trials[:8]] == list(families)
    assert [row.state for row in outcome.trials[:8]] == ["complete"] * 8
    drawn = [row.family for row in outcome.trials]
    assert len(drawn) == 12
    assert [drawn.count(family) for family in BOOSTED] == [3, 3]


def test_a_search_does_not_begin_without_the_library_of_a_family(search, monkeypatch):
    monkeypatch.setitem(sys.modules, "catboost", None)
    search = replace(search, families=("linear_svm", "catboost"))
    with pytest.raises(ModuleNotFoundError, match=r"catboost \(needs catboost\): install catboost"):
        search.run()
    assert not search.folder.exists()


def test_a_trial_without_a_score_is_told_with_a_dash(search):
    study = optuna.create_study(study_name=search.study, storage=open_storage(search.storage_url))
    study.add_trial(optuna.trial.create_trial(state=optuna.trial.TrialState.FAIL))
    lines = []
    replace(search, progress=lines.append)._report(study, study.trials[0])
    assert lines[0].startswith("trial 0 unknown fail at rung 0/3: macro F1 –, 0.0 s")


def _study(search):
    return optuna.load_study(study_name=search.study, storage=search.storage_url)


def _end_next(study):
    """Run the trial that waits, without a model; return its family."""
    trial = study.ask()
    family = trial.suggest_categorical("family", FAMILIES)
    study.tell(trial, 0.5)
    return family
