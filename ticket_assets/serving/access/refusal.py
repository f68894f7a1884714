"""A refusal: the one error that a client is told about, over HTTP and gRPC alike.

Belongs here: its parts, its JSON body, how HTTP's status codes are named and what they are in gRPC.
Does not belong here: who refuses (guard.py, limits.py, json_body.py), sending it (error_shape.py, grpc.py).
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

INTERNAL = "the service failed at this request; its log says why under the request id"
CODES = {
    400: "invalid_input",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "too_slow",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid_input",
    429: "rate_limited",
    500: "internal",
    503: "unavailable",
    504: "timeout",
}
# A client's own words may stand in both; gRPC sends them as metadata, of which 8 KiB are taken.
LONGEST_MESSAGE, LONGEST_FIELD = 500, 200
# Names of grpc.StatusCode, which this module does not import.
_GRPC = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "UNIMPLEMENTED",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    413: "RESOURCE_EXHAUSTED",
    415: "INVALID_ARGUMENT",
    422: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
# Of 404 and 409 there are several kinds: a method that is not there is another thing than a prediction that is not.
_GRPC_OF_CODE = {
    "unknown_prediction": "NOT_FOUND",
    "unknown_service": "NOT_FOUND",
    "feedback_id_used": "ALREADY_EXISTS",
    "no_index": "FAILED_PRECONDITION",
    "bundle_refused": "FAILED_PRECONDITION",
}


class Refusal(Exception):
    """A request is refused.

    Attributes:
        status: of HTTP, from 400.
        message: what is wrong and how to mend it; goes to the client, so never a secret, a path or a trace.
        code: short and stable, for programs; by default the status's.
        field: the wrong part of the request, such as `tickets.0.body`; None where it is about the whole of it.
        headers: of the answer, names in lower case; metadata in gRPC.
    """

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        field: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        message = shortened(message, LONGEST_MESSAGE)
        super().__init__(f"{status} {code or code_of(status)}: {message}")
        self.status, self.message = status, message
        self.field = None if field is None else shortened(field, LONGEST_FIELD)
        self.code = code or code_of(status)
        self.headers = dict(headers or {})

    @property
    def grpc_code(self) -> str:
        """Name of the status in gRPC."""
        known = _GRPC_OF_CODE.get(self.code) or _GRPC.get(self.status)
        return known or ("INVALID_ARGUMENT" if self.status < 500 else "INTERNAL")

    def body(self, request_id: str) -> dict[str, Any]:
        """What is sent as JSON."""
        return {
            "error": {"code": self.code, "message": self.message, "field": self.field, "request_id": request_id},
        }


def too_many(field: str, count: int, most: int) -> Refusal:
    """What is told of a list that is too long."""
    message = f"{count} {field}; at most {most} are taken at once: send several batches"
    return Refusal(422, message, f"too_many_{field}", field)


def shortened(text: str, most: int) -> str:
    """A text of at most so many characters; ASCII stays ASCII."""
    return text if len(text) <= most else f"{text[: most - 3]}..."


def code_of(status: int) -> str:
    """The code of a status that nothing more is known about."""
    try:
        return CODES.get(status) or HTTPStatus(status).name.lower()
    except ValueError:
        return "error"
