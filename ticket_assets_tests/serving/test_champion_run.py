"""Runs of models/champion and serving/bento: nobody is promoted, something fails first, versions are told.

Each on a copy of the finished line that has everything up to the evaluation, and no champion.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest
from mlflow import MlflowClient

from ticket_assets.automation.staleness import due_assets
from ticket_assets.definitions import build_defs
from ticket_assets.resources.tracking import mlflow_uri
from ticket_assets.serving.bundle import TriageBundle
from ticket_assets.serving.report import report_lines
from ticket_assets.serving.store import read_champion
from ticket_assets_tests.line import PROFILE, SETTINGS, Line

CHAMPION = dg.AssetKey(["models", "champion"])
TOO_HIGH = SETTINGS.replace("search = {", "promotion.floor_over_majority = 0.9\nsearch = {")
SUCCEEDED = ("bentoml", "bundles", "records", "mlflow", "mlflow.db")


@pytest.fixture
def evaluated(finished_line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    """The finished line as it was before its champion, in a place of its own."""
    copied = shutil.copytree(
        finished_line.folder, tmp_path / "line", symlinks=True, ignore=shutil.ignore_patterns(*SUCCEEDED)
    )
    line = Line(Path(copied))
    with line.environment():
        yield line


def use(line: Line, settings: str) -> None:
    (line.folder / "ticket_assets.toml").write_text(settings)


def due(line: Line) -> set[str]:
    with line.instance() as instance:
        return {key.to_user_string() for key in due_assets(build_defs(line.settings()), instance)}


def log_of_last_runs(line: Line, count: int = 1) -> str:
    with line.instance() as instance:
        runs = instance.get_runs(limit=count)
        return "\n".join(entry.user_message for run in runs for entry in instance.all_logs(run.run_id))


def mlflow_statuses(line: Line) -> list[str]:
    client = MlflowClient(tracking_uri=mlflow_uri(line.settings()))
    experiment = client.get_experiment_by_name(PROFILE)
    assert experiment is not None
    return [one.info.status for one in client.search_runs([experiment.experiment_id])]


def test_a_refused_first_challenger_ends_the_line_well_says_why_and_is_not_judged_again(evaluated: Line) -> None:
    """serving/bento died of a missing file that told to run what had just run, and of the same at every later run."""
    use(evaluated, TOO_HIGH)
    assert evaluated.bring_up_to_date() == {"models/champion", "serving/bento", "serving/deployment"}
    said = log_of_last_runs(evaluated, 2)  # of the bento, and of its deployment
    assert "no champion yet: the challenger was refused because " in said
    assert "is below the floor" in said and "; serving/bento has nothing to build" in said
    versions = evaluated.data_versions()
    assert versions["models/champion"] == versions["serving/bento"] == "none"
    assert due(evaluated) == set() and evaluated.bring_up_to_date() == set()
    told = "\n".join(report_lines(evaluated.settings()))
    assert "champion   no champion yet: the challenger was refused because " in told
    assert not evaluated.folders.bentos.exists()


def test_the_first_promotion_after_a_refusal_makes_the_bento_due(evaluated: Line) -> None:
    use(evaluated, TOO_HIGH)
    evaluated.bring_up_to_date()
    use(evaluated, SETTINGS)
    with evaluated.instance() as instance:
        evaluated.execute(instance, [CHAMPION], raise_on_error=True)
    champion = read_champion(evaluated.folders.bundles)
    assert champion is not None
    assert evaluated.data_versions()["models/champion"] == champion.bundle
    assert due(evaluated) == {"serving/bento"}


def test_a_challenger_that_is_the_champion_already_is_no_failure_and_mends_a_damaged_bundle(evaluated: Line) -> None:
    """A table without rows failed the run; and a bundle that was damaged on disk was kept for its name."""
    with evaluated.instance() as instance:
        evaluated.execute(instance, [CHAMPION], raise_on_error=True)
        champion = read_champion(evaluated.folders.bundles)
        assert champion is not None
        folder = evaluated.folders.bundles / champion.bundle
        (folder / "queue" / "model.json").write_text("{}")
        evaluated.execute(instance, [CHAMPION], raise_on_error=True)
        event = instance.get_latest_materialization_event(CHAMPION)
    assert event is not None and event.asset_materialization is not None
    told = {name: one.value for name, one in event.asset_materialization.metadata.items()}
    assert told["decision"] == "nothing to decide: the challenger is the champion"
    assert read_champion(evaluated.folders.bundles) == champion
    assert TriageBundle.load(folder, evaluated.folders.encoders).manifest.id == champion.bundle
    assert mlflow_statuses(evaluated) == ["FINISHED", "FINISHED"]


def damage(line: Line) -> None:
    (line.folders.parquet / "models" / "evaluation.parquet").write_bytes(b"no table")


def shorten(line: Line) -> None:
    shortened = line.table("models", "evaluation").iloc[1:]
    shortened.to_parquet(line.folders.parquet / "models" / "evaluation.parquet")


def remove(line: Line) -> None:
    shutil.rmtree(line.folders.candidates / "queue")


def evaluate_elsewhere(line: Line) -> None:
    """What a run beside this one leaves between the report and the table."""
    path = line.folders.reports / "evaluation.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"evaluation": "another"}))


def train_again(line: Line) -> None:
    folder = line.folders.candidates / "queue"
    shutil.copytree(folder / (folder / "latest").read_text(), folder / "newer")
    (folder / "latest").write_text("newer")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (damage, "Parquet"),
        (remove, "candidates/queue"),
        (shorten, "answers on queue, the hold-out "),
        (evaluate_elsewhere, "is of evaluation another, and the table models/evaluation of "),
        (train_again, "evaluation.json is about other candidates of queue ("),
    ],
    ids=[
        *("an input that cannot be read", "a candidate that is gone", "an evaluation of other tickets"),
        *("report and table of two evaluations", "a candidate that was trained since"),
    ],
)
def test_whatever_fails_before_the_decision_the_mlflow_run_ends_as_failed(
    evaluated: Line, spoil: Callable[[Line], None], told: str
) -> None:
    """Only what failed in the middle of the decision ended its run; any other left it RUNNING for ever."""
    spoil(evaluated)
    with evaluated.instance() as instance:
        done = evaluated.execute(instance, [CHAMPION])
    [failed] = [one.event_specific_data.error for one in done.all_events if one.is_step_failure]
    assert told in failed.to_string()
    assert mlflow_statuses(evaluated) == ["FAILED"]
    assert read_champion(evaluated.folders.bundles) is None


def test_run_version_and_bundle_carry_the_data_versions_of_all_that_the_models_saw(line: Line) -> None:
    """The vectors were missing: which encoder's, of which texts, nobody could tell afterwards."""
    client, champion = MlflowClient(tracking_uri=mlflow_uri(line.settings())), read_champion(line.folders.bundles)
    assert champion is not None
    version = client.get_model_version(f"ticket-assets-{PROFILE}", str(champion.version))
    run = client.get_run(version.run_id)
    assert run.info.status == "FINISHED"
    made = line.data_versions()
    for key in ("tickets/clean", "features/text", "features/embeddings"):
        assert version.tags[key] == run.data.tags[key] == made[key], key
