"""What a sample of generated tickets shall be like: size, time, languages, label noise, families, drift.

Belongs here: the specification, its validation, and what the settings of a source make of it.
Does not belong here: drawing labels and dates (sample_plan.py), writing texts (sample_text.py).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, get_args

from ticket_assets.source_settings import SourceSettings

DriftKind = Literal["new_topic", "language_mix", "vocabulary", "class_mix"]
LANGUAGES = ("en", "de", "es", "fr")


class SampleError(ValueError):
    """A sample cannot be generated as asked; the message names the field, the value and the fix."""


@dataclass(frozen=True)
class Drift:
    """A change in what arrives, from one day on.

    Attributes:
        kind: what changes. `new_topic`: subjects never seen before; `language_mix`: the rarer languages gain;
            `vocabulary`: familiar things get new names; `class_mix`: rare queues and types become frequent.
        start_share: share of the tickets that arrive before the change.
        strength: how much of the later traffic changes, 0 to 1.
    """

    kind: DriftKind
    start_share: float = 0.7
    strength: float = 0.3

    def __post_init__(self) -> None:
        if self.kind not in get_args(DriftKind):
            raise SampleError(f"drift.kind is {self.kind!r}: use one of {', '.join(get_args(DriftKind))}")
        _require_between("drift.start_share", self.start_share, 0.0, 1.0)
        _require_between("drift.strength", self.strength, 0.0, 1.0)


@dataclass(frozen=True)
class SampleSpec:
    """A sample of tickets; the same specification gives the same tickets.

    Attributes:
        rows: number of tickets.
        seed: every draw follows from it.
        start: first day.
        months: length of the period.
        languages: share of each language, of en, de, es and fr.
        label_noise: share of tickets with a wrong label, per target; a family shares its wrong label.
        family_share: share of tickets that have at least one reworded relative.
        declared_wrong: share of tickets whose `language` column names another language than the text.
        defects: share of tickets with a defect: no text, a missing label, or a copy of an earlier ticket.
        drift: a change in what arrives; none by default.
    """

    rows: int = 4000
    seed: int = 7
    start: date = date(2025, 1, 6)
    months: int = 9
    languages: Mapping[str, float] = field(default_factory=lambda: {"en": 0.7, "de": 0.15, "es": 0.1, "fr": 0.05})
    label_noise: float = 0.06
    family_share: float = 0.4
    declared_wrong: float = 0.03
    defects: float = 0.02
    drift: Drift | None = None

    def __post_init__(self) -> None:
        _require_between("rows", self.rows, 100, 1_000_000)
        _require_between("months", self.months, 1, 120)
        _require_between("label_noise", self.label_noise, 0.0, 0.4)
        _require_between("family_share", self.family_share, 0.0, 0.9)
        _require_between("declared_wrong", self.declared_wrong, 0.0, 0.5)
        _require_between("defects", self.defects, 0.0, 0.3)
        unknown = sorted(set(self.languages) - set(LANGUAGES))
        if unknown:
            raise SampleError(f"languages has {', '.join(unknown)}: use only {', '.join(LANGUAGES)}")
        if any(share < 0 for share in self.languages.values()):
            raise SampleError(f"languages has a negative share in {dict(self.languages)}: use shares of 0 or more")
        total = sum(self.languages.values())
        if not math.isclose(total, 1.0, abs_tol=1e-6):
            raise SampleError(f"languages adds up to {total:g}: make the shares add up to 1")


def sample_spec(source: SourceSettings) -> SampleSpec:
    """The sample that the settings of a generated source ask for."""
    return SampleSpec(
        rows=source.rows,
        seed=source.seed,
        # In one order: languages are drawn by their place.
        languages={name: source.languages[name] for name in LANGUAGES if name in source.languages},
        label_noise=source.label_noise,
        drift=Drift(**source.drift.model_dump()) if source.drift else None,
    )


def _require_between(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise SampleError(f"{name} is {value!r}: use a value from {low:g} to {high:g}")
