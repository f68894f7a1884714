"""Every error of HTTP in one shape.

Belongs here: catching a refusal or a failure, putting what BentoML and Starlette answer into the shape.
Does not belong here: what is refused (guard.py, body.py, capacity.py, service.py).

What BentoML 1.4.39 answers by itself: {"error", "detail": [{"type", "loc", "msg", "url"}]} to a wrong input,
[{"error"}] to its own exceptions, {"error"} to a failure; Starlette answers 404 and 405 in plain text.
"""

import functools
import json
import logging
import re
from collections.abc import Callable
from typing import Any, TypeVar, cast

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ticket_assets.serving.access.current import request_id
from ticket_assets.serving.access.refusal import INTERNAL, Refusal

MOST_ERRORS = 5
# Probes whose failure says what is wrong, in the shape of their success.
TELLING = frozenset({"/healthz", "/readyz"})
_FIELD = re.compile(r"([a-z_][a-z0-9_.]*)(?:, [a-z_][a-z0-9_.]*)*: ")
_MESSAGES = {404: "there is no such thing here", 405: "this path does not take that method"}
log = logging.getLogger(__name__)
Answering = TypeVar("Answering", bound=Callable[..., Any])


class ErrorShape:
    """Answers refusals and failures, and puts the errors of what lies inside into the one shape."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _ShapedAnswer(send, is_probe=scope["path"] in TELLING)
        try:
            await self._app(scope, receive, answer.send)
        except Refusal as refusal:
            if answer.is_started:
                raise
            await refusal_response(refusal)(scope, receive, send)
        except Exception:
            if answer.is_started:
                raise  # half of an answer cannot be taken back; the server breaks the connection off
            log.exception("%s %s failed", scope["method"], scope["path"])
            await refusal_response(Refusal(500, INTERNAL))(scope, receive, send)


class _ShapedAnswer:
    """Passes an answer on; an error is held back until it is whole, and sent in the shape.

    But not that of a probe which tells.
    """

    def __init__(self, send: Send, is_probe: bool) -> None:
        self._send, self._is_probe = send, is_probe
        self._start: Message | None = None
        self._held: list[bytes] = []
        self.is_started = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] >= 400 and not self._is_probe:
            self._start = message
        elif self._start is None:
            self.is_started = True
            await self._send(message)
        elif message["type"] == "http.response.body":
            self._held.append(message.get("body", b""))
            if not message.get("more_body", False):
                await self._send_shaped(self._start, b"".join(self._held))

    async def _send_shaped(self, start: Message, said: bytes) -> None:
        self.is_started = True
        content = _as_bytes(translated(start["status"], said).body(request_id()))
        headers = MutableHeaders(raw=list(start["headers"]))
        del headers["content-encoding"]
        headers["content-type"], headers["content-length"] = "application/json", str(len(content))
        headers["cache-control"] = "no-store"
        await self._send({**start, "headers": headers.raw})
        await self._send({"type": "http.response.body", "body": content})


def translated(status: int, said: bytes) -> Refusal:
    """The error of another's answer, with the field it is about if it says so.

    Args:
        status: of the answer, from 400.
        said: its body.
    """
    try:
        parsed = json.loads(said)
    except ValueError:
        parsed = {"error": said.decode("utf-8", "replace").strip()}
    if isinstance(parsed, list) and len(parsed) == 1:
        parsed = parsed[0]
    error = parsed.get("error") if isinstance(parsed, dict) else None
    if isinstance(error, dict) and {"code", "message"} <= error.keys():
        return Refusal(status, str(error["message"]), str(error["code"]), error.get("field"))
    if status == 500:
        return Refusal(status, INTERNAL)
    if isinstance(parsed, dict) and isinstance(parsed.get("detail"), list) and parsed["detail"]:
        return _of_wrong_fields(status, parsed["detail"])
    message = _MESSAGES.get(status) or str(error or "") or f"HTTP {status}"
    named = _FIELD.match(message)
    return Refusal(status, message, field=named[1] if named else None)


def _of_wrong_fields(status: int, errors: list[dict[str, Any]]) -> Refusal:
    """Of pydantic's errors: the first one's field, and what is wrong of each."""
    fields = [".".join(str(part) for part in one.get("loc", ())) for one in errors]
    told = [f"{field or 'the body'}: {one.get('msg', 'wrong')}" for field, one in zip(fields, errors, strict=True)]
    more = [f"and {len(told) - MOST_ERRORS} more"] if len(told) > MOST_ERRORS else []
    return Refusal(status, "; ".join([*told[:MOST_ERRORS], *more]), field=fields[0] or None)


def refusal_response(refusal: Refusal) -> Response:
    """The answer to a request that is refused."""
    headers = {"cache-control": "no-store", **refusal.headers}
    content = _as_bytes(refusal.body(request_id()))
    return Response(content, refusal.status, headers, media_type="application/json")


def refusals_answered(answer: Answering) -> Answering:
    """Let an API method of BentoML, which must be asynchronous, raise a Refusal.

    Without it BentoML takes one for a failure: 500, and a trace in the log for each wrong input. Put it below
    `@bentoml.api`; not on a batchable method.
    """

    @functools.wraps(answer)
    async def answered(*arguments: Any, **named: Any) -> Any:
        try:
            return await answer(*arguments, **named)
        except Refusal as refusal:
            return refusal_response(refusal)

    return cast(Answering, answered)


def _as_bytes(body: dict[str, Any]) -> bytes:
    # ASCII: a client's own words come back in it, and half a character is none in UTF-8.
    return json.dumps(body).encode("ascii")
