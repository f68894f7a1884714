"""Every knob, typed.

Belongs here: what a user may set, its default, its bounds, and the words of the error when it is wrong.
Does not belong here: reading tickets, opening stores, anything that does I/O beyond the settings files themselves.

Sources, first wins: environment (`TICKET_ASSETS_…`, `__` between levels), `.env`, `ticket_assets.toml`.
A relative path in any of them is relative to the folder of `ticket_assets.toml`, never to the working directory.
"""

import hashlib
import json
import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings import SettingsError as UnreadableVariable

PREFIX = "TICKET_ASSETS_"
_NAME = re.compile("[a-z][a-z0-9_]*")
Share = Annotated[float, Field(gt=0, lt=1)]


class SettingsError(ValueError):
    """A setting is missing or wrong; the message names the field, the value and the fix."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceSettings(_Section):
    """Where tickets come from."""

    kind: Literal["files", "sample"] = "files"
    path: str | None = Field(None, description="file or glob: .parquet, .csv, .jsonl; for kind = files")
    rows: int = Field(3000, ge=100, le=1_000_000, description="for kind = sample")
    seed: int = Field(7, description="for kind = sample")

    @model_validator(mode="after")
    def _files_have_a_path(self) -> "SourceSettings":
        if self.kind == "files" and not self.path:
            raise ValueError('kind "files" needs path: set it to a .parquet, .csv or .jsonl file or glob')
        return self


class ColumnSettings(_Section):
    """Which column of the source plays which part."""

    body: str
    subject: str | None = None
    id: str | None = Field(None, description="without it the id is the hash of source and content")
    created_at: str | None = Field(None, description="without it the split is not ordered in time")
    known_at: dict[str, Literal["arrival", "resolution"]] = Field(
        default_factory=dict, description="when the value of any further column is known"
    )


class TargetSettings(_Section):
    """A label column to predict."""

    column: str
    values: dict[str, str] = Field(
        default_factory=dict, description="source value -> label; when given, any other value is unknown"
    )


class FamilySettings(_Section):
    """Near-duplicate families."""

    cut: Share = Field(0.7, description="cosine of word 1-2-gram TF-IDF from which two tickets are relatives")
    largest_share: Share = 0.05


class FeatureSettings(_Section):
    """What a model may see of a ticket."""

    context: tuple[str, ...] = Field((), description="further columns as features; declared known at arrival")
    languages: tuple[str, ...] = Field(("en", "de", "es", "fr"), min_length=2)


class EncoderSettings(_Section):
    """The sentence encoder."""

    model: str = Field("packaged", description="packaged (all-MiniLM-L6-v2), or a sentence-transformers folder")
    runtime: Literal["onnx", "sentence-transformers"] = "onnx"

    @model_validator(mode="after")
    def _onnx_is_exported_from_the_packaged_model(self) -> "EncoderSettings":
        if self.runtime == "onnx" and self.model != "packaged":
            raise ValueError('runtime "onnx" knows model "packaged" alone: set runtime = "sentence-transformers"')
        return self


class SplitSettings(_Section):
    """The frozen hold-out and the folds of the search."""

    holdout_share: Share = 0.15
    folds: int = Field(3, ge=2, le=10)
    seed: int = 42
    max_class_shift: Share = Field(0.03, description="how far a class share may move across the line")


class SearchSettings(_Section):
    """The budget of the search; per profile, shared evenly by its targets."""

    minutes: float = Field(60, gt=0)
    trials: int | None = Field(None, ge=4, description="stop after so many, whatever time is left")
    families: tuple[Literal["xgboost", "lightgbm", "logistic_regression", "linear_svm"], ...] = (
        "linear_svm",
        "lightgbm",
        "xgboost",
        "logistic_regression",
    )
    max_ngrams: int = Field(60_000, ge=1000, description="vocabulary bound of the sparse features")


class PromotionSettings(_Section):
    """What a challenger must show."""

    max_loss: float = Field(0.01, ge=0, description="macro F1 it may lose on the anchor set")
    max_class_drop: float = Field(0.10, ge=0, description="F1 that any one class may fall")
    max_latency_ms: float = Field(250, gt=0, description="median of one ticket, in process")
    floor_over_majority: float = Field(0.05, ge=0, description="macro F1 above the majority baseline")


class BandSettings(_Section):
    """Confidence from which the answer is acted upon, or suggested."""

    act: Share = 0.85
    suggest: Share = 0.60

    @model_validator(mode="after")
    def _act_is_above_suggest(self) -> "BandSettings":
        if self.suggest >= self.act:
            raise ValueError(f"suggest = {self.suggest} must be below act = {self.act}")
        return self


class Profile(_Section):
    """One desk: its tickets, its targets, its budgets. All its state lies under <storage root>/<profile>."""

    source: SourceSettings
    columns: ColumnSettings
    targets: dict[str, TargetSettings] = Field(min_length=1)
    licence: str = Field("unstated", description="of the tickets; goes into the model card")
    families: FamilySettings = FamilySettings()
    features: FeatureSettings = FeatureSettings()
    encoder: EncoderSettings = EncoderSettings()
    split: SplitSettings = SplitSettings()
    search: SearchSettings = SearchSettings()
    promotion: PromotionSettings = PromotionSettings()
    bands: BandSettings = BandSettings()

    @field_validator("targets")
    @classmethod
    def _target_names_are_identifiers(cls, targets: dict[str, TargetSettings]) -> dict[str, TargetSettings]:
        for name in targets:
            if not _NAME.fullmatch(name):
                raise ValueError(f"target name {name!r} becomes part of asset names: use a-z, 0-9 and _")
        return targets

    @model_validator(mode="after")
    def _texts_are_known_at_arrival(self) -> "Profile":
        labels = {target.column for target in self.targets.values()}
        for part in ("subject", "body"):
            column = getattr(self.columns, part)
            if column in labels or self.columns.known_at.get(column) == "resolution":
                raise ValueError(f"columns.{part} = {column!r} is known only at resolution: no model may read it")
        return self

    def identity(self) -> dict[str, str]:
        """Hashes of what may not change on an existing storage root."""

        def short(value: object) -> str:
            return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]

        return {
            # Declaring when a column is known changes no row, and the leakage guard asks for it on a filled root.
            "source": short(
                {"source": self.source.model_dump(), "columns": self.columns.model_dump(exclude={"known_at"})}
            ),
            "targets": short({name: target.model_dump() for name, target in self.targets.items()}),
        }


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
    threads: int = Field(default_factory=lambda: min(os.cpu_count() or 1, 8), ge=1)
    seed: int = 42
    mlflow_tracking_uri: str | None = Field(None, description="default: SQLite under the profile's root")
    optuna_storage_url: str | None = Field(None, description="default: SQLite under the profile's root")
    profiles: dict[str, Profile] = Field(min_length=1)

    @field_validator("profiles")
    @classmethod
    def _profile_names_fit_everywhere(cls, profiles: dict[str, Profile]) -> dict[str, Profile]:
        for name in profiles:
            if not _NAME.fullmatch(name):
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

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the TOML file below environment and `.env`."""
        toml = TomlConfigSettingsSource(settings_cls, settings_file())
        return init_settings, env_settings, dotenv_settings, toml


