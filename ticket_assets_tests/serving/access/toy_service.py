"""A BentoML service that is guarded as service.py is, on both transports; it answers with lengths.

`TOY_FOLDER` names a folder: the gRPC port is written there, and what the shutdown had left to write.
"""

import asyncio
import os
from pathlib import Path
from typing import Any, cast

import bentoml
import grpc
from pydantic import BaseModel, Field

from ticket_assets.serving.access.current import request_id
from ticket_assets.serving.access.error_shape import refusals_answered
from ticket_assets.serving.access.grpc import GuardInterceptor
from ticket_assets.serving.access.guard import Guard
from ticket_assets.serving.access.http import guard_http
from ticket_assets.serving.access.http_login import FIELDS as LOGIN_FIELDS
from ticket_assets.serving.access.http_login import PATH as LOGIN
from ticket_assets.serving.access.http_login import login_app
from ticket_assets.serving.access.logs import configure_logging
from ticket_assets.serving.access.policy import Policy
from ticket_assets.serving.access.refusal import Refusal
from ticket_assets.serving.access.sign_in import SignIn
from ticket_assets.serving.endpoint.settings import load_service_settings
from ticket_assets_tests.serving.access.calls import SERVICE, Triage

SETTINGS = load_service_settings().access
GUARD = Guard(SETTINGS, Policy.of(SETTINGS, SERVICE))
FOLDER = Path(os.environ["TOY_FOLDER"])


class Length(BaseModel):
    length: int
    request_id: str


class Ticket(BaseModel):
    body: str


@bentoml.service(name="toy", traffic={"timeout": 120}, logging={"access": {"enabled": False}})
class Toy:
    def __init__(self) -> None:
        self._seen = 0

    @bentoml.on_startup
    async def begin(self) -> None:
        configure_logging()
        self._grpc = grpc.aio.server(interceptors=[GuardInterceptor(GUARD)])
        self._grpc.add_generic_rpc_handlers((Triage().handlers(),))
        port = self._grpc.add_insecure_port("127.0.0.1:0")
        await self._grpc.start()
        (FOLDER / "grpc_port").write_text(str(port))

    @bentoml.on_shutdown
    async def end(self) -> None:
        await self._grpc.stop(5)
        (FOLDER / "flushed").write_text(str(self._seen))

    @bentoml.api
    @refusals_answered
    async def predict(
        self,
        body: str | None = Field(default=""),
        context: dict[str, str | None] = Field(default={}),  # noqa: B008 - BentoML reads fields from defaults
        reasons: int = Field(default=0, ge=0, le=20),
    ) -> Length:
        if body == "fail":
            raise RuntimeError("the inside of the service")
        if body == "refuse":
            raise Refusal(422, "subject, body: no text is left of either", "empty_ticket", "subject")
        if body == "wait":
            (FOLDER / "entered").touch()
            await asyncio.sleep(2)
        self._seen += 1
        return Length(length=len(body or ""), request_id=request_id())

    @bentoml.api
    @refusals_answered
    async def predict_batch(self, tickets: list[Ticket] = Field(max_length=3)) -> list[Length]:  # noqa: B008
        await asyncio.sleep(0)
        if any(ticket.body == "refuse" for ticket in tickets):
            raise Refusal(422, "tickets.0.body: no text is left of it", field="tickets.0.body")
        return [Length(length=len(ticket.body), request_id=request_id()) for ticket in tickets]

    @bentoml.api
    def forgotten(self) -> str:
        return "open"


def fields_of(service: Any) -> dict[str, frozenset[str]]:
    """Names of the fields of every path, as BentoML makes them of the methods' signatures."""
    return {method.route: frozenset(method.input_spec.model_fields) for method in service.apis.values()}


guard_http(Toy, GUARD, {**fields_of(Toy), LOGIN: LOGIN_FIELDS})
cast(Any, Toy).mount_asgi_app(login_app(SignIn(GUARD)), path="/")
