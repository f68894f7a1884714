"""Clients that ask without a pause over HTTP and gRPC, and keep what they were told.

Here: asking. Not here: any test, what the answers ought to be.

Each opens a new connection now and then, so that every worker has its share.
"""

import http.client
import json
import threading
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

import grpc

from ticket_assets.serving.contract import triage_v1_pb2 as pb
from ticket_assets.serving.contract.triage_v1_pb2_grpc import TriageStub

ON_ONE_CONNECTION = 10
PATIENCE = 30.0


@dataclass(frozen=True)
class Told:
    """An answer: of which text, over what, by which version and bundle, target to label to probability, its bands."""

    text: str
    transport: str
    version: int
    bundle: str
    probabilities: dict[str, dict[str, float]]
    bands: dict[str, str]


class Client(threading.Thread):
    """Asks about one text after the other until `ending` is set."""

    transports: frozenset[str]

    def __init__(self, port: int, texts: Sequence[str]) -> None:
        super().__init__()
        self.port, self._texts, self.ending = port, texts, threading.Event()
        self.answers: list[Told] = []
        self.failures: list[str] = []

    def run(self) -> None:
        asked = count()
        while not self.ending.is_set():
            try:
                self.ask([self._texts[next(asked) % len(self._texts)] for _ in range(ON_ONE_CONNECTION)])
            except (OSError, http.client.HTTPException, grpc.RpcError, RuntimeError) as error:
                self.failures.append(repr(error))

    @abstractmethod
    def ask(self, texts: list[str]) -> None:
        """Ask about these on one connection; a request without an answer raises."""


class HttpClient(Client):
    """Asks one at a time, then all at once: a batch too is of one bundle."""

    transports = frozenset({"http", "http batch"})

    def ask(self, texts: list[str]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            for text in texts:
                self._keep(text, "http", self._posted(connection, "/predict", {"body": text}))
            batch = self._posted(connection, "/predict_batch", {"tickets": [{"body": text} for text in texts]})
            if len({row["answer"]["bundle"] for row in batch["rows"]}) != 1:
                self.failures.append(f"a batch of two bundles: {batch}")
            for text, row in zip(texts, batch["rows"], strict=True):
                self._keep(text, "http batch", row["answer"])
        finally:
            connection.close()

    def _posted(self, connection: http.client.HTTPConnection, path: str, body: object) -> dict:
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        said = response.read()
        if response.status != 200:
            raise RuntimeError(f"{path}: {response.status} {said[:200]!r}")
        return json.loads(said)

    def _keep(self, text: str, transport: str, answer: dict) -> None:
        targets = answer["targets"]
        probabilities = {target: one["probabilities"] for target, one in targets.items()}
        bands = {target: one["band"] for target, one in targets.items()}
        self.answers.append(Told(text, transport, answer["model_version"], answer["bundle"], probabilities, bands))


class GrpcClient(Client):
    """Asks one at a time."""

    transports = frozenset({"grpc"})

    def ask(self, texts: list[str]) -> None:
        # Without a pool of its own, a new channel takes the connection of the last one.
        options = [("grpc.use_local_subchannel_pool", 1)]
        with grpc.insecure_channel(f"127.0.0.1:{self.port}", options) as channel:
            stub = TriageStub(channel)
            for text in texts:
                one = stub.Predict(pb.Ticket(body=text), timeout=PATIENCE)
                probabilities = {target: dict(its.probabilities) for target, its in one.targets.items()}
                bands = {target: its.band for target, its in one.targets.items()}
                self.answers.append(Told(text, "grpc", one.model_version, one.bundle, probabilities, bands))


@contextmanager
def asking(clients: Sequence[Client]) -> Iterator[None]:
    """Have them ask for as long as the block lasts; all have ended afterwards."""
    for client in clients:
        client.start()
    try:
        yield
    finally:
        for client in clients:
            client.ending.set()
        for client in clients:
            client.join()
