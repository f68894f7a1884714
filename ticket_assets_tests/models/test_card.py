"""The model card: its tables keep their columns whatever a help desk calls its queues."""

import re

import pytest

from ticket_assets.models.card import cell, model_card

LABELS = ("Sales | Marketing", "IT\\Support", "two\nlines", "plain")
SCORES = {"n": 40, "macro_f1": 0.5, "accuracy": 0.6, "top2_accuracy": 0.7, "ece": 0.1, "coverage_at_90": 0.2}


def report() -> dict:
    per_class = [{"label": one, "support": 10, "precision": 0.5, "recall": 0.25, "f1": 0.125} for one in LABELS]
    target = {
        "labels": list(LABELS),
        "candidate": {**SCORES, "per_class": per_class},
        "random": {"candidate": SCORES},
        "per_language": {"en": SCORES},
    }
    return {"split": "0123", "rule": "the latest held out", "targets": {"queue": target}}


def cells(row: str) -> list[str]:
    """Cells as a Markdown reader finds them: a bar that is not escaped parts two."""
    return [one.strip() for one in re.split(r"(?<!\\)(?:\\\\)*\|", row)[1:-1]]


@pytest.fixture(scope="module")
def tables() -> list[list[str]]:
    parts = model_card("tiny", "generated", report()).split("\n\n")
    return [part.splitlines() for part in parts if part.startswith("|")]


def test_every_row_of_a_table_has_the_columns_of_its_head(tables: list[list[str]]) -> None:
    assert len(tables) == 3
    for head, rule, *rows in tables:
        assert re.fullmatch(r"\|(---\|)+", rule)
        assert [len(cells(row)) for row in rows] == [len(cells(head))] * len(rows)


def test_a_class_with_a_bar_in_its_name_keeps_its_figures(tables: list[list[str]]) -> None:
    """A label `Sales | Marketing` moved every figure behind it by one column."""
    _, _, *rows = tables[1]
    assert len(rows) == len(LABELS)
    assert cells(rows[0]) == [r"Sales \| Marketing", "10", "0.500", "0.250", "0.125"]
    assert cells(rows[2])[0] == "two lines"


@pytest.mark.parametrize(
    ("name", "shown"), [("a|b", r"a\|b"), (r"a\|b", r"a\\\|b"), (" a\r\n b ", "a b"), ("plain", "plain")]
)
def test_a_name_is_one_cell(name: str, shown: str) -> None:
    assert cell(name) == shown
