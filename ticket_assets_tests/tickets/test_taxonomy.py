"""Taxonomy: what old labels are called today, in rows and in old predictions, and files that cannot be right."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from ticket_assets.tickets.taxonomy import ORIGINAL, Taxonomy
from ticket_assets.tickets.taxonomy_file import TaxonomyError, load_taxonomy

HISTORY = """
[[version]]
name = "2023-01"
date = 2023-01-01
rename = [{ from = "Network", to = "Connectivity" }]
merge = [{ from = ["Printer", "Scanner"], to = "Office devices" }]

[[version]]
name = "2024-06"
date = 2024-06-01
rename = [{ from = "Connectivity", to = "Networks" }]
split = [
  { from = "Hardware", column = "product", into = { laptop = "Laptops", phone = "Phones" }, otherwise = "Further" },
  { from = "Software", column = "product", into = { erp = "ERP" } },
]
new = ["Network"]
"""


def taxonomy(tmp_path: Path, text: str = HISTORY) -> Taxonomy:
    path = tmp_path / "taxonomy.toml"
    path.write_text(text, encoding="utf-8")
    return load_taxonomy(path)


@pytest.mark.parametrize(
    ("label", "product", "today"),
    [
        ("Network", None, "Networks"),
        ("Connectivity", None, "Networks"),
        ("Printer", None, "Office devices"),
        ("Scanner", None, "Office devices"),
        ("Office devices", None, "Office devices"),
        ("Hardware", "laptop", "Laptops"),
        ("Hardware", "mouse", "Further"),
        ("Hardware", None, "Further"),
        ("Software", "erp", "ERP"),
        ("Software", "crm", None),
        ("Software", None, None),
        ("Never named", None, "Never named"),
    ],
)
def test_a_label_becomes_what_it_is_called_today(
    tmp_path: Path, label: str, product: str | None, today: str | None
) -> None:
    assert taxonomy(tmp_path).label_today(label, None, {"product": product}) == today


@pytest.mark.parametrize(
    ("written", "today"),
    [
        (None, "Networks"),
        (date(2022, 5, 1), "Networks"),
        (date(2024, 5, 31), "Networks"),
        (date(2024, 6, 1), "Network"),
    ],
)
def test_a_name_that_came_back_means_the_new_thing_from_its_day_on(
    tmp_path: Path, written: date | None, today: str
) -> None:
    assert taxonomy(tmp_path).label_today("Network", written, {}) == today


def test_an_old_name_after_its_end_is_still_translated(tmp_path: Path) -> None:
    """An import of last week may carry the names of last year."""
    assert taxonomy(tmp_path).label_today("Printer", date(2026, 1, 1), {}) == "Office devices"


def test_changes_of_one_version_happen_at_once(tmp_path: Path) -> None:
    swapped = 'name = "1"\ndate = 2024-01-01\nrename = [{ from = "A", to = "B" }, { from = "B", to = "A" }]'
    both = taxonomy(tmp_path, f"[[version]]\n{swapped}")
    assert (both.label_today("A", None, {}), both.label_today("B", None, {})) == ("B", "A")
    split = 'rename = [{ from = "A", to = "B" }]\nsplit = [{ from = "B", column = "c", into = { x = "C" } }]'
    chained = taxonomy(tmp_path, f'[[version]]\nname = "1"\ndate = 2024-01-01\n{split}')
    assert chained.label_today("A", None, {"c": "x"}) == "B"
    assert chained.translate("A", ORIGINAL, "1") == ("B",)


def test_old_predictions_stay_comparable(tmp_path: Path) -> None:
    known = taxonomy(tmp_path)
    assert known.current == "2024-06"
    assert known.translate("Network", ORIGINAL, "2023-01") == ("Connectivity",)
    assert known.translate("Network", ORIGINAL, "2024-06") == ("Networks",)
    assert known.translate("Network", "2024-06", "2024-06") == ("Network",)
    assert known.translate("Hardware", "2023-01", "2024-06") == ("Further", "Laptops", "Phones")
    assert known.translate("Scanner", ORIGINAL, known.current) == ("Office devices",)


def test_a_version_that_nobody_knows_is_refused_with_those_that_are(tmp_path: Path) -> None:
    known = taxonomy(tmp_path)
    for versions in ((ORIGINAL, "2025"), ("2025", ORIGINAL)):
        with pytest.raises(ValueError, match=r"no version '2025'.*name one of original, 2023-01, 2024-06"):
            known.translate("Network", *versions)


@pytest.mark.parametrize(
    ("label", "was"),
    [
        ("Networks", ("Network",)),
        ("Office devices", ("Printer", "Scanner")),
        ("Laptops", ("Hardware",)),
        ("Network", ()),
        ("Never named", ("Never named",)),
    ],
)
def test_a_label_is_translated_back_to_all_that_can_have_become_it(
    tmp_path: Path, label: str, was: tuple[str, ...]
) -> None:
    assert taxonomy(tmp_path).translate(label, "2024-06", ORIGINAL) == was


def test_a_name_that_was_given_up_is_no_label_of_its_version(tmp_path: Path) -> None:
    assert taxonomy(tmp_path).translate("Printer", "2023-01", ORIGINAL) == ()


@pytest.mark.parametrize("label", ["Network", "Printer", "Scanner", "Hardware", "Software", "Never named"])
@pytest.mark.parametrize("version", [ORIGINAL, "2023-01", "2024-06"])
def test_a_label_is_among_the_translations_back_of_what_it_became(tmp_path: Path, label: str, version: str) -> None:
    known = taxonomy(tmp_path)
    for became in known.translate(label, ORIGINAL, version):
        assert label in known.translate(became, version, ORIGINAL)
    assert known.translate(label, version, version) == (label,)


def test_labels_that_never_changed_are_the_original_version() -> None:
    assert Taxonomy().current == ORIGINAL
    assert Taxonomy().label_today("A", date(2024, 1, 1), {}) == "A"
    assert Taxonomy().translate("A", ORIGINAL, ORIGINAL) == ("A",)


VERSION = '[[version]]\nname = "1"\ndate = 2024-01-01\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "version = missing: Field required"),
        ("versions = 1", "versions = 1: Extra inputs are not permitted (take it out)"),
        ("version = ", "is not TOML"),
        ('[[version]]\nname = "1"', "version[0].date = missing"),
        (VERSION + 'rename = [{ from = "A", to = "" }]', "version[0].rename[0].to = ''"),
        (VERSION + 'rename = [{ from = "A", too = "B" }]', "version[0].rename[0].too = 'B'"),
        (VERSION + 'merge = [{ from = ["A"], to = "B" }]', "version[0].merge[0].from = ['A']"),
        (VERSION + 'split = [{ from = "A", into = { x = "B" } }]', "version[0].split[0].column = missing"),
        (VERSION + 'split = [{ from = "A", column = "c", into = {} }]', "version[0].split[0].into = {}"),
        (
            VERSION + 'rename = [{ from = "A", to = "B" }, { from = "A", to = "C" }]',
            "version[0].rename[1].from = 'A' is changed twice in one version: leave one change",
        ),
        (VERSION + VERSION, "version[1].name = '1' is taken"),
        (VERSION.replace('"1"', '"original"'), "version[0].name = 'original' is taken"),
        (VERSION + VERSION.replace('"1"', '"2"'), "version[1].date = 2024-01-01 is not after 2024-01-01: order"),
        (
            VERSION + 'rename = [{ from = "A", to = "B" }]\n[[version]]\nname = "2"\ndate = 2025-01-01\n'
            'rename = [{ from = "A", to = "C" }]',
            "version[1].rename[0].from = 'A' was given up by version '1': name what it became",
        ),
    ],
)
def test_a_wrong_file_is_refused_by_field_value_and_fix(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(TaxonomyError) as caught:
        taxonomy(tmp_path, text)
    assert message in str(caught.value)
    assert "taxonomy.toml" in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TaxonomyError, match=r"nowhere\.toml cannot be read .*mend targets"):
        load_taxonomy(tmp_path / "nowhere.toml")
