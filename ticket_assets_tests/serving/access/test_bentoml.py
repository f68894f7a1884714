"""A guarded BentoML service in its own process: what BentoML does by itself is put right."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.struct_pb2 import Struct

from ticket_assets.serving.access.policy import Scope
from ticket_assets.serving.probe import free_port, wait_until_ready
from ticket_assets_tests.serving.access.calls import SERVICE, said
from ticket_assets_tests.serving.access.conftest import PASSWORD, Clock, Desk
from ticket_assets_tests.serving.access.site import Reply, Site

PROJECT = Path(__file__).resolve().parents[3]
SECRET = "the-secret-that-signs-tokens-0123456789"


@dataclass
class Toy:
    """The running service, its keys, and the file of its log."""

    site: Site
    process: "subprocess.Popen[bytes]"
    folder: Path
    predict: str
    admin: str

    def ask(self, path: str, content: Any = None, **headers: str) -> Reply:
        return self.site.ask(path, content, x_api_key=self.predict, **headers)

    def log(self) -> str:
        return (self.folder / "log").read_text()


@contextmanager
def served(folder: Path) -> Iterator[Toy]:
    desk = Desk(folder / "access", Clock())
    keys = [desk.key("crm", Scope.PREDICT), desk.key("ops", Scope.ADMIN)]
    desk.user("anna", [Scope.PREDICT])
    port = free_port()
    settings = {"KEYS_FILE": desk.settings().keys_file, "USERS_FILE": desk.settings().users_file}
    settings |= {"TOKEN_SECRET": SECRET, "MAX_BODY_BYTES": "4096"}
    command = ["-m", "bentoml", "serve", "ticket_assets_tests.serving.access.toy_service:Toy"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *command, "--host", "127.0.0.1", "--port", str(port), "--api-workers", "1"],
            cwd=PROJECT,
            env={
                **os.environ,
                **{f"TICKET_ASSETS_ACCESS__{name}": str(value) for name, value in settings.items()},
                **{"TOY_FOLDER": str(folder), "BENTOML_DO_NOT_TRACK": "True", "PYTHONPATH": str(PROJECT)},
                "BENTOML_HOME": str(folder / "bentoml"),
            },
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_until_ready(process, port, 90)
            yield Toy(Site(port, None), process, folder, *keys)  # type: ignore[arg-type]
        finally:
            process.terminate()
            try:
                process.wait(30)
            finally:
                process.kill()


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Toy]:
    with served(tmp_path_factory.mktemp("toy")) as one:
        yield one


def test_a_key_is_asked_for_and_opens_the_service(toy: Toy) -> None:
    assert toy.site.ask("/predict", {"body": "x"}).error["code"] == "unauthenticated"
    answered = toy.ask("/predict", {"body": "four"}, x_request_id="r-1")
    assert (answered.status, answered.json()) == (200, {"length": 4, "request_id": "r-1"})
    assert answered.headers["x-request-id"] == "r-1"
    assert answered.headers["ratelimit-limit"] == "100"
    for path in ("/livez", "/readyz", "/healthz", "/", "/docs.json"):
        assert toy.site.ask(path).status == 200


@pytest.mark.parametrize(
    ("path", "content", "status", "field"),
    [
        ("/predict", b'{"body": 7}', 400, "body"),
        ("/predict", b'{"reasons": 21}', 400, "reasons"),
        ("/predict", b'{"context": {"a": 7}}', 400, "context.a"),
        ("/predict", b'{"bodi": "x"}', 400, "bodi"),
        ("/predict", b'{"reasons": NaN}', 400, "reasons"),
        ("/predict", b'{"body": "x", "body": "fail"}', 400, "body"),
        ("/predict", b'{"context": ' + b'{"a":' * 40 + b"1" + b"}" * 41, 400, "context"),
        ("/predict", b'{"context": {"a": "\\u0000"}}', 400, "context.a"),
        ("/predict", b'{"body": "\\ud800"}', 400, "body"),
        ("/predict", b'{"body": "\xff"}', 400, None),
        ("/predict", b"{", 400, None),
        ("/predict", b"[]", 400, None),
        ("/predict", b'{"body": "refuse"}', 422, "subject"),
        ("/predict", b'{"body": "' + b"x" * 5000 + b'"}', 413, None),
        ("/predict_batch", b"{}", 400, "tickets"),
        ("/predict_batch", b'{"tickets": [{"body": "x"}, {"body": 7}]}', 400, "tickets.1.body"),
        ("/predict_batch", b'{"tickets": [{"body": "refuse"}]}', 422, "tickets.0.body"),
    ],
)
def test_every_wrong_input_is_refused_with_its_field(
    toy: Toy, path: str, content: bytes, status: int, field: str | None
) -> None:
    refused = toy.ask(path, content, content_type="application/json")
    assert (refused.status, refused.error["field"]) == (status, field)


def test_several_wrong_fields_are_all_told(toy: Toy) -> None:
    error = toy.ask("/predict", {"body": 7, "reasons": 99}).error
    assert error["message"] == (
        "body: Input should be a valid string; reasons: Input should be less than or equal to 20"
    )


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("multipart/form-data", b"body=x"),
        (
            "multipart/form-data; boundary=a",
            b'--a\r\nContent-Disposition: form-data; name="body"\r\n\r\nx\r\n--a--\r\n',
        ),
        ("application/x-www-form-urlencoded", b"body=x"),
        ("application/vnd.bentoml+pickle", b"x"),
    ],
)
def test_other_types_that_bentoml_reads_are_closed(toy: Toy, kind: str, content: bytes) -> None:
    """A form without a boundary was a 500, and no form passed the checks of JSON."""
    assert toy.ask("/predict", content, content_type=kind).error["code"] == "unsupported_media_type"


def test_paths_and_methods_that_are_none_are_told_in_the_one_shape(toy: Toy) -> None:
    assert toy.site.ask("/nowhere").error["code"] == "not_found"
    assert toy.ask("/predict").error["code"] == "method_not_allowed"
    for path in ("/forgotten", "/metrics"):
        assert toy.site.ask(path, method="POST" if path == "/forgotten" else "GET").status in {401, 404}
    assert toy.site.ask("/forgotten", {}, x_api_key=toy.predict).status == 404
    assert toy.site.ask("/forgotten", {}, x_api_key=toy.admin).status == 200
    assert toy.site.ask("/metrics", x_api_key=toy.admin).status == 200


def test_a_batch_and_an_asynchronous_method_are_answered(toy: Toy) -> None:
    answered = toy.ask("/predict_batch", {"tickets": [{"body": "x"}, {"body": "yz"}]})
    assert [one["length"] for one in answered.json()] == [1, 2]


def test_a_user_signs_in_and_asks(toy: Toy) -> None:
    token = toy.site.ask("/login", {"name": "anna", "password": PASSWORD}).json()["token"]
    assert toy.site.ask("/predict", {"body": "x"}, authorization=f"Bearer {token}").status == 200
    assert toy.site.ask("/login", method="GET").error["code"] == "method_not_allowed"


def test_grpc_of_the_same_process_is_guarded_by_the_same_keys(toy: Toy) -> None:
    async def main() -> None:
        port = (toy.folder / "grpc_port").read_text()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            predict = channel.unary_unary(f"/{SERVICE}/Predict", Struct.SerializeToString, Struct.FromString)
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await predict(said(body="x"))
            assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED
            assert (await predict(said(body="x"), metadata=(("x-api-key", toy.predict),)))["body"] == "x"

    asyncio.run(main())


def test_a_failure_shows_nothing_of_the_inside_and_the_log_is_json_without_secrets_or_tickets(toy: Toy) -> None:
    failed = toy.ask("/predict", {"body": "fail"}, x_request_id="failed-1")
    assert (failed.status, failed.error["code"]) == (500, "internal")
    assert "inside" not in failed.content.decode()
    toy.ask("/predict", {"body": ["my very own ticket"]})
    toy.ask(f"/predict?key={toy.predict}", {"body": "x"})
    toy.site.ask("/login", {"name": "anna", "password": PASSWORD})
    documents = "".join(toy.site.ask(path).content.decode() for path in ("/docs.json", "/schema.json"))
    log = toy.log()
    for secret in (toy.predict, toy.admin, SECRET, PASSWORD, "my very own ticket", "$argon2"):
        assert secret not in log
        assert secret not in documents
    lines = [json.loads(line) for line in log.splitlines() if line.startswith('{"time"')]
    [told] = [line for line in lines if line.get("request_id") == "failed-1" and "exception" in line]
    assert "RuntimeError: the inside of the service" in told["exception"]
    after = log.split('{"time"', 1)[1].splitlines()[1:]
    assert all(line.startswith('{"time"') for line in after), "whatever is logged once it serves is JSON"


def test_a_stop_lets_requests_in_work_finish_and_the_backlog_be_written(tmp_path: Path) -> None:
    with served(tmp_path) as toy:
        answers: list[int] = []
        thread = threading.Thread(target=lambda: answers.append(toy.ask("/predict", {"body": "wait"}).status))
        thread.start()
        until = time.monotonic() + 30
        while not (tmp_path / "entered").exists():
            assert time.monotonic() < until
            time.sleep(0.02)
        toy.process.send_signal(signal.SIGTERM)
        thread.join(30)
        toy.process.wait(30)
        assert answers == [200]
        assert (tmp_path / "flushed").read_text() == "1"
