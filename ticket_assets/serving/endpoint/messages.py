"""What goes over the wire: the same messages over HTTP (JSON) and gRPC (contract/triage_v1.proto).

Belongs here: the shape of requests and answers, their bounds and examples.
Does not belong here: what is done with them (triage.py), the transports (pages.py, wire.py, service.py at the top).

A field that no message knows is refused: a misspelt `subjekt` would be a ticket without a subject, and nobody told.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ticket_assets.serving.access.refusal import Refusal

MOST_REASONS = 20
MOST_LABELS = 50
MOST_SIMILAR = 50

TICKET: dict[str, Any] = {
    "subject": "VPN drops",
    "body": "Since this morning the VPN disconnects every few minutes, I cannot work.",
    "context": {"channel": "email"},
}

WITHOUT_NUL = r"^[^\x00]*$"  # Postgres keeps none; of a ticket's own text cleaning takes it out

Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]
Plain = Annotated[str, Field(pattern=WITHOUT_NUL)]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=WITHOUT_NUL)]
# JSON has one kind of number: 3.0 is 3.
Count = Annotated[int, BeforeValidator(lambda value: _whole(value))]
_NAMES_ONLY: dict[str, Any] = {"additionalProperties": False}


class Message(BaseModel):
    """A message: no other fields, no guessing of types."""

    # A ticket's text is nobody's business in a log of errors.
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class TicketIn(Message):
    """A ticket as it arrives; subject or body may be missing, not both."""

    subject: Text = Field(default="", description="may stand alone, without a body", examples=["VPN drops"])
    body: Text = Field(
        default="",
        description="the ticket's text; of a long one the first 100,000 characters are read, as in training",
        examples=[TICKET["body"]],
    )
    id: Name | None = Field(default=None, description="of the ticket in the help desk's system", examples=["INC-4711"])
    language: Name | None = Field(
        default=None, description="as the sender believes; it is kept, the detected one decides", examples=["en"]
    )
    context: dict[Name, Plain | None] = Field(
        default={},
        json_schema_extra=_NAMES_ONLY,
        max_length=100,
        description="values known at arrival; what the model does not know is ignored",
        examples=[{"channel": "email"}],
    )
    reasons: Count = Field(default=0, ge=0, le=MOST_REASONS, description="how many reasons to give for each label")
    top: Count = Field(default=3, ge=1, le=MOST_LABELS, description="how many of the likeliest labels to list")


class Reason(Message):
    """One reason for or against a label."""

    kind: str = Field(description="word, context, similar_tickets, measure, … (docs/models.md)")
    name: str
    contribution: float = Field(description="to the log-odds of the label: positive speaks for it, negative against")
    detail: str


class LabelProbability(Message):
    """A label and how likely it is."""

    label: str
    probability: float


class TargetAnswer(Message):
    """What is predicted of one target."""

    label: str
    probability: float = Field(description="of the label, calibrated")
    probabilities: dict[str, float]
    top: list[LabelProbability] = Field(description="the likeliest labels, likeliest first")
    band: Literal["act", "suggest", "by_hand"]
    needs_review: bool = Field(description="whether a person should look before anything happens")
    reasons: list[Reason] = Field(description="largest first; empty unless asked for")


class Answer(Message):
    """What is predicted of one ticket."""

    prediction_id: str | None = Field(
        description="for feedback; null where the answer could not be logged (/info says why)"
    )
    id: str | None = Field(description="the ticket's, as it was given")
    model_version: int
    bundle: str
    language: str = Field(description="detected, and what the answer was made with")
    claimed_language: str | None = Field(default=None, description="as it was given with the ticket")
    acting: bool = Field(description="false: the switch has turned act into suggest")
    targets: dict[str, TargetAnswer]


class Batch(Message):
    """Many tickets at once."""

    tickets: list[Any] = Field(
        min_length=1,
        description="tickets, each as /predict takes it; one that is wrong does not fail the others",
        examples=[[TICKET]],
        json_schema_extra={"items": {"type": "object"}},
    )


class Fault(Message):
    """Why a row has no answer."""

    code: str
    message: str
    field: str | None = None


class Row(Message):
    """A ticket's place in the batch, with its answer or its error."""

    index: int
    answer: Answer | None = None
    error: Fault | None = None


class BatchAnswer(Message):
    """A row per ticket, in their order."""

    rows: list[Row]
    failed: int = Field(description="rows with an error")


class Correction(Message):
    """What the right labels are of a ticket that was answered."""

    prediction_id: Name = Field(examples=["p-019a9f3e-2c1b-7d4e-8f00-5b6c7d8e9f01"])
    labels: dict[Name, Plain] = Field(
        min_length=1,
        max_length=100,
        json_schema_extra=_NAMES_ONLY,
        description="target to the right label",
        examples=[{"queue": "network"}],
    )
    reviewer: Name | None = Field(default=None, description="who says so")
    comment: Annotated[Plain, Field(max_length=4000)] | None = None
    feedback_id: Name | None = Field(default=None, description="the same id twice is one feedback")


class FeedbackReceipt(Message):
    """That feedback is kept."""

    prediction_id: str
    feedback_id: str
    state: Literal["accepted", "unverified"] = Field(
        description="unverified: the store is down, and the prediction could not be looked up yet"
    )


class SimilarRequest(Message):
    """A ticket to which similar ones are wanted."""

    subject: Text = Field(default="", examples=["VPN drops"])
    body: Text = Field(default="", examples=[TICKET["body"]])
    limit: Count = Field(default=5, ge=1, le=MOST_SIMILAR)


class SimilarTicket(Message):
    """A solved ticket: one that the model was trained on, or of the table that the settings name."""

    ticket_id: str
    similarity: float = Field(description="cosine of the sentence vectors")
    labels: dict[str, str]


class SimilarAnswer(Message):
    """The nearest, nearest first."""

    model_version: int
    bundle: str
    tickets: list[SimilarTicket]


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def refusal_of(error: ValidationError) -> Refusal:
    """What is told of a message that is none: the field, and what it should be; never what stood in it."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    field = ".".join(map(str, first["loc"])) or None
    return Refusal(400, f"{field}: {first['msg']}" if field else first["msg"], field=field)
