"""Who was champion when: read from the record beside the pointer, also where a process died between the two."""

from datetime import UTC, datetime, timedelta

import pytest

from ticket_assets.serving.chronicle import Chronicle, Pin
from ticket_assets.serving.store import Champion

START = datetime(2026, 5, 1, 12, tzinfo=UTC)


def at(day: int) -> str:
    return (START + timedelta(days=day)).isoformat(timespec="seconds")


def promotion(day: int, version: int, before: int | None, promoted: bool = True, **more: object) -> dict:
    said = "promoted: queue: first" if promoted else "refused: queue: a loss"
    challenger = {"version": version, "bundle": f"b{version}"}
    line = {"at": at(day), "champion_before": before, "challenger": challenger, "promoted": promoted, "reason": said}
    return {"event": "decision", **line, **more}


def rollback(day: int, version: int, before: int, hours: float = 0) -> dict:
    until = (START + timedelta(days=day, hours=hours)).isoformat()
    pin = {"until": until, "reason": "wrong queue"} if hours else None
    champion = {"version": version, "bundle": f"b{version}"}
    line = {"at": at(day), "champion_before": before, "champion": champion, "reason": "wrong queue", "pin": pin}
    return {"event": "rollback", **line}


def other(kind: str, day: int, before: int) -> dict:
    return {"event": kind, "at": at(day), "champion_before": before, "reason": "by hand"}


def champion(day: int, version: int) -> Champion:
    return Champion(version, f"b{version}", at(day))


def told(chronicle: Chronicle) -> list[tuple[int, str]]:
    return [(one.champion.version, one.how) for one in chronicle.reigns]


def test_reigns_follow_each_other_without_a_gap_and_the_last_has_no_end() -> None:
    lines = (promotion(0, 1, None), promotion(1, 2, 1, promoted=False), promotion(2, 3, 1), rollback(4, 1, 3))
    known = Chronicle(lines, champion(4, 1))
    assert told(known) == [(1, "promoted"), (3, "promoted"), (1, "rolled back")]
    assert [one.until for one in known.reigns] == [known.reigns[1].since, known.reigns[2].since, None]
    assert known.reigns[2].why == "wrong queue"
    assert known.broken_off is None


def test_a_move_whose_process_died_before_the_pointer_moved_is_no_reign() -> None:
    """The record is written first: read alone, it named a champion that never served."""
    lines = (promotion(0, 1, None), promotion(1, 2, 1))
    died = Chronicle(lines, champion(0, 1))
    assert told(died) == [(1, "promoted")]
    assert died.broken_off == champion(1, 2)
    later = Chronicle((*lines, other("broken_off", 1, 1), promotion(2, 3, 1)), champion(2, 3))
    assert told(later) == [(1, "promoted"), (3, "promoted")]
    assert later.broken_off is None
    assert [later.is_broken_off(place) for place in range(4)] == [False, True, False, False]


def test_a_first_move_that_died_leaves_nobody() -> None:
    died = Chronicle((promotion(0, 1, None),), None)
    assert died.reigns == () and died.broken_off == champion(0, 1) and died.before is None


def test_a_pointer_that_the_record_does_not_know_is_the_truth() -> None:
    for lines in ((), (promotion(0, 1, None),)):
        known = Chronicle(lines, champion(3, 9))
        assert told(known)[-1] == (9, "not on record")
    assert Chronicle((), None).reigns == ()


def test_lines_of_a_time_before_rollbacks_are_decisions() -> None:
    line = promotion(0, 1, None)
    del line["event"]
    assert told(Chronicle((line,), champion(0, 1))) == [(1, "promoted")]


def test_one_rollback_after_another_goes_further_back_and_not_forth() -> None:
    lines = [promotion(day, day + 1, day or None) for day in range(3)]
    assert Chronicle(tuple(lines), champion(2, 3)).before == champion(1, 2)
    lines.append(rollback(3, 2, 3))
    assert Chronicle(tuple(lines), champion(3, 2)).before == champion(0, 1)
    lines.append(rollback(4, 1, 2))
    assert Chronicle(tuple(lines), champion(4, 1)).before is None
    lines.append(promotion(5, 4, 1))
    assert Chronicle(tuple(lines), champion(5, 4)).before == champion(4, 1)


def test_a_version_that_was_never_champion_may_be_rolled_to_and_back_from() -> None:
    lines = (promotion(0, 1, None), promotion(1, 2, 1, promoted=False), rollback(2, 2, 1))
    assert Chronicle(lines, champion(2, 2)).before == champion(0, 1)


PIN = Pin(START + timedelta(days=2, hours=72), "wrong queue")


@pytest.mark.parametrize(
    ("further", "hour", "found"),
    [
        ((), 71, PIN),
        ((), 72, None),
        ((other("unpin", 3, 1),), 60, None),
        ((promotion(3, 4, 1, promoted=False),), 60, PIN),
        ((other("unpin", 3, 1), promotion(3, 4, 1, promoted=False)), 60, None),
    ],
)
def test_a_pin_holds_until_its_time_is_over_or_it_is_taken_off(further: tuple, hour: int, found: Pin | None) -> None:
    lines = (promotion(0, 1, None), promotion(1, 2, 1), rollback(2, 1, 2, hours=72), *further)
    assert Chronicle(lines, champion(2, 1)).pin(START + timedelta(days=2, hours=hour)) == found


def test_a_rollback_that_was_broken_off_pins_nothing_and_the_pin_before_it_holds() -> None:
    lines = (promotion(0, 1, None), promotion(1, 2, 1), rollback(2, 1, 2, hours=72))
    assert Chronicle(lines, champion(1, 2)).pin(START + timedelta(days=2)) is None
    more = (*lines, rollback(3, 9, 1, hours=900))
    assert Chronicle(more, champion(2, 1)).pin(START + timedelta(days=3)) == PIN


def test_a_later_rollback_without_a_pin_ends_the_pin_before_it() -> None:
    lines = (promotion(0, 1, None), promotion(1, 2, 1), rollback(2, 1, 2, hours=72), rollback(3, 2, 1))
    assert Chronicle(lines, champion(3, 2)).pin(START + timedelta(days=3, hours=1)) is None


def test_a_pin_is_told_in_utc() -> None:
    assert str(PIN) == "pinned until 2026-05-06 12:00 UTC: wrong queue"
