"""The triage service: one promoted bundle, asked over HTTP and gRPC.

Belongs here: BentoML's declarations, and which method answers which path.
Does not belong here: what a request comes to (ticket_assets.serving.endpoint), who may ask (…access), what is kept of
it (…prediction_log), the arithmetic of an answer (…bundle).

The bundle is the one baked into the bento, or the champion of the store that the settings name
(ticket_assets/serving/endpoint/settings.py).
"""

import asyncio
from typing import TYPE_CHECKING, Any, cast

import bentoml
from pydantic import BaseModel
from starlette.responses import Response

from ticket_assets.serving.access.connections import bound_connections
from ticket_assets.serving.access.error_shape import refusals_answered
from ticket_assets.serving.access.guard import Guard
from ticket_assets.serving.access.http import guard_http
from ticket_assets.serving.access.http_login import FIELDS as LOGIN_FIELDS
from ticket_assets.serving.access.http_login import PATH as LOGIN
from ticket_assets.serving.access.http_login import login_app
from ticket_assets.serving.access.logs import configure_logging
from ticket_assets.serving.access.policy import Policy
from ticket_assets.serving.access.sign_in import SignIn
from ticket_assets.serving.endpoint.description import FIELDS
from ticket_assets.serving.endpoint.front_page import FrontPage
from ticket_assets.serving.endpoint.lean import settle_garbage, without_leftovers
from ticket_assets.serving.endpoint.messages import (
    Answer,
    Batch,
    BatchAnswer,
    Correction,
    FeedbackReceipt,
    SimilarAnswer,
    SimilarRequest,
    TicketIn,
)
from ticket_assets.serving.endpoint.pages import ReadPages
from ticket_assets.serving.endpoint.reports import (
    ActedReport,
    ActedRequest,
    Acting,
    ActingChange,
    ReloadAnswer,
    ServiceInfo,
)
from ticket_assets.serving.endpoint.settings import load_service_settings

if TYPE_CHECKING:
    from ticket_assets.serving.endpoint.runtime import Runtime

SETTINGS = load_service_settings()
GUARD = Guard(SETTINGS.access, Policy.of(SETTINGS.access, "ticket_assets.triage.v1.Triage"))
RUNNING: list["Runtime"] = []  # of this process: none before it has started
bound_connections(SETTINGS.access)


def counted(transport: str, method: str, status: str, seconds: float) -> None:
    """Count a request of either transport."""
    for runtime in RUNNING:
        runtime.metrics.ended(transport, method, status, seconds)


def answered(message: BaseModel) -> Response:
    """An answer as JSON; BentoML would check once more what was checked when it was made."""
    return Response(message.model_dump_json(), media_type="application/json")


@bentoml.service(
    name="ticket-assets",
    workers=SETTINGS.access.workers,  # BentoML 1.4.39 takes no notice of `serve --api-workers`
    # Its lines would hold an address each, and ours stand beside them.
    logging={"access": {"enabled": False}},
)
class TriageService:
    """Queue, priority, type, or whatever the bundle's targets are, for a ticket as it arrives."""

    def __init__(self) -> None:
        configure_logging()
        # Not above: BentoML imports this file once more in a process that only watches the workers, and before them.
        from ticket_assets.serving.endpoint.runtime import Runtime

        self._runtime = Runtime(SETTINGS.service)
        GUARD.work.follow(self._runtime.metrics.in_work)
        RUNNING[:] = [self._runtime]

    @bentoml.on_startup
    async def listen(self) -> None:
        """Open the gRPC port, on the loop that answers HTTP; from here on the log is ours."""
        configure_logging()
        from ticket_assets.serving.access.grpc import GuardInterceptor

        await self._runtime.start_wire(GuardInterceptor(GUARD, counted))
        settle_garbage()

    @bentoml.on_shutdown
    async def stop(self) -> None:
        """End what is in work, write what waits."""
        await self._runtime.stop(GUARD.work)

    @bentoml.api
    @refusals_answered
    async def predict(self, ticket: TicketIn, /) -> Answer:
        """Predict every target of one ticket; 422 where neither subject nor body holds text."""
        return answered(await self._runtime.triage.answer(ticket, "http"))  # type: ignore[return-value]

    @bentoml.api
    @refusals_answered
    async def predict_batch(self, batch: Batch, /) -> BatchAnswer:
        """Predict many tickets; a row that is wrong has its error in its place."""
        told = await asyncio.to_thread(self._runtime.triage.predict_batch, batch, "batch")
        return answered(told)  # type: ignore[return-value]

    @bentoml.api
    @refusals_answered
    async def feedback(self, correction: Correction, /) -> FeedbackReceipt:
        """Say what the right labels are of a ticket that was answered."""
        return answered(  # type: ignore[return-value]
            await self._runtime.pools.database.ask(self._runtime.triage.feedback, correction)
        )

    @bentoml.api
    @refusals_answered
    async def similar(self, ticket: SimilarRequest, /) -> SimilarAnswer:
        """The nearest solved tickets, with their labels."""
        return answered(await self._runtime.pools.similar.ask(self._runtime.triage.similar, ticket))  # type: ignore[return-value]

    @bentoml.api
    @refusals_answered
    async def info(self) -> ServiceInfo:
        """Which model answers, how good it is, what is wrong; with GET too."""
        return answered(self._runtime.office.info())  # type: ignore[return-value]

    @bentoml.api
    @refusals_answered
    async def reload(self) -> ReloadAnswer:
        """Look for a newer champion now; 409 where it is refused, and the one that answered goes on."""
        return answered(await self._runtime.pools.reload.ask(self._runtime.office.reload))  # type: ignore[return-value]

    @bentoml.api
    @refusals_answered
    async def act(self, change: ActingChange, /) -> Acting:
        """Turn `act` into `suggest` at once, or back."""
        return answered(await self._runtime.pools.act.ask(self._runtime.office.act, change))  # type: ignore[return-value]

    @bentoml.api
    @refusals_answered
    async def act_report(self, asked: ActedRequest, /) -> ActedReport:
        """What was acted upon, and how much of it was corrected; with GET too."""
        return answered(  # type: ignore[return-value]
            await self._runtime.pools.database.ask(self._runtime.office.act_report, asked)
        )


SERVICE = cast(Any, TriageService)  # BentoML's decorator makes a service of the class, and does not say so
guard_http(SERVICE, GUARD, {**FIELDS, LOGIN: LOGIN_FIELDS}, counted, {"tickets": SETTINGS.service.most_tickets})
SERVICE.add_asgi_middleware(ReadPages, policy=GUARD.policy, runtime=lambda: RUNNING[0] if RUNNING else None)
SERVICE.add_asgi_middleware(FrontPage)
SERVICE.mount_asgi_app(login_app(SignIn(GUARD)), path="/")
without_leftovers(SERVICE)
