"""The settings of one profile: its tickets, its targets, its budgets.

Belongs here: what a user may set per profile, its default, its bounds.
Does not belong here: its source (source_settings.py), its bands (band_settings.py), what follows a
promotion (monitoring_settings.py), what holds for all profiles and
where settings are read from (settings.py).
"""

import hashlib
import json
import re
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from ticket_assets.band_settings import BandSettings, Share
from ticket_assets.monitoring_settings import MonitoringSettings
from ticket_assets.source_settings import MADE_OF, Section, SourceSettings

NAME = re.compile("[a-z][a-z0-9_]*")
ModelFamily = Literal[
    "linear_svm",
    "logistic_regression",
    "lightgbm",
    "xgboost",
    "catboost",
    "gradient_boosting",
    "random_forest",
    "extra_trees",
    "torch_head",
]


class ColumnSettings(Section):
    """Which column of the source plays which part."""

    body: str
    subject: str | None = None
    id: str | None = Field(None, description="without it the hash of subject and body: equal texts are one ticket")
    created_at: str | None = Field(None, description="without it the split is not ordered in time")
    date_order: Literal["auto", "day_first", "month_first"] = Field(
        "auto", description="of dates by numbers; auto: as the column's own tell (02.01. or a 19 in front: day first)"
    )
    known_at: dict[str, Literal["arrival", "resolution"]] = Field(
        default_factory=dict, description="when the value of any further column is known"
    )


class TargetSettings(Section):
    """A label column to predict."""

    column: str
    values: dict[str, str] = Field(
        default_factory=dict, description="source value -> label; when given, any other value is unknown"
    )
    taxonomy: str | None = Field(
        None, description="TOML file of renamed, merged and split labels (docs/taxonomy.md), beside the settings file"
    )


class CleaningSettings(Section):
    """What cleaning takes out of a ticket; the bundle remembers it."""

    mask: tuple[Literal["email", "phone", "iban", "card", "ip", "name"], ...] = Field(
        ("email", "phone", "iban", "card", "ip"),
        description="personal data to mask; names, on request, where a greeting or a sign-off shows them",
    )


