"""A real HTTP server behind the middlewares, and a client that shows everything that came back."""

import asyncio
import http.client
import io
import json
import logging
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from ticket_assets.serving.access.current import request_id
from ticket_assets.serving.access.guard import Guard
from ticket_assets.serving.access.http import ACCESS_LOG, Counted, guard_http, uncounted
from ticket_assets.serving.access.http_login import FIELDS as LOGIN_FIELDS
from ticket_assets.serving.access.http_login import login_app
from ticket_assets.serving.access.logs import JsonFormatter
from ticket_assets.serving.access.refusal import Refusal
from ticket_assets.serving.access.sign_in import SignIn
from ticket_assets.serving.access.users import Passwords


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def error(self) -> dict[str, Any]:
        """The one shape, checked."""
        [(name, error)] = self.json().items()
        assert name == "error"
        assert set(error) == {"code", "message", "field", "request_id"}
        assert error["request_id"] == self.headers["x-request-id"]
        assert self.headers["content-type"] == "application/json"
        return dict(error)


class Site:
    """A server on a free port; `log` is what it wrote."""

    def __init__(self, port: int, log: io.StringIO) -> None:
        self.port, self.log = port, log

    def ask(
        self, path: str, content: Any = None, method: str | None = None, timeout: float = 30, **headers: str
    ) -> Reply:
        """One request on a connection of its own; an object goes as JSON, an iterator in chunks."""
        if isinstance(content, dict | list):
            content = json.dumps(content).encode()
            headers.setdefault("content_type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method or ("GET" if content is None else "POST"), path, content, sent)
            return reply_of(connection)
        finally:
            connection.close()

    def lines(self) -> list[dict[str, Any]]:
        """The whole log, once the server is gone: a line is written after its answer."""
        return [json.loads(line) for line in self.log.getvalue().splitlines()]

    def requests(self) -> list[dict[str, Any]]:
        """Its lines about requests."""
        return [line for line in self.lines() if line["logger"] == ACCESS_LOG]


def reply_of(connection: http.client.HTTPConnection) -> Reply:
    response = connection.getresponse()
    return Reply(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())


class Desk:
    """Takes middlewares as BentoML's service does."""

    def __init__(self) -> None:
        self.middlewares: list[Middleware] = []

    def add_asgi_middleware(self, middleware_cls: Any, **options: Any) -> None:
        self.middlewares.append(Middleware(middleware_cls, **options))


class Rooms:
    """What lies behind the guard; `gate` holds an answer back until it is set."""

    def __init__(self) -> None:
        self.gate, self.entered = threading.Event(), threading.Event()

    async def predict(self, request: Request) -> Response:
        said = await request.json() if await request.body() else {}
        if said.get("body") == "fail":
            raise RuntimeError("the inside of the service, with ta_" + "x" * 43)
        if said.get("body") == "refuse":
            raise Refusal(422, "subject, body: no text is left of either", field="subject")
        if said.get("body") == "wait":
            self.entered.set()
            await asyncio.to_thread(self.gate.wait, 20)
        return JSONResponse({"length": len(await request.body()), "request_id": request_id()})

    async def ready(self, request: Request) -> Response:
        return PlainTextResponse("\n")


@contextmanager
def site(
    guard: Guard, rooms: Rooms | None = None, passwords: Passwords | None = None, counted: Counted = uncounted
) -> Iterator[Site]:
    """A site behind the guard."""
    rooms, desk = rooms or Rooms(), Desk()
    guard_http(
        desk,
        guard,
        {"/predict": frozenset({"subject", "body", "reasons"}), "/login": LOGIN_FIELDS},
        counted,
        {"tickets": 3},
    )
    routes = [
        Route("/predict", rooms.predict, methods=["POST"]),
        Route("/predict_batch", rooms.predict, methods=["POST"]),
        Route("/forgotten", rooms.ready),
        Route("/readyz", rooms.ready),
        *login_app(SignIn(guard, passwords)).routes,
    ]
    with _logged() as log, _served(Starlette(routes=routes, middleware=desk.middlewares)) as port:
        yield Site(port, log)


@contextmanager
def _logged() -> Iterator[io.StringIO]:
    """All that is logged, as the service writes it."""
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    handler.setFormatter(JsonFormatter())
    level = logging.root.level
    logging.root.addHandler(handler)
    logging.root.setLevel(logging.INFO)
    try:
        yield log
    finally:
        logging.root.removeHandler(handler)
        logging.root.setLevel(level)


@contextmanager
def _served(app: Starlette) -> Iterator[int]:
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", ws="none"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive()
