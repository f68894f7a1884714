"""The search space: where each family starts, and how Optuna draws a recipe.

Belongs here: ranges and starting points per family.
Does not belong here: which recipe is drawn next (search.py), what a recipe is (recipe.py).
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ticket_assets.models.ngrams import TfidfSpec
from ticket_assets.models.recipe import Recipe
from ticket_assets.models.representation import Blocks

if TYPE_CHECKING:
    import optuna

# First trial of each family: what is known to be good on ticket text and cheap, so that a short search starts there.
STARTING_POINTS: dict[str, dict[str, Any]] = {
    "linear_svm": {"svm_c": 0.5, "svm_ngrams": "all", "svm_vectors": 0.0, "svm_balance": 0.0},
    "lightgbm": {
        "lgbm_blocks": "votes",
        "lgbm_trees": 150,
        "lgbm_rate": 0.08,
        "lgbm_leaves": 15,
        "lgbm_rows_in_leaf": 20,
        "lgbm_columns": 0.5,
        "lgbm_balance": 0.0,
    },
    "xgboost": {
        "xgb_blocks": "votes",
        "xgb_trees": 200,
        "xgb_rate": 0.1,
        "xgb_depth": 5,
        "xgb_child_weight": 3.0,
        "xgb_rows": 0.8,
        "xgb_columns": 0.5,
        "xgb_balance": 0.0,
    },
    "logistic_regression": {"lr_blocks": "votes", "lr_c": 4.0, "lr_balance": 0.0},
    "catboost": {
        "cat_blocks": "votes",
        "cat_trees": 200,
        "cat_rate": 0.1,
        "cat_depth": 5,
        "cat_l2": 3.0,
        "cat_rows": 0.8,
        "cat_columns": 0.5,
        "cat_balance": 0.0,
    },
    "extra_trees": {"et_blocks": "votes", "et_trees": 200, "et_rows_in_leaf": 3, "et_columns": 0.6, "et_balance": 0.0},
    "random_forest": {
        "rf_blocks": "votes",
        "rf_trees": 150,
        "rf_rows_in_leaf": 5,
        "rf_columns": 0.2,
        "rf_balance": 0.0,
    },
    "gradient_boosting": {
        "gb_blocks": "votes",
        "gb_stages": 60,
        "gb_rate": 0.1,
        "gb_depth": 4,
        "gb_rows": 0.5,
        "gb_rows_in_leaf": 20,
        "gb_columns": 0.2,
        "gb_balance": 0.0,
    },
    "torch_head": {
        "mlp_blocks": "votes",
        "mlp_hidden": 64,
        "mlp_dropout": 0.3,
        "mlp_rate": 0.002,
        "mlp_decay": 0.01,
        "mlp_balance": 0.0,
    },
}


def draw(trial: "optuna.Trial", families: tuple[str, ...], max_ngrams: int) -> Recipe:
    """Draw a recipe; the parameters of one family are asked for only when it is the family."""
    family = trial.suggest_categorical("family", families)
    return _DRAW[family](trial, max_ngrams)


def _linear_svm(trial: "optuna.Trial", max_ngrams: int) -> Recipe:
    vocabulary = trial.suggest_categorical("svm_ngrams", ["all", "frequent"])
    tfidf = TfidfSpec(
        min_df=2 if vocabulary == "all" else 3,
        max_ngrams=max_ngrams * 4 if vocabulary == "all" else max_ngrams,
    )
    blocks = Blocks(tfidf=tfidf, sparse=True, vectors=trial.suggest_float("svm_vectors", 0.0, 1.5, step=0.5))
    parameters = {"C": trial.suggest_float("svm_c", 0.05, 2.0, log=True)}
    return Recipe("linear_svm", blocks, parameters, trial.suggest_categorical("svm_balance", [0.0, 0.5, 1.0]))


def _logistic_regression(trial: "optuna.Trial", max_ngrams: int) -> Recipe:
    kind = trial.suggest_categorical("lr_blocks", ["ngrams", "votes", "stacked"])
    tfidf = TfidfSpec(max_ngrams=max_ngrams)
    if kind == "ngrams":
        vectors = trial.suggest_float("lr_vectors", 0.0, 2.0, step=0.5)
        blocks = Blocks(tfidf=tfidf, sparse=True, vectors=vectors)
    else:
        blocks = _dense_blocks(kind, max_ngrams)
    parameters = {"C": trial.suggest_float("lr_c", 0.3, 100.0, log=True)}
    return Recipe("logistic_regression", blocks, parameters, trial.suggest_categorical("lr_balance", [0.0, 0.5, 1.0]))


def _tree_blocks(kind: str, max_ngrams: int) -> Blocks:
    if kind == "ngrams":
        return Blocks(tfidf=TfidfSpec(longest=1, max_ngrams=8000), sparse=True, columns=1.0)
    return _dense_blocks(kind, max_ngrams)


def _dense_blocks(kind: str, max_ngrams: int) -> Blocks:
    """Few columns that say much: `votes` has what a linear SVM and the neighbours say, `stacked` all that is dense."""
    few = Blocks(tfidf=TfidfSpec(max_ngrams=max_ngrams), scores=True, votes=True, columns=1.0)
    return few if kind == "votes" else replace(few, svd=128, vectors=1.0)


def _lightgbm(trial: "optuna.Trial", max_ngrams: int) -> Recipe:
    blocks = _tree_blocks(trial.suggest_categorical("lgbm_blocks", ["ngrams", "votes", "stacked"]), max_ngrams)
    parameters = {
        "num_iterations": trial.suggest_int("lgbm_trees", 80, 400, log=True),
        "learning_rate": trial.suggest_float("lgbm_rate", 0.03, 0.2, log=True),
        "num_leaves": trial.suggest_int("lgbm_leaves", 7, 63, log=True),
        "min_data_in_leaf": trial.suggest_int("lgbm_rows_in_leaf", 5, 60, log=True),
        "feature_fraction": trial.suggest_float("lgbm_columns", 0.1, 1.0),
    }
    return Recipe("lightgbm", blocks, parameters, trial.suggest_categorical("lgbm_balance", [0.0, 0.5, 1.0]))


def _xgboost(trial: "optuna.Trial", max_ngrams: int) -> Recipe:
    blocks = _tree_blocks(trial.suggest_categorical("xgb_blocks", ["ngrams", "votes", "stacked"]), max_ngrams)
    parameters = {
        "num_boost_round": trial.suggest_int("xgb_trees", 80, 400, log=True),
        "learning_rate": trial.suggest_float("xgb_rate", 0.03, 0.3, log=True),
        "max_depth": trial.suggest_int("xgb_depth", 3, 8),
        "min_child_weight": trial.suggest_float("xgb_child_weight", 1.0, 10.0, log=True),
        "subsample": trial.suggest_float("xgb_rows", 0.5, 1.0),
        "colsample_bytree": trial.suggest_float("xgb_columns", 0.1, 1.0),
    }
    return Recipe("xgboost", blocks, parameters, trial.suggest_categorical("xgb_balance", [0.0, 0.5, 1.0]))


def _catboost(trial: "optuna.Trial", max_ngrams: int) -> Recipe:
    blocks = _dense_blocks(trial.suggest_categorical("cat_blocks", ["votes", "stacked"]), max_ngrams)
    parameters = {
        "iterations": trial.suggest_int("cat_trees", 80, 400, log=True),
        "learning_rate": trial.suggest_float("cat_rate", 0.03, 0.3, log=True),
        "depth": trial.suggest_int("cat_depth", 3, 7),
        "l2_leaf_reg": trial.suggest_float("cat_l2", 1.0, 20.0, log=True),
        "subsample": trial.suggest_float("cat_rows", 0.5, 1.0),
        "rsm": trial.suggest_float("cat_columns", 0.1, 1.0),
    }
    return Recipe("catboost", blocks, parameters, trial.suggest_categorical("cat_balance", [0.0, 0.5, 1.0]))


def _gradient_boosting(trial: "optuna.Trial", max_ngrams: int) -> Recipe:
    """One exact tree per class and stage makes it the slowest: few stages, on some rows and columns each."""
    blocks = _dense_blocks(trial.suggest_categorical("gb_blocks", ["votes"]), max_ngrams)
    parameters = {
        "n_estimators": trial.suggest_int("gb_stages", 30, 120, log=True),
        "learning_rate": trial.suggest_float("gb_rate", 0.03, 0.3, log=True),
        "max_depth": trial.suggest_int("gb_depth", 2, 5),
        "subsample": trial.suggest_float("gb_rows", 0.3, 0.7),
        "min_samples_leaf": trial.suggest_int("gb_rows_in_leaf", 5, 60, log=True),
        "max_features": trial.suggest_float("gb_columns", 0.05, 0.4),
    }
    return Recipe("gradient_boosting", blocks, parameters, trial.suggest_categorical("gb_balance", [0.0, 0.5, 1.0]))


def _random_forest(trial: "optuna.Trial", max_ngrams: int) -> Recipe:
    return _forest(trial, "random_forest", "rf", max_ngrams)


def _extra_trees(trial: "optuna.Trial", max_ngrams: int) -> Recipe:
    return _forest(trial, "extra_trees", "et", max_ngrams)


def _forest(trial: "optuna.Trial", family: str, prefix: str, max_ngrams: int) -> Recipe:
    """Leaves of some rows and a bound on trees: a forest of single rows is a file of hundreds of megabytes."""
    blocks = _dense_blocks(trial.suggest_categorical(f"{prefix}_blocks", ["votes", "stacked"]), max_ngrams)
    parameters = {
        "n_estimators": trial.suggest_int(f"{prefix}_trees", 80, 300, log=True),
        "min_samples_leaf": trial.suggest_int(f"{prefix}_rows_in_leaf", 3, 40, log=True),
        "max_features": trial.suggest_float(f"{prefix}_columns", 0.05, 0.8),
    }
    return Recipe(family, blocks, parameters, trial.suggest_categorical(f"{prefix}_balance", [0.0, 0.5, 1.0]))


def _torch_head(trial: "optuna.Trial", max_ngrams: int) -> Recipe:
    blocks = _dense_blocks(trial.suggest_categorical("mlp_blocks", ["votes", "stacked"]), max_ngrams)
    parameters = {
        "hidden": trial.suggest_int("mlp_hidden", 16, 256, log=True),
        "dropout": trial.suggest_float("mlp_dropout", 0.0, 0.6),
        "learning_rate": trial.suggest_float("mlp_rate", 3e-4, 1e-2, log=True),
        "weight_decay": trial.suggest_float("mlp_decay", 1e-4, 1.0, log=True),
    }
    return Recipe("torch_head", blocks, parameters, trial.suggest_categorical("mlp_balance", [0.0, 0.5, 1.0]))


_DRAW = {
    "linear_svm": _linear_svm,
    "logistic_regression": _logistic_regression,
    "lightgbm": _lightgbm,
    "xgboost": _xgboost,
    "catboost": _catboost,
    "extra_trees": _extra_trees,
    "random_forest": _random_forest,
    "gradient_boosting": _gradient_boosting,
    "torch_head": _torch_head,
}
