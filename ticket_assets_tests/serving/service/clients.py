"""Clients that ask a service without a pause, and remember what it acknowledged.

Here: asking over HTTP and gRPC, what was told, whether the database has it once. Not here: any test.
"""

import http.client
import json
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from sqlalchemy import select

from ticket_assets.serving.contract import triage_v1_pb2 as pb
from ticket_assets.serving.contract.triage_v1_pb2_grpc import TriageStub
from ticket_assets.serving.prediction_log.engine import make_engine
from ticket_assets.serving.prediction_log.settings import PredictionLogSettings
from ticket_assets.serving.prediction_log.tables import feedback, predictions, rejected
from ticket_assets_tests.serving.prediction_log.desk import balance

TEXTS = ("HELP NOW HELP NOW", "please help please help", "help NOW please", "WHY")
EVERY = 10  # answers to one correction, and to one connection
QUICK = {  # of the log: written soon, tried again soon
    "TICKET_ASSETS_SERVICE__LOG__FLUSH_SECONDS": "0.1",
    "TICKET_ASSETS_SERVICE__LOG__RETRY_SECONDS": "0.3",
}


@dataclass
class Told:
    """What a client was told.

    Attributes:
        predictions: ids of answers.
        unlogged: answers without one.
        feedback: ids of corrections that were accepted.
        refused: corrections that were refused with 503, to be sent again later.
        versions: of the models that answered.
        good: ids of requests with an answer.
        failures: ids of the others, each with what happened.
    """

    predictions: list[str] = field(default_factory=list)
    unlogged: int = 0
    feedback: list[str] = field(default_factory=list)
    refused: int = 0
    versions: set[int] = field(default_factory=set)
    good: set[str] = field(default_factory=set)
    failures: dict[str, str] = field(default_factory=dict)

    def answered(self, request: str, prediction: str | None, version: int) -> None:
        self.good.add(request)
        self.versions.add(version)
        if prediction:
            self.predictions.append(prediction)
        else:
            self.unlogged += 1


class Asker(threading.Thread):
    """Asks until it is told to end."""

    def __init__(self, port: int, ending: threading.Event) -> None:
        super().__init__(daemon=True)
        self.port, self.ending, self.told = port, ending, Told()

    def run(self) -> None:
        number = 0
        while not self.ending.is_set():
            try:
                number = self.ask_some(number)
            except (OSError, http.client.HTTPException, grpc.RpcError) as error:
                self.told.failures[self.request] = f"{type(error).__name__}: {error}"
                self.ending.wait(0.05)

    request = "none"

    def ask_some(self, number: int) -> int:
        """Ask a few times on one connection; the number of requests so far."""
        raise NotImplementedError

    def named(self) -> str:
        self.request = uuid.uuid4().hex
        return self.request


class HttpAsker(Asker):
    """Over HTTP."""

    def ask_some(self, number: int) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            for _ in range(EVERY):
                if self.ending.is_set():
                    break
                number += 1
                status, answer = self.post(connection, "/predict", {"body": TEXTS[number % len(TEXTS)]})
                if status != 200:
                    self.told.failures[self.request] = f"{status} {answer}"
                    continue
                self.told.answered(self.request, answer["prediction_id"], answer["model_version"])
                if number % EVERY == 0 and answer["prediction_id"]:
                    self.correct(connection, answer["prediction_id"])
        finally:
            connection.close()
        return number

    def correct(self, connection: http.client.HTTPConnection, prediction: str) -> None:
        asked = {"prediction_id": prediction, "labels": {"tone": "quiet"}}
        status, answer = self.post(connection, "/feedback", asked)
        if status == 200:
            self.told.good.add(self.request)
            self.told.feedback.append(answer["feedback_id"])
        elif status == 503:
            self.told.refused += 1
        else:
            self.told.failures[self.request] = f"{status} {answer}"

    def post(self, connection: http.client.HTTPConnection, path: str, asked: dict[str, Any]) -> tuple[int, Any]:
        headers = {"Content-Type": "application/json", "X-Request-ID": self.named()}
        connection.request("POST", path, json.dumps(asked), headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())


class GrpcAsker(Asker):
    """Over gRPC, on a connection of its own."""

    def ask_some(self, number: int) -> int:
        with grpc.insecure_channel(
            f"127.0.0.1:{self.port}", options=[("grpc.use_local_subchannel_pool", 1)]
        ) as channel:
            stub = TriageStub(channel)
            for _ in range(EVERY):
                if self.ending.is_set():
                    break
                number += 1
                ticket = pb.Ticket(body=TEXTS[number % len(TEXTS)])
                answer = stub.Predict(ticket, timeout=30, metadata=[("x-request-id", self.named())])
                self.told.answered(self.request, answer.prediction_id, answer.model_version)
                if number % EVERY == 0 and answer.prediction_id:
                    self.correct(stub, answer.prediction_id)
        return number

    def correct(self, stub: TriageStub, prediction: str) -> None:
        asked = pb.Correction(prediction_id=prediction, labels={"tone": "quiet"})
        try:
            receipt = stub.Feedback(asked, timeout=30, metadata=[("x-request-id", self.named())])
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE or "cannot be kept now" not in error.details():
                raise
            self.told.refused += 1  # as over HTTP
            return
        self.told.good.add(self.request)
        self.told.feedback.append(receipt.feedback_id)


def get(port: int, path: str, method: str = "GET", content: dict[str, Any] | None = None) -> tuple[int, bytes]:
    """Status and body of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        body = None if content is None else json.dumps(content)
        connection.request(method, path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


@contextmanager
def asking(askers: Sequence[Asker]) -> Iterator[Sequence[Asker]]:
    """Let them ask until the block ends."""
    for one in askers:
        one.start()
    try:
        yield askers
    finally:
        for one in askers:
            one.ending.set()
        for one in askers:
            one.join(60)
        assert not any(one.is_alive() for one in askers)


def four(http_port: int, grpc_port: int | None = None) -> list[Asker]:
    """Four clients, one of them over gRPC where its port is given."""
    ending = threading.Event()
    last = HttpAsker(http_port, ending) if grpc_port is None else GrpcAsker(grpc_port, ending)
    return [*(HttpAsker(http_port, ending) for _ in range(3)), last]


def answers(askers: Sequence[Asker]) -> int:
    return sum(len(one.told.predictions) + one.told.unlogged for one in askers)


def failures(askers: Sequence[Asker]) -> dict[str, str]:
    return {request: what for one in askers for request, what in one.told.failures.items()}


def kept_once(told: Sequence[Told], folder: Path, url: str | None = None) -> dict[str, int]:
    """Hold what was acknowledged against the database; how much of it is lost, and how much is there twice.

    Args:
        told: of all clients.
        folder: of the service's state.
        url: of the database, where it is not the SQLite in the folder.
    """
    engine = make_engine(PredictionLogSettings(folder=folder / "log", url=url))
    with engine.connect() as connection:
        there = list(connection.execute(select(predictions.c.id)).scalars())
        corrected = list(connection.execute(select(feedback.c.id)).scalars())
        aside = [tuple(row) for row in connection.execute(select(rejected.c.id, rejected.c.reason))]
    engine.dispose()
    assert aside == []
    of_answers = balance([one for client in told for one in client.predictions], there)
    of_feedback = balance([one for client in told for one in client.feedback], corrected)
    return {**of_answers, **{f"feedback {name}": count for name, count in of_feedback.items()}}


def nothing_lost(counted: dict[str, int]) -> bool:
    return not any(count for name, count in counted.items() if name.endswith(("lost", "duplicated")))
