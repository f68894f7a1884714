"""Families from run to run: what is kept saves work and never changes a family, whatever came, went or was edited."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticket_assets.models.split import BARRED, HOLDOUT, Holdout, assign, require_whole_families
from ticket_assets.tickets import known_pairs
from ticket_assets.tickets.families import FamilyNumbering, number_families
from ticket_assets_tests.tickets.test_families import reworded_tickets

TEXTS, IDS = reworded_tickets(600)
ENDS = ("the printer jams at noon on floor two", "toner smears every page of the weekly report")
BETWEEN = "the printer jams at noon and toner smears every page"
OTHERS = tuple(f"word{n} other{n} text{n}" for n in range(30))


def numbered(rows: list[int], kept: Path | None, cut: float = 0.5) -> FamilyNumbering:
    return number_families([TEXTS[row] for row in rows], [IDS[row] for row in rows], cut, kept=kept)


def outcome(numbering: FamilyNumbering) -> tuple[list[str], int, float, float]:
    return numbering.family_ids, numbering.n_pairs, numbering.largest_share, numbering.in_families_share


@pytest.mark.parametrize(
    ("slack", "max_restless"),
    [(known_pairs.SLACK, known_pairs.MAX_RESTLESS), (0.002, 1.0), (0.3, 0.0), (0.1, 1.0)],
    ids=["as it runs", "nearly all restless", "always anew", "hardly ever restless"],
)
@settings(max_examples=15, deadline=None)
@given(batches=st.lists(st.sets(st.integers(0, 599), max_size=250), min_size=2, max_size=5))
def test_whatever_comes_and_goes_the_families_are_those_of_a_run_from_scratch(
    tmp_path_factory: pytest.TempPathFactory, slack: float, max_restless: float, batches: list[set[int]]
) -> None:
    """An edited ticket is one that goes and another that comes."""
    kept = tmp_path_factory.mktemp("kept") / "pairs.npz"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(known_pairs, "SLACK", slack)
        patch.setattr(known_pairs, "MAX_RESTLESS", max_restless)
        for batch in batches:
            rows = [*range(100), *sorted(batch - set(range(100)))]
            assert outcome(numbered(rows, kept)) == outcome(numbered(rows, None))


def test_only_new_texts_are_compared_with_all_others(tmp_path: Path) -> None:
    kept = tmp_path / "pairs.npz"
    worded = [row for row in range(600) if TEXTS[row] not in {"", "7 !"}]
    first, copies = worded[:580], [row for row in worded[580:] if TEXTS[row] in {TEXTS[one] for one in worded[:580]}]
    assert numbered(first, kept).linked == 580
    again = numbered(first, kept)
    assert (again.linked, again.linked_again) == (0, 0)
    more = numbered(worded, kept)
    assert more.linked == len(worded) - 580 - len(copies)
    assert more.linked_again < 60
    assert outcome(more) == outcome(numbered(worded, None))


def test_a_family_falls_apart_when_the_ticket_between_leaves_or_is_edited(tmp_path: Path) -> None:
    def families(*texts: str) -> list[str]:
        wanted = [*texts, *OTHERS]
        ids = [f"t{n:02d}" for n in range(len(wanted))]
        found = number_families(wanted, ids, 0.4, kept=tmp_path / "pairs.npz")
        return found.family_ids[: len(texts)]

    assert families(*ENDS, BETWEEN) == ["t00", "t00", "t00"]
    assert families(*ENDS) == ["t00", "t01"]
    assert families(*ENDS, BETWEEN) == ["t00", "t00", "t00"]
    assert families(*ENDS, "something else altogether was meant") == ["t00", "t01", "t02"]


def test_another_cut_numbers_all_anew(tmp_path: Path) -> None:
    rows = list(range(300))
    numbered(rows, tmp_path / "pairs.npz", cut=0.5)
    lower = numbered(rows, tmp_path / "pairs.npz", cut=0.3)
    assert lower.linked == sum(TEXTS[row] not in {"", "7 !"} for row in rows)
    assert outcome(lower) == outcome(numbered(rows, None, cut=0.3))


def test_texts_that_are_cleaned_otherwise_are_new(tmp_path: Path) -> None:
    number_families(TEXTS[:300], IDS[:300], 0.5, kept=tmp_path / "pairs.npz")
    upper = [text.upper() for text in TEXTS[:300]]
    again = number_families(upper, IDS[:300], 0.5, kept=tmp_path / "pairs.npz")
    assert again.linked == sum(text not in {"", "7 !"} for text in TEXTS[:300])


@pytest.mark.parametrize("damage", ["missing", "empty", "cut off", "a bit flipped", "no such file at all"])
def test_without_a_sound_file_everything_is_compared_again(tmp_path: Path, damage: str) -> None:
    kept, rows = tmp_path / "pairs.npz", list(range(300))
    fresh = numbered(rows, kept)
    whole = kept.read_bytes()
    middle = len(whole) // 2
    damaged = {
        "empty": b"",
        "cut off": whole[:middle],
        "a bit flipped": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
        "no such file at all": b"PK but not really",
    }
    kept.unlink()
    if damage in damaged:
        kept.write_bytes(damaged[damage])
    again = numbered(rows, kept)
    assert (outcome(again), again.linked) == (outcome(fresh), fresh.linked)
    assert numbered(rows, kept).linked == 0, "it was written anew"


def test_pairs_too_many_to_keep_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, kept = list(range(300)), tmp_path / "pairs.npz"
    numbered(rows, kept)
    monkeypatch.setattr(known_pairs, "MAX_KEPT", 5)
    numbered(list(range(310)), kept)
    assert not kept.exists()
    assert outcome(numbered(rows, kept)) == outcome(numbered(rows, None))


def test_a_new_ticket_that_joins_families_across_the_line_is_barred_with_those_of_training(tmp_path: Path) -> None:
    """The frozen hold-out keeps its tickets whatever a later merge calls their family."""
    texts = [*ENDS, *OTHERS]
    ids = [f"t{n:02d}" for n in range(len(texts))]
    before = number_families(texts, ids, 0.4, kept=tmp_path / "pairs.npz")
    assert before.family_ids[:2] == ["t00", "t01"]
    holdout = Holdout("by hand", 1, ("t01", "t05"))
    after = number_families([*texts, BETWEEN], [*ids, "t99"], 0.4, kept=tmp_path / "pairs.npz")
    split = assign(pd.DataFrame({"ticket_id": [*ids, "t99"], "family_id": after.family_ids}), holdout, folds=3)
    sides = split.set_index("ticket_id")["side"]
    assert [sides[one] for one in ("t00", "t01", "t99", "t05")] == [BARRED, HOLDOUT, BARRED, HOLDOUT]
    assert (sides == HOLDOUT).sum() == 2
    require_whole_families(split)
