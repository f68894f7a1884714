"""A real BentoML server of toy bundles, with as many workers as a test wants.

Here: starting it, asking it, reading its log. Not here: any test.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from ticket_assets.serving.probe import ProbeError, free_port, wait_until_ready

PROJECT = Path(__file__).resolve().parents[3]
STOP_SECONDS = 60.0
LISTENS = "gRPC listens on"


@dataclass(frozen=True)
class Server:
    """A running service: its ports, its process, the folder of what it says."""

    port: int
    grpc_port: int
    process: "subprocess.Popen[bytes]"
    folder: Path

    @property
    def said(self) -> str:
        """Its output so far: BentoML's own lines, then the log."""
        return (self.folder / "stdout").read_text() + (self.folder / "stderr").read_text(errors="replace")

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The log so far; a line that is no JSON object fails whoever asks. The last may be half written."""
        *whole, _ = (self.folder / "stderr").read_bytes().decode("utf-8").split("\n")
        read = [json.loads(line) for line in whole]
        assert all(isinstance(line, dict) for line in read)
        return read

    def workers(self) -> list[psutil.Process]:
        """The processes that answer."""
        found = []
        for one in psutil.Process(self.process.pid).children(recursive=True):
            try:
                if "_bentoml_impl.worker.service" in one.cmdline():
                    found.append(one)
            except (psutil.NoSuchProcess, psutil.ZombieProcess):
                continue
        return found

    def wait_for_workers(self, number: int, seconds: float = 60) -> None:
        """Until so many listen, counted from the start, those that died included."""
        until = time.monotonic() + seconds
        while self.said.count(LISTENS) < number:
            assert time.monotonic() < until, f"{number} workers never listened: {self.said[-3000:]}"
            assert self.process.poll() is None, self.said[-3000:]
            time.sleep(0.05)

    def stop(self) -> int:
        """Ask it to end; its exit code."""
        self.process.terminate()
        return self.process.wait(STOP_SECONDS)


@contextmanager
def running(
    store: Path, state: Path, workers: int = 1, heard: Path | None = None, **variables: str
) -> Iterator[Server]:
    """The service of a bundle store, with all its workers; asked to end, and waited for, when the block ends.

    Args:
        store: of bundles.
        state: folder of the service.
        workers: processes.
        heard: folder for what it says, where the state's is not the place.
        variables: further ones of its environment.
    """
    heard = heard or state
    for folder in (state, heard):
        folder.mkdir(parents=True, exist_ok=True)
    port, grpc_port = free_port(), free_port()
    environment = {
        **os.environ,
        **{f"TICKET_ASSETS_SERVICE__{name}": str(store) for name in ("BUNDLES", "ENCODERS")},
        "TICKET_ASSETS_SERVICE__STATE": str(state),
        "TICKET_ASSETS_SERVICE__WATCH_SECONDS": "0.2",
        "TICKET_ASSETS_SERVICE__GRPC__ADDRESS": f"127.0.0.1:{grpc_port}",
        "TICKET_ASSETS_ACCESS__AUTH": "open",
        "TICKET_ASSETS_ACCESS__REQUESTS_PER_SECOND": "0",
        "TICKET_ASSETS_ACCESS__WORKERS": str(workers),
        "BENTOML_DO_NOT_TRACK": "True",
        "BENTOML_HOME": tempfile.mkdtemp(dir=heard),
        **variables,
    }
    command = [sys.executable, "-m", "bentoml", "serve", "service:TriageService", "--host", "127.0.0.1"]
    with (heard / "stdout").open("w") as stdout, (heard / "stderr").open("w") as stderr:
        process = subprocess.Popen(
            [*command, "--port", str(port)], cwd=PROJECT, env=environment, stdout=stdout, stderr=stderr
        )
        server = Server(port, grpc_port, process, heard)
        try:
            try:
                wait_until_ready(process, port, 120)
            except ProbeError as never:
                never.add_note(server.said[-3000:])  # its folder may be gone when somebody asks why
                raise
            server.wait_for_workers(workers)
            yield server
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise
