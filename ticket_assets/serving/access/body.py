"""The body of a request: how large, of which type, which JSON.

Belongs here: reading the bytes no further than the limit.
Does not belong here: what JSON may hold (json_body.py), the form of the answer (error_shape.py).

BentoML 1.4.39 has no limit of size, reads forms and multipart as well as JSON, answers 500 to a form without a boundary
and takes no notice of Content-Encoding; whence the two types of refusal 415.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ticket_assets.serving.access.json_body import BodyRules, check_body
from ticket_assets.serving.access.refusal import Refusal
from ticket_assets.serving.access.settings import MIB, AccessSettings

BATCH = "/predict_batch"
# A client that sends first and reads then must be read from, or it never sees the answer: so much and so long.
DRAIN_BYTES = 16 * MIB
DRAIN_SECONDS = 5.0
# From this size on, checking would keep the other requests waiting.
LARGE_BYTES = 256 * 1024


class BodyGuard:
    """Reads the body, refuses a wrong one, hands a right one on.

    Args:
        app: what is asked then.
        settings: sizes, depth, time.
        fields: per path the names that a body may have at the top; other paths take any.
        most_items: per such name how many items its list may have.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: AccessSettings,
        fields: Mapping[str, frozenset[str]] = MappingProxyType({}),
        most_items: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self._app, self._settings = app, settings
        self._any = BodyRules(settings.max_depth, most_items=most_items)
        self._rules = {path: replace(self._any, fields=names) for path, names in fields.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, if its body is one."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path, headers = scope["path"], Headers(scope=scope)
        most = self._settings.max_batch_body_bytes if path == BATCH else self._settings.max_body_bytes
        content = await self._read(receive, headers, most)
        if content is None:
            return  # the client is gone
        if content:
            _require_json(headers)
            rules = self._rules.get(path, self._any)
            if len(content) < LARGE_BYTES:
                check_body(content, rules)
            else:
                await asyncio.to_thread(check_body, content, rules)
        await self._app(scope, _replayed(content, receive), send)

    async def _read(self, receive: Receive, headers: Headers, most: int) -> bytes | None:
        """The whole body; None where the client went away."""
        declared = _declared(headers)
        if declared > most:
            await _drain(receive, declared, waits=headers.get("expect", "").lower() == "100-continue")
            raise _too_large(most)
        if declared == 0 and "transfer-encoding" not in headers:
            return b""
        chunks, size = [], 0
        try:
            async with asyncio.timeout(self._settings.body_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return None
                    chunks.append(message.get("body", b""))
                    size += len(chunks[-1])
                    if size > most:
                        break
                    if not message.get("more_body", False):
                        return b"".join(chunks)
        except TimeoutError:
            seconds = self._settings.body_seconds
            raise Refusal(
                408, f"the body did not arrive within {seconds:g} s", headers={"connection": "close"}
            ) from None
        if message.get("more_body", False):
            await _drain(receive, 0, waits=False)
        raise _too_large(most)


def _declared(headers: Headers) -> int:
    """Content-Length; 0 where there is none.

    Raises:
        Refusal: 400; it is no number of bytes.
    """
    text = headers.get("content-length", "0")
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise Refusal(400, "the header Content-Length is no number of bytes", headers={"connection": "close"})
    return int(text)


async def _drain(receive: Receive, declared: int, waits: bool) -> None:
    """Read and forget what still comes; not what is too much, and not of a client that waits to be told to send."""
    if waits or declared > DRAIN_BYTES:
        return
    left = DRAIN_BYTES
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            more = True
            while more and left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                more = message["type"] == "http.request" and message.get("more_body", False)
    except TimeoutError:
        return


def _too_large(most: int) -> Refusal:
    # Whatever of the body is still on its way must not be taken for the next request.
    return Refusal(413, f"the body is larger than {most:,} bytes", headers={"connection": "close"})


def _require_json(headers: Headers) -> None:
    media, _, parameters = headers.get("content-type", "application/json").partition(";")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if media.strip().lower() != "application/json" or charset not in {"", "utf-8"}:
        raise Refusal(415, "the body is not of the type JSON: send Content-Type: application/json, in UTF-8")
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Refusal(415, "the body is compressed: send it as it is, without Content-Encoding")


def _replayed(content: bytes, receive: Receive) -> Receive:
    """The body as one message, then what the server says, such as that the client went away."""
    waiting: list[Message] = [{"type": "http.request", "body": content, "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay
