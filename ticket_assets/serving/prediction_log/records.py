"""What the log keeps: an answer that was given, a correction, a change of the switch.

Belongs here: their fields, and how they look as JSON.
Does not belong here: lines and checksums (lines.py), tables (tables.py), making ids (clock.py), what a challenger would
have answered (shadow_record.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal

from ticket_assets.serving.prediction_log.shadow_record import ShadowRecord

Transport = Literal["http", "grpc", "batch", "score"]
DIGITS = 6


@dataclass(frozen=True)
class TargetAnswer:
    """What was answered for one target.

    Attributes:
        label: the likeliest.
        probability: of it, 0..1; None where it was no number.
        band: of the probability: act, suggest or by_hand.
        served_band: what was told, after the switch, which turns act into suggest.
        probabilities: of every label.
    """

    label: str
    probability: float | None
    band: str
    served_band: str
    probabilities: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """An answer as the service hands it over; the log gives it its id and its time.

    Attributes:
        transport: how it was asked for.
        bundle: id of the bundle that answered.
        model_version: of the registry, as text; None where the bundle has none.
        targets: target to what was answered.
        subject: of the ticket; empty where the settings keep no text.
        body: of the ticket.
        context: columns beside the text.
        ticket_id: of the desk, if it was told.
        key: name of the API key, never the key.
        request_id: of the request it came with.
        language: as it was detected.
        claimed_language: as the sender believes; nothing is computed from it.
        arm: whose ticket it was, "champion" or "challenger", while tickets were shared out; None else.
    """

    transport: Transport
    bundle: str
    model_version: str | None
    targets: Mapping[str, TargetAnswer]
    subject: str = ""
    body: str = ""
    context: Mapping[str, str | None] = field(default_factory=dict)
    ticket_id: str | None = None
    key: str | None = None
    request_id: str | None = None
    language: str | None = None
    claimed_language: str | None = None
    arm: str | None = None


@dataclass(frozen=True)
class PredictionRecord:
    """An answer with its id, its time (UTC) and its moment (clock.py)."""

    KIND: ClassVar = "prediction"
    id: str
    at: datetime
    moment: int
    answer: Answer

    def payload(self) -> dict[str, Any]:
        """Its fields for JSON; probabilities have DIGITS digits."""
        one = self.answer
        return {
            "kind": self.KIND,
            "id": self.id,
            "at": self.at.isoformat(),
            "moment": self.moment,
            "ticket_id": one.ticket_id,
            "transport": one.transport,
            "bundle": one.bundle,
            "model_version": one.model_version,
            "key": one.key,
            "request_id": one.request_id,
            "language": one.language,
            "claimed_language": one.claimed_language,
            "arm": one.arm,
            "subject": one.subject,
            "body": one.body,
            "context": {**one.context},
            "targets": {
                target: {
                    "label": its.label,
                    "probability": _rounded(its.probability),
                    "band": its.band,
                    "served_band": its.served_band,
                    "probabilities": {label: _rounded(share) for label, share in its.probabilities.items()},
                }
                for target, its in one.targets.items()
            },
        }

    @classmethod
    def from_payload(cls, its: Mapping[str, Any]) -> "PredictionRecord":
        """Raises KeyError, TypeError or ValueError where a field is missing or wrong.

        A line of a version before knows no claimed language, or no arm, and may still wait in a spool.
        """
        targets = {target: TargetAnswer(**fields) for target, fields in its["targets"].items()}
        names = (
            "transport",
            "bundle",
            "model_version",
            "ticket_id",
            "key",
            "request_id",
            "language",
            "subject",
            "body",
        )
        told = {name: its[name] for name in names} | {name: its.get(name) for name in ("claimed_language", "arm")}
        answer = Answer(targets=targets, context=dict(its["context"]), **told)
        return cls(its["id"], _instant(its["at"]), its["moment"], answer)


@dataclass(frozen=True)
class FeedbackRecord:
    """Corrected labels of a prediction.

    Attributes:
        id: derived from the sender's own name for it, where there is one.
        prediction_id: what is corrected.
        at: when it came, UTC.
        moment: its place among other corrections (clock.py).
        labels: target to label.
        key: name of the API key.
        reviewer: who corrected.
        comment: why.
    """

    KIND: ClassVar = "feedback"
    id: str
    prediction_id: str
    at: datetime
    moment: int
    labels: Mapping[str, str]
    key: str | None = None
    reviewer: str | None = None
    comment: str | None = None

    def payload(self) -> dict[str, Any]:
        """Its fields for JSON."""
        return {"kind": self.KIND, **vars(self), "at": self.at.isoformat(), "labels": {**self.labels}}

    @classmethod
    def from_payload(cls, its: Mapping[str, Any]) -> "FeedbackRecord":
        """Raises KeyError, TypeError or ValueError where a field is missing or wrong."""
        fields = {name: value for name, value in its.items() if name != "kind"}
        return cls(**{**fields, "at": _instant(its["at"]), "labels": dict(its["labels"])})


@dataclass(frozen=True)
class EventRecord:
    """Something that changed how answers are served: `act` turned on or off, by whom and why."""

    KIND: ClassVar = "event"
    id: str
    at: datetime
    moment: int
    name: str
    detail: Mapping[str, Any]

    def payload(self) -> dict[str, Any]:
        """Its fields for JSON."""
        return {"kind": self.KIND, **vars(self), "at": self.at.isoformat(), "detail": {**self.detail}}

    @classmethod
    def from_payload(cls, its: Mapping[str, Any]) -> "EventRecord":
        """Raises KeyError, TypeError or ValueError where a field is missing or wrong."""
        return cls(its["id"], _instant(its["at"]), its["moment"], its["name"], dict(its["detail"]))


Record = PredictionRecord | FeedbackRecord | EventRecord | ShadowRecord
_KINDS: dict[str, type[PredictionRecord] | type[FeedbackRecord] | type[EventRecord] | type[ShadowRecord]] = {
    "prediction": PredictionRecord,
    "feedback": FeedbackRecord,
    "event": EventRecord,
    "shadow": ShadowRecord,
}


def record_of(payload: Mapping[str, Any]) -> Record:
    """The record that a payload holds.

    Raises:
        KeyError, TypeError, ValueError: it holds none.
    """
    return _KINDS[payload["kind"]].from_payload(payload)


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(float(share), DIGITS)


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"at = {text} has no time zone")
    return instant.astimezone(UTC)
