"""What a server asks of the middlewares besides requests, and answers that break off: asked as a server asks."""

import asyncio
import gc
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ticket_assets.serving.access.capacity import Capacity, Work
from ticket_assets.serving.access.error_shape import ErrorShape
from ticket_assets.serving.access.guard import Guard
from ticket_assets.serving.access.http import guard_http
from ticket_assets.serving.access.refusal import Refusal
from ticket_assets.serving.access.settings import AccessSettings
from ticket_assets_tests.serving.access.site import Desk as Takes

REQUEST = {"type": "http", "method": "POST", "path": "/predict", "headers": [], "query_string": b""}
BEGIN = {"type": "http.response.start", "status": 200, "headers": []}


async def answer_of(app: ASGIApp, scope: dict[str, Any], *received: Message) -> list[Message]:
    waiting, sent = list(received), []

    async def receive() -> Message:
        return waiting.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


def guarded() -> Starlette:
    takes = Takes()
    guard_http(takes, Guard(AccessSettings(auth="open")))
    return Starlette(middleware=takes.middlewares)


def test_a_websocket_is_closed_whatever_lies_behind(run: Any) -> None:
    sent = run(
        answer_of(guarded(), {"type": "websocket", "path": "/predict", "headers": []}, {"type": "websocket.connect"})
    )
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_the_begin_and_the_end_of_the_service_pass_through(run: Any) -> None:
    received: list[Message] = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent = run(answer_of(guarded(), {"type": "lifespan", "state": {}}, *received))
    assert [message["type"] for message in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_an_error_from_further_inside_is_put_into_the_one_shape_and_a_probe_s_is_left_as_it_is(run: Any) -> None:
    told = {
        path: run(answer_of(ErrorShape(Starlette()), {**REQUEST, "path": path})) for path in ("/metrics", "/readyz")
    }
    assert [sent[0]["status"] for sent in told.values()] == [404, 404]
    assert b'"code": "not_found"' in told["/metrics"][1]["body"]
    assert told["/readyz"][1]["body"] == b"Not Found"


@pytest.mark.parametrize("error", [RuntimeError("inside"), Refusal(422, "too late")])
def test_half_an_answer_is_not_followed_by_another(run: Any, error: Exception) -> None:
    """The server breaks the connection off, so that the client does not take it for the whole."""

    async def breaks_off(scope: Scope, receive: Receive, send: Send) -> None:
        await send(BEGIN)
        raise error

    with pytest.raises(type(error)):
        run(answer_of(ErrorShape(breaks_off), REQUEST))


def test_a_request_given_up_that_fails_later_disturbs_nobody(run: Any) -> None:
    """asyncio complains of an error that nobody took note of."""
    complaints: list[Any] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, complaint: complaints.append(complaint))

        async def fails_late(scope: Scope, receive: Receive, send: Send) -> None:
            await asyncio.sleep(0.05)
            await send(BEGIN)
            raise RuntimeError("late")

        work = Work(1, 0.01)
        with pytest.raises(Refusal) as refused:
            await answer_of(Capacity(fails_late, work), REQUEST)
        assert refused.value.status == 504
        assert await work.finish(20)
        del refused
        gc.collect()

    run(main())
    assert complaints == []


def test_a_server_that_gives_a_request_up_ends_its_work(run: Any) -> None:
    ended: list[bool] = []

    async def works(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await asyncio.sleep(20)
        finally:
            ended.append(True)

    async def main() -> None:
        answering = asyncio.create_task(answer_of(Capacity(works, Work(1, 60)), REQUEST))
        await asyncio.sleep(0.05)
        answering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await answering
        await asyncio.sleep(0.05)
        assert ended == [True]

    run(main())
