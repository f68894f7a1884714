"""Messages about the service itself: which model answers, what is wrong, what was acted upon.

Belongs here: the shape of what operators ask for. Does not belong here: messages about tickets (messages.py).
"""

from typing import Literal

from pydantic import Field

from ticket_assets.serving.endpoint.messages import WITHOUT_NUL, Message, Plain


class TargetInfo(Message):
    """A target of the model."""

    labels: list[str]
    scores: dict[str, float] = Field(description="on the frozen hold-out")
    act: float | None = Field(description="probability from which an answer is acted upon; null: from none")
    suggest: float | None


class LogInfo(Message):
    """How the prediction log is."""

    state: Literal["up", "degraded", "down", "off"]
    backlog: int = Field(description="records of the worker that answers that are not in the database yet")
    backlog_bytes: int = Field(description="that wait in the spool, of all workers, those that died included")
    not_logged: int = Field(description="answers that went without a prediction id since the start")
    last_error: str | None = None


class SwapInfo(Message):
    """An offer of another bundle."""

    at: str
    bundle: str
    taken: bool
    reason: str


class ChallengerInfo(Message):
    """Who answers beside the champion."""

    model_version: int
    bundle: str
    since: str = Field(description="when it was put there")
    loaded_at: str
    share: float = Field(description="of tickets with an id that it answers, 0 to 1; all others it scores silently")


FaultCode = Literal["no_model", "baked_in", "champion_refused", "similar_table", "log_down", "log_degraded"]
# What strangers are told, who may ask /healthz: no host, no path, nothing that a library said.
SENTENCES: dict[FaultCode, str] = {
    "no_model": "no model has answered its probe",
    "baked_in": "the store has no champion that loads; the one baked into the bento answers",
    "champion_refused": "the champion of the store was refused; the one before answers",
    "similar_table": "the table of solved tickets cannot be asked; the model's own index answers",
    "log_down": "the database of the prediction log cannot be reached; records wait",
    "log_degraded": "records of the prediction log cannot be kept at the moment",
}


class ServiceFault(Message):
    """What is wrong: for programs, and for people."""

    code: FaultCode
    message: str


class ServiceInfo(Message):
    """Which model answers, how good it is, what is wrong."""

    status: Literal["ok", "degraded"]
    profile: str
    model_version: int
    bundle: str
    since: str = Field(description="when it became champion")
    loaded_at: str
    split: str = Field(description="id of the frozen hold-out")
    cleaning: str
    encoder: str | None
    languages: list[str]
    context: list[str]
    targets: dict[str, TargetInfo]
    data: dict[str, str] = Field(description="asset to data version")
    libraries: dict[str, str]
    acting: bool
    log: LogInfo
    swaps: list[SwapInfo] = Field(description="the latest offers of another bundle, newest first")
    faults: list[str]
    challenger: ChallengerInfo | None = Field(
        default=None, description="who answers beside the champion, in the worker that tells; null: nobody"
    )


class ReloadAnswer(Message):
    """What came of looking for a newer champion."""

    changed: bool
    model_version: int
    bundle: str
    reason: str


class ActingChange(Message):
    """Turn `act` into `suggest` (on = false), or back."""

    on: bool
    reason: str = Field(min_length=1, max_length=1000, pattern=WITHOUT_NUL, examples=["wrong queues since Monday"])


class Acting(Message):
    """Whether answers in the band `act` are given as such."""

    on: bool
    since: str | None = None
    by: str | None = Field(default=None, description="name of the key that asked for it")
    reason: str | None = None


class ActedRequest(Message):
    """Since when."""

    since: Plain | None = Field(default=None, description="ISO 8601; a month ago where it is not given")


class ActedLabel(Message):
    """What was acted upon for one label."""

    target: str
    label: str
    acted: int
    reviewed: int = Field(description="of them with feedback")
    right: int
    accuracy: float | None = Field(default=None, description="right of reviewed")
    low: float | None = Field(default=None, description="95 % interval (Wilson 1927)")
    high: float | None = None


class ActedReport(Message):
    """What was acted upon, and how much of it was corrected."""

    since: str
    rows: list[ActedLabel]
    switches: list[Acting] = Field(description="when the switch was moved, newest first")
