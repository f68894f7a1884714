"""A run that was killed, met by the next one: its Dagster run and its MLflow run are ended."""

import shutil
import socket
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from mlflow import MlflowClient

from ticket_assets.automation.interrupted import PROCESS_TAG
from ticket_assets.automation.runs import LINE
from ticket_assets.definitions import build_defs
from ticket_assets.resources.tracking import mlflow_uri
from ticket_assets_tests.line import PROFILE, Line
from ticket_assets_tests.pipeline.conftest import command_line

pytestmark = pytest.mark.slow


def test_the_next_run_ends_what_a_killed_one_left_open_in_mlflow(finished_line: Line, tmp_path: Path) -> None:
    """It stayed RUNNING for ever, beside runs that nobody could tell from it."""
    line = Line(Path(shutil.copytree(finished_line.folder, tmp_path / "line", symlinks=True)))
    with line.environment():
        client = MlflowClient(tracking_uri=mlflow_uri(line.settings()))
        experiment = client.get_experiment_by_name(PROFILE)
        assert experiment is not None
        gone = subprocess.Popen([sys.executable, "-c", ""])
        gone.wait()
        with line.instance() as instance:
            tags = {PROCESS_TAG: f"{socket.gethostname()}:{gone.pid}"}
            job = build_defs(line.settings()).resolve_job_def(LINE)
            run = instance.create_run_for_job(job, tags=tags, status=dg.DagsterRunStatus.STARTED)
        left = client.create_run(experiment.experiment_id, tags={"dagster_run_id": run.run_id}).info.run_id
        done = command_line(line, "run")
        assert done.returncode == 0, done.stdout
        assert f"run {run.run_id} was broken off; it goes on here" in done.stdout
        assert client.get_run(left).info.status == "KILLED"
        with line.instance() as instance:
            ended = instance.get_run_by_id(run.run_id)
        assert ended is not None and ended.status is dg.DagsterRunStatus.FAILURE
