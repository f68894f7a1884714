"""Notices on their way: told once, tried again where an address is out of reach, given up in the end."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ticket_assets.monitoring.outbox import FIRST_PAUSE, TRIES, Delivery, Notice, Outbox

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
ALL = ("drift", "promotion", "refusal", "failure", "recovery")
GOOD, BAD = "json://good/secret-1", "json://bad/secret-2"


class Addresses:
    """Some that take notices, some that do not; who was told what."""

    def __init__(self, *broken: str) -> None:
        self.broken, self.told = set(broken), []

    def send(self, address: str, notice: Notice) -> str | None:
        if address in self.broken:
            return "(json) was not reached"
        self.told.append((address, notice.id))
        return None


def notice(name: str = "n1", occasion: str = "drift") -> Notice:
    return Notice(name, occasion, "a title", "a body", "/runs/1", NOW.isoformat())  # type: ignore[arg-type]


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path)


def test_a_notice_is_told_to_every_address_and_then_gone(outbox: Outbox) -> None:
    people = Addresses()
    assert outbox.put(notice())
    assert outbox.deliver((GOOD, BAD), ALL, people.send, NOW) == Delivery(done=1)
    assert people.told == [(GOOD, "n1"), (BAD, "n1")]
    assert outbox.pending() == ()
    assert [(one["id"], one["became"], one["addresses"]) for one in outbox.told()] == [("n1", "told", 2)]


def test_what_was_put_or_told_before_is_not_put_again(outbox: Outbox) -> None:
    assert outbox.put(notice())
    assert not outbox.put(notice())
    outbox.deliver((GOOD,), ALL, Addresses().send, NOW)
    assert not outbox.put(notice())
    assert outbox.put(notice("n2"))


def test_an_address_out_of_reach_is_tried_again_later_and_the_others_are_not_told_twice(outbox: Outbox) -> None:
    people = Addresses(BAD)
    outbox.put(notice())
    done = outbox.deliver((GOOD, BAD), ALL, people.send, NOW)
    assert (done.failed, done.words) == (1, ("n1: address 2 (json) was not reached",))
    assert outbox.deliver((GOOD, BAD), ALL, people.send, NOW + FIRST_PAUSE / 2) == Delivery(waiting=1)
    people.broken.clear()
    assert outbox.deliver((GOOD, BAD), ALL, people.send, NOW + FIRST_PAUSE).done == 1
    assert people.told == [(GOOD, "n1"), (BAD, "n1")]


def test_it_is_given_up_after_a_day_or_so_and_counted(outbox: Outbox) -> None:
    people, now, tries = Addresses(BAD), NOW, 0
    outbox.put(notice())
    while outbox.pending():
        done = outbox.deliver((BAD,), ALL, people.send, now)
        tries += done.failed + done.given_up
        now += timedelta(minutes=1)
    assert (tries, done.given_up) == (TRIES, 1)
    assert timedelta(hours=12) < now - NOW < timedelta(hours=24)
    [told] = outbox.told()
    assert told["became"] == f"given up after {TRIES} tries: address 1 (json) was not reached"


def test_an_occasion_that_nobody_asked_for_and_a_desk_without_addresses_tell_nobody(outbox: Outbox) -> None:
    people = Addresses()
    outbox.put(notice("n1", "refusal"))
    assert outbox.deliver((GOOD,), ("drift",), people.send, NOW).done == 1
    outbox.put(notice("n2"))
    assert outbox.deliver((), ALL, people.send, NOW).done == 1
    assert people.told == []
    assert [one["became"] for one in outbox.told()] == ["nobody is to be told"] * 2


def test_what_there_was_no_time_for_is_tried_in_the_next_round_and_costs_no_try(outbox: Outbox) -> None:
    people, left = Addresses(), iter([True, True, False, False])
    outbox.put(notice())
    assert outbox.deliver((GOOD, BAD), ALL, people.send, NOW, lambda: next(left)).waiting == 1
    [pending] = outbox.pending()
    assert (pending.tries, people.told) == (0, [(GOOD, "n1")])
    assert outbox.deliver((GOOD, BAD), ALL, people.send, NOW).done == 1
    assert people.told == [(GOOD, "n1"), (BAD, "n1")]


def test_no_address_is_written_anywhere(outbox: Outbox, tmp_path: Path) -> None:
    outbox.put(notice())
    outbox.deliver((GOOD, BAD), ALL, Addresses(BAD).send, NOW)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert "secret" not in path.read_text() and "good" not in path.read_text()
