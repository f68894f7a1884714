"""Asking a bento through its own server process.

Belongs here: starting and stopping `bentoml serve`, asking it over HTTP, comparing with the asset's probabilities.
Does not belong here: building it (bento.py).
"""

import http.client
import json
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ticket_assets.serving.bento import bento_environment, bento_folder
from ticket_assets.serving.prediction import Ticket

START_SECONDS = 90
PAUSE_SECONDS = 0.2
TOLERANCE = 1e-6
PORTS = range(20_000, 32_768)  # below what Linux gives to clients (net.ipv4.ip_local_port_range), above most services
PORT_TRIES = 100
_DRAW = random.SystemRandom()
# What is baked in answers whoever is on this machine, keeps nothing, and takes no other port.
_ALONE = {
    "TICKET_ASSETS_SERVICE__GRPC__ADDRESS": "none",
    "TICKET_ASSETS_ACCESS__AUTH": "open",
    "TICKET_ASSETS_ACCESS__REQUESTS_PER_SECOND": "0",
    "TICKET_ASSETS_ACCESS__WORKERS": "1",
}


class ProbeError(RuntimeError):
    """The server did not start or did not answer; the message is what it said."""


@contextmanager
def served(
    home: Path, tag: str, seconds: float = START_SECONDS, variables: Mapping[str, str] | None = None
) -> Iterator[int]:
    """A bento's server process on a free port of the loopback; yields the port once it is ready.

    Args:
        home: of BentoML.
        tag: of the bento.
        seconds: to wait.
        variables: further ones of its environment, such as settings of the service.

    Raises:
        ProbeError: it is not ready within so many seconds; with its last answer and the end of its output.
    """
    port = free_port()
    command = [sys.executable, "-m", "bentoml", "serve", str(bento_folder(home, tag))]
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryDirectory() as state:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)],
            env={**_without_settings(home), **_ALONE, "TICKET_ASSETS_SERVICE__STATE": state, **(variables or {})},
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        try:
            try:
                wait_until_ready(process, port, seconds)
            except ProbeError as error:
                said.seek(0)
                raise ProbeError(f"{tag} was not ready: {error}\n{said.read()[-4000:]}") from error
            yield port
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _without_settings(home: Path) -> dict[str, str]:
    """The environment without what is set for services here, whose log would take our questions for tickets."""
    ours = ("TICKET_ASSETS_SERVICE", "TICKET_ASSETS_ACCESS__")
    return {name: value for name, value in bento_environment(home).items() if not name.startswith(ours)}


def ask(port: int, ticket: Ticket) -> dict[str, Any]:
    """One prediction over HTTP.

    Raises:
        ProbeError: the answer is not 200.
    """
    content = json.dumps({"body": ticket.body, "subject": ticket.subject, "context": dict(ticket.context)})
    status, answer = requested(port, "POST", "/predict", content)
    if status != 200:
        raise ProbeError(f"the service answered {status}: {answer[:500]}")
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


def free_port() -> int:
    """A port of the loopback that nobody listens on now, and that no client is given for its end of a connection.

    Port 0 would be given from the range of clients: between the asking and the server's own start, seconds later,
    any connection of this machine may take it.

    Raises:
        ProbeError: none was free.
    """
    for _ in range(PORT_TRIES):
        port = _DRAW.choice(PORTS)  # not the common generator: a seeded test would draw its neighbour's port
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise ProbeError(f"of {PORT_TRIES} ports between {PORTS.start} and {PORTS.stop} none is free")


def wait_until_ready(process: "subprocess.Popen[bytes]", port: int, seconds: float) -> None:
    """Ask a server whether it is ready, with a pause after each no.

    Raises:
        ProbeError: it ended, or the time did; with its last answer.
    """
    until, last = time.monotonic() + seconds, "it never answered"
    while process.poll() is None:
        if time.monotonic() > until:
            raise ProbeError(f"after {seconds:.0f} s {last}")
        try:
            status, answer = requested(port, "GET", "/readyz", timeout=2)
        except (OSError, http.client.HTTPException):
            # Nobody listens yet; anything else the server says stands in its output.
            status, answer = None, ""
        if status == 200:
            return
        if status is not None:
            last = f"it last answered {status}: {answer[:500]}"
        with suppress(subprocess.TimeoutExpired):  # no pause where the process ends
            process.wait(PAUSE_SECONDS)
    raise ProbeError(f"its process ended with {process.returncode}, and {last}")


def requested(port: int, method: str, path: str, content: str | None = None, timeout: float = 60) -> tuple[int, str]:
    """Status and body of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path, content, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read().decode(errors="replace")
    finally:
        connection.close()
