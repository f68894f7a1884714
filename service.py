"""The triage service: one promoted bundle, asked over HTTP.

Belongs here: BentoML's declarations, what a request and an answer look like.
Does not belong here: the arithmetic of an answer (ticket_assets.serving).

The bundle is the one baked into the bento; `TICKET_ASSETS_BUNDLES` and `TICKET_ASSETS_ENCODERS` name a bundle store
and an encoder folder to serve its champion instead, without a bento.
"""

import os
from pathlib import Path

import bentoml
from bentoml.exceptions import UnprocessableEntity
from pydantic import BaseModel, Field

from ticket_assets.serving.bundle import TriageBundle
from ticket_assets.serving.prediction import EmptyTicketError, TargetPrediction, Ticket, require_text
from ticket_assets.serving.store import require_champion
from ticket_assets.tickets.cleaning import MAX_CHARS

MOST_REASONS = 20
BAKED_IN = Path(__file__).resolve().parent / "baked"


class ReasonAnswer(BaseModel):
    """One reason for or against a label."""

    kind: str = Field(description="word, context, similar_tickets, measure, … (docs/models.md)")
    name: str
    contribution: float = Field(description="to the log-odds of the label: positive speaks for it, negative against")
    detail: str


class TargetAnswer(BaseModel):
    """What is predicted of one target."""

    label: str
    probability: float = Field(description="of the label, calibrated")
    probabilities: dict[str, float]
    band: str = Field(description="act, suggest or by_hand")
    needs_review: bool
    reasons: list[ReasonAnswer] = Field(description="largest first; empty unless asked for")

    @classmethod
    def of(cls, prediction: TargetPrediction) -> "TargetAnswer":
        """From the plain prediction."""
        reasons = [ReasonAnswer(**vars(one)) for one in prediction.reasons]
        return cls(**{**vars(prediction), "reasons": reasons}, needs_review=prediction.needs_review)


class Answer(BaseModel):
    """What is predicted of one ticket."""

    model_version: int
    bundle: str
    targets: dict[str, TargetAnswer]


@bentoml.service(name="ticket-assets", traffic={"timeout": 30})
class TriageService:
    """Queue, priority, type, or whatever the bundle's targets are, for a ticket as it arrives."""

    def __init__(self) -> None:
        bundles = Path(os.environ.get("TICKET_ASSETS_BUNDLES", BAKED_IN / "bundles"))
        encoders = Path(os.environ.get("TICKET_ASSETS_ENCODERS", BAKED_IN / "encoders"))
        self._champion = require_champion(bundles)
        self._bundle = TriageBundle.load(bundles / self._champion.bundle, encoders)
        # One real answer before the first request: the language models and the encoder's arena are loaded by it.
        self._bundle.predict([Ticket("probe")])

    @bentoml.api
    def predict(
        self,
        body: str | None = Field(
            default="",
            description=f"the ticket's text; of a long one {MAX_CHARS:,} characters are read, as in training",
            examples=["Since this morning the VPN disconnects every few minutes, I cannot work."],
        ),
        subject: str | None = Field(default="", description="may stand alone, without a body", examples=["VPN drops"]),
        context: dict[str, str | None] = Field(
            default={},
            description="values known at arrival; what the model does not know is ignored",
            examples=[{"channel": "email"}],
        ),
        reasons: int = Field(
            default=0, ge=0, le=MOST_REASONS, description="how many reasons to give for each label", examples=[5]
        ),
    ) -> Answer:
        """Predict every target of one ticket; 422 where neither subject nor body holds text."""
        ticket = Ticket(body or "", subject or "", context)
        try:
            require_text(ticket)
        except EmptyTicketError as error:
            raise UnprocessableEntity(str(error)) from error
        [targets] = self._bundle.predict([ticket], reasons)
        return Answer(
            model_version=self._champion.version,
            bundle=self._champion.bundle,
            targets={name: TargetAnswer.of(one) for name, one in targets.items()},
        )
