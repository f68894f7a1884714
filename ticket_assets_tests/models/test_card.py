"""The model card: its tables keep their columns whatever a help desk calls its queues."""

import re

import pytest

from ticket_assets.models.card import model_card
from ticket_assets.models.card_tables import FEATURES, cell, interval
from ticket_assets.models.evaluation import LINEAR_BASELINE

LABELS = ("Sales | Marketing", "IT\\Support", "two\nlines", "plain")
SCORES = {"n": 40, "macro_f1": 0.5, "accuracy": 0.6, "top2_accuracy": 0.7, "ece": 0.1, "coverage_at_90": 0.2}
SURE = {"estimate": 0.9, "low": 0.8, "high": 0.95}
MANIFEST = {
    **{"profile": "tiny", "languages": ("en", "de"), "context": ("channel",), "mask": ("email",), "taxonomy": {}},
    **{"split": "0123", "feature_schema": "beef", "cleaning": "3", "data": {"tickets/clean": "cafe"}},
    "encoder": {"id": "onnx-1", "runtime": "onnx"},
}


def report(baseline: float = 0.45) -> dict:
    per_class = [{"label": one, "support": 10, "precision": 0.5, "recall": 0.25, "f1": 0.125} for one in LABELS]
    standing = {"name": "a | b", "macro_f1": SURE, "accuracy": SURE, "against_linear_macro_f1": SURE}
    band = {"name": "act", "threshold": 0.9, "rows": 4, "share": 0.1, "accuracy": SURE, "or_above": SURE}
    standings = [
        {**band, "promised": 0.85, "kept": True},
        {**band, "name": "suggest", "promised": 0.95, "kept": False},
        {
            **band,
            "name": "by_hand",
            "threshold": None,
            "accuracy": None,
            "or_above": None,
            "promised": None,
            "kept": None,
        },
    ]
    target = {
        "labels": list(LABELS),
        "training_rows": 160,
        "candidate": {**SCORES, "per_class": per_class},
        "random": {"candidate": SCORES},
        "standings": [standing, {**standing, "name": LINEAR_BASELINE, "macro_f1": {**SURE, "estimate": baseline}}],
        "bands": {
            **{"rule": "promise", "standings": standings, "cost_per_ticket": 0.5, "cost_by_hand": 1.0},
            "remarks": ["act is small"],
        },
        "slices": [
            {"by": "channel", "name": "e|mail", "rows": 3, "accuracy": SURE, "macro_f1": None},
            {"by": "language", "name": "en", "rows": 37, "accuracy": SURE, "macro_f1": SURE},
        ],
    }
    return {"split": "0123", "rule": "the latest held out", "targets": {"queue": target}}


def goes_by() -> dict:
    feature = {
        "kind": "similar_tickets",
        "name": LABELS[0],
        "size": 0.5,
        "mean": 0.1,
        "share": 0.25,
        "label": LABELS[1],
    }
    return {"queue": {"family": "lightgbm", "rows": 300, "features": [feature] * 30}}


def card(description: str = "", baseline: float = 0.45, **manifest: object) -> str:
    return model_card({**MANIFEST, **manifest}, "generated", description, report(baseline), goes_by())


def cells(row: str) -> list[str]:
    """Cells as a Markdown reader finds them: a bar that is not escaped parts two."""
    return [one.strip() for one in re.split(r"(?<!\\)(?:\\\\)*\|", row)[1:-1]]


@pytest.fixture(scope="module")
def tables() -> list[list[str]]:
    parts = card().split("\n\n")
    return [part.splitlines() for part in parts if part.startswith("|")]


def test_every_row_of_a_table_has_the_columns_of_its_head(tables: list[list[str]]) -> None:
    assert len(tables) == 7
    for head, rule, *rows in tables:
        assert re.fullmatch(r"\|(---\|)+", rule)
        assert [len(cells(row)) for row in rows] == [len(cells(head))] * len(rows)


def test_a_class_with_a_bar_in_its_name_keeps_its_figures(tables: list[list[str]]) -> None:
    """A label `Sales | Marketing` moved every figure behind it by one column."""
    _, _, *rows = tables[3]
    assert len(rows) == len(LABELS)
    assert cells(rows[0]) == [r"Sales \| Marketing", "10", "0.500", "0.250", "0.125"]
    assert cells(rows[2])[0] == "two lines"


@pytest.mark.parametrize(
    ("name", "shown"), [("a|b", r"a\|b"), (r"a\|b", r"a\\\|b"), (" a\r\n b ", "a b"), ("plain", "plain")]
)
def test_a_name_is_one_cell(name: str, shown: str) -> None:
    assert cell(name) == shown


def test_a_model_below_the_plain_baseline_is_told_so_with_both_figures_and_one_above_it_is_not() -> None:
    """One had to find it in a table."""
    said = "**queue: macro F1 0.500 is below the plain baseline's 0.550 on the same rows (TF-IDF and a linear SVM).**"
    assert said in card(baseline=0.55).split("\n\n")
    assert "below the plain baseline" not in card()


def test_bands_are_told_with_what_was_promised_and_whether_it_was_kept(tables: list[list[str]]) -> None:
    act, suggest, by_hand = (cells(row) for row in tables[2][2:])
    assert act == ["act", "0.900", "4", "10.0%", interval(SURE), interval(SURE), "0.85", "yes"]
    assert suggest[-2:] == ["0.95", "no"]
    assert by_hand == ["by hand", "never", "4", "10.0%", "–", "–", "–", "–"]
    assert "Cost per ticket 0.500; all by hand 1.000.\n\nact is small." in card()


def test_slices_and_leading_features_stand_in_it(tables: list[list[str]]) -> None:
    assert [cells(row) for row in tables[4][2:]] == [
        ["channel", r"e\|mail", "3", "0.900 [0.800, 0.950]", "–"],
        ["language", "en", "37", "0.900 [0.800, 0.950]", "0.900 [0.800, 0.950]"],
    ]
    assert len(tables[5]) == 2 + FEATURES
    assert cells(tables[5][2]) == ["similar tickets", r"Sales \| Marketing", "0.500", "25%", "IT\\\\Support"]


def test_use_data_personal_data_limits_and_versions_are_told() -> None:
    told = card("Mail of the desk; agents set the queue when they close a ticket.")
    for part in ("Intended use", "Data", "queue", "Personal data", "Limits", "Versions"):
        assert f"\n## {part}\n" in told
    assert "Trained on tickets under this licence: generated." in told
    assert "how they got their labels: Mail of the desk; agents set the queue when they close a ticket." in told
    assert "not stated (setting `description`)" in card()
    assert "reads: channel." in told and "reads: nothing." in card(context=())
    assert "learnt: email." in told and "learnt: nothing." in card(mask=())
    assert "| tickets/clean | cafe |" in told and "| encoder | onnx-1 on onnx |" in told
    assert "| encoder | none |" in card(encoder=None)
    assert "Labels as renamed" not in told
    assert "Labels as renamed, merged and split by: queue: 2 \\| b." in card(taxonomy={"queue": "2 | b"})
