"""Every knob, typed.

Belongs here: where settings come from, what holds for all profiles, the words of the error when one is wrong.
Does not belong here: the settings of one profile (profile.py), reading tickets, any I/O beyond the settings files.

Sources, first wins: environment (`TICKET_ASSETS_…`, `__` between levels), `.env`, the source file that the profile was
last run with (`source.json` under its root), `ticket_assets.toml`.
A relative path in any of them is relative to the folder of `ticket_assets.toml`, never to the working directory.
"""

import json
import os
import re
import tomllib
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings import SettingsError as UnreadableVariable

from ticket_assets.profile import NAME, Profile
from ticket_assets.variables import Variable, behind, given, unreadable

PREFIX = "TICKET_ASSETS_"
SOURCE_MEMORY = "source.json"
# Values that an error about settings does not show; of other URLs it leaves out the password.
SECRETS = {"url", "urls", "secret_access_key", "key"}
_PASSWORD = re.compile(r"(://[^:/@]*:).*@")


class SettingsError(ValueError):
    """A setting is missing or wrong; the message names the field, the value and the fix."""


class Settings(BaseSettings):
    """The settings of one process: the active profile and what holds for all profiles."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_file=".env",
        dotenv_filtering="match_prefix",  # other programs keep their variables in the same file
        extra="forbid",
        frozen=True,
    )

    profile: str = "demo"
    storage_root: str = "storage"
    threads: int = Field(
        default_factory=lambda: min(os.cpu_count() or 1, 8),
        ge=1,
        description="changes no result but its last digits, where sums of floats are made in another order; so another "
        "number makes nothing stale",
    )
    seed: int = Field(42, description="of search, folds and resampling; another one makes what uses it stale")
    mlflow_tracking_uri: str | None = Field(None, description="default: SQLite under the profile's root")
    optuna_storage_url: str | None = Field(None, description="default: SQLite under the profile's root")
    profiles: dict[str, Profile] = Field(min_length=1)

    @field_validator("storage_root")
    @classmethod
    def _storage_root_is_a_folder(cls, root: str) -> str:
        if "://" in root:
            raise ValueError("state lies in a local folder, not behind a URL: give a path, such as storage")
        return root

    @field_validator("profiles")
    @classmethod
    def _profile_names_fit_everywhere(cls, profiles: dict[str, Profile]) -> dict[str, Profile]:
        for name in profiles:
            if not NAME.fullmatch(name):
                raise ValueError(f"profile name {name!r} becomes part of paths and variables: use a-z, 0-9 and _")
        return profiles

    @model_validator(mode="after")
    def _profile_exists(self) -> "Settings":
        if self.profile not in self.profiles:
            known = ", ".join(sorted(self.profiles))
            raise ValueError(f"profile = {self.profile!r} is not among the profiles ({known})")
        return self

    @property
    def active(self) -> Profile:
        """The profile in force."""
        return self.profiles[self.profile]

    @property
    def profile_root(self) -> Path:
        """Folder under which all state of the profile lies."""
        return resolve(self.storage_root) / self.profile

    @property
    def source_memory(self) -> Path:
        """File that says which source the profile was last run with, if not with the one in the settings file."""
        return self.profile_root / SOURCE_MEMORY

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the TOML file below environment and `.env`, and what is remembered between them."""
        toml = TomlConfigSettingsSource(settings_cls, settings_file())
        return init_settings, env_settings, dotenv_settings, _RememberedSource(settings_cls, toml), toml


class _RememberedSource(PydanticBaseSettingsSource):
    """The source file that the active profile was last run with: the UI has no environment to be told it by."""

    def __init__(self, settings_cls: type[BaseSettings], below: TomlConfigSettingsSource) -> None:
        super().__init__(settings_cls)
        self._below = below

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """No field comes alone; all are made by the call."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Path of the source of the active profile, if one is remembered."""
        fields = Settings.model_fields
        said = {name: fields[name].default for name in ("profile", "storage_root")} | self._below() | self.current_state
        path = resolve(str(said["storage_root"])) / str(said["profile"]) / SOURCE_MEMORY
        if not path.exists():
            return {}
        try:
            remembered = json.loads(path.read_text(encoding="utf-8"))["path"]
        except (ValueError, KeyError, TypeError):
            raise SettingsError(f"{path} does not say which source was read: remove it") from None
        return {"profiles": {said["profile"]: {"source": {"path": remembered}}}}


