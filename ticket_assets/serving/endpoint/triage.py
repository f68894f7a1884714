"""The service without its transports: what a request of either comes to.

Belongs here: a method per request about tickets, which error each mistake is, what is logged of an answer.
Does not belong here: HTTP and gRPC (service.py at the top, wire.py), requests about the service itself (office.py),
who may ask (serving/access/), how the log keeps what it is given (serving/prediction_log/).
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Literal

from ticket_assets.serving.access.current import current_request
from ticket_assets.serving.access.refusal import LONGEST_FIELD, Refusal, shortened, too_many
from ticket_assets.serving.endpoint import answering
from ticket_assets.serving.endpoint.answering import EmptyTicket
from ticket_assets.serving.endpoint.engine import Engine, Seat
from ticket_assets.serving.endpoint.messages import (
    Answer,
    Batch,
    BatchAnswer,
    Correction,
    Fault,
    FeedbackReceipt,
    Row,
    SimilarAnswer,
    SimilarRequest,
    SimilarTicket,
    TargetAnswer,
    TicketIn,
)
from ticket_assets.serving.endpoint.metrics import Metrics
from ticket_assets.serving.endpoint.shadow import Shadow
from ticket_assets.serving.endpoint.sharing import Given, Sharing
from ticket_assets.serving.endpoint.similar import SimilarTickets
from ticket_assets.serving.endpoint.switch import ActingSwitch
from ticket_assets.serving.prediction import NO_TEXT, Ticket
from ticket_assets.serving.prediction_log import records
from ticket_assets.serving.prediction_log.feedback import (
    IdempotencyError,
    NotTakenError,
    UnknownPredictionError,
    WrongLabelsError,
)
from ticket_assets.serving.prediction_log.log import PredictionLog
from ticket_assets.serving.prediction_log.outcome import Logged
from ticket_assets.serving.prediction_log.records import Transport
from ticket_assets.serving.relatives import NoIndexError

RETRY_AFTER = {"retry-after": "5"}
LONG_TEXT = 20_000  # characters, from which on a ticket is answered in a thread


class Triage:
    """Answers tickets and takes corrections.

    Args:
        engine: who answers.
        log: where answers and corrections are kept.
        switch: whether `act` is given.
        metrics: what is counted.
        most_tickets: of a batch.
        similar: where similar tickets are looked for; None: in the bundle alone.
        sharing: whose ticket it is; None: always the champion's.
        shadow: given what was answered; None: nobody is in the shadow.
    """

    def __init__(
        self,
        engine: Engine,
        log: PredictionLog,
        switch: ActingSwitch,
        metrics: Metrics,
        most_tickets: int,
        similar: SimilarTickets | None = None,
        sharing: Sharing | None = None,
        shadow: Shadow | None = None,
    ) -> None:
        self._engine, self._log, self._switch, self._metrics = engine, log, switch, metrics
        self._most_tickets, self._similar = most_tickets, similar or SimilarTickets()
        self._sharing, self._shadow = sharing or Sharing(), shadow
        self._turn = asyncio.Lock()

    async def answer(self, ticket: TicketIn, transport: Transport) -> Answer:
        """Every target of one ticket, asked for on an event loop; raises as `predict` does.

        There and then: a thread for work of a few milliseconds costs more than it frees. But not where it takes longer
        and would hold up everybody else: a long text, reasons, a log that waits for a disk. And one after the other:
        what came together would else be answered in one go of the loop, and a new connection, which needs four, or a
        probe would wait for all of it four times.
        """
        is_long = len(ticket.subject) + len(ticket.body) > LONG_TEXT
        if is_long or ticket.reasons or self._log.waits_for_disk:
            return await asyncio.to_thread(self.predict, ticket, transport)
        await self._turn.acquire()
        try:
            return self.predict(ticket, transport)
        finally:
            # Not before the loop has gone round: this answer leaves at once, and others come before the next ticket.
            asyncio.get_running_loop().call_soon(self._turn.release)

    def predict(self, ticket: TicketIn, transport: Transport) -> Answer:
        """Every target of one ticket.

        Raises:
            Refusal: 422 where neither subject nor body holds text; 503 where no model answers.
        """
        seat = require_seat(self._engine)
        try:
            given = self._sharing.answer_one(seat, ticket)
        except EmptyTicket as error:
            raise Refusal(422, str(error), "empty_ticket", "body") from error
        [answer] = self._told([given], transport)
        return answer

    def require_few(self, tickets: int) -> None:
        """Refuse a batch of more tickets than are taken, before it costs anything.

        Raises:
            Refusal: 422.
        """
        if tickets > self._most_tickets:
            raise too_many("tickets", tickets, self._most_tickets)

    def predict_batch(self, batch: Batch, transport: Transport) -> BatchAnswer:
        """Every target of many tickets; a row that is wrong has its error in its place.

        Raises:
            Refusal: 422 where there are too many; 503 where no model answers.
        """
        self.require_few(len(batch.tickets))
        seat = require_seat(self._engine)
        rows: list[TicketIn | Fault] = [answering.read_row(one) for one in batch.tickets]
        tickets = [row for row in rows if isinstance(row, TicketIn)]
        given = self._sharing.answer_many(seat, tickets)
        told = iter(self._told([one for one in given if one is not None], transport))
        outcome = iter(given)
        made: list[Row] = []
        for index, row in enumerate(rows):
            if isinstance(row, Fault):
                made.append(Row(index=index, error=row))
            elif next(outcome) is None:
                made.append(Row(index=index, error=answering.EMPTY))
            else:
                made.append(Row.model_construct(index=index, answer=next(told), error=None))
        return BatchAnswer.model_construct(rows=made, failed=sum(row.error is not None for row in made))

    def feedback(self, correction: Correction) -> FeedbackReceipt:
        """Keep corrected labels.

        Raises:
            Refusal: 404 for a prediction that nobody made, 422 for a label that its model does not have, 503 where the
                correction cannot be kept now.
        """
        seat, request = require_seat(self._engine), current_request()
        try:
            kept = self._log.give_feedback(
                correction.prediction_id,
                correction.labels,
                idempotency_key=correction.feedback_id,
                reviewer=correction.reviewer,
                comment=correction.comment,
                key=request.caller if request else None,
                kinds=seat.bundle.manifest.mask,
            )
        except UnknownPredictionError as error:
            raise Refusal(404, "no prediction has this id", "unknown_prediction", "prediction_id") from error
        except WrongLabelsError as error:
            raise _wrong_labels(error.faults) from None
        except IdempotencyError as error:
            raise Refusal(409, str(error), "feedback_id_used", "feedback_id") from error
        except NotTakenError as error:
            raise Refusal(503, str(error), "not_kept", headers=RETRY_AFTER) from error
        state: Literal["accepted", "unverified"] = "accepted" if kept.seen else "unverified"
        self._metrics.feedback(state)
        return FeedbackReceipt(prediction_id=correction.prediction_id, feedback_id=kept.id, state=state)

    def similar(self, asked: SimilarRequest) -> SimilarAnswer:
        """The solved tickets nearest to one.

        Raises:
            Refusal: 422 where neither subject nor body holds text; 409 where nothing can tell.
        """
        seat, ticket = require_seat(self._engine), Ticket(asked.body, asked.subject)
        if not seat.bundle.read([ticket]).texts[0]:
            raise Refusal(422, NO_TEXT, "empty_ticket", "body")
        try:
            found = self._similar.nearest(seat.bundle, ticket, asked.limit)
        except NoIndexError as error:
            raise Refusal(409, str(error), "no_index") from error
        tickets = [SimilarTicket(**vars(one)) for one in found]
        return SimilarAnswer(model_version=seat.champion.version, bundle=seat.champion.bundle, tickets=tickets)

    def _told(self, given: Sequence[Given], transport: Transport) -> list[Answer]:
        """Log answers, then put them into words: an answer with an id is one that the log has."""
        acting = self._switch.state.on
        targets = [answering.target_answers(one.answered, acting, one.ticket.top) for one in given]
        kept = [_kept(one, its, transport) for one, its in zip(given, targets, strict=True)]
        # One request is logged whole or not at all: where two models answered, what either masks is masked.
        masked = {
            kind for seat in {id(one.seat): one.seat for one in given}.values() for kind in seat.bundle.manifest.mask
        }
        logged = self._log.append_many(kept, masked)
        ids = [one.id if isinstance(one, Logged) else None for one in logged]
        for one, its in zip(given, targets, strict=True):
            self._metrics.answered(one.seat.champion.version, [its], one.arm or "champion")
        self._metrics.not_logged(sum(one is None for one in ids))
        if self._shadow is not None:
            self._shadow.offer(given, ids)
        return [
            Answer.model_construct(
                prediction_id=its_id,
                id=one.ticket.id,
                model_version=one.seat.champion.version,
                bundle=one.seat.champion.bundle,
                language=one.answered.language,
                claimed_language=one.ticket.language,
                acting=acting,
                targets=its,
            )
            for its_id, one, its in zip(ids, given, targets, strict=True)
        ]


def _wrong_labels(faults: Mapping[str, str]) -> Refusal:
    message = "; ".join(f"{shortened(field, LONGEST_FIELD)}: {what}" for field, what in faults.items())
    return Refusal(422, message, "unknown_label", shortened(next(iter(faults)), LONGEST_FIELD))


def require_seat(engine: Engine) -> Seat:
    """Who answers.

    Raises:
        Refusal: 503 where nobody does.
    """
    if engine.seat is None:
        raise Refusal(503, "no model answers; /healthz says why", "no_model", headers=RETRY_AFTER)
    return engine.seat


def _kept(given: Given, told: Mapping[str, TargetAnswer], transport: Transport) -> records.Answer:
    request, ticket = current_request(), given.ticket
    return records.Answer(
        transport=transport,
        bundle=given.seat.champion.bundle,
        model_version=str(given.seat.champion.version),
        targets={
            target: records.TargetAnswer(
                one.label, one.probability, one.band, told[target].band, probabilities=one.probabilities
            )
            for target, one in given.answered.targets.items()
        },
        subject=ticket.subject,
        body=ticket.body,
        context=ticket.context,
        ticket_id=ticket.id,
        key=request.caller if request else None,
        request_id=request.id if request else None,
        language=given.answered.language,
        claimed_language=ticket.language,
        arm=given.arm,
    )
