"""A desk of the loop with all that runs for it: MLflow's server, the line, Dagster's daemon, the service.

Belongs here: its settings file, starting and ending its processes, where it keeps what.
Does not belong here: its tickets (loop_scene.py), asking it (loop_traffic.py), what happened in it (loop_events.py).

Everything is started by the commands that a user has; nothing is called from within.
"""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

import pandas as pd

from ticket_assets.serving.probe import free_port, wait_until_ready
from ticket_assets.storage import ProfileFolders

PROJECT = Path(__file__).resolve().parents[1]
START_SECONDS, LINE_SECONDS, STOP_SECONDS = 180, 1800, 90
PROFILE = """
[profiles.{name}]
licence = "{licence}"
source = {{ kind = "files", path = "{name}.parquet" }}
targets.queue.column = "queue"
families.cut = 0.7
encoder.runtime = "static"
search = {{ minutes = {minutes}, trials = {trials}, families = ["linear_svm", "logistic_regression"] }}
promotion = {{ max_latency_ms = 10000, max_loss = {max_loss} }}
columns = {{ id = "ticket_id", subject = "subject", body = "body", created_at = "created_at" }}
monitoring.window = {{ predictions = {window}, min_sample = {window}, schedule = "*/2 * * * *" }}
monitoring.drift = {{ alpha = {alpha}, sure_alpha = {sure_alpha} }}
monitoring.retrain = {{ cool_down_minutes = 1, feedback_rows = 1000000 }}
"""


class DeskError(RuntimeError):
    """A part of it did not start or failed; the message has the end of what it said."""


@dataclass(frozen=True)
class DeskSettings:
    """What a loop sets of its desks.

    Attributes:
        window: predictions of one.
        trials: of a search.
        minutes: of a search, at most.
        alpha: of a warning; as of `monitoring.drift`.
        sure_alpha: of an alarm by one window.
        max_loss: of a challenger on the hold-out; as of `promotion`.
    """

    window: int
    trials: int = 4
    minutes: float = 10
    alpha: float = 0.04
    sure_alpha: float = 0.0005
    max_loss: float = 0.01


