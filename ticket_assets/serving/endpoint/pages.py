"""Pages that are read with GET: how the service is, which model answers, what acting did.

Belongs here: the middleware that answers them.
Does not belong here: what they say (office.py), who may read them (serving/access/).

BentoML's APIs take POST alone, and its /healthz says nothing; whoever looks types an address or uses curl.
"""

import asyncio
import json
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Receive, Scope, Send

from ticket_assets.serving.access.policy import Policy
from ticket_assets.serving.access.refusal import Refusal
from ticket_assets.serving.endpoint.description import ROUTES, described
from ticket_assets.serving.endpoint.messages import Message
from ticket_assets.serving.endpoint.reports import ActedRequest

if TYPE_CHECKING:
    from ticket_assets.serving.endpoint.runtime import Runtime

Pages = dict[str, Callable[[dict[str, str]], tuple[int, dict[str, Any]]]]


class ReadPages:
    """Answers GET of its pages; all else goes on.

    Args:
        app: what lies inside.
        policy: which scope a path needs.
        runtime: gives the running service; None before it runs.
    """

    def __init__(self, app: ASGIApp, policy: Policy, runtime: Callable[[], "Runtime | None"]) -> None:
        self._app, self._policy, self._runtime = app, policy, runtime
        self._pages: Pages = {
            "/docs.json": lambda _: (200, self._description),
            "/healthz": self._health,
            "/readyz": self._ready,
            "/info": lambda _: (200, _fields(self._running().office.info())),
            "/act_report": lambda query: (
                200,
                _fields(self._running().office.act_report(ActedRequest(since=query.get("since")))),
            ),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        page = self._pages.get(scope.get("path", "")) if scope["type"] == "http" else None
        if page is None or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        query = _query(scope)
        # In a thread: some ask the database.
        status, body = await asyncio.to_thread(page, query)
        content = b"" if scope["method"] == "HEAD" else json.dumps(body, indent=2).encode() + b"\n"
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    @cached_property
    def _description(self) -> dict[str, Any]:
        return described(self._policy)

    def _running(self) -> "Runtime":
        runtime = self._runtime()
        if runtime is None:
            raise Refusal(503, "the service is starting or stopping", "not_running", headers={"retry-after": "1"})
        return runtime

    def _health(self, _: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """200 where tickets are answered, with what is wrong all the same; 503 where they are not."""
        runtime = self._runtime()
        seat = runtime.engine.seat if runtime else None
        if runtime is None or seat is None:
            return 503, {"status": "down", "faults": ["no model answers"]}
        faults = runtime.office.faults()
        return 200, {
            "status": "degraded" if faults else "ok",
            "model_version": seat.champion.version,
            "bundle": seat.champion.bundle,
            "log": _fields(runtime.office.log()),
            "faults": faults,
        }

    def _ready(self, _: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """200 once a model has answered its probe: a log that is down is no reason to send tickets elsewhere."""
        runtime = self._runtime()
        seat = runtime.engine.seat if runtime else None
        if seat is None:
            return 503, {"ready": False, "reason": "no model has answered its probe"}
        return 200, {"ready": True, "model_version": seat.champion.version, "bundle": seat.champion.bundle}


def _query(scope: Scope) -> dict[str, str]:
    """The query of a page, each name once.

    Raises:
        Refusal: 400; a slip of the pen in a name would be the answer to another question.
    """
    read = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    route = ROUTES.get(scope["path"])
    if route is None:
        return {}  # a probe, whose asker may add what it likes
    for name, values in read.items():
        if name not in (route.query or ()):
            raise Refusal(400, f"{scope['path']} takes no {name[:80]!r} in its query", field=name[:80])
        if len(values) > 1:
            raise Refusal(400, f"{name} stands in the query {len(values)} times", field=name)
    return {name: values[0] for name, values in read.items()}


def _fields(message: Message) -> dict[str, Any]:
    return message.model_dump(mode="json")
