"""Halving within a family, on real studies in memory."""

import optuna
import pytest

from ticket_assets.models.pruning import FamilyHalving

optuna.logging.set_verbosity(optuna.logging.WARNING)


def _report(study, family, *values, ended=False):
    """A new trial of a family with its value at each rung; only one that ended is a rival to others."""
    study.enqueue_trial({"family": family})
    trial = study.ask()
    trial.suggest_categorical("family", ["trees", "lines"])
    for rung, value in enumerate(values):
        trial.report(value, rung)
    if ended:
        study.tell(trial, values[-1])
    return trial


def _rival(study, family, *values):
    return _report(study, family, *values, ended=True)


@pytest.fixture
def study():
    return optuna.create_study(pruner=FamilyHalving(), direction="maximize")


def test_the_first_of_a_family_is_never_pruned(study):
    for _ in range(5):
        _rival(study, "lines", 0.9)
    assert not _report(study, "trees", 0.1).should_prune()


def test_families_do_not_compete(study):
    """Cheap rungs favour models that learn from few rows: across families the trees that win on all rows would go."""
    for value in (0.8, 0.85, 0.9):
        _rival(study, "lines", value)
    _rival(study, "trees", 0.2)
    assert not _report(study, "trees", 0.3).should_prune()
    assert _report(study, "lines", 0.3).should_prune()


@pytest.mark.parametrize(("value", "pruned"), [(0.95, False), (0.75, False), (0.55, True), (0.05, True)])
def test_the_best_third_is_kept(study, value, pruned):
    """Of six with the new one, two go on."""
    for rival in (0.1, 0.2, 0.3, 0.6, 0.9):
        _rival(study, "trees", rival)
    assert _report(study, "trees", value).should_prune() is pruned


def test_as_good_as_the_last_of_the_best_third_is_good_enough(study):
    for rival in (0.1, 0.2, 0.3, 0.6, 0.9):
        _rival(study, "trees", rival)
    assert not _report(study, "trees", 0.6).should_prune()


def test_each_rung_is_judged_among_those_who_reached_it(study):
    _rival(study, "trees", 0.9, 0.5)
    for value in (0.7, 0.8):
        _rival(study, "trees", value)
    assert not _rival(study, "trees", 0.1, 0.6).should_prune()
    assert _report(study, "trees", 0.95, 0.4).should_prune()


def test_a_trial_that_has_reported_nothing_goes_on(study):
    _report(study, "trees", 0.9)
    assert not _report(study, "trees").should_prune()


def test_a_trial_that_died_is_no_rival_to_the_one_that_begins_it_again(study):
    for rival in (0.1, 0.2, 0.6, 0.9):
        _rival(study, "trees", rival)
    for _ in range(3):
        _report(study, "trees", 0.95)  # as a killed process leaves it
    study.tell(_report(study, "trees", 0.95), state=optuna.trial.TrialState.FAIL)
    assert not _report(study, "trees", 0.6).should_prune()
