"""Settings of the guarding.

Belongs here: what an operator may set, its default, its bounds.
Does not belong here: what is done with it (the other modules of this package), where it is read from
(endpoint/settings.py).

Every one is a variable, `TICKET_ASSETS_ACCESS__` and its name: TICKET_ASSETS_ACCESS__AUTH=open. The addresses of
proxies whose X-Forwarded-For counts are uvicorn's own setting, FORWARDED_ALLOW_IPS.
"""

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

MIB = 1024 * 1024
SHORTEST_SECRET = 32


class AccessSettings(BaseModel):
    """Who may ask, how often, how much. Nothing set means closed: every guarded request is refused."""

    # Without hide_input_in_errors an error about the secret would show it.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    auth: Literal["keys", "open"] = Field(
        "keys", description="open: predict and feedback without a key; admin needs one even then"
    )
    keys_file: Path | None = Field(None, description="of `keys add`; read again when it changes")
    keys: SecretStr | None = Field(
        None, description="further keys, one per word: name:scope,scope:sha256; for a Kubernetes secret"
    )
    users_file: Path | None = Field(None, description="of `users add`; without it nobody signs in")
    token_secret: SecretStr | None = Field(
        None, description=f"signs tokens, {SHORTEST_SECRET} characters or more; default: made beside the users file"
    )
    token_secret_file: Path | None = Field(None, description="a file that holds it")
    token_minutes: int = Field(60, ge=1, le=24 * 60)
    requests_per_second: float = Field(50, ge=0, description="per key, or address where there is none; 0: no limit")
    burst: int = Field(100, ge=1, description="requests that may come at once after a pause")
    workers: int = Field(1, ge=1, description="processes of the service; each grants its share of the rate")
    max_body_bytes: int = Field(MIB, ge=1024)
    max_batch_body_bytes: int = Field(16 * MIB, ge=1024, description="of /predict_batch; of PredictBatch in gRPC")
    max_depth: int = Field(32, ge=2, le=200, description="levels of a JSON body")
    body_seconds: float = Field(30, gt=0, description="that a client may take to send its body")
    answer_seconds: float = Field(60, gt=0, description="until a request without an answer ends in 504")
    max_in_flight: int = Field(
        64, ge=1, description="requests in work per process, of both transports; one more is 503"
    )
    head_seconds: float = Field(10, gt=0, description="that a client may take to say what it wants")
    max_connections: int = Field(400, ge=1, description="per process, of HTTP and of gRPC each")
    cors_origins: tuple[str, ...] = Field((), description="origins whose pages may ask: https://desk.example.com")
    open_metrics: bool = Field(False, description="/metrics without a key; else it needs admin")
    open_docs: bool = Field(True, description="the description of the API without a key; else it needs admin")
    grpc_reflection: bool = Field(True, description="gRPC's reflection without a key; else it needs admin")

    @field_validator("token_secret")
    @classmethod
    def _secret_is_long(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None:
            require_strong(secret.get_secret_value())
        return secret

    @field_validator("cors_origins")
    @classmethod
    def _origins_are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            scheme, _, host = origin.partition("://")
            if origin != "*" and (scheme not in {"http", "https"} or not host or "/" in host):
                raise ValueError("an origin is scheme://host[:port] without a path, such as https://desk.example.com")
        return origins

    @model_validator(mode="after")
    def _one_secret(self) -> Self:
        if self.token_secret is not None and self.token_secret_file is not None:
            raise ValueError("token_secret and token_secret_file are both set: take one out")
        return self


def keys_file(folder: Path) -> Path:
    """Where the keys of a profile lie, below its access folder."""
    return folder / "keys.json"


def users_file(folder: Path) -> Path:
    """Where the users of a profile lie, below its access folder."""
    return folder / "users.json"


def require_strong(secret: str) -> str:
    """Refuse a secret that could be guessed.

    Raises:
        ValueError: it is too short; without showing it.
    """
    if len(secret.encode()) < SHORTEST_SECRET:
        raise ValueError(f"the secret of tokens has less than {SHORTEST_SECRET} bytes: openssl rand -base64 48")
    return secret
