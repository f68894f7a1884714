"""A real BentoML server of toy bundles, with as many workers as a test wants.

Here: starting it, asking it. Not here: any test.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ticket_assets.serving.probe import free_port, wait_until_ready

PROJECT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Server:
    """A running service: its ports, its process, its state."""

    port: int
    grpc_port: int
    process: "subprocess.Popen[bytes]"
    state: Path

    @property
    def said(self) -> str:
        """Its output so far."""
        return (self.state / "said.log").read_text()


@contextmanager
def running(store: Path, state: Path, workers: int = 1, **variables: str) -> Iterator[Server]:
    """The service of a bundle store, ready; asked to end, and waited for, when the block ends."""
    state.mkdir(parents=True, exist_ok=True)
    port, grpc_port = free_port(), free_port()
    environment = {
        **os.environ,
        **{f"TICKET_ASSETS_SERVICE__{name}": str(store) for name in ("BUNDLES", "ENCODERS")},
        "TICKET_ASSETS_SERVICE__STATE": str(state),
        "TICKET_ASSETS_SERVICE__WATCH_SECONDS": "0.2",
        "TICKET_ASSETS_SERVICE__GRPC__ADDRESS": f"127.0.0.1:{grpc_port}",
        "TICKET_ASSETS_ACCESS__AUTH": "open",
        "TICKET_ASSETS_ACCESS__REQUESTS_PER_SECOND": "0",
        "BENTOML_DO_NOT_TRACK": "True",
        "BENTOML_HOME": tempfile.mkdtemp(dir=state),
        **variables,
    }
    command = [sys.executable, "-m", "bentoml", "serve", "service:TriageService", "--host", "127.0.0.1"]
    with (state / "said.log").open("w") as said:
        process = subprocess.Popen(
            [*command, "--port", str(port), "--api-workers", str(workers)],
            cwd=PROJECT,
            env=environment,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_until_ready(process, port, 120)
            yield Server(port, grpc_port, process, state)
        finally:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise
