"""Whose ticket it is: the champion's, or, of a share of those that come with an id, the challenger's.

Belongs here: the assignment by a hash of the ticket's id, asking the one whose ticket it is, what is done where the
challenger fails.
Does not belong here: the bundle's arithmetic (answering.py), the challenger's seat (challenger.py).

The hash is salted with the challenger's bundle: the same ticket has the same arm in every worker, over HTTP, over gRPC
and in a batch, and the next challenger draws other tickets.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from ticket_assets.serving.endpoint import answering
from ticket_assets.serving.endpoint.answering import Answered, EmptyTicket
from ticket_assets.serving.endpoint.challenger import ChallengerSeat
from ticket_assets.serving.endpoint.engine import Seat
from ticket_assets.serving.endpoint.messages import TicketIn
from ticket_assets.serving.endpoint.trial_metrics import TrialMetrics
from ticket_assets.serving.prediction_log.shadows import Arm

_WHOLE = 1 << 64


@dataclass(frozen=True)
class Given:
    """A ticket with its answer.

    Attributes:
        ticket: as it was asked.
        answered: the answer.
        seat: who gave it.
        arm: whose ticket it was; None where none were shared out, and where the champion stood in for a challenger
            that failed, since that says nothing of either.
    """

    ticket: TicketIn
    answered: Answered
    seat: Seat
    arm: Arm | None = None


def arm_of(ticket_id: str | None, salt: str, share: float) -> Arm | None:
    """Whose ticket it is; None without an id, or where nothing is shared out.

    Args:
        ticket_id: of the desk.
        salt: id of the challenger's bundle.
        share: 0..1, of the challenger.
    """
    if not ticket_id or share <= 0:
        return None
    drawn = hashlib.sha256(f"{salt}\0{ticket_id}".encode("utf-8", "surrogatepass")).digest()
    return "challenger" if int.from_bytes(drawn[:8]) < share * _WHOLE else "champion"


class Sharing:
    """Answers tickets by the champion, and a share of them by the challenger.

    Args:
        challenger: who may be there or not; None: never.
        share: of tickets with an id, 0..1.
        metrics: told where the challenger fails.
    """

    def __init__(
        self, challenger: ChallengerSeat | None = None, share: float = 0, metrics: TrialMetrics | None = None
    ) -> None:
        self._challenger, self._share, self._metrics = challenger, share, metrics

    def answer_one(self, seat: Seat, ticket: TicketIn) -> Given:
        """The answer to one ticket.

        Raises:
            EmptyTicket: neither subject nor body holds text.
        """
        rival = self._rival()
        arm = arm_of(ticket.id, rival.champion.bundle, self._share) if rival else None
        if rival and arm == "challenger":
            answered = self._asked(rival, [ticket])[0]
            if answered is not None:
                return Given(ticket, answered, rival, arm)
            arm = None
        return Given(ticket, answering.answer_one(seat.bundle, ticket), seat, arm)

    def answer_many(self, seat: Seat, tickets: Sequence[TicketIn]) -> list[Given | None]:
        """The answers to many tickets, each as if it were alone; None for one without text."""
        rival = self._rival()
        arms = [arm_of(one.id, rival.champion.bundle, self._share) if rival else None for one in tickets]
        given: list[Given | None] = [None] * len(tickets)
        theirs = [place for place, arm in enumerate(arms) if arm == "challenger"]
        if rival and theirs:
            for place, answered in zip(theirs, self._asked(rival, [tickets[one] for one in theirs]), strict=True):
                if answered is None:
                    arms[place] = None
                else:
                    given[place] = Given(tickets[place], answered, rival, "challenger")
        ours = [place for place, one in enumerate(given) if one is None]
        found = answering.answer_many(seat.bundle, [tickets[one] for one in ours])
        for place, answered in zip(ours, found, strict=True):
            given[place] = None if answered is None else Given(tickets[place], answered, seat, arms[place])
        return given

    def _rival(self) -> Seat | None:
        return self._challenger.seat if self._challenger is not None and self._share > 0 else None

    def _asked(self, rival: Seat, tickets: Sequence[TicketIn]) -> list[Answered | None]:
        """The challenger's answers; None for what it does not answer, which the champion does then."""
        assert self._challenger is not None
        try:
            if len(tickets) == 1:
                answered: list[Answered | None] = [answering.answer_one(rival.bundle, tickets[0])]
            else:
                answered = answering.answer_many(rival.bundle, tickets)
        except EmptyTicket:  # by the challenger's cleaning; the champion says whether it is so by its own
            return [None]
        except Exception as error:  # noqa: BLE001 - told by the seat, and counted; the champion answers
            self._challenger.failed(error)
            if self._metrics:
                self._metrics.dropped("challenger", "error", len(tickets))
            return [None] * len(tickets)
        self._challenger.answered()
        return answered
