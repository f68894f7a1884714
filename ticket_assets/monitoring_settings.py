"""The settings of what happens after a promotion: windows, drift, retraining, feedback, roll-out, notices.

Belongs here: what a user may set of them, its default, its bounds.
Does not belong here: what is made of them (monitoring/, automation/), the running service's own (serving/endpoint/).
"""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from ticket_assets.source_settings import Section

Share = Annotated[float, Field(gt=0, lt=1)]
Cause = Literal[
    "data_drift", "embedding_drift", "prediction_drift", "performance", "low_confidence", "feedback", "staleness"
]
CAUSES: tuple[Cause, ...] = (
    *("data_drift", "embedding_drift", "prediction_drift"),
    *("performance", "low_confidence", "feedback", "staleness"),
)
Occasion = Literal["drift", "promotion", "refusal", "failure", "recovery"]


class WindowSettings(Section):
    """Which predictions are judged together: one after the other, so many each, answered by the champion alone."""

    predictions: int = Field(500, ge=50, description="that fill a window")
    min_sample: int = Field(200, ge=30, description="below, a window is not judged")
    max_days: float = Field(7, gt=0, description="a window that is not full by then is closed as it is")
    max_rows: int = Field(5000, ge=100, description="of a window or of the reference; of more a seeded sample is read")
    schedule: str = Field("*/10 * * * *", description="cron, UTC: when it is looked whether a window is complete")

    @model_validator(mode="after")
    def _a_full_window_is_judged(self) -> "WindowSettings":
        if self.predictions < self.min_sample:
            raise ValueError(f"window.predictions = {self.predictions} is below window.min_sample = {self.min_sample}")
        return self


class DriftRule(Section):
    """When a window counts as drifted."""

    alpha: Share = Field(0.04, description="share of windows without drift in which any test may speak: a warning")
    sure_alpha: Share = Field(0.0005, description="the same for an alarm by one window alone")
    warnings: int = Field(2, ge=1, description="windows in a row that must warn for an alarm")
    permutations: int = Field(500, ge=100, description="of a test by permutation")

    @model_validator(mode="after")
    def _sure_is_surer(self) -> "DriftRule":
        if self.sure_alpha >= self.alpha:
            raise ValueError(f"drift.sure_alpha = {self.sure_alpha} must be below drift.alpha = {self.alpha}")
        return self


class RetrainSettings(Section):
    """What leads to a new model, and how often at most."""

    causes: tuple[Cause, ...] = Field(CAUSES, description="those that count; an order by hand always does")
    performance_drop: Share = Field(0.05, description="macro F1 on feedback below the lower end of what was promised")
    low_confidence_share: Share = Field(0.15, description="answers by hand, more than on the hold-out")
    feedback_rows: int = Field(500, ge=1, description="corrections that no model has seen")
    fresh_rows: int = Field(
        100, ge=0, description="labelled tickets that the champion has not seen; with fewer only an order retrains"
    )
    max_age_days: float = Field(90, gt=0, description="of the champion")
    cool_down_minutes: float = Field(360, ge=0, description="from the end of a retraining to the next")
    retries: int = Field(1, ge=0, le=5, description="of a retraining that failed")


class FeedbackSettings(Section):
    """How corrections enter training."""

    weight: float = Field(1.0, gt=0, le=100, description="of a corrected ticket beside one of the source")
    held_out_share: Share = Field(0.10, description="of families with feedback, by hash: never trained on")


class RolloutSettings(Section):
    """What follows a promotion, beside the pointer that every worker follows."""

    way: Literal["pointer", "reload", "command"] = Field(
        "pointer", description="pointer: workers follow it; reload: they are told to look; command: of a deployment"
    )
    url: str | None = Field(None, description="of the service, such as http://localhost:3000; for way = reload")
    key: SecretStr | None = Field(None, description="API key with scope admin, by the environment; for way = reload")
    command: tuple[str, ...] = Field((), description="program and arguments; {tag} is the bento's; for way = command")
    wait_seconds: float = Field(
        120, gt=0, description="for the service to answer with the new version, where url is set"
    )

    @field_validator("url")
    @classmethod
    def _is_asked_by_http(cls, url: str | None) -> str | None:
        if url is None:
            return None
        fix = "write http:// or https://, host and port, such as http://localhost:3000"
        try:
            parts = urlsplit(url)
            whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError as error:
            raise ValueError(f"rollout.url = {url!r}: {error}; {fix}") from None
        if not whole:
            raise ValueError(f"rollout.url = {url!r} is no address of a service: {fix}")
        return url


class NoticeSettings(Section):
    """Who is told what."""

    urls: tuple[SecretStr, ...] = Field((), description="Apprise's: slack://, mailto://, discord://, tgram://, json://")
    occasions: tuple[Occasion, ...] = ("drift", "promotion", "refusal", "failure", "recovery")
    link: str | None = Field(None, description="address of the Dagster UI, for links")


class MonitoringSettings(Section):
    """Everything that follows a promotion."""

    window: WindowSettings = WindowSettings()
    drift: DriftRule = DriftRule()
    retrain: RetrainSettings = RetrainSettings()
    feedback: FeedbackSettings = FeedbackSettings()
    rollout: RolloutSettings = RolloutSettings()
    notices: NoticeSettings = NoticeSettings()
