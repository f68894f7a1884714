"""The settings of one profile: its tickets, its targets, its budgets.

Belongs here: what a user may set per profile, its default, its bounds.
Does not belong here: what holds for all profiles, and where settings are read from (settings.py).
"""

import hashlib
import json
import math
import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

NAME = re.compile("[a-z][a-z0-9_]*")
Share = Annotated[float, Field(gt=0, lt=1)]
LANGUAGE_MIX: dict[Literal["en", "de", "es", "fr"], float] = {"en": 0.7, "de": 0.15, "es": 0.1, "fr": 0.05}
LABEL_NOISE = 0.06


class Section(BaseModel):
    """A part of a profile: unknown keys are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DriftSettings(Section):
    """A change in what arrives, from one day on."""

    kind: Literal["new_topic", "language_mix", "vocabulary", "class_mix"] = Field(
        description="subjects never seen; rarer languages gain; familiar things renamed; rare queues and types gain"
    )
    start_share: float = Field(0.7, ge=0, le=1, description="share of the tickets that arrive before the change")
    strength: float = Field(0.3, ge=0, le=1, description="how much of the later traffic changes")


class SourceSettings(Section):
    """Where tickets come from."""

    kind: Literal["files", "sample"] = "files"
    path: str | None = Field(None, description="file or glob: .parquet, .csv, .jsonl; for kind = files")
    rows: int = Field(3000, ge=100, le=1_000_000, description="for kind = sample")
    seed: int = Field(7, description="for kind = sample")
    # Left out of the identity where they are as ever: roots that were filled before they could be set keep theirs.
    languages: dict[Literal["en", "de", "es", "fr"], Annotated[float, Field(ge=0, le=1)]] = Field(
        LANGUAGE_MIX, exclude_if=lambda mix: mix == LANGUAGE_MIX, description="share of each; for kind = sample"
    )
    label_noise: float = Field(
        LABEL_NOISE,
        ge=0,
        le=0.4,
        exclude_if=lambda share: share == LABEL_NOISE,
        description="share of tickets with a wrong label, per target; for kind = sample",
    )
    drift: DriftSettings | None = Field(
        None, exclude_if=lambda drift: drift is None, description="none where unset; for kind = sample"
    )

    @field_validator("languages")
    @classmethod
    def _shares_add_up(cls, languages: dict[str, float]) -> dict[str, float]:
        total = sum(languages.values())
        if not math.isclose(total, 1.0, abs_tol=1e-6):
            raise ValueError(f"the shares add up to {total:g}: make them add up to 1")
        return languages

    @model_validator(mode="after")
    def _files_are_read_as_they_are(self) -> "SourceSettings":
        made = sorted({"languages", "label_noise", "drift"} & self.model_fields_set)
        if self.kind == "files" and made:
            raise ValueError(f'{made[0]} belongs to generated tickets: set kind = "sample", or take it out')
        return self

    @model_validator(mode="after")
    def _files_have_a_path(self) -> "SourceSettings":
        if self.kind == "files" and not self.path:
            raise ValueError('kind "files" needs path: set it to a .parquet, .csv or .jsonl file or glob')
        return self


class ColumnSettings(Section):
    """Which column of the source plays which part."""

    body: str
    subject: str | None = None
    id: str | None = Field(None, description="without it the hash of subject and body: equal texts are one ticket")
    created_at: str | None = Field(None, description="without it the split is not ordered in time")
    known_at: dict[str, Literal["arrival", "resolution"]] = Field(
        default_factory=dict, description="when the value of any further column is known"
    )


class TargetSettings(Section):
    """A label column to predict."""

    column: str
    values: dict[str, str] = Field(
        default_factory=dict, description="source value -> label; when given, any other value is unknown"
    )


class FamilySettings(Section):
    """Near-duplicate families."""

    cut: Share = Field(0.7, description="cosine of word 1-2-gram TF-IDF from which two tickets are relatives")
    largest_share: Share = 0.05


class FeatureSettings(Section):
    """What a model may see of a ticket."""

    context: tuple[str, ...] = Field((), description="further columns as features; declared known at arrival")
    languages: tuple[str, ...] = Field(("en", "de", "es", "fr"), min_length=2)


class EncoderSettings(Section):
    """The sentence encoder: one for training and serving, so only what the service can run."""

    model: Literal["packaged"] = Field("packaged", description="all-MiniLM-L6-v2, from its own package")
    runtime: Literal["onnx"] = "onnx"


class SplitSettings(Section):
    """The frozen hold-out and the folds of the search."""

    holdout_share: Share = Field(0.15, description="of families by date, of tickets where most have none; frozen")
    folds: int = Field(3, ge=2, le=10)
    seed: int = Field(42, description="of a choice at random; frozen")
    max_class_shift: Share = Field(0.03, description="how far a class share may move across the line when it is frozen")


class SearchSettings(Section):
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


class PromotionSettings(Section):
    """What a challenger must show."""

    max_loss: float = Field(0.01, ge=0, description="macro F1 it may lose on the anchor set")
    max_class_drop: float = Field(0.10, ge=0, description="F1 that any one class may fall")
    max_latency_ms: float = Field(250, gt=0, description="median of one ticket, in process")
    floor_over_majority: float = Field(0.05, ge=0, description="macro F1 above the majority baseline")


class BandSettings(Section):
    """Confidence from which the answer is acted upon, or suggested."""

    act: Share = 0.85
    suggest: Share = 0.60

    @model_validator(mode="after")
    def _act_is_above_suggest(self) -> "BandSettings":
        if self.suggest >= self.act:
            raise ValueError(f"suggest = {self.suggest} must be below act = {self.act}")
        return self


class Profile(Section):
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
            if not NAME.fullmatch(name):
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

    @model_validator(mode="after")
    def _context_is_known_at_arrival(self) -> "Profile":
        """The leakage guard asks again of the rows themselves; a wrong word in the settings need not wait for it."""
        labels = {target.column for target in self.targets.values()}
        for column in self.features.context:
            known = self.columns.known_at.get(column)
            if column in labels:
                raise ValueError(f"features.context names {column!r}, the label of a target: take it out")
            if known == "resolution":
                raise ValueError(f"features.context names {column!r}, known only at resolution: take it out")
            if known is None:
                raise ValueError(
                    f"features.context names {column!r}, of which is not said when it is known: "
                    f'set columns.known_at.{column} = "arrival" if a ticket carries it when it comes in, '
                    "or take it out"
                )
        return self

    def identity(self) -> dict[str, str]:
        """Hashes of what may not change on an existing storage root.

        Not the path of the source: its content counts, by its fingerprint, and files are moved and renamed.
        """

        def short(value: object) -> str:
            return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]

        return {
            # Declaring when a column is known changes no row, and the leakage guard asks for it on a filled root.
            "source": short(
                {
                    "source": {**self.source.model_dump(), "path": None},
                    "columns": self.columns.model_dump(exclude={"known_at"}),
                }
            ),
            "targets": short({name: target.model_dump() for name, target in self.targets.items()}),
        }
