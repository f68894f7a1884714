"""Who was champion on a date, for people: days, moments, time zones, what is no date, and the whole table."""

from datetime import UTC, datetime, timedelta

import pytest

from ticket_assets.serving.chronicle import Chronicle
from ticket_assets.serving.history import EMPTY, MomentError, history_lines, now_lines, on_lines
from ticket_assets.serving.store import Champion
from ticket_assets_tests.serving.test_chronicle import champion, other, promotion, rollback

NOW = datetime(2026, 5, 9, 12, tzinfo=UTC)
SCORES = {"queue": {"macro_f1": 0.8125, "accuracy": 0.9}}
# v1 from 1 May 12:00, v3 from 3 May, rolled back to v1 on 5 May.
KNOWN = Chronicle(
    (
        promotion(0, 1, None, scores=SCORES),
        promotion(1, 2, 1, promoted=False),
        promotion(2, 3, 1),
        rollback(4, 1, 3, hours=240),
        other("unpin", 5, 1),
    ),
    champion(4, 1),
)


def on(given: str, chronicle: Chronicle = KNOWN) -> str:
    return "\n".join(on_lines(chronicle, given, NOW))


def versions(given: str) -> list[str]:
    return [line.split()[1].strip(",") for line in on(given).splitlines() if line.startswith("champion")]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("2026-05-01", ["v1"]),
        ("2026-05-02", ["v1"]),
        ("2026-05-03", ["v1", "v3"]),
        ("2026-05-04", ["v3"]),
        ("2026-05-05", ["v3", "v1"]),
        ("2026-05-09", ["v1"]),
        ("2026-05-01T12:00", ["v1"]),
        ("2026-05-03T11:59", ["v1"]),
        ("2026-05-03T12:00", ["v3"]),
        ("2026-05-03T13:30+02:00", ["v1"]),
        ("2026-05-03T14:00+02:00", ["v3"]),
        ("2026-05-09T12:00Z", ["v1"]),
    ],
)
def test_a_day_names_all_champions_of_it_and_a_moment_the_one(given: str, found: list[str]) -> None:
    assert versions(given) == found


def test_version_bundle_time_reason_and_scores_are_told() -> None:
    assert on("2026-05-02").splitlines() == [
        "champion   v1, bundle b1",
        "since      2026-05-01 12:00 UTC until 2026-05-03 12:00 UTC",
        "why        promoted: queue: first",
        "scores     queue: macro_f1 0.812, accuracy 0.900",
    ]


def test_before_the_first_champion_its_beginning_is_named() -> None:
    told = "no champion on {} (UTC): the first was v1, since 2026-05-01 12:00 UTC"
    for given in ("2026-04-30", "2026-05-01T11:59"):
        assert on(given) == told.format(given)
    assert on("2026-05-01", Chronicle((promotion(0, 1, None, promoted=False),), None)) == EMPTY


@pytest.mark.parametrize("given", ["", "yesterday", "2026-13-01", "2026-05-01T25:00", "2026-05", "01.05.2026"])
def test_what_is_no_date_is_refused_with_the_forms(given: str) -> None:
    with pytest.raises(MomentError, match="is no date: write 2026-05-01 for a day, 2026-05-01T12:00 for a moment"):
        on(given)


@pytest.mark.parametrize("given", ["2026-05-10", "2026-05-09T12:01", "2026-05-09T11:00-02:00", "9999-12-31"])
def test_a_date_to_come_is_refused_with_the_present(given: str) -> None:
    with pytest.raises(MomentError, match=r"is still to come: it is 2026-05-09 12:00 UTC"):
        on(given)


def test_the_pin_and_a_broken_move_are_told_with_the_champion_of_now() -> None:
    pinned = Chronicle(KNOWN.lines[:4], champion(4, 1))
    assert "pin        pinned until 2026-05-15 12:00 UTC: wrong queue" in list(now_lines(pinned, NOW))
    assert not [line for line in now_lines(KNOWN, NOW) if line.startswith("pin")]
    died = list(now_lines(Chronicle(KNOWN.lines[:4], champion(2, 3)), NOW))
    assert died[0] == "champion   v3, bundle b3"
    assert died[-1].startswith("broken off the move to v1 of 2026-05-05 12:00 UTC: its process ended before")
    assert list(now_lines(Chronicle((), None), NOW)) == [EMPTY]


def test_the_history_holds_promotions_refusals_rollbacks_and_pins_in_their_order() -> None:
    lines = [*KNOWN.lines, other("broken_off", 6, 1), promotion(7, 5, 1, challenger={"version": None, "bundle": "b5"})]
    header, *rows = history_lines(Chronicle(tuple(lines), champion(4, 1)))
    assert header.split() == ["when", "(UTC)", "what", "version", "bundle", "why"]
    assert [row[18:30].strip() for row in rows] == [
        *("promoted", "refused", "promoted", "rolled back", "unpinned", "broken off", "promoted")
    ]
    assert rows[0] == "2026-05-01 12:00  promoted    v1       b1                queue: first"
    assert rows[3].endswith("wrong queue (pinned until 2026-05-15 12:00 UTC)")
    assert "v" not in rows[6][30:38]


def test_a_champion_of_this_very_day_is_found_before_its_end() -> None:
    today = Champion(1, "b1", (NOW - timedelta(hours=1)).isoformat())
    assert "v1" in on("2026-05-09", Chronicle((), today))