def settings_file() -> Path:
    """Path of `ticket_assets.toml`: `TICKET_ASSETS_CONFIG`, else beside the package."""
    named = os.environ.get(f"{PREFIX}CONFIG")
    return Path(named).resolve() if named else Path(__file__).resolve().parents[1] / "ticket_assets.toml"


def resolve(path: str) -> Path:
    """An absolute path; a relative one counts from the folder of the settings file."""
    # Not Path.resolve, which before Python 3.13 ends in a RuntimeError where links lead in circles.
    return Path(os.path.realpath(settings_file().parent / path))


def locate(path: str) -> str:
    """A place that tickets are read from: a URL as it is, a path made absolute."""
    return path if "://" in path else str(resolve(path))


def path_in_file(profile: str) -> str | None:
    """`source.path` of a profile as the settings file has it, whatever else overrules it."""
    written = tomllib.loads(settings_file().read_text(encoding="utf-8"))
    found = written.get("profiles", {}).get(profile, {}).get("source", {}).get("path")
    return None if found is None else str(found)


def load_settings(**overrides: object) -> Settings:
    """Read and check the settings.

    Raises:
        SettingsError: the file or a variable cannot be read; or one line per wrong field, with its value and where
            to mend it.
    """
    if not settings_file().exists():
        raise SettingsError(f"no settings file {settings_file()}: set {PREFIX}CONFIG to your ticket_assets.toml")
    try:
        return Settings(_env_file=settings_file().parent / ".env", **overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        raise SettingsError(_explain(error, _variables())) from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{settings_file()} is not TOML: {error}") from None
    except UnreadableVariable as error:
        wrong = "\n".join(map(_no_json, unreadable(Settings, PREFIX, _variables()))) or f"  {error}"
        raise SettingsError(f"the settings are wrong:\n{wrong}") from None


def without_secrets(value: Any) -> Any:
    """A value of the settings that may be shown: no password, none in a URL either."""
    if isinstance(value, dict):
        return {key: "***" if key in SECRETS and one else without_secrets(one) for key, one in value.items()}
    return _PASSWORD.sub(r"\1***@", value) if isinstance(value, str) else value


def _variables() -> list[Variable]:
    return given(Settings, PREFIX, settings_file().parent / ".env")


def _no_json(one: Variable) -> str:
    secret = any(word in text.lower() for word in SECRETS for text in (one.name, one.value))
    value = "***" if secret else repr(one.value if len(one.value) < 80 else one.value[:77] + "…")
    return (
        f'  {one.name} = {value} is no JSON: write JSON, such as ["a", "b"] or {{"a": 1}}, or unset it in {one.place}'
    )


def _explain(error: ValidationError, variables: list[Variable]) -> str:
    lines = ["the settings are wrong:"]
    for item in error.errors():
        reason = item["msg"].removeprefix("Value error, ")
        if not item["loc"]:  # it is about several fields, and the value would be all settings there are
            lines.append(f"  {reason} (mend it in {settings_file().name}, or in the environment)")
            continue
        field = ".".join(str(part) for part in item["loc"])
        variable = PREFIX + "__".join(str(part) for part in item["loc"]).upper()
        value = "***" if SECRETS.intersection(item["loc"]) else without_secrets(item["input"])
        shown = "missing" if item["type"] == "missing" else repr(value)
        value = shown if len(shown) < 80 else shown[:77] + "…"
        fix = f"mend it in {settings_file().name}, or set {variable}"
        if item["type"] == "extra_forbidden":
            reason, fix = "there is no such setting", f"take it out of {settings_file().name}, or unset {variable}"
        if said := behind(variables, PREFIX, item["loc"]):
            fix = f"mend or unset {said.name}, which stands in {said.place}"
        lines.append(f"  {field} = {value}: {reason} ({fix})")
    return "\n".join(lines)
