"""What a challenger would have answered to a ticket that was answered; nobody was told.

Belongs here: its fields, and how they look as JSON.
Does not belong here: records of what was answered (records.py), rows and queries (shadows.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar


@dataclass(frozen=True)
class ShadowRecord:
    """What a challenger would have answered to a ticket that was answered.

    Attributes:
        id: of the record.
        prediction_id: of the answer that was given.
        at: when it was scored, UTC.
        moment: clock.py.
        bundle: of the challenger.
        model_version: of the registry, as text.
        targets: target to its likeliest label and that one's probability.
    """

    KIND: ClassVar = "shadow"
    id: str
    prediction_id: str
    at: datetime
    moment: int
    bundle: str
    model_version: str | None
    targets: Mapping[str, tuple[str, float | None]]

    def payload(self) -> dict[str, Any]:
        """Its fields for JSON."""
        told = {target: list(one) for target, one in self.targets.items()}
        return {"kind": self.KIND, **vars(self), "at": self.at.isoformat(), "targets": told}

    @classmethod
    def from_payload(cls, its: Mapping[str, Any]) -> "ShadowRecord":
        """Raises KeyError, TypeError or ValueError where a field is missing or wrong."""
        fields = {name: value for name, value in its.items() if name not in ("kind", "targets", "at")}
        targets = {target: (str(label), share) for target, (label, share) in its["targets"].items()}
        at = datetime.fromisoformat(its["at"])
        if at.tzinfo is None:
            raise ValueError(f"at = {its['at']} has no time zone")
        return cls(**fields, at=at.astimezone(UTC), targets=targets)
