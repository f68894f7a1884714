"""One per cent more tickets cost what one per cent more is worth, on real tickets."""

from pathlib import Path

import pandas as pd
import pytest

from ticket_assets_tests.growth import begin, materialise
from ticket_assets_tests.public_data import public_data

ROWS, MORE = 3000, 30


@pytest.mark.data
@pytest.mark.slow
def test_one_per_cent_more_tickets_cost_less_than_fifteen_per_cent_and_touch_the_new_ones_alone(
    tmp_path: Path, encoder_root: Path
) -> None:
    tickets = pd.read_parquet(public_data("it_service.parquet")).sample(ROWS + MORE, random_state=3)
    tickets = tickets.drop_duplicates("Document", ignore_index=True)
    assert len(tickets) == ROWS + MORE, "so that each row is one new text"
    warm = begin(tmp_path / "warm", encoder_root)
    materialise(warm, tickets.tail(100))  # imports and the encoder's start are no work on tickets
    line = begin(tmp_path / "line", encoder_root)
    first = materialise(line, tickets.head(ROWS))
    assert [first.told[name] for name in ("new_rows", "cleaned", "encoded")] == [ROWS] * 3
    second = materialise(line, tickets)
    expected = {
        "new_rows": MORE,
        "cleaned": MORE,
        "cleaned_before": ROWS,
        "languages_detected": MORE,
        "encoded": MORE,
        "kept": ROWS,
    }
    assert {name: second.told[name] for name in expected} == expected
    # One text may turn up without a word of two letters, which has nothing to compare.
    assert MORE - 1 <= second.told["linked"] <= MORE
    assert second.told["linked_again"] < ROWS / 10
    assert second.total < 0.15 * first.total, (first.seconds, second.seconds)
