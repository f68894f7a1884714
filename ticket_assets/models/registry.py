"""The MLflow side of a bundle: one run per decision, a registered version, the aliases.

Belongs here: what is logged, registered and aliased.
Does not belong here: deciding (promotion.py), the bundle's folder (serving/bundle.py), opening the run
(dagster-mlflow does, one per Dagster run).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHAMPION, CHALLENGER = "champion", "challenger"


def require_experiment(tracking_uri: str, name: str, artifacts: Path) -> None:
    """Make the experiment of a profile where there is none, with its artifacts in the given folder.

    A tracking server keeps artifacts where it was told to; only an embedded database needs a place.
    """
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=tracking_uri)
    if client.get_experiment_by_name(name) is None:
        embedded = tracking_uri.startswith("sqlite:")
        client.create_experiment(name, artifact_location=artifacts.as_uri() if embedded else None)


class Registry:
    """Versions of one profile's bundle.

    Args:
        tracking_uri: of MLflow.
        name: of the registered model, one per profile.
    """

    def __init__(self, tracking_uri: str, name: str) -> None:
        from mlflow import MlflowClient

        self.name = name
        self._client = MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)

    def champion_version(self) -> int | None:
        """Version that the champion alias points to."""
        return self._aliases().get(CHAMPION)

    def log(
        self,
        run_id: str,
        parameters: Mapping[str, Any],
        metrics: Mapping[str, float],
        tags: Mapping[str, str],
    ) -> None:
        """Log onto an open run."""
        for key, value in parameters.items():
            self._client.log_param(run_id, key, value)
        for key, number in metrics.items():
            self._client.log_metric(run_id, key, number)
        for key, tag in tags.items():
            self._client.set_tag(run_id, key, tag)

    def register(self, run_id: str, folder: Path, tags: Mapping[str, str]) -> int:
        """Log a bundle's folder as the run's artifact, register it, alias it challenger; return its version."""
        from mlflow.exceptions import MlflowException

        try:
            self._client.create_registered_model(self.name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        self._client.log_artifacts(run_id, str(folder), artifact_path="bundle")
        artifacts = self._client.get_run(run_id).info.artifact_uri
        made = self._client.create_model_version(self.name, f"{artifacts}/bundle", run_id, tags=dict(tags))
        self._client.set_registered_model_alias(self.name, CHALLENGER, made.version)
        return int(made.version)

    def tell(self, version: int, name: str, what: str) -> None:
        """Tag a version with what became known of it later; MLflow takes 5,000 characters."""
        self._client.set_model_version_tag(self.name, str(version), name, what[:5000])

    def describe(self, version: int, text: str) -> None:
        """Describe a version, in Markdown, on its page in MLflow, which takes 5,000 characters."""
        self._client.update_model_version(self.name, str(version), text[:5000])

    def crown(self, version: int) -> None:
        """Move the champion alias."""
        self._client.set_registered_model_alias(self.name, CHAMPION, str(version))

    def uncrown(self) -> None:
        """Take the champion alias away, where it is."""
        if self.champion_version() is not None:
            self._client.delete_registered_model_alias(self.name, CHAMPION)

    def bundles(self) -> dict[int, str]:
        """Registered version to the id of its bundle, in the order of the versions."""
        found = self._client.search_model_versions(f"name = '{self.name}'", max_results=10_000)
        return dict(sorted((int(one.version), one.tags["bundle"]) for one in found if "bundle" in one.tags))

    def bundle_of(self, version: int) -> str | None:
        """Id of the bundle that a version is; None where there is no such version."""
        return self.bundles().get(version)

    def rename_bundle(self, before: str, after: str) -> int:
        """Tag the versions of one bundle with another id: its files were rewritten; return how many."""
        found = [version for version, bundle in self.bundles().items() if bundle == before]
        for version in found:
            self._client.set_model_version_tag(self.name, str(version), "bundle", after)
        return len(found)

    def end_runs_of(self, experiment: str, dagster_run: str) -> list[str]:
        """End, as killed, the runs that a Dagster run left open; return their ids."""
        found = self._client.get_experiment_by_name(experiment)
        if found is None:
            return []
        left = self._client.search_runs(
            [found.experiment_id], f"tags.dagster_run_id = '{dagster_run}' and attributes.status = 'RUNNING'"
        )
        for run in left:
            self._client.set_terminated(run.info.run_id, status="KILLED")
        return [run.info.run_id for run in left]

    @contextmanager
    def closing(self, run_id: str) -> Iterator[str]:
        """End a run with the block: failed when the block raises, an interruption included; yields the run's id."""
        try:
            yield run_id
        except BaseException:
            self.close(run_id, failed=True)
            raise
        self.close(run_id)

    def close(self, run_id: str, failed: bool = False) -> None:
        """End the run with its true status: under the multiprocess executor nobody else does."""
        self._client.set_terminated(run_id, status="FAILED" if failed else "FINISHED")

    def _aliases(self) -> dict[str, int]:
        from mlflow.exceptions import MlflowException

        try:
            aliases = self._client.get_registered_model(self.name).aliases
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return {}
        return {name: int(version) for name, version in aliases.items()}
