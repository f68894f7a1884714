"""How a call of gRPC ends: its status to the client, to the log and to whoever counts.

Belongs here: trailing metadata, the line in the log. Does not belong here: what goes before (grpc.py).
"""

import logging
import time
from typing import Any, NoReturn

import grpc

from ticket_assets.serving.access.current import REQUEST_ID_HEADER, CurrentRequest
from ticket_assets.serving.access.http import ACCESS_LOG, Counted
from ticket_assets.serving.access.logs import FIELDS
from ticket_assets.serving.access.refusal import Refusal

HEALTH = "/grpc.health.v1.Health/"
log = logging.getLogger(ACCESS_LOG)
Metadata = tuple[tuple[str, str], ...]


class Ending:
    """How a call ends: the status in the log and to the client."""

    def __init__(self, method: str, request: CurrentRequest, counted: Counted) -> None:
        self._method, self._request, self._counted = method, request, counted
        self._begun = time.perf_counter()
        self.code = "CANCELLED"  # unless something else is known of it
        self.refusal: Refusal | None = None

    def is_good(self) -> None:
        """Note that the method has answered."""
        self.code = "OK"

    def tell(self, context: Any) -> None:
        """To the client and to the log."""
        if self.refusal:
            self.code = self.refusal.grpc_code
        elif self.code == "OK":
            self.code = name_of(context.code())
        self.name(context)
        seconds = time.perf_counter() - self._begun
        fields = {
            "method": "gRPC",
            "path": self._method,
            "status": self.code,
            "ms": round(seconds * 1000, 1),
            "caller": self._request.caller,
        }
        level = logging.ERROR if self.code in {"INTERNAL", "UNKNOWN"} else logging.INFO
        if self._method.startswith(HEALTH) and self.code == "OK":
            level = logging.DEBUG
        log.log(level, "request", extra={FIELDS: fields})
        self._counted("grpc", self._method, self.code, seconds)

    def name(self, context: Any) -> None:
        """Put id and refusal into the trailing metadata, beside what the method put there."""
        ours = self._trailing()
        others = [pair for pair in context.trailing_metadata() or () if pair[0] not in dict(ours)]
        context.set_trailing_metadata((*others, *ours))

    def _trailing(self) -> Metadata:
        told = [(REQUEST_ID_HEADER, self._request.id)]
        if self.refusal:
            told.append(("error-code", self.refusal.code))
            told.extend((name, value) for name, value in self.refusal.headers.items() if value.isascii())
            if self.refusal.field and self.refusal.field.isascii() and self.refusal.field.isprintable():
                told.append(("error-field", self.refusal.field))
        return tuple(told)

    async def abort(self, context: Any) -> NoReturn:
        """End the call with its refusal."""
        assert self.refusal is not None
        status = getattr(grpc.StatusCode, self.refusal.grpc_code)
        await context.abort(status, self.refusal.message, context.trailing_metadata())
        raise AssertionError("abort raises")


def name_of(code: Any) -> str:
    """Name of a status; a method that sets none ends well."""
    if isinstance(code, grpc.StatusCode):
        return str(code.name)
    return next((one.name for one in grpc.StatusCode if one.value[0] == code), "OK")
