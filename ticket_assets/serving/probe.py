"""Asking a bento through its own server process.

Belongs here: starting and stopping `bentoml serve`, asking it over HTTP, comparing with the asset's probabilities.
Does not belong here: building it (bento.py).
"""

import http.client
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ticket_assets.serving.bento import bento_environment, bento_folder
from ticket_assets.serving.prediction import Ticket

START_SECONDS = 90
TOLERANCE = 1e-6


class ProbeError(RuntimeError):
    """The server did not start or did not answer; the message is what it said."""


@contextmanager
def served(home: Path, tag: str) -> Iterator[int]:
    """A bento's server process on a free port of the loopback; yields the port once it is ready."""
    port = _free_port()
    command = [sys.executable, "-m", "bentoml", "serve", str(bento_folder(home, tag))]
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port), "--api-workers", "1"],
            env=bento_environment(home),
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        try:
            if not _is_ready(process, port):
                said.seek(0)
                raise ProbeError(f"{tag} was not ready within {START_SECONDS} s:\n{said.read()[-4000:]}")
            yield port
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def ask(port: int, ticket: Ticket) -> dict[str, Any]:
    """One prediction over HTTP.

    Raises:
        ProbeError: the answer is not 200.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        body = json.dumps({"body": ticket.body, "subject": ticket.subject, "context": dict(ticket.context)})
        connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = response.read().decode()
    finally:
        connection.close()
    if response.status != 200:
        raise ProbeError(f"the service answered {response.status}: {answer[:500]}")
    return dict(json.loads(answer))


def largest_gap(answers: Sequence[dict[str, Any]], expected: Sequence[dict[str, dict[str, float]]]) -> float:
    """The largest difference of any probability between answers and what the asset computed.

    Args:
        answers: of `ask`.
        expected: per ticket, target to label to probability.
    """
    return max(
        abs(answer["targets"][target]["probabilities"][label] - probability)
        for answer, one in zip(answers, expected, strict=True)
        for target, labels in one.items()
        for label, probability in labels.items()
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_ready(process: "subprocess.Popen[bytes]", port: int) -> bool:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return True
        except OSError:
            # Nobody listens yet; anything else the server says stands in its output.
            process_wait(process, 0.2)
        finally:
            connection.close()
    return False


def process_wait(process: "subprocess.Popen[bytes]", seconds: float) -> None:
    """Wait so long, or until the process ends."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return
