"""Which tickets are answered on the event loop: not those that wait for a disk, and not long ones."""

import asyncio
import os
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from ticket_assets.serving.endpoint import answering
from ticket_assets.serving.endpoint.messages import Answer, TicketIn
from ticket_assets_tests.serving.endpoint.conftest import LOUD, Parts
from ticket_assets_tests.serving.endpoint.test_triage import logged, predicted


@pytest.mark.parametrize(("durability", "on_the_loop"), [("process", True), ("disk", False)])
def test_a_flush_to_the_disk_holds_up_no_event_loop(
    open_parts: Callable[..., Parts], monkeypatch: pytest.MonkeyPatch, durability: str, on_the_loop: bool
) -> None:
    parts, flush, longest = open_parts(durability=durability), os.fsync, 0.0

    def slow(descriptor: int) -> None:
        time.sleep(0.3)
        flush(descriptor)

    async def served() -> Answer:
        nonlocal longest
        asked = asyncio.create_task(parts.triage.answer(TicketIn(body=LOUD, id="INC-1"), "http"))
        while not asked.done():
            before = time.perf_counter()
            await asyncio.sleep(0)
            longest = max(longest, time.perf_counter() - before)
        return await asked

    predicted(parts)  # the first one opens the journal and loads what is loaded late
    monkeypatch.setattr("os.fsync", slow)
    threads, predict = set[str](), parts.triage.predict
    monkeypatch.setattr(
        parts.triage, "predict", lambda *asked: threads.add(threading.current_thread().name) or predict(*asked)
    )
    answer = asyncio.run(served())
    assert logged(parts, answer).ticket_id == "INC-1"
    assert longest < 0.25
    assert (threads == {threading.main_thread().name}) == on_the_loop


@pytest.mark.parametrize(
    ("ticket", "on_the_loop"),
    [
        (TicketIn(body="x " * 9_999, subject="y"), True),
        (TicketIn(body="x " * 9_999, subject="yyy"), False),
        (TicketIn(body=LOUD, reasons=1), False),
    ],
)
def test_a_long_ticket_and_one_with_reasons_is_answered_in_a_thread(
    parts: Parts, monkeypatch: pytest.MonkeyPatch, ticket: TicketIn, on_the_loop: bool
) -> None:
    threads, answer_one = list[int](), answering.answer_one

    def noted(*its: Any) -> Any:
        threads.append(threading.get_ident())
        return answer_one(*its)

    monkeypatch.setattr(answering, "answer_one", noted)
    answer = asyncio.run(parts.triage.answer(ticket, "http"))
    assert logged(parts, answer).body == ticket.body.strip()
    assert [one == threading.get_ident() for one in threads] == [on_the_loop]
