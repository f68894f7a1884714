"""Tickets that come together are answered one after the other, and the event loop goes round between any two."""

import asyncio
from typing import Any

import pytest

from ticket_assets.serving.access.refusal import Refusal
from ticket_assets.serving.endpoint.messages import TicketIn
from ticket_assets_tests.serving.endpoint.conftest import LOUD, Parts


def test_between_two_tickets_the_loop_looks_after_everybody_else(
    parts: Parts, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new connection needs four rounds of the loop, each of which took as long as all tickets in work together."""
    happened: list[str] = []
    predict = parts.triage.predict

    def noting(*asked: Any) -> Any:
        happened.append("ticket")
        return predict(*asked)

    monkeypatch.setattr(parts.triage, "predict", noting)

    async def others() -> None:
        while True:
            happened.append("others")
            await asyncio.sleep(0)

    async def ask() -> list[Any]:
        looking = asyncio.create_task(others())
        answers = await asyncio.gather(*(parts.triage.answer(TicketIn(body=LOUD), "http") for _ in range(20)))
        looking.cancel()
        return answers

    answers = run(ask())
    assert [one.targets["tone"].label for one in answers] == ["loud"] * 20
    assert happened.count("ticket") == 20
    assert "ticket ticket" not in " ".join(happened)


def test_they_are_answered_in_the_order_in_which_they_came(
    parts: Parts, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str | None] = []
    predict = parts.triage.predict

    def noting(ticket: TicketIn, transport: Any) -> Any:
        seen.append(ticket.id)
        return predict(ticket, transport)

    monkeypatch.setattr(parts.triage, "predict", noting)

    async def ask() -> None:
        await asyncio.gather(*(parts.triage.answer(TicketIn(body=LOUD, id=str(n)), "http") for n in range(10)))

    run(ask())
    assert seen == [str(number) for number in range(10)]


def test_one_that_is_given_up_or_refused_holds_up_nobody(parts: Parts, run: Any) -> None:
    async def ask() -> str:
        tasks = [asyncio.create_task(parts.triage.answer(TicketIn(body=LOUD), "http")) for _ in range(3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        with pytest.raises(Refusal):
            await parts.triage.answer(TicketIn(body="<p></p>"), "http")
        last = await asyncio.wait_for(parts.triage.answer(TicketIn(body=LOUD), "http"), 10)
        await asyncio.gather(*tasks, return_exceptions=True)
        return last.targets["tone"].label

    assert run(ask()) == "loud"
