"""gRPC: the same requests as over HTTP, in the messages of contract/triage_v1.proto.

Belongs here: messages of either kind into the other's, the server with its health and reflection services.
Does not belong here: what a request comes to (triage.py, office.py), who may ask (serving/access/).

`grpc.aio` runs on the event loop of the HTTP server, in the same process: both transports ask the same object.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import grpc
from google.protobuf import json_format
from google.protobuf.message import Message as Proto
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from pydantic import ValidationError

from ticket_assets.serving.access.grpc import GuardInterceptor
from ticket_assets.serving.contract import triage_v1_pb2 as pb
from ticket_assets.serving.contract.triage_v1_pb2_grpc import TriageServicer, add_TriageServicer_to_server
from ticket_assets.serving.endpoint import messages, reports
from ticket_assets.serving.endpoint.health import Health
from ticket_assets.serving.endpoint.office import Office
from ticket_assets.serving.endpoint.threads import Pools
from ticket_assets.serving.endpoint.triage import Triage

SERVICE = pb.DESCRIPTOR.services_by_name["Triage"].full_name
GRACE_SECONDS = 20.0
# Streams on one connection; a client that wants more opens another.
MOST_CALLS = 128
# Strangers who open connections and say nothing, and peers that are gone without a word.
_CONNECTIONS = (
    ("grpc.server_handshake_timeout_ms", 10_000),
    ("grpc.max_connection_idle_ms", 5 * 60_000),
    ("grpc.max_connection_age_ms", 60 * 60_000),
    ("grpc.max_connection_age_grace_ms", 2 * 60_000),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    # Clients that ask every ten seconds whether we live may; such as ask more often are sent away.
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
)

In = TypeVar("In", bound=messages.Message)
Out = TypeVar("Out", bound=Proto)


@dataclass(frozen=True)
class WireSettings:
    """Where and how gRPC listens.

    Attributes:
        address: host and port; port 0 takes a free one.
        max_message_bytes: of a request, and of an answer.
        max_connections: at once.
        certificate: PEM file; with `key` the port speaks TLS.
        key: PEM file of the certificate's key.
        client_authority: PEM file; clients must then show a certificate that it signed.
    """

    address: str
    max_message_bytes: int
    max_connections: int = 400
    certificate: Path | None = None
    key: Path | None = None
    client_authority: Path | None = None


class Servicer(TriageServicer):
    """Answers over gRPC; what each method is for stands in the .proto."""

    def __init__(self, triage: Triage, office: Office, pools: Pools) -> None:
        self._triage, self._office, self._pools = triage, office, pools

    async def Predict(self, request: pb.Ticket, context: Any) -> pb.Answer:  # noqa: D102
        return told(await self._triage.answer(asked(request, messages.TicketIn), "grpc"), pb.Answer)

    async def PredictBatch(self, request: pb.Batch, context: Any) -> pb.BatchAnswer:  # noqa: D102
        self._triage.require_few(len(request.tickets))
        # Long work, the conversions too: on the event loop it would hold up everybody else.
        return await asyncio.to_thread(self._batch, request)

    def _batch(self, request: pb.Batch) -> pb.BatchAnswer:
        return told(self._triage.predict_batch(asked(request, messages.Batch), "grpc"), pb.BatchAnswer)

    async def Feedback(self, request: pb.Correction, context: Any) -> pb.FeedbackReceipt:  # noqa: D102
        correction = asked(request, messages.Correction)
        return told(await self._pools.database.ask(self._triage.feedback, correction), pb.FeedbackReceipt)

    async def Similar(self, request: pb.SimilarRequest, context: Any) -> pb.SimilarAnswer:  # noqa: D102
        ticket = asked(request, messages.SimilarRequest)
        return told(await self._pools.similar.ask(self._triage.similar, ticket), pb.SimilarAnswer)

    async def Info(self, request: pb.InfoRequest, context: Any) -> pb.ServiceInfo:  # noqa: D102
        return told(self._office.info(), pb.ServiceInfo)

    async def Reload(self, request: pb.ReloadRequest, context: Any) -> pb.ReloadAnswer:  # noqa: D102
        return told(await self._pools.reload.ask(self._office.reload), pb.ReloadAnswer)

    async def Act(self, request: pb.ActingChange, context: Any) -> pb.Acting:  # noqa: D102
        change = asked(request, reports.ActingChange)
        return told(await self._pools.act.ask(self._office.act, change), pb.Acting)

    async def ActReport(self, request: pb.ActedRequest, context: Any) -> pb.ActedReport:  # noqa: D102
        request_since = asked(request, reports.ActedRequest)
        return told(await self._pools.database.ask(self._office.act_report, request_since), pb.ActedReport)


def as_fields(request: Proto) -> dict[str, Any]:
    """The fields that a message of gRPC has; one that is not optional is there, also where it is 0, false or empty."""
    return json_format.MessageToDict(
        request, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )


def asked(request: Proto, kind: type[In]) -> In:
    """A request of gRPC, held to the same bounds as over HTTP.

    Raises:
        Refusal: naming the field that is wrong.
    """
    try:
        return kind.model_validate(as_fields(request))
    except ValidationError as error:
        raise messages.refusal_of(error) from None


def told(answer: messages.Message, kind: type[Out]) -> Out:
    """An answer in gRPC's messages; no number is rounded."""
    return json_format.ParseDict(answer.model_dump(exclude_none=True), kind())


class Wire:
    """The gRPC server of this process.

    Args:
        settings: where and how it listens.
        triage: answers tickets.
        office: answers operators.
        pools: threads for what may hang.
        guard: before every method.
    """

    def __init__(
        self,
        settings: WireSettings,
        triage: Triage,
        office: Office,
        pools: Pools,
        guard: GuardInterceptor,
    ) -> None:
        self._settings = settings
        self._servicer = Servicer(triage, office, pools)
        self._guard = guard
        self._health = Health((SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME), office.is_answering)
        self._server: grpc.aio.Server | None = None
        self.port = 0

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: the address is taken, or a file of TLS cannot be read.
        """
        limit = self._settings.max_message_bytes
        options = [
            ("grpc.max_receive_message_length", limit),
            ("grpc.max_send_message_length", limit),
            ("grpc.so_reuseport", 1),  # each worker process listens on the same port
            ("grpc.max_concurrent_streams", MOST_CALLS),
            ("grpc.max_allowed_incoming_connections", self._settings.max_connections),
            *_CONNECTIONS,
        ]
        server = grpc.aio.server(interceptors=[self._guard], options=options)
        add_TriageServicer_to_server(self._servicer, server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        reflection.enable_server_reflection((SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
        credentials = _credentials(self._settings)
        try:
            if credentials is None:
                self.port = server.add_insecure_port(self._settings.address)
            else:
                self.port = server.add_secure_port(self._settings.address, credentials)
        except RuntimeError as error:
            raise OSError(f"gRPC cannot listen on {self._settings.address}: {error}") from error
        await server.start()
        self._server = server

    async def stop(self) -> None:
        """Take no more requests, and end those in work."""
        if self._server is not None:
            self._health.end()
            self._guard.close()
            await self._server.stop(GRACE_SECONDS)
            self._server = None


def _credentials(settings: WireSettings) -> grpc.ServerCredentials | None:
    if settings.certificate is None or settings.key is None:
        return None
    pair = (settings.key.read_bytes(), settings.certificate.read_bytes())
    authority = settings.client_authority.read_bytes() if settings.client_authority else None
    return grpc.ssl_server_credentials([pair], root_certificates=authority, require_client_auth=authority is not None)
