"""Which settings make which assets due: those that they read, and no others."""

from pathlib import Path
from typing import Any

import pytest

from ticket_assets.assets.declaration import settings_of_tags
from ticket_assets.band_settings import BandRule, PromiseSettings
from ticket_assets.definitions import FOR_ALL_PROFILES
from ticket_assets.monitoring_settings import DriftRule, FeedbackSettings
from ticket_assets.profile import Profile
from ticket_assets.settings import Settings
from ticket_assets_tests.test_definitions import CURATED, Specs, settings_of, specs_of


@pytest.fixture(scope="module")
def specs() -> Specs:
    return specs_of(settings_of("helpdesk"))


def test_settings_tags_name_sections_of_a_profile(specs: Specs) -> None:
    """A misspelt section would never change the code version, and nothing else would notice."""
    tagged = {name: sections for name, spec in specs.items() if (sections := settings_of_tags(spec.tags))}
    assert len(tagged) >= 8
    for name, sections in tagged.items():
        assert {one for one in sections if not _is_a_setting(one)} <= FOR_ALL_PROFILES, name
    assert Settings.model_fields.keys() >= FOR_ALL_PROFILES


def _is_a_setting(name: str) -> bool:
    """Whether a profile has it: `search`, or one within another, `monitoring.feedback.weight`."""
    section: Any = Profile
    for one in name.split("."):
        fields = getattr(section, "model_fields", {})
        if one not in fields:
            return False
        section = fields[one].annotation
    return True


# A language that no ticket is of, or a column that is empty, changes no table, and all the same what a bundle answers.
READ_FEATURES = {"tickets/raw", *CURATED, "tickets/quality", "features/text", "models/champion"}


@pytest.mark.parametrize(
    ("section", "change", "expected"),
    [
        ("bands", {"act": 0.9}, {"models/evaluation", "models/champion"}),
        ("bands", {"promise": PromiseSettings(act=0.9, suggest=0.8)}, {"models/evaluation", "models/champion"}),
        ("bands", {"targets": {"queue": BandRule(act=0.9)}}, {"models/evaluation", "models/champion"}),
        ("encoder", {"runtime": "another"}, {"features/embeddings"}),
        ("encoder", {"model": "another"}, {"features/embeddings"}),
        ("source", {"path": "elsewhere.csv"}, set()),
        ("source", {"kind": "another"}, {"tickets/raw"}),
        ("columns", {"date_order": "day_first"}, {*CURATED, "features/text"}),
        ("split", {"folds": 4}, {"models/split"}),
        ("search", {"minutes": 61.0}, {"models/search_queue", "models/search_priority", "models/search_type"}),
        ("families", {"cut": 0.6}, CURATED),
        ("cleaning", {"mask": ("email", "name")}, {"tickets/feedback", *CURATED, "models/champion"}),
        ("monitoring", {"feedback": FeedbackSettings(weight=2.0)}, CURATED),
        ("monitoring", {"feedback": FeedbackSettings(held_out_share=0.2)}, {"models/split"}),
        ("monitoring", {"drift": DriftRule(alpha=0.05)}, set()),
        ("words", {"stem": True}, {"features/text", "models/champion"}),
        ("words", {"drop": {"any": ("ticket",)}}, {"features/text", "models/champion"}),
        ("promotion", {"max_loss": 0.02}, {"models/champion"}),
        ("features", {"context": ("language",)}, READ_FEATURES),
        ("features", {"languages": ("en", "fr")}, READ_FEATURES),
    ],
)
def test_a_changed_setting_changes_the_code_version_of_exactly_what_reads_it(
    specs: Specs, section: str, change: dict[str, object], expected: set[str]
) -> None:
    before = settings_of("helpdesk")
    part = getattr(before.active, section).model_copy(update=change)
    after = specs_of(changed(before, **{section: part}))
    assert {name for name in specs if specs[name].code_version != after[name].code_version} == expected


@pytest.mark.parametrize("change", [{"licence": "CC0"}, {"description": "made up"}])
def test_what_stands_in_the_model_card_makes_a_new_bundle(specs: Specs, change: dict[str, object]) -> None:
    """A corrected licence never reached the card: nothing knew that it was read."""
    after = specs_of(changed(settings_of("helpdesk"), **change))
    assert {name for name in specs if specs[name].code_version != after[name].code_version} == {"models/champion"}


SEEDED = {
    "models/evaluation",
    "models/champion",
    "models/explanation",
    *(f"models/search_{name}" for name in ("queue", "priority", "type")),
}


@pytest.mark.parametrize(("change", "expected"), [({"seed": 43}, SEEDED), ({"threads": 64}, set())])
def test_another_seed_is_another_search_and_another_number_of_threads_is_nothing(
    specs: Specs, change: dict[str, object], expected: set[str]
) -> None:
    """The seed was in no code version: with another one everything stayed as it was."""
    after = specs_of(settings_of("helpdesk").model_copy(update=change))
    assert {name for name in specs if specs[name].code_version != after[name].code_version} == expected


def test_a_new_version_of_the_labels_makes_a_new_bundle_though_no_ticket_changes(tmp_path: Path) -> None:
    """A bundle answers in the words of a version, and says which: one that renames what nobody uses was not told."""
    file = tmp_path / "labels.toml"

    def with_file(text: str) -> Specs:
        file.write_text(text)
        before = settings_of("helpdesk")
        queue = before.active.targets["queue"].model_copy(update={"taxonomy": str(file)})
        targets = {**before.active.targets, "queue": queue}
        return specs_of(changed(before, targets=targets))

    first, second = with_file("# one"), with_file("# two")
    assert {name for name in first if first[name].code_version != second[name].code_version} == {
        *("tickets/raw", "tickets/feedback", *CURATED, "tickets/quality", "models/champion"),
    }


def changed(before: Settings, **parts: object) -> Settings:
    profiles = {**before.profiles, "helpdesk": before.active.model_copy(update=parts)}
    return before.model_copy(update={"profiles": profiles})
