"""The OpenAPI description of the service, which /docs.json shows and clients are generated from.

Belongs here: which path takes and answers which message, with which errors and which scope.
Does not belong here: the messages (messages.py, reports.py), the answers (service.py at the top).

Written here rather than by BentoML 1.4.39, whose own knows no GET, no errors and no keys.
"""

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from ticket_assets.serving.access.policy import Policy
from ticket_assets.serving.endpoint import messages, reports

VERSION = "1.0.0"
TITLE = "ticket-assets"
_REF = "#/components/schemas/"
_ERRORS = {
    400: "the body is not what the path takes; `field` names the wrong part",
    401: "no key, or one that is not known",
    403: "the key lacks the scope",
    404: "no prediction has this id",
    408: "the body did not arrive in time",
    409: "it contradicts how things stand; the message says why",
    413: "the body is too large",
    415: "the body is not JSON",
    422: "the fields are well formed and cannot be taken; `field` names the wrong one",
    429: "too many requests of this key; wait as Retry-After says",
    503: "it cannot be done now; wait as Retry-After says",
    504: "it took too long; what was asked may still be done",
}
_EVERYWHERE = (400, 401, 403, 408, 413, 415, 429, 503, 504)


class ErrorDetail(BaseModel):
    """What is wrong."""

    code: str
    message: str
    field: str | None
    request_id: str


class Error(BaseModel):
    """The one shape of all errors."""

    error: ErrorDetail


@dataclass(frozen=True)
class Route:
    """A path.

    Attributes:
        asked: message that POST takes; None: an empty object.
        answered: message that is answered.
        summary: one line.
        errors: statuses beside those that every path may answer.
        query: names that GET takes; None where there is no GET.
    """

    asked: type[messages.Message] | None
    answered: type[messages.Message]
    summary: str
    errors: tuple[int, ...] = ()
    query: tuple[str, ...] | None = None


ROUTES = {
    "/predict": Route(messages.TicketIn, messages.Answer, "Every target of one ticket", (422,)),
    "/predict_batch": Route(messages.Batch, messages.BatchAnswer, "Every target of many tickets", (422,)),
    "/feedback": Route(
        messages.Correction, messages.FeedbackReceipt, "The right labels of a ticket that was answered", (404, 409, 422)
    ),
    "/similar": Route(messages.SimilarRequest, messages.SimilarAnswer, "The nearest solved tickets", (409, 422)),
    "/info": Route(None, reports.ServiceInfo, "Which model answers, how good it is, what is wrong", query=()),
    "/reload": Route(None, reports.ReloadAnswer, "Look for a newer champion now", (409,)),
    "/act": Route(reports.ActingChange, reports.Acting, "Turn `act` into `suggest`, or back"),
    "/act_report": Route(
        reports.ActedRequest, reports.ActedReport, "What was acted upon, and how much was corrected", (422,), ("since",)
    ),
}
FIELDS = {path: frozenset(route.asked.model_fields if route.asked else ()) for path, route in ROUTES.items()}


def described(policy: Policy) -> dict[str, Any]:
    """The description, OpenAPI 3.1, as JSON's values."""
    sides: dict[type[BaseModel], Literal["validation", "serialization"]] = {Error: "serialization"}
    for route in ROUTES.values():
        sides[route.answered] = "serialization"
        if route.asked:
            sides[route.asked] = "validation"
    sides[messages.TicketIn] = "validation"
    _, schema = models_json_schema(list(sides.items()), ref_template=f"{_REF}{{model}}")
    schemas = schema["$defs"]
    schemas["Batch"]["properties"]["tickets"]["items"] = {}
    keys = {"type": "http", "scheme": "bearer", "description": "a key: `Authorization: Bearer ta_…`"}
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": VERSION, "description": "Support-ticket triage: queue, priority, type."},
        "paths": {path: _operations(path, route, policy) for path, route in ROUTES.items()},
        "components": {"schemas": schemas, "securitySchemes": {"key": keys}},
    }


def _operations(path: str, route: Route, policy: Policy) -> dict[str, Any]:
    scope, name = policy.of_path(path).scope, path.strip("/")
    responses: dict[str, Any] = {
        "200": {"description": "answered", "content": _content(route.answered.__name__)},
        **{
            str(code): {"description": _ERRORS[code], "content": _content("Error")}
            for code in sorted({*_EVERYWHERE, *route.errors})
        },
    }
    common = {
        "summary": route.summary,
        "description": f"Needs a key with the scope {scope}." if scope else "Needs no key.",
        "responses": responses,
        "security": [{"key": []}] if scope else [],
    }
    content = _content(route.asked.__name__) if route.asked else {"application/json": {"schema": _NOTHING}}
    operations = {"post": {"operationId": name, **common, "requestBody": {"required": True, "content": content}}}
    if route.query is not None:
        parameters = [
            {"name": one, "in": "query", "required": False, "schema": {"type": "string"}} for one in route.query
        ]
        operations["get"] = {"operationId": f"read_{name}", **common, "parameters": parameters}
    return operations


_NOTHING = {"type": "object", "additionalProperties": False}


def _content(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"{_REF}{name}"}}}
