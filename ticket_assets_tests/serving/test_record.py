"""What the record of decisions says to somebody who finds no champion."""

from pathlib import Path

import pytest

from ticket_assets.serving.record import RECORD, decisions, why_no_champion
from ticket_assets.storage import RecordError, append_record


def test_before_any_decision_there_is_nothing_but_the_next_step(tmp_path: Path) -> None:
    assert decisions(tmp_path).whole == ()
    assert why_no_champion(tmp_path) == "no champion yet: models/champion has judged no challenger"


def test_the_last_refusal_is_the_reason_that_is_told(tmp_path: Path) -> None:
    append_record(tmp_path / RECORD, {"promoted": False, "reason": "refused: queue: one ticket takes 900 ms"})
    append_record(tmp_path / RECORD, {"promoted": False, "reason": "refused: queue: macro F1 0.200 is below the floor"})
    assert [one["reason"][-6:] for one in decisions(tmp_path).whole] == ["900 ms", " floor"]
    assert why_no_champion(tmp_path) == (
        "no champion yet: the challenger was refused because queue: macro F1 0.200 is below the floor"
    )


def test_a_record_that_is_broken_in_the_middle_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / RECORD).write_text("?\n{}\n")
    with pytest.raises(RecordError, match="line 1"):
        why_no_champion(tmp_path)
