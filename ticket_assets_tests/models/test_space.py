"""Recipes and the space they are drawn from: starting points are in it, and every draw can be written down."""

import json
from dataclasses import replace

import optuna
import pytest

from ticket_assets.models.ngrams import TfidfSpec
from ticket_assets.models.recipe import BOOSTED, Recipe
from ticket_assets.models.representation import Blocks
from ticket_assets.models.space import STARTING_POINTS, draw
from ticket_assets.profile import SearchSettings

optuna.logging.set_verbosity(optuna.logging.WARNING)
FAMILIES = tuple(STARTING_POINTS)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_starting_point_names_every_parameter_and_lies_in_the_space(family):
    """Optuna warns of a value out of range, and a warning is an error here; a missing one would be drawn."""
    study = optuna.create_study()
    study.enqueue_trial({"family": family, **STARTING_POINTS[family]})
    trial = study.ask()
    recipe = draw(trial, FAMILIES, 5000)
    assert recipe.family == family
    assert trial.params == {"family": family, **STARTING_POINTS[family]}


def test_every_recipe_of_a_hundred_draws_survives_json():
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    drawn = [draw(study.ask(), FAMILIES, 5000) for _ in range(100)]
    assert {recipe.family for recipe in drawn} == set(FAMILIES)
    for recipe in drawn:
        assert Recipe.from_dict(json.loads(json.dumps(recipe.as_dict()))) == recipe


def test_only_the_parameters_of_the_drawn_family_are_asked_for():
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    prefixes = {
        **{"linear_svm": "svm_", "logistic_regression": "lr_", "lightgbm": "lgbm_", "xgboost": "xgb_"},
        **{"catboost": "cat_", "gradient_boosting": "gb_", "random_forest": "rf_", "extra_trees": "et_"},
        "torch_head": "mlp_",
    }
    for _ in range(60):
        trial = study.ask()
        family = draw(trial, FAMILIES, 5000).family
        assert all(name.startswith(prefixes[family]) for name in trial.params if name != "family")


def test_a_family_that_is_switched_off_is_never_drawn():
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=2))
    assert {draw(study.ask(), ("xgboost", "linear_svm"), 5000).family for _ in range(30)} == {"xgboost", "linear_svm"}


def test_a_recipe_of_each_kind_says_what_it_is_made_of():
    def of(**given):
        return draw(optuna.trial.FixedTrial({**STARTING_POINTS[given["family"]], **given}), FAMILIES, 5000)

    assert of(family="linear_svm").blocks.tfidf == TfidfSpec(min_df=2, max_ngrams=20_000)
    assert of(family="linear_svm", svm_ngrams="frequent").blocks.tfidf == TfidfSpec(min_df=3, max_ngrams=5000)
    few = Blocks(tfidf=TfidfSpec(max_ngrams=5000), scores=True, votes=True, columns=1.0)
    assert of(family="logistic_regression").blocks == few
    assert of(family="logistic_regression", lr_blocks="stacked").blocks == replace(few, svd=128, vectors=1.0)
    assert of(family="logistic_regression", lr_blocks="ngrams", lr_vectors=0.5).blocks.sparse
    for family, prefix in zip(BOOSTED, ("lgbm", "xgb"), strict=True):
        assert of(family=family, **{f"{prefix}_blocks": "ngrams"}).blocks.tfidf.longest == 1
        assert of(family=family, **{f"{prefix}_blocks": "votes"}).blocks == few
        assert of(family=family, **{f"{prefix}_blocks": "stacked"}).blocks == replace(few, svd=128, vectors=1.0)
    dense = {"catboost": "cat", "random_forest": "rf", "extra_trees": "et", "torch_head": "mlp"}
    for family, prefix in dense.items():
        assert of(family=family).blocks == few
        assert of(family=family, **{f"{prefix}_blocks": "stacked"}).blocks == replace(few, svd=128, vectors=1.0)
    assert of(family="gradient_boosting").blocks == few


def test_the_default_families_are_the_eight_and_the_network_is_there_on_request():
    chosen = SearchSettings().families
    assert len(chosen) == len(set(chosen)) == 8
    assert set(FAMILIES) - set(chosen) == {"torch_head"}
    assert SearchSettings(families=("torch_head", "xgboost")).families == ("torch_head", "xgboost")
    with pytest.raises(ValueError, match=r"families\.0\s+Input should be .*'catboost'"):
        SearchSettings(families=("xgbost",))
    with pytest.raises(ValueError, match="at least 1 item"):
        SearchSettings(families=())
