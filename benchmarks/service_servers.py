"""The servers of the service's benchmark, each on the same one core: ours by variant, and the plain app.

Belongs here: starting them, their cold start and memory, sending load to them from another core.
Does not belong here: which cells are measured, and how often (service.py).
"""

import base64
import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.service_models import PLAIN, Models
from ticket_assets.serving.contract import triage_v1_pb2 as pb
from ticket_assets.serving.probe import free_port, requested, wait_until_ready
from ticket_assets_tests.serving.endpoint.server import running

PROJECT = Path(__file__).resolve().parents[1]
MIB = 1 << 20
BATCH = 64
METHOD = "/ticket_assets.triage.v1.Triage/"
CORES = sorted(os.sched_getaffinity(0))
# One core serves and another asks, so that neither takes the other's time and both sides have as many threads.
SERVES, ASKS = CORES[0], CORES[-1]


@dataclass(frozen=True)
class Running:
    """A server: its variant, its ports (gRPC's 0: none), the processes that answer, and all that belong to it."""

    variant: str
    port: int
    grpc_port: int
    process: "subprocess.Popen[bytes]"
    workers: Sequence[psutil.Process]

    def pss_mib(self) -> float:
        """Of a worker; pages that others use too by share."""
        return sum(one.memory_full_info().pss for one in self.workers) / MIB / len(self.workers)

    def all_pss_mib(self) -> float:
        """Of the workers and what starts and watches them."""
        parent = psutil.Process(self.process.pid)
        return sum(one.memory_full_info().pss for one in (parent, *parent.children(recursive=True))) / MIB


@contextmanager
def serving(variant: str, models: Models, state: Path) -> Iterator[Running]:
    """A server of one worker and one thread on the core that serves, ready to answer."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {SERVES})  # inherited by what is started
    try:
        with _plain(models, state) if variant == PLAIN else _ours(variant, models, state) as server:
            os.sched_setaffinity(0, before)
            yield server
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def _ours(variant: str, models: Models, state: Path) -> Iterator[Running]:
    encoders = {"TICKET_ASSETS_SERVICE__ENCODERS": str(models.encoders.resolve())}
    with running(models.store(variant).resolve(), state, **encoders) as server:
        yield Running(variant, server.port, server.grpc_port, server.process, server.workers())


@contextmanager
def _plain(models: Models, state: Path) -> Iterator[Running]:
    state.mkdir(parents=True, exist_ok=True)
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "benchmarks.plain_app:app", "--port", str(port), "--no-access-log"]
    told = {"PLAIN_MODELS": str((models.folder / "plain").resolve()), "PLAIN_THREADS": "1", "OMP_NUM_THREADS": "1"}
    environment = {**os.environ, **told, "PYTHONPATH": str(PROJECT), "HF_HUB_OFFLINE": "1"}
    with (state / "said").open("w") as said:
        process = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=said, stderr=subprocess.STDOUT)
        try:
            wait_until_ready(process, port, 120)
            yield Running(PLAIN, port, 0, process, [psutil.Process(process.pid)])
        finally:
            process.terminate()
            process.wait(60)


def alone(variant: str, models: Models, state: Path, bodies: Sequence[str]) -> dict[str, float]:
    """Cold start and memory of a server that has the machine for itself.

    Returns:
        start_s: from the start of its process to its first answer; pss_mib: of a worker after some requests;
        all_pss_mib: with the processes around it.
    """
    begun = time.monotonic()
    with serving(variant, models, state) as server:
        answer = requested(server.port, "POST", "/predict", json.dumps({"body": bodies[0]}))
        if answer[0] != 200:
            raise RuntimeError(f"{variant}: {answer}")
        start = time.monotonic() - begun
        for body in bodies[:100]:
            requested(server.port, "POST", "/predict", json.dumps({"body": body}))
        requested(server.port, "POST", "/predict_batch", _batch(bodies[:BATCH]))
        return {"start_s": start, "pss_mib": server.pss_mib(), "all_pss_mib": server.all_pss_mib()}


def load(server: Running, requests: Path, port: int, clients: int, seconds: float) -> dict[str, Any]:
    """What a load generator on the other core finds; see load.py."""
    command = ["taskset", "-c", str(ASKS), sys.executable, str(PROJECT / "benchmarks" / "load.py"), str(requests)]
    options = ["--port", str(port), "--clients", str(clients), "--seconds", str(seconds)]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the load generator against {server.variant}: {done.stderr[-2000:]}")
    return dict(json.loads(done.stdout))


def inside(variant: str, models: Models, number: int) -> dict[str, float]:
    """Milliseconds of one ticket in process, transport apart: service_inside.py on the core that serves."""
    command = ["taskset", "-c", str(SERVES), sys.executable, "-m", "benchmarks.service_inside"]
    arguments = [str(models.store(variant)), str(models.encoders), str(models.folder / "asked.json"), str(number)]
    done = subprocess.run([*command, *arguments], cwd=PROJECT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{variant} in process: {done.stderr[-2000:]}")
    return dict(json.loads(done.stdout))


def write_requests(folder: Path, bodies: Sequence[str]) -> dict[tuple[str, str], Path]:
    """Files of requests by transport and kind (single, batch)."""
    batches = [bodies[start : start + BATCH] for start in range(0, len(bodies) - BATCH + 1, BATCH)]
    http_single = [json.dumps({"body": body}) for body in bodies]
    grpc_single = [_packed(pb.Ticket(body=body)) for body in bodies]
    grpc_batch = [_packed(pb.Batch(tickets=[pb.Ticket(body=body) for body in batch])) for batch in batches]
    asked = {
        ("http", "single"): ("/predict", http_single),
        ("http", "batch"): ("/predict_batch", [_batch(batch) for batch in batches]),
        ("grpc", "single"): (f"{METHOD}Predict", grpc_single),
        ("grpc", "batch"): (f"{METHOD}PredictBatch", grpc_batch),
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "asked.json").write_text(json.dumps(list(bodies)))
    files = {}
    for (transport, kind), (path, requests) in asked.items():
        files[transport, kind] = folder / f"{transport} {kind}.json"
        told = {"transport": transport, "path": path, "bodies": requests}
        files[transport, kind].write_text(json.dumps(told))
    return files


def is_alive(server: Running) -> bool:
    """Whether it answers."""
    try:
        return requested(server.port, "GET", "/readyz", timeout=10)[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def _batch(bodies: Sequence[str]) -> str:
    return json.dumps({"tickets": [{"body": body} for body in bodies]})


def _packed(message: Any) -> str:
    return base64.b64encode(message.SerializeToString()).decode()
