"""`make ui`: the shipped command, workspace and instance, really started."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from ticket_assets.serving.probe import free_port
from ticket_assets_tests.line import PROFILE, Line

PROJECT = Path(__file__).resolve().parents[1]
ASSETS = "{ assetNodes { assetKey { path } } }"
pytestmark = pytest.mark.slow  # half a minute


@pytest.fixture
def ui(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Address of the UI of a profile of its own, and what it says."""
    if not shutil.which("make"):
        pytest.skip("make is absent")
    line, said = Line.begin(tmp_path), tmp_path / "said.txt"
    port = free_port()
    # The environment is there, since this runs in it: make must not set it up again.
    command = ["make", "-C", str(PROJECT), "--assume-old=.venv/.ready", "ui", f"PROFILE={PROFILE}", f"PORT={port}"]
    with said.open("w") as stream:
        process = subprocess.Popen(
            command, env=line.variables, stdout=stream, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            until = time.monotonic() + 300
            # It says so before it listens.
            while "Serving dagster-webserver" not in said.read_text() or not _is_listening(port):
                assert process.poll() is None and time.monotonic() < until, said.read_text()
                time.sleep(0.5)
            yield f"http://127.0.0.1:{port}", said
        finally:
            os.killpg(process.pid, signal.SIGINT)
            # Dagster's code servers at times outlive the interrupt: what is left must not meet a later test.
            with suppress(subprocess.TimeoutExpired):
                process.wait(120)
            for one in _of(line):
                with suppress(psutil.NoSuchProcess):
                    one.kill()
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)


def _is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _of(line: Line) -> list[psutil.Process]:
    """Processes that were started with the settings of a line, but this one."""
    found = []
    for one in psutil.process_iter():
        with suppress(psutil.Error):
            if one.environ().get("TICKET_ASSETS_CONFIG") == line.variables["TICKET_ASSETS_CONFIG"]:
                found.append(one)
    return [one for one in found if one.pid != os.getpid()]


def test_the_ui_starts_with_the_line_in_it_and_without_a_warning(ui: tuple[str, Path]) -> None:
    """Two stood in front of every first look: of a command, and of a dagster.yaml that was not read."""
    address, said = ui
    request = urllib.request.Request(
        f"{address}/graphql", json.dumps({"query": ASSETS}).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        found = json.load(answer)
    keys = {"/".join(one["assetKey"]["path"]) for one in found["data"]["assetNodes"]}
    assert {"tickets/source", "models/search_queue", "serving/bento"} <= keys
    # Dagster's own, of the very first start of sensors that look at how runs end, and true: there are none to look at.
    lines = [one for one in said.read_text().splitlines() if "No cursor for event type" not in one]
    assert not [one for one in lines if "warning" in one.lower()]
