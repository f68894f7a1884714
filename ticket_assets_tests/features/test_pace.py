"""What a long encoding says of itself: seldom, and right."""

from ticket_assets.features.pace import Pace


def test_it_is_told_every_so_many_seconds_and_at_the_end_with_rate_and_time_left() -> None:
    said: list[str] = []
    now = 0.0
    pace = Pace("texts encoded", said.append, every=10, clock=lambda: now)
    for done in range(1, 4001):
        now = done / 50
        pace(done, 4000)
    pace(4000, 4000)
    assert len(said) == 8
    assert said[0] == "500 of 4,000 texts encoded (12 %), 50 a second, 1:10 min left"
    assert said[-2].endswith("50 a second, 10 s left")
    assert said[-1] == "4,000 of 4,000 texts encoded (100 %), 50 a second"


def test_nothing_done_in_the_first_seconds_is_no_division_by_zero() -> None:
    said: list[str] = []
    now = 0.0
    pace = Pace("texts encoded", said.append, every=10, clock=lambda: now)
    now = 11.0
    pace(0, 40)
    assert said == ["0 of 40 texts encoded (0 %), 0 a second, not one yet"]
