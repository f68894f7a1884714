"""Pages that are read with GET: how the service is, which model answers, what acting did.

Belongs here: the middleware that answers them.
Does not belong here: what they say (office.py), who may read them (serving/access/).

BentoML's APIs take POST alone, and its /healthz says nothing; whoever looks types an address or uses curl.
"""

import json
from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from pydantic import ValidationError
from starlette.types import ASGIApp, Receive, Scope, Send

from ticket_assets.serving.access.policy import Policy
from ticket_assets.serving.access.refusal import Refusal
from ticket_assets.serving.endpoint.description import ROUTES, described
from ticket_assets.serving.endpoint.messages import Message, refusal_of
from ticket_assets.serving.endpoint.reports import SENTENCES, ActedRequest, FaultCode, ServiceFault

if TYPE_CHECKING:
    from ticket_assets.serving.endpoint.runtime import Runtime

# Those of the probes are made on the event loop, from what is in memory: whatever waits for a thread, the database or a
# disk, they do not.
Page = tuple[int, dict[str, Any]]


class ReadPages:
    """Answers GET of its pages; all else goes on.

    Args:
        app: what lies inside.
        policy: which scope a path needs.
        runtime: gives the running service; None before it runs.
    """

    def __init__(self, app: ASGIApp, policy: Policy, runtime: Callable[[], "Runtime | None"]) -> None:
        self._app, self._policy, self._runtime = app, policy, runtime
        self._pages: dict[str, Callable[[dict[str, str]], Awaitable[Page]]] = {
            "/docs.json": self._describe,
            "/livez": self._live,
            "/healthz": self._health,
            "/readyz": self._ready,
            "/info": self._info,
            "/act_report": self._act_report,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        page = self._pages.get(scope.get("path", "")) if scope["type"] == "http" else None
        if page is None or (scope["method"] == "POST" and scope["path"] in ROUTES):
            await self._app(scope, receive, send)
            return
        if scope["method"] not in ("GET", "HEAD"):
            allowed = "GET, HEAD, POST" if scope["path"] in ROUTES else "GET, HEAD"
            raise Refusal(405, f"this path takes {allowed}", headers={"allow": allowed})
        status, body = await page(_query(scope))
        # The server leaves the content out of what HEAD is answered.
        content = json.dumps(body, indent=2).encode() + b"\n"
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

    async def _describe(self, _: dict[str, str]) -> Page:
        return 200, self._description

    async def _info(self, _: dict[str, str]) -> Page:
        return 200, _fields(self._running().office.info())

    async def _act_report(self, query: dict[str, str]) -> Page:
        try:
            asked = ActedRequest(since=query.get("since"))
        except ValidationError as error:
            raise refusal_of(error) from None
        running = self._running()
        return 200, _fields(await running.pools.database.ask(running.office.act_report, asked))

    async def _live(self, _: dict[str, str]) -> Page:
        """200 as long as the event loop turns."""
        return 200, {"live": True}

    async def _health(self, _: dict[str, str]) -> Page:
        """200 where tickets are answered, with what is wrong all the same; 503 where they are not.

        No key is asked for: why something is wrong, with hosts and paths, is told by /info.
        """
        runtime = self._runtime()
        seat = runtime.engine.seat if runtime else None
        if runtime is None or seat is None:
            return 503, {"status": "down", "faults": [_public("no_model")]}
        faults = runtime.office.faults()
        return 200, {
            "status": "degraded" if faults else "ok",
            "model_version": seat.champion.version,
            "bundle": seat.champion.bundle,
            "log": runtime.office.log().model_dump(mode="json", exclude={"last_error"}),
            "faults": [_public(fault.code) for fault in faults],
        }

    async def _ready(self, _: dict[str, str]) -> Page:
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


def _public(code: FaultCode) -> dict[str, Any]:
    return _fields(ServiceFault(code=code, message=SENTENCES[code]))


def _fields(message: Message) -> dict[str, Any]:
    return message.model_dump(mode="json")
