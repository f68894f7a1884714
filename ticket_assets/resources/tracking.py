"""Where trials and runs are tracked: Optuna and MLflow.

Belongs here: their addresses, dagster-mlflow's resource on them.
Does not belong here: the registry (models/registry.py), the search (models/search.py).
"""

import warnings
from collections.abc import Iterator
from typing import Any

import dagster as dg

from ticket_assets.models.registry import require_experiment
from ticket_assets.settings import Settings
from ticket_assets.storage import ProfileFolders

# dagster-mlflow is all beta; its pin in the lock is what we rely on.
warnings.filterwarnings("ignore", category=dg.BetaWarning, message=".*(mlflow|MlFlow).*")


def mlflow_uri(settings: Settings) -> str:
    """MLflow's tracking and registry URI: the one set, or SQLite under the profile's root."""
    return settings.mlflow_tracking_uri or ProfileFolders(settings.profile_root).database_url("mlflow")


def optuna_url(settings: Settings) -> str:
    """Optuna's storage URL: the one set, or SQLite under the profile's root."""
    return settings.optuna_storage_url or ProfileFolders(settings.profile_root).database_url("optuna")


def mlflow_resource(settings: Settings) -> dg.ResourceDefinition:
    """dagster-mlflow's tracking resource: one MLflow run per Dagster run, tagged with its id."""
    from dagster_mlflow import mlflow_tracking

    @dg.resource(config_schema=mlflow_tracking.config_schema, description="MLflow, one run per Dagster run.")
    def mlflow(context: dg.InitResourceContext) -> Iterator[Any]:
        # dagster-mlflow would make the experiment itself, with its artifacts under the working directory.
        require_experiment(mlflow_uri(settings), settings.profile, ProfileFolders(settings.profile_root).artifacts)
        yield from mlflow_tracking.resource_fn(context)  # type: ignore[call-arg]  # typed as if it took none

    return mlflow.configured(
        {"experiment_name": settings.profile, "mlflow_tracking_uri": mlflow_uri(settings), "env": {}, "extra_tags": {}}
    )
