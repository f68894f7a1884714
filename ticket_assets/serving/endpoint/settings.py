"""Settings of the running service.

Belongs here: what an operator may set, its default, its bounds, where it is read from.
Does not belong here: settings of training (ticket_assets/profile.py); a bento is told nothing of those.

Each is a variable, `TICKET_ASSETS_SERVICE__` and its name: TICKET_ASSETS_SERVICE__GRPC__ADDRESS=0.0.0.0:50051. Keys and
limits are `TICKET_ASSETS_ACCESS__…` (serving/access/settings.py). A TOML file that TICKET_ASSETS_SERVICE_CONFIG names
may hold the same in tables [service] and [access]; a variable wins over it.
"""

import os
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from ticket_assets.serving.access.settings import AccessSettings, keys_file, users_file
from ticket_assets.serving.prediction_log.settings import PredictionLogSettings
from ticket_assets.storage import ProfileFolders

FILE = "TICKET_ASSETS_SERVICE_CONFIG"
BAKED_IN = Path(__file__).resolve().parents[3] / "baked"
MIB = 1024 * 1024


class ServiceSettingsError(ValueError):
    """The settings are wrong; the message has a line per field, and no secret."""


class Part(BaseModel):
    """A table of settings: no other names, no secret in an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class GrpcSettings(Part):
    """Where and how gRPC listens."""

    address: str | None = Field("0.0.0.0:50051", description="host:port; port 0 takes a free one; none: no gRPC")
    max_message_bytes: int = Field(16 * MIB, ge=1024)
    certificate: Path | None = Field(None, description="PEM file; with key, the port speaks TLS")
    key: Path | None = Field(None, description="PEM file of the certificate's key")
    client_authority: Path | None = Field(None, description="PEM file; clients must show a certificate of its")

    @field_validator("address")
    @classmethod
    def _none_is_none(cls, address: str | None) -> str | None:
        if address is None or address.lower() in ("", "none", "off"):
            return None
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65535:
            raise ValueError("write host:port, such as 0.0.0.0:50051, or none")
        return address

    @model_validator(mode="after")
    def _pair(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key: TLS wants both files")
        if self.client_authority is not None and self.certificate is None:
            raise ValueError("client_authority: clients are asked for a certificate only over TLS")
        for name in ("certificate", "key", "client_authority"):
            path = getattr(self, name)
            if path is not None and not path.is_file():
                raise ValueError(f"{name}: there is no file {path}")
        return self


class SimilarSettings(Part):
    """Where similar tickets are looked for; where nothing is set, among those that the bundle was trained on."""

    vectors: Path | None = Field(
        None, description="folder of LanceDB, the profile's lancedb/; its encoder is the model's"
    )
    tickets: Path | None = Field(None, description="their labels: the profile's parquet/tickets/clean.parquet")

    @model_validator(mode="after")
    def _pair(self) -> Self:
        if (self.vectors is None) != (self.tickets is None):
            raise ValueError("vectors and tickets: the vectors lie in one, the labels in the other")
        return self


class ChallengerSettings(Part):
    """A challenger that the store names beside its champion: it answers in the champion's shadow, or a share."""

    follow: bool = Field(True, description="whether it is loaded, beside the champion; false: as if there were none")
    share: float = Field(
        0, ge=0, le=1, description="of the tickets that come with an id, answered by the challenger; the rest in shadow"
    )
    waiting: int = Field(
        256, ge=1, le=10_000, description="tickets that may wait to be scored in the shadow; what comes then is dropped"
    )


class ServiceSettings(Part):
    """What the service runs with."""

    state: Path = Field(Path("ticket-assets-state"), description="folder of log, spool and switch, of all workers")
    bundles: Path | None = Field(None, description="bundle store whose champion is followed; else the one baked in")
    encoders: Path | None = Field(None, description="encoders of that store")
    threads: int = Field(1, ge=1, description="at most so many per request")
    most_tickets: int = Field(500, ge=1, le=10_000, description="of one batch")
    watch_seconds: float = Field(2.0, gt=0, le=3600, description="between looks at the store's pointer")
    grpc: GrpcSettings = GrpcSettings()
    similar: SimilarSettings = SimilarSettings()
    challenger: ChallengerSettings = ChallengerSettings()
    log: dict[str, Any] = Field(
        {}, repr=False, description="of the prediction log: prediction_log/settings.py, without folder"
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.bundles is None) != (self.encoders is None):
            raise ValueError("bundles and encoders: a store wants both folders")
        try:
            _ = self.prediction_log
        except ValidationError as error:
            raise ValueError("; ".join(_lines(error, "log."))) from None
        return self

    @property
    def prediction_log(self) -> PredictionLogSettings:
        """Of the prediction log, which lies in the state folder unless it has a database elsewhere."""
        return PredictionLogSettings.model_validate({"folder": self.state / "log", **self.log})

    @property
    def switch(self) -> Path:
        """File of the switch that turns `act` into `suggest`."""
        return self.state / "acting.json"


class Settings(BaseSettings):
    """Both tables."""

    model_config = SettingsConfigDict(
        env_prefix="TICKET_ASSETS_", env_nested_delimiter="__", extra="ignore", hide_input_in_errors=True
    )

    service: ServiceSettings = ServiceSettings()
    access: AccessSettings = AccessSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Variables above the file."""
        named = os.environ.get(FILE)
        below = (TomlConfigSettingsSource(settings_cls, Path(named)),) if named else ()
        return (init_settings, env_settings, *below)


def load_service_settings() -> Settings:
    """Read and check.

    Raises:
        ServiceSettingsError: a line per wrong field, or why the file cannot be read.
    """
    named = os.environ.get(FILE)
    if named and not Path(named).is_file():
        raise ServiceSettingsError(f"{FILE} = {named}: there is no such file")
    try:
        return Settings()
    except ValidationError as error:
        raise ServiceSettingsError("the settings are wrong:\n  " + "\n  ".join(_lines(error))) from None
    except ValueError as error:  # TOML, or a variable that should be JSON
        raise ServiceSettingsError(f"the settings cannot be read: {error}") from None


def variables_of(folders: ProfileFolders) -> dict[str, str]:
    """Variables of the service of a profile: where its state, its champions and its keys lie, unless that is set.

    Raises:
        ServiceSettingsError: the settings of the service are wrong.
    """
    settings = load_service_settings()
    service = {"state": folders.service, "bundles": folders.bundles, "encoders": folders.encoders}
    access = {"keys_file": keys_file(folders.access), "users_file": users_file(folders.access)}
    told = {f"SERVICE__{name.upper()}": path for name, path in service.items() if not _is_set(settings.service, name)}
    told |= {f"ACCESS__{name.upper()}": path for name, path in access.items() if not _is_set(settings.access, name)}
    return {f"TICKET_ASSETS_{name}": str(path) for name, path in told.items()}


def log_of(folders: ProfileFolders) -> PredictionLogSettings | None:
    """The prediction log of a profile's service, as `make serve` has it; None where there is none yet.

    Raises:
        ServiceSettingsError: the settings of the service are wrong.
    """
    service = load_service_settings().service
    if not _is_set(service, "state"):
        service = service.model_copy(update={"state": folders.service})
    log = service.prediction_log
    return log if log.url is not None or log.folder.is_dir() else None


def _is_set(part: BaseModel, name: str) -> bool:
    return name in part.model_fields_set


def _lines(error: ValidationError, under: str = "") -> list[str]:
    return [
        f"{under}{'.'.join(map(str, one['loc']))}: {one['msg'].removeprefix('Value error, ')}"
        for one in error.errors(include_url=False, include_context=False, include_input=False)
    ]
