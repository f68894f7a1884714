"""From the settings of a generated source to what is generated: every knob arrives, none moves the demo's tickets."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from ticket_assets.settings import SettingsError, load_settings
from ticket_assets.source_settings import DriftSettings, SourceSettings
from ticket_assets.tables import frame_digest
from ticket_assets.tickets.sample import generate, generate_with_truth
from ticket_assets.tickets.sample_spec import LANGUAGES, Drift, DriftKind, SampleError, SampleSpec, sample_spec

EVERYTHING = {
    "rows": 300,
    "seed": 3,
    "languages": {"de": 0.8, "fr": 0.2},
    "label_noise": 0.2,
    "drift": {"kind": "vocabulary", "start_share": 0.4, "strength": 0.9},
}


def source(**more: Any) -> SourceSettings:
    return SourceSettings.model_validate({"kind": "sample", **more})


def test_the_tickets_of_the_demo_are_the_ones_that_its_published_figures_were_made_of() -> None:
    assert frame_digest(generate(sample_spec(source(rows=300, seed=7)))) == "0acc165cc4d3ef17"


def test_what_is_not_set_is_what_the_generator_does_by_itself() -> None:
    chosen = source()
    assert sample_spec(chosen) == SampleSpec(rows=chosen.rows, seed=chosen.seed)
    assert Drift("new_topic") == Drift(**DriftSettings(kind="new_topic").model_dump())


def test_every_setting_arrives() -> None:
    assert sample_spec(source(**EVERYTHING)) == SampleSpec(
        rows=300,
        seed=3,
        languages={"de": 0.8, "fr": 0.2},
        label_noise=0.2,
        drift=Drift("vocabulary", start_share=0.4, strength=0.9),
    )
    left = {field.name for field in fields(SampleSpec)} - SourceSettings.model_fields.keys()
    assert left == {"start", "months", "family_share", "declared_wrong", "defects"}


def test_what_is_set_shows_in_the_tickets() -> None:
    tickets, truth = generate_with_truth(sample_spec(source(**EVERYTHING)))
    assert truth["language"].value_counts(normalize=True).to_dict() == pytest.approx({"de": 0.8, "fr": 0.2}, abs=0.03)
    known = tickets["queue"].notna()
    assert (tickets["queue"] != truth["queue"])[known].mean() == pytest.approx(0.2, abs=0.05)
    assert truth["drifted"].mean() == pytest.approx(0.6, abs=0.1)
    assert not generate_with_truth(sample_spec(source(rows=300)))[1]["drifted"].any()


def test_the_order_in_which_languages_are_written_does_not_matter() -> None:
    """The identity of a root does not see it either."""
    one, other = ({"en": 0.5, "de": 0.5}, {"de": 0.5, "en": 0.5})
    tickets = [frame_digest(generate(sample_spec(source(rows=100, languages=mix)))) for mix in (one, other)]
    assert tickets[0] == tickets[1]


def test_settings_and_generator_know_the_same_languages_and_drifts() -> None:
    for language in LANGUAGES:
        assert sample_spec(source(languages={language: 1.0})).languages == {language: 1.0}
    for kind in get_args(DriftKind):
        assert sample_spec(source(drift={"kind": kind})).drift == Drift(kind)


@pytest.mark.parametrize(
    ("setting", "within", "beyond"),
    [
        ("rows", [100, 1_000_000], [99, 1_000_001]),
        ("label_noise", [0, 0.4], [-0.01, 0.41]),
        ("drift", [{"kind": "new_topic", name: at} for name in ("strength", "start_share") for at in (0, 1)], []),
        ("drift", [], [{"kind": "new_topic", name: at} for name in ("strength", "start_share") for at in (-0.1, 1.1)]),
        ("drift", [], [{"kind": "sudden"}, {}]),
        ("languages", [{"en": 1, "de": 0}], [{"en": 1.1, "de": -0.1}, {"en": 0.9}, {"en": 0.9, "it": 0.1}, {}]),
    ],
)
def test_settings_refuse_what_the_generator_refuses_and_nothing_else(
    setting: str, within: list[object], beyond: list[object]
) -> None:
    """A value that only the generator refuses would break a run instead of the start."""
    for value in within:
        sample_spec(source(**{setting: value}))
    for value in beyond:
        with pytest.raises(ValidationError, match=f"(?s){setting}|add up to"):
            source(**{setting: value})
        with pytest.raises((SampleError, TypeError)):
            SampleSpec(**{setting: Drift(**value) if setting == "drift" else value})  # type: ignore[arg-type]


def test_a_wrong_mix_is_told_by_its_field_its_value_and_the_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ticket_assets.toml").write_text(
        'profile = "desk"\n[profiles.desk]\ncolumns.body = "body"\ntargets.queue.column = "queue"\n'
        'source = { kind = "sample", languages = { en = 0.9 } }\n'
    )
    monkeypatch.setenv("TICKET_ASSETS_CONFIG", str(tmp_path / "ticket_assets.toml"))
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert (
        "profiles.desk.source.languages = {'en': 0.9}: the shares add up to 0.9: make them add up to 1 "
        "(mend it in ticket_assets.toml, or set TICKET_ASSETS_PROFILES__DESK__SOURCE__LANGUAGES)"
    ) in str(caught.value)


@pytest.mark.parametrize("setting", ["languages", "label_noise", "drift"])
def test_what_makes_tickets_is_refused_where_tickets_are_read(setting: str) -> None:
    """Nothing would read it: whoever sets it believes otherwise."""
    with pytest.raises(ValidationError, match=f'{setting} belongs to generated tickets: set kind = "sample", or'):
        SourceSettings.model_validate({"path": "tickets.csv", setting: EVERYTHING[setting]})


def test_a_root_that_was_filled_before_these_settings_were_made_keeps_its_identity() -> None:
    assert source(rows=3000).model_dump() == {"kind": "sample", "path": None, "rows": 3000, "seed": 7}
    assert source(**EVERYTHING).model_dump(exclude={"kind", "path"}) == EVERYTHING
    printed = source(**EVERYTHING).model_dump_json()
    assert SourceSettings.model_validate_json(printed) == source(**EVERYTHING)