@dataclass(frozen=True)
class Desk:
    """A desk: profile, folder of all desks, port of its service.

    Attributes:
        name: of its profile.
        folder: where the settings file lies, and the storage of all desks beside it.
        port: of its service.
        mlflow: URL of MLflow's server.
    """

    name: str
    folder: Path
    port: int
    mlflow: str

    @property
    def folders(self) -> ProfileFolders:
        """Where it keeps what."""
        return ProfileFolders(self.folder / "storage" / self.name)

    @property
    def tickets(self) -> Path:
        """Its source."""
        return self.folder / f"{self.name}.parquet"

    def variables(self, new_label: str) -> dict[str, str]:
        """Environment of its processes."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("TICKET_ASSETS_", "DAGSTER_"))}
        return {
            **kept,
            "TICKET_ASSETS_CONFIG": str(self.folder / "ticket_assets.toml"),
            "TICKET_ASSETS_PROFILE": self.name,
            "TICKET_ASSETS_MLFLOW_TRACKING_URI": self.mlflow,
            "TICKET_ASSETS_ACCESS__AUTH": "open",
            "TICKET_ASSETS_ACCESS__REQUESTS_PER_SECOND": "0",
            "TICKET_ASSETS_ACCESS__WORKERS": "1",
            "TICKET_ASSETS_SERVICE__GRPC__ADDRESS": "none",
            "TICKET_ASSETS_SERVICE__LOG__NEW_LABELS": json.dumps({"queue": [new_label]}),
            "BENTOML_DO_NOT_TRACK": "True",
        }

    def run_line(self, variables: Mapping[str, str]) -> None:
        """What `make run` does.

        Raises:
            DeskError: it failed.
        """
        said = self.folder / f"{self.name}-run.log"
        with said.open("a") as stream:
            done = subprocess.run(
                [sys.executable, "-m", "ticket_assets", "run", "--profile", self.name],
                cwd=PROJECT, env=dict(variables), stdout=stream, stderr=stream, timeout=LINE_SECONDS, check=False,
            )  # fmt: skip
        if done.returncode:
            raise DeskError(f"make run PROFILE={self.name} ended with {done.returncode}:\n{_end_of(said)}")

    @contextmanager
    def daemon(self, variables: Mapping[str, str]) -> Iterator[None]:
        """What `make ui` starts: `dagster dev`, with its daemon."""
        port = free_port()
        # Not in the settings file: `make run` comes before the service, and nobody would answer it.
        asked = f"TICKET_ASSETS_PROFILES__{self.name.upper()}__MONITORING__ROLLOUT__URL"
        variables = {**variables, asked: f"http://127.0.0.1:{self.port}"}
        command = ["-m", "ticket_assets", "ui", "--profile", self.name, "--port", str(port)]
        with process(command, self.folder / f"{self.name}-daemon.log", variables) as started:
            wait_for_page(started, f"http://127.0.0.1:{port}/server_info", self.folder / f"{self.name}-daemon.log")
            yield

    @contextmanager
    def service(self, variables: Mapping[str, str]) -> Iterator[None]:
        """What `make serve` starts."""
        command = ["-m", "ticket_assets", "serve", "--profile", self.name, "--port", str(self.port)]
        with process(command, self.folder / f"{self.name}-service.log", variables) as started:
            wait_until_ready(started, self.port, START_SECONDS)
            yield


def write_desks(
    folder: Path, sources: Mapping[str, pd.DataFrame], settings: DeskSettings, licence: str, mlflow: str
) -> dict[str, Desk]:
    """Settings file and sources of several desks in one folder.

    Args:
        folder: of all.
        sources: name of a desk to its tickets.
        settings: of all.
        licence: of the tickets.
        mlflow: URL of MLflow's server.
    """
    folder.mkdir(parents=True, exist_ok=True)
    desks = {name: Desk(name, folder, free_port(), mlflow) for name in sources}
    first, *_ = sources
    told = [f'profile = "{first}"\nstorage_root = "storage"\nthreads = 1\n']
    for name, desk in desks.items():
        told.append(PROFILE.format(name=name, licence=licence, **vars(settings)))
        sources[name].to_parquet(desk.tickets)
    (folder / "ticket_assets.toml").write_text("".join(told))
    return desks


@contextmanager
def mlflow_server(folder: Path) -> Iterator[str]:
    """MLflow's own server on SQLite; yields its URL."""
    folder.mkdir(parents=True, exist_ok=True)
    port, said = free_port(), folder / "mlflow.log"
    store = ["--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}", "--artifacts-destination", str(folder / "art")]
    command = ["-m", "mlflow", "server", *store, "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    with process(command, said, os.environ) as started:
        wait_for_page(started, f"http://127.0.0.1:{port}/health", said)
        yield f"http://127.0.0.1:{port}"


@contextmanager
def process(command: list[str], said: Path, variables: Mapping[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """A Python process whose output goes to a file, asked to end when the block does, and waited for."""
    with said.open("a") as stream:
        started = subprocess.Popen(
            [sys.executable, *command], cwd=PROJECT, env=dict(variables), stdout=stream, stderr=stream
        )
    try:
        yield started
    finally:
        started.terminate()
        try:
            started.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


def wait_for_page(started: "subprocess.Popen[bytes]", url: str, said: Path) -> None:
    """Ask for a page until it is there.

    Raises:
        DeskError: the process ended, or the time did.
    """
    until = monotonic() + START_SECONDS
    while started.poll() is None and monotonic() < until:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            sleep(0.5)
    raise DeskError(f"{url} never answered:\n{_end_of(said)}")


def _end_of(said: Path) -> str:
    return said.read_text(errors="replace")[-3000:]
