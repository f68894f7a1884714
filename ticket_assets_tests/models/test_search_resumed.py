"""A search that was interrupted, killed or ended goes on where it stopped, on a real database."""

from dataclasses import replace
from datetime import datetime, timedelta

import optuna
import pytest

from ticket_assets.models.search import Budget, open_storage
from ticket_assets.models.space import STARTING_POINTS
from ticket_assets.models.training import fold_scores

FAMILIES = ("linear_svm", "lightgbm", "xgboost", "logistic_regression")


def test_an_interrupted_search_goes_on_without_repeating_what_is_finished(search):
    lines = []

    def interrupted(line):
        lines.append(line)
        if len(lines) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replace(search, progress=interrupted).run()
    before = {trial.number: trial.datetime_complete for trial in _study(search).trials if trial.state.is_finished()}
    assert len(before) == 3
    outcome = replace(search, progress=lines.append, budget=Budget(1000, 5)).run()
    assert [row.number for row in outcome.trials] == list(range(5))
    assert [row.family for row in outcome.trials[:4]] == list(FAMILIES)
    assert len(lines) == 5
    after = {trial.number: trial.datetime_complete for trial in _study(search).trials}
    assert {number: after[number] for number in before} == before


def test_a_search_that_is_over_runs_nothing_more(search):
    first = replace(search, budget=Budget(1000, 4)).run()
    lines = []
    assert replace(search, budget=Budget(1000, 4), progress=lines.append).run() == first
    assert not lines


def test_a_resumed_search_does_not_draw_again_what_it_drew_before(search):
    """A sampler that is made anew with the old seed begins its sequence of draws from the start."""
    one = replace(search, families=("linear_svm",), budget=Budget(1000, 2))
    one.run()
    replace(one, budget=Budget(1000, 3)).run()
    first, second, third = (trial.params for trial in _study(one).trials)
    assert third not in (first, second)


@pytest.mark.parametrize("at", [2, 7, 12])
def test_a_search_that_was_killed_ends_in_the_same_trials_as_one_that_was_not(search, monkeypatch, tmp_path, at):
    """The dead trial counted in the seed and in the quota: the same rows and seed gave another model."""
    from ticket_assets.models import search as module

    fits = 0

    def killed(*arguments):
        nonlocal fits
        fits += 1
        if fits == at:
            raise KeyboardInterrupt
        return fold_scores(*arguments)

    budget = Budget(1000, len(FAMILIES) + 4)
    undisturbed = replace(search, budget=budget, study="undisturbed", folder=tmp_path / "undisturbed")
    undisturbed.run()
    search = replace(search, budget=budget)
    with monkeypatch.context() as patched:
        patched.setattr(module, "fold_scores", killed)
        with pytest.raises(KeyboardInterrupt):
            search.run()
    search.run()
    expected, found = (
        [(trial.state.name, trial.params, trial.value) for trial in _study(one).trials if trial.state.name != "FAIL"]
        for one in (undisturbed, search)
    )
    assert found == expected


def test_a_starting_point_that_died_with_its_process_is_begun_again(search, monkeypatch):
    """The trial stays behind as running or failed; without its starting point no XGBoost might ever finish."""
    from ticket_assets.models import search as module

    def killed(bench, recipe, *rest):
        if recipe.family == "xgboost":
            raise KeyboardInterrupt
        return fold_scores(bench, recipe, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(module, "fold_scores", killed)
        with pytest.raises(KeyboardInterrupt):
            search.run()
    outcome = replace(search, budget=Budget(1000, 4)).run()
    assert {row.family for row in outcome.trials if row.state == "complete"} == set(FAMILIES)
    revived = next(
        trial for trial in _study(search).trials if trial.number > 2 and trial.params.get("family") == "xgboost"
    )
    assert revived.params == {"family": "xgboost", **STARTING_POINTS["xgboost"]}
    assert [trial.params.get("family") for trial in _study(search).trials].count("logistic_regression") == 1


def test_the_night_that_a_dead_trial_waited_to_be_found_is_not_taken_from_the_budget(search):
    """A heartbeat that is missed fails the trial when the search goes on, hours after the machine went off."""
    search = replace(search, families=("linear_svm",), budget=Budget(seconds=3600))
    study = optuna.create_study(study_name=search.study, storage=open_storage(search.storage_url))
    dead = optuna.trial.create_trial(state=optuna.trial.TrialState.FAIL)
    dead.datetime_start = datetime.now() - timedelta(hours=15)
    study.add_trial(dead)
    lines = []

    def two(line):
        lines.append(line)
        if len(lines) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replace(search, progress=two).run()
    assert len(lines) == 2


def _study(search):
    return optuna.load_study(study_name=search.study, storage=search.storage_url)
