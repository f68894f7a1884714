"""Answering tickets with the bundle in the seat: from messages to messages.

Belongs here: what of a ticket is read, what of a prediction is told, which row of a batch fails and why.
Does not belong here: the bundle's arithmetic (serving/bundle.py), the log (triage.py), the transports.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from pydantic import ValidationError

from ticket_assets.serving.access.refusal import LONGEST_FIELD, shortened
from ticket_assets.serving.bundle import TriageBundle
from ticket_assets.serving.endpoint.messages import Fault, LabelProbability, Reason, TargetAnswer, TicketIn
from ticket_assets.serving.endpoint.switch import served_band
from ticket_assets.serving.prediction import NO_TEXT, TargetPrediction, Ticket

# Tickets of a batch that are worked on at once: enough for the libraries to be quick, few enough for bounded memory.
CHUNK = 32


@dataclass(frozen=True)
class Answered:
    """A ticket that was answered.

    Attributes:
        language: detected.
        targets: target to its prediction.
    """

    language: str
    targets: dict[str, TargetPrediction]


class EmptyTicket(ValueError):
    """A ticket of which cleaning leaves nothing; the message names the fields."""


def answer_one(bundle: TriageBundle, ticket: TicketIn) -> Answered:
    """The answer to one ticket.

    Raises:
        EmptyTicket: neither subject nor body holds text.
    """
    read = bundle.read([_as_ticket(ticket)])
    if not read.texts[0]:
        raise EmptyTicket(NO_TEXT)
    [targets] = bundle.answer(read, ticket.reasons)
    return Answered(read.languages[0], targets)


def answer_many(bundle: TriageBundle, tickets: Sequence[TicketIn]) -> list[Answered | None]:
    """The answers to many tickets, each as if it were alone; None for one without text."""
    answers: list[Answered | None] = [None] * len(tickets)
    # Reasons cost far more than answers, so those who ask for as many are worked on together.
    for reasons in sorted({ticket.reasons for ticket in tickets}):
        waiting = iter([place for place, ticket in enumerate(tickets) if ticket.reasons == reasons])
        while chunk := list(islice(waiting, CHUNK)):
            read = bundle.read([_as_ticket(tickets[place]) for place in chunk])
            predicted = bundle.answer(read, reasons)
            for place, text, language, targets in zip(chunk, read.texts, read.languages, predicted, strict=True):
                answers[place] = Answered(language, targets) if text else None
    return answers


def target_answers(answered: Answered, acting: bool, top: int) -> dict[str, TargetAnswer]:
    """What is told of each target."""
    return {target: _told(one, acting, top) for target, one in answered.targets.items()}


def read_row(row: Any) -> TicketIn | Fault:
    """A ticket of a batch, or what is wrong with it."""
    try:
        return TicketIn.model_validate(row)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        field = ".".join(map(str, first["loc"])) or None
        return Fault(code="invalid", message=first["msg"], field=field and shortened(field, LONGEST_FIELD))


EMPTY = Fault(code="empty_ticket", message=NO_TEXT, field="body")


def _as_ticket(ticket: TicketIn) -> Ticket:
    return Ticket(ticket.body, ticket.subject, ticket.context)


def _told(one: TargetPrediction, acting: bool, top: int) -> TargetAnswer:
    band = served_band(one.band, acting)
    likeliest = sorted(one.probabilities.items(), key=lambda item: -item[1])[:top]
    # What we computed ourselves is not checked again, which is a third of the answer's time.
    return TargetAnswer.model_construct(
        label=one.label,
        probability=one.probability,
        probabilities=one.probabilities,
        top=[LabelProbability.model_construct(label=label, probability=share) for label, share in likeliest],
        band=band,
        needs_review=band != "act",
        reasons=[Reason.model_construct(**vars(reason)) for reason in one.reasons],
    )
