"""The settings of the prediction log: where it lies, how durable it is, what it keeps and for how long.

Belongs here: their bounds, the database's URL in the one form that is used, hiding what is secret in it.
Does not belong here: connecting (engine.py), reading them from a file or the environment (the service).
"""

import json
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, quote_plus

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

DATABASE = "prediction_log.db"
SPOOL = "spool"
# So that a full spool is many segments, of which the drained ones make room.
SEGMENTS = 16
SECRET_PARAMETERS = ("password", "sslpassword", "passfile", "passcode", "token")
HIDDEN = "***"


class PredictionLogSettings(BaseModel):
    """Where predictions and corrections are kept, and how."""

    # The URL may hold a password: no error, no repr shows the input.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    folder: Path = Field(description="of this service on this machine: the spool, and SQLite where no url is given")
    url: SecretStr | None = Field(None, description="sqlite:///… or postgresql://…; default: SQLite in the folder")
    durability: Literal["process", "disk", "none"] = Field(
        "process",
        description="what an acknowledged record survives: the process being killed, a power cut too, or neither: "
        "then a killed process loses up to flush_seconds",
    )
    batch_rows: int = Field(500, ge=1, le=5000, description="records per transaction, at most")
    flush_seconds: float = Field(1.0, gt=0, le=60, description="longest wait before records are written")
    retry_seconds: float = Field(15.0, gt=0, le=600, description="longest wait between tries while the store is down")
    retention_days: float | None = Field(None, gt=0, description="older predictions are deleted; default: never")
    text: Literal["masked", "plain", "none"] = Field(
        "masked", description="subject, body, context and comments: cleaned and masked, as they came, or not at all"
    )
    new_labels: dict[str, tuple[str, ...]] = Field(
        {}, description="target to labels that corrections may give though the model has none of them yet"
    )
    max_spool_mb: float = Field(512, gt=0, description="bound on what waits on disk, of all processes together")

    @field_validator("new_labels", mode="before")
    @classmethod
    def _may_be_a_variable(cls, told: Any) -> Any:
        """JSON where it comes from the environment."""
        if not isinstance(told, str):
            return told
        try:
            return json.loads(told)
        except json.JSONDecodeError:
            raise ValueError('write JSON: {"queue": ["payroll"]}') from None

    @field_validator("url", mode="after")
    @classmethod
    def _can_be_used(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            _as_url(url.get_secret_value())
        return url

    @property
    def database(self) -> URL:
        """The URL to connect to, with driver; its str() hides the password."""
        if self.url is None:
            return URL.create("sqlite", database=str(self.folder / DATABASE))
        return _as_url(self.url.get_secret_value())

    @property
    def spool(self) -> Path:
        """Folder of what is not written yet, shared by all processes of the service on one machine."""
        return self.folder / SPOOL

    @property
    def spool_bytes(self) -> int:
        """Bound on the spool."""
        return int(self.max_spool_mb * (1 << 20))

    @property
    def segment_bytes(self) -> int:
        """From which size on a segment is followed by the next."""
        return max(1 << 12, min(4 << 20, self.spool_bytes // SEGMENTS))

    def without_secrets(self, text: str) -> str:
        """A text, such as a driver's error, in which nothing secret of the URL is left."""
        url = self.database
        secrets = [str(url.password)] if url.password else []
        secrets += [str(url.query[name]) for name in SECRET_PARAMETERS if name in url.query]
        spelled = {one for secret in secrets for one in (secret, quote(secret, safe=""), quote_plus(secret))}
        for secret in sorted(spelled, key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
        return text


def _as_url(text: str) -> URL:
    """The URL with its driver.

    Raises:
        ValueError: it is none, or of another database; the message does not hold it.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise ValueError(
            "the URL cannot be read: write sqlite:///path or postgresql://user:password@host/name"
        ) from None
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+psycopg2")
    if url.drivername not in ("sqlite", "postgresql+psycopg2"):
        raise ValueError(f"{url.drivername} is no database of the log: name sqlite or postgresql+psycopg2")
    if url.drivername == "sqlite" and url.database in (None, "", ":memory:"):
        raise ValueError("SQLite in memory is lost with the process: name a file")
    return url