class WordSettings(Section):
    """Which words are counted; the encoder reads all of them. What each does to the scores: docs/evaluation.md."""

    stop_words: bool = Field(False, description="drop function words of the ticket's language: en, de, es, fr")
    stem: bool = Field(False, description="count stems (Snowball) rather than words: en, de, es, fr")
    drop: dict[Literal["en", "de", "es", "fr", "any"], tuple[str, ...]] = Field(
        default_factory=dict, description="words of the trade that say nothing, by language"
    )

    @field_validator("drop")
    @classmethod
    def _dropped_are_single_words(cls, drop: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for word in (word for words in drop.values() for word in words):
            if not re.fullmatch(r"\w+", word):
                raise ValueError(f"{word!r} is not one word: list each word by itself, without punctuation")
        return {language: tuple(sorted({word.lower() for word in words})) for language, words in drop.items()}


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

    model: str = Field(
        "packaged",
        min_length=1,
        description="packaged (all-MiniLM-L6-v2, English), or a sentence-transformers model: its folder, or its name "
        "on the hub",
    )
    runtime: Literal["onnx", "openvino", "static", "auto"] = Field(
        "onnx", description="static is distilled from the model; auto measures onnx and openvino once and stays with it"
    )
    precision: Literal["f32", "bf16"] = Field(
        "f32", description="of openvino; bf16 differs in the last digits from one kind of processor to another"
    )
    static_dimensions: int = Field(256, ge=8, le=4096, description="of static vectors; at most the model's own")

    @model_validator(mode="after")
    def _only_openvino_has_precisions(self) -> "EncoderSettings":
        if self.precision != "f32" and self.runtime != "openvino":
            raise ValueError(f'precision = "{self.precision}" is one of runtime = "openvino", not of "{self.runtime}"')
        return self


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
    families: tuple[ModelFamily, ...] = Field(
        (
            *("linear_svm", "lightgbm", "xgboost", "logistic_regression"),
            *("catboost", "extra_trees", "random_forest", "gradient_boosting"),
        ),
        min_length=1,
        description="each begins with one trial, in this order; torch_head, a small network, is there on request",
    )
    max_ngrams: int = Field(60_000, ge=1000, description="vocabulary bound of the sparse features")


class CascadeSettings(Section):
    """Whether a model without sentence vectors is asked first, and the encoder only where that one is unsure."""

    max_loss: float | None = Field(
        None, ge=0, lt=0.1, description="macro F1 that may be lost by it, out of fold; unset: every ticket is encoded"
    )


class PromotionSettings(Section):
    """What a challenger must show."""

    min_gain: float = Field(
        0, ge=0, description="macro F1 that the lower end of the gain's interval must reach; above 0"
    )
    max_loss: float = Field(0.01, ge=0, description="macro F1 that a target may lose on the frozen hold-out")
    recent_families: int = Field(
        30,
        ge=2,
        description="of recent tickets, from which on the gain is asked on these, and a retraining that nobody ordered "
        "begins; below, on the hold-out",
    )
    max_class_drop: float = Field(
        0.10,
        ge=0,
        description="F1 that any class with 10 held-out tickets or more may lose, where chance does not explain it",
    )
    max_latency_ms: float = Field(250, gt=0, description="median of one ticket, in process")
    floor_over_majority: float = Field(
        0.05, ge=0, description="macro F1 above the better of majority baseline and 1 / number of classes"
    )
    shadow: bool = Field(
        False, description="a challenger that passed answers beside the champion first, and live tickets are asked too"
    )
    shadow_pairs: int = Field(
        300, ge=30, description="labelled tickets that both answered, for each target, that end the shadow"
    )
    shadow_days: float = Field(
        14, gt=0, description="after which it is decided without them, on what is there and the hold-out"
    )
    shadow_max_loss: float = Field(0.03, ge=0, lt=1, description="accuracy that a target may lose on these tickets")
    shadow_agreement: Share = Field(
        0.5, description="of labels, below which a challenger is refused where no feedback says who is right"
    )
    keep: int = Field(5, ge=1, description="former champions, and as many refused bundles, that stay in the store")


class RetentionSettings(Section):
    """What stays of work that led to former models; their bundles are kept by promotion.keep."""

    former: int = Field(3, ge=0, description="former candidates, and as many searches, of a target that stay")


class Profile(Section):
    """One desk: its tickets, its targets, its budgets. All its state lies under <storage root>/<profile>."""

    source: SourceSettings
    columns: ColumnSettings
    targets: dict[str, TargetSettings] = Field(min_length=1)
    licence: str = Field("unstated", description="of the tickets; goes into the model card")
    description: str = Field(
        "", description="what the tickets are and how they got their labels; goes into the model card"
    )
    cleaning: CleaningSettings = CleaningSettings()
    words: WordSettings = WordSettings()
    families: FamilySettings = FamilySettings()
    features: FeatureSettings = FeatureSettings()
    encoder: EncoderSettings = EncoderSettings()
    split: SplitSettings = SplitSettings()
    search: SearchSettings = SearchSettings()
    cascade: CascadeSettings = CascadeSettings()
    promotion: PromotionSettings = PromotionSettings()
    retention: RetentionSettings = RetentionSettings()
    bands: BandSettings = BandSettings()
    monitoring: MonitoringSettings = MonitoringSettings()

    @field_validator("targets")
    @classmethod
    def _target_names_are_identifiers(cls, targets: dict[str, TargetSettings]) -> dict[str, TargetSettings]:
        for name in targets:
            if not NAME.fullmatch(name):
                raise ValueError(f"target name {name!r} becomes part of asset names: use a-z, 0-9 and _")
        return targets

    @model_validator(mode="after")
    def _bands_are_of_targets(self) -> "Profile":
        if odd := sorted(self.bands.targets.keys() - self.targets.keys()):
            raise ValueError(f"bands.targets names {', '.join(odd)}; the targets are {', '.join(sorted(self.targets))}")
        return self

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
        """Hashes of what may not change on an existing storage root, part by part of `frozen`."""
        told = {part: json.dumps(said, sort_keys=True) for part, said in self.frozen().items()}
        return {part: hashlib.sha256(said.encode()).hexdigest()[:12] for part, said in told.items()}

    def frozen(self) -> dict[str, dict[str, Any]]:
        """What may not change on an existing storage root.

        Not where the source lies: its content counts, by its fingerprint, and files are moved and renamed. Nor when a
        column is known: that changes no row, and the leakage guard asks for it on a filled root. Nor the order of its
        dates, which is set when a filled root shows them misread. Nor a taxonomy, which is for labels that change on a
        filled root.
        """
        source, columns = (
            self.source.model_dump(include=MADE_OF),
            self.columns.model_dump(exclude={"known_at", "date_order"}),
        )
        return {
            "source": {"source": {**source, "path": None}, "columns": columns},
            "targets": {name: target.model_dump(exclude={"taxonomy"}) for name, target in self.targets.items()},
        }
