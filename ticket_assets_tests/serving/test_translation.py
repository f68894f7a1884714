"""An old bundle's probabilities in today's labels: renamed, merged, split; nothing lost and nothing given away."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from ticket_assets.serving.translation import translated
from ticket_assets.tickets.taxonomy import ORIGINAL, Split, Taxonomy, Version

CHANGED = Version(
    "2024",
    date(2024, 1, 1),
    {"Network": "Connectivity", "Printer": "Office", "Scanner": "Office"},
    {"Hardware": Split("product", {"laptop": "Laptops", "phone": "Phones"}, "Further")},
    frozenset({"Connectivity", "Office", "Laptops", "Phones", "Further"}),
)
SWAPPED = Version("2025", date(2025, 1, 1), {"Office": "HR", "HR": "Office"}, {}, frozenset({"Office", "HR"}))
KNOWN = Taxonomy((CHANGED, SWAPPED))
LABELS = ("HR", "Hardware", "Network", "Printer", "Scanner")
SHARES = {"Laptops": 0.3, "Phones": 0.1, "Connectivity": 0.6}
ANSWER = np.array([[0.1, 0.4, 0.2, 0.15, 0.15]])


def told(versions: tuple[str, str] = (ORIGINAL, "2024"), shares: dict[str, float] = SHARES) -> dict[str, float]:
    names, row = translated(LABELS, ANSWER, KNOWN, versions, shares)
    return dict(zip(names, row[0].round(9).tolist(), strict=True))


def test_a_renamed_column_has_another_name_and_merged_ones_are_summed() -> None:
    found = told()
    assert found["Connectivity"] == 0.2 and found["Office"] == 0.3 and found["HR"] == 0.1


def test_a_split_label_is_divided_as_its_parts_occur_in_training() -> None:
    found = told()
    assert (found["Laptops"], found["Phones"], found["Further"]) == (0.3, 0.1, 0.0)


def test_parts_that_nobody_has_yet_are_taken_for_equally_common() -> None:
    found = told(shares={})
    assert {found[part] for part in ("Laptops", "Phones", "Further")} == {round(0.4 / 3, 9)}


def test_names_that_change_places_do_not_run_into_each_other() -> None:
    found = told((ORIGINAL, "2025"))
    assert (found["HR"], found["Office"]) == (0.3, 0.1)


def test_within_one_version_nothing_changes() -> None:
    names, rows = translated(LABELS, ANSWER, KNOWN, ("2025", "2025"), {})
    assert names == LABELS
    np.testing.assert_array_equal(rows, ANSWER)


@pytest.mark.parametrize(
    ("versions", "message"),
    [(("2025", "2024"), "'2024' is before '2025'"), (("2019", "2024"), "no version '2019'")],
)
def test_versions_that_cannot_be_brought_together_are_refused(versions: tuple[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        told(versions)


@given(
    some.lists(some.lists(some.floats(0, 1), min_size=5, max_size=5), min_size=1, max_size=4),
    some.dictionaries(some.sampled_from(["Laptops", "Phones", "Further"]), some.floats(0, 1)),
)
def test_every_row_keeps_its_sum_whatever_the_shares(rows: list[list[float]], shares: dict[str, float]) -> None:
    given_rows = np.array(rows)
    _, found = translated(LABELS, given_rows, KNOWN, (ORIGINAL, "2025"), shares)
    np.testing.assert_allclose(found.sum(axis=1), given_rows.sum(axis=1), atol=1e-12)
    assert (found >= 0).all()
