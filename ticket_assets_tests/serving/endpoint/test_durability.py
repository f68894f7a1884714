"""What the durability of the log means for the event loop that answers."""

import asyncio
import os
import threading
import time
from collections.abc import Callable

import pytest

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