def settings_file() -> Path:
    """Path of `ticket_assets.toml`: `TICKET_ASSETS_CONFIG`, else beside the package."""
    named = os.environ.get(f"{PREFIX}CONFIG")
    return Path(named).resolve() if named else Path(__file__).resolve().parents[1] / "ticket_assets.toml"


def resolve(path: str) -> Path:
    """An absolute path; a relative one counts from the folder of the settings file."""
    return (settings_file().parent / path).resolve()


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
        raise SettingsError(_explain(error)) from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{settings_file()} is not TOML: {error}") from None
    except UnreadableVariable as error:
        raise SettingsError(f"the settings are wrong: {error}; in a variable or .env it must be JSON") from None


def _explain(error: ValidationError) -> str:
    lines = ["the settings are wrong:"]
    for item in error.errors():
        reason = item["msg"].removeprefix("Value error, ")
        if not item["loc"]:  # it is about several fields, and the value would be all settings there are
            lines.append(f"  {reason} (mend it in {settings_file().name}, or in the environment)")
            continue
        field = ".".join(str(part) for part in item["loc"])
        variable = PREFIX + "__".join(str(part) for part in item["loc"]).upper()
        shown = "missing" if item["type"] == "missing" else repr(item["input"])
        value = shown if len(shown) < 80 else shown[:77] + "…"
        fix = f"mend it in {settings_file().name}, or set {variable}"
        if item["type"] == "extra_forbidden":
            reason, fix = "there is no such setting", f"take it out of {settings_file().name}, or unset {variable}"
        lines.append(f"  {field} = {value}: {reason} ({fix})")
    return "\n".join(lines)
