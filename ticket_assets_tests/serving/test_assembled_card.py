"""The card of a bundle of two describes the models that are in it."""

from pathlib import Path

import pytest

from ticket_assets.models.card import model_card
from ticket_assets.serving.assembled_card import Kept, assembled_card, cards_of, target_part
from ticket_assets.serving.manifest import Origin
from ticket_assets_tests.models.test_card import MANIFEST, goes_by, report

ORIGIN = Origin("origin", {"tickets/clean": "cafe"})
TARGETS = ("queue", "tone", "tone_of_voice")


def card(rows: int, family: str, description: str = "") -> str:
    """Of three targets, one of whose names begins another's."""
    one = {**report()["targets"]["queue"], "training_rows": rows}
    told, by = report() | {"targets": dict.fromkeys(TARGETS, one)}, {**goes_by()["queue"], "family": family}
    return model_card(MANIFEST, "generated", description, told, dict.fromkeys(TARGETS, by))


CHALLENGER, CHAMPION = card(200, "lightgbm"), card(100, "linear_svm")


def kept(folder: Path, **cards: str) -> Kept:
    for bundle, text in cards.items():
        (folder / bundle).mkdir()
        (folder / bundle / "MODEL_CARD.md").write_text(text, encoding="utf-8")
    return Kept(ORIGIN, ("loud", "quiet"), {"macro_f1": 0.91234, "ece": 0.02}, cards_of(folder, "origin", "champion"))


def parts(text: str) -> dict[str, str]:
    return {target: target_part(text, target) or "" for target in TARGETS}


def around(text: str) -> tuple[str, str]:
    """All but the part of the target that is kept here."""
    return text.partition("## tone\n")[0], text.partition("## tone_of_voice\n")[2]


def test_a_kept_target_is_described_by_the_card_of_its_own_model_and_all_else_by_the_challengers(
    tmp_path: Path,
) -> None:
    """It had the losing challenger's family, scores, bands and features, and a remark at the end that it had."""
    made = assembled_card(CHALLENGER, {"tone": kept(tmp_path, champion="another", origin=CHAMPION)})
    assert around(made) == around(CHALLENGER)
    note, _, said = parts(made)["tone"].partition("\n\n")
    assert said == parts(CHAMPION)["tone"]
    assert "100 training tickets" in said and "model: linear_svm" in said
    assert "lightgbm" not in parts(made)["tone"]
    assert note.startswith("This model stayed: it is that of bundle origin, made from tickets/clean cafe.")
    assert "on the hold-out of this bundle: macro F1 0.912, expected calibration error 0.020." in note


def test_where_the_origins_card_is_gone_the_champions_tells_with_the_note_of_today_alone(tmp_path: Path) -> None:
    before = assembled_card(CHAMPION, {"tone": kept(tmp_path, origin=CHAMPION)})
    (tmp_path / "origin" / "MODEL_CARD.md").unlink()
    made = assembled_card(CHALLENGER, {"tone": kept(tmp_path, champion=before.replace("0.912", "0.812"))})
    assert made.count("This model stayed: ") == 1 and "0.812" not in made
    assert parts(made)["tone"].partition("\n\n")[2] == parts(CHAMPION)["tone"]


@pytest.mark.parametrize("cards", [{}, {"champion": "written by hand\n"}])
def test_without_any_card_of_the_model_it_is_not_described_by_that_of_another(tmp_path: Path, cards: dict) -> None:
    made = assembled_card(CHALLENGER, {"tone": kept(tmp_path, **cards)})
    assert "The card of that bundle is gone; it has 2 classes." in parts(made)["tone"]
    assert "lightgbm" not in parts(made)["tone"] and "| class |" not in parts(made)["tone"]
    assert parts(made)["tone_of_voice"] == parts(CHALLENGER)["tone_of_voice"]


def test_a_challengers_card_that_says_nothing_of_the_target_gets_its_part_at_the_end(tmp_path: Path) -> None:
    made = assembled_card("a card\n", {"tone": kept(tmp_path, origin=CHAMPION)})
    assert made.startswith("a card\n## tone\n\nThis model stayed: ")


def test_words_of_a_setting_are_no_heading(tmp_path: Path) -> None:
    """A description in several lines could pass for a part of a target."""
    made = assembled_card(
        card(200, "lightgbm", "Mail.\n## tone\nnot this one"), {"tone": kept(tmp_path, origin=CHAMPION)}
    )
    assert "Mail. ## tone not this one" in made and made.count("\n## tone\n") == 1
