"""The registry on a real MLflow with SQLite: versions, aliases, tags, and the true status of a run."""

from types import SimpleNamespace

import pytest
from mlflow import MlflowClient

from ticket_assets.models.registry import Registry, require_experiment


@pytest.fixture(scope="session")
def mlflow_folder(tmp_path_factory):
    """One database for all tests: making its tables takes seconds. Each test registers a model of its own."""
    folder = tmp_path_factory.mktemp("mlflow")
    require_experiment(f"sqlite:///{folder}/mlflow.db", "demo", folder / "artifacts")
    return folder


@pytest.fixture
def desk(mlflow_folder, tmp_path, request):
    """A registry, a client that looks behind it, and a bundle's folder."""
    uri = f"sqlite:///{mlflow_folder}/mlflow.db"
    (tmp_path / "queue").mkdir()
    (tmp_path / "bundle.json").write_text("{}")
    (tmp_path / "queue" / "model.json").write_text("[]")
    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("demo").experiment_id
    return SimpleNamespace(
        uri=uri,
        registry=Registry(uri, request.node.name[:80]),
        client=client,
        bundle=tmp_path,
        begin=lambda: client.create_run(experiment).info.run_id,
    )


def test_before_the_first_registration_there_is_no_champion(desk):
    assert desk.registry.champion_version() is None


def test_a_registered_bundle_is_the_challenger_and_not_yet_champion(desk):
    version = desk.registry.register(desk.begin(), desk.bundle, {"bundle": "b1", "split": "s1"})
    assert version == 1
    assert desk.registry.champion_version() is None
    made = desk.client.get_model_version_by_alias(desk.registry.name, "challenger")
    assert int(made.version) == 1
    assert made.tags == {"bundle": "b1", "split": "s1"}


def test_the_whole_folder_is_the_versions_artifact(desk, mlflow_folder):
    run_id = desk.begin()
    desk.registry.register(run_id, desk.bundle, {})
    stored = mlflow_folder / "artifacts" / run_id / "artifacts" / "bundle"
    assert {path.relative_to(stored).as_posix() for path in stored.rglob("*.json")} == {
        "bundle.json",
        "queue/model.json",
    }
    made = desk.client.get_model_version(desk.registry.name, "1")
    assert made.source == stored.as_uri()
    assert made.run_id == run_id


def test_the_crown_moves_and_the_challenger_goes_ahead(desk):
    first = desk.registry.register(desk.begin(), desk.bundle, {})
    desk.registry.crown(first)
    second = desk.registry.register(desk.begin(), desk.bundle, {})
    assert (first, second) == (1, 2)
    assert desk.registry.champion_version() == 1
    assert int(desk.client.get_model_version_by_alias(desk.registry.name, "challenger").version) == 2
    desk.registry.crown(second)
    assert Registry(desk.uri, desk.registry.name).champion_version() == 2


@pytest.mark.parametrize(("failed", "status"), [(False, "FINISHED"), (True, "FAILED")])
def test_a_run_ends_with_its_true_status(desk, failed, status):
    run_id = desk.begin()
    assert desk.client.get_run(run_id).info.status == "RUNNING"
    desk.registry.close(run_id, failed=failed)
    assert desk.client.get_run(run_id).info.status == status


def test_a_run_ends_with_the_block_it_was_opened_for(desk):
    run_id = desk.begin()
    with desk.registry.closing(run_id) as same:
        assert same == run_id
        assert desk.client.get_run(run_id).info.status == "RUNNING"
    assert desk.client.get_run(run_id).info.status == "FINISHED"


@pytest.mark.parametrize("error", [ValueError("no such candidate"), KeyboardInterrupt()])
def test_a_block_that_does_not_end_well_ends_its_run_as_failed(desk, error):
    """An interruption is no Exception, and left the run RUNNING for ever."""
    run_id = desk.begin()
    with pytest.raises(type(error)), desk.registry.closing(run_id):
        raise error
    assert desk.client.get_run(run_id).info.status == "FAILED"


def test_runs_that_a_killed_dagster_run_left_open_are_ended_and_no_others(desk):
    """They stayed RUNNING for ever: dagster-mlflow tags its runs with the Dagster run, and nobody looked."""
    experiment = desk.client.get_experiment_by_name("demo").experiment_id
    runs = {
        name: desk.client.create_run(experiment, tags={"dagster_run_id": run}).info.run_id
        for name, run in (("killed", "k"), ("finished", "k"), ("at work", "w"))
    }
    desk.client.set_terminated(runs["finished"])
    assert desk.registry.end_runs_of("demo", "k") == [runs["killed"]]
    found = {name: desk.client.get_run(run).info for name, run in runs.items()}
    assert {name: one.status for name, one in found.items()} == {
        "killed": "KILLED",
        "finished": "FINISHED",
        "at work": "RUNNING",
    }
    assert found["killed"].end_time is not None
    assert desk.registry.end_runs_of("demo", "k") == [] == desk.registry.end_runs_of("no such desk", "k")


def test_versions_are_told_with_their_bundles_in_their_order(desk):
    assert desk.registry.bundles() == {} and desk.registry.bundle_of(1) is None
    for bundle in ("b1", "b2"):
        desk.registry.register(desk.begin(), desk.bundle, {"bundle": bundle})
    desk.registry.register(desk.begin(), desk.bundle, {})
    assert list(desk.registry.bundles().items()) == [(1, "b1"), (2, "b2")]
    assert (desk.registry.bundle_of(2), desk.registry.bundle_of(3)) == ("b2", None)


def test_the_crown_can_be_taken_away(desk):
    desk.registry.crown(desk.registry.register(desk.begin(), desk.bundle, {}))
    desk.registry.uncrown()
    assert desk.registry.champion_version() is None
    desk.registry.uncrown()


def test_what_is_logged_is_found_on_the_run(desk):
    run_id = desk.begin()
    desk.registry.log(run_id, {"bundle": "b1"}, {"queue.macro_f1": 0.75}, {"dagster_run": "r1"})
    data = desk.client.get_run(run_id).data
    assert data.params == {"bundle": "b1"}
    assert data.metrics == {"queue.macro_f1": 0.75}
    assert data.tags["dagster_run"] == "r1"


def test_an_experiment_is_made_once_and_keeps_its_place(desk, mlflow_folder, tmp_path):
    require_experiment(desk.uri, "demo", tmp_path / "elsewhere")
    place = desk.client.get_experiment_by_name("demo").artifact_location
    assert place == (mlflow_folder / "artifacts").as_uri()


def test_a_fault_of_the_database_is_not_taken_for_an_empty_registry(desk):
    """A champion that merely cannot be read must not be succeeded as if there were none."""
    from mlflow.exceptions import MlflowException

    nameless = Registry(desk.uri, "")
    with pytest.raises(MlflowException, match="name"):
        nameless.champion_version()
    with pytest.raises(MlflowException, match="name"):
        nameless.register(desk.begin(), desk.bundle, {})
