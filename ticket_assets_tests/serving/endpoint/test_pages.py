"""Pages and probes: what they say, and that they are answered whatever waits for a thread or for the database."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ticket_assets.serving.access.error_shape import ErrorShape
from ticket_assets.serving.access.policy import Policy
from ticket_assets.serving.access.refusal import Refusal
from ticket_assets.serving.access.settings import AccessSettings
from ticket_assets.serving.endpoint.pages import ReadPages
from ticket_assets.serving.endpoint.runtime import Runtime
from ticket_assets.serving.endpoint.threads import Threads
from ticket_assets.serving.store import POINTER
from ticket_assets_tests.serving.access.test_asgi import answer_of
from ticket_assets_tests.serving.endpoint.conftest import Parts, ToyStore

PROBES = ("/livez", "/readyz", "/healthz")


async def inside(*_: Any) -> None:
    raise Refusal(404, "inside")


def page(runtime: Any, path: str, method: str = "GET", query: str = "") -> Any:
    app = ErrorShape(ReadPages(inside, Policy.of(AccessSettings()), lambda: cast(Runtime | None, runtime)))
    scope = {"type": "http", "method": method, "path": path, "headers": [], "query_string": query.encode()}
    return answer_of(app, scope)


async def told(runtime: Any, path: str, method: str = "GET", query: str = "") -> tuple[int, Any]:
    start, body = await page(runtime, path, method, query)
    return start["status"], json.loads(body["body"])


@asynccontextmanager
async def no_thread_is_free(*pools: Threads) -> AsyncIterator[None]:
    """Every thread of the loop and of the pools hangs, and as much waits for one as may."""
    gate, pool = threading.Event(), ThreadPoolExecutor(1)
    loop = asyncio.get_running_loop()
    loop.set_default_executor(pool)
    hanging = [asyncio.ensure_future(threads.ask(gate.wait, 60)) for threads in pools for _ in range(threads.most)]
    hanging.append(asyncio.ensure_future(asyncio.to_thread(gate.wait, 60)))
    await asyncio.sleep(0.1)
    try:
        yield
    finally:
        gate.set()
        await asyncio.gather(*hanging)


def test_probes_are_answered_while_the_database_hangs_and_no_thread_is_free(parts: Parts, run: Any) -> None:
    async def main() -> list[int]:
        async with no_thread_is_free(parts.pools.database), asyncio.timeout(20):
            return [(await told(parts, path))[0] for path in (*PROBES, "/info", "/docs.json")]

    assert run(main()) == [200] * 5


def test_no_more_requests_wait_for_the_database_than_may_and_the_others_are_told_when_to_come_back(
    parts: Parts, run: Any
) -> None:
    async def main() -> None:
        async with no_thread_is_free(parts.pools.database):
            status, said = await told(parts, "/act_report")
            assert (status, said["error"]["code"]) == (503, "overloaded")
            with pytest.raises(Refusal) as refused:
                await parts.pools.database.ask(int)
            assert refused.value.headers == {"retry-after": "5"}
        assert await parts.pools.database.ask(int) == 0

    run(main())


def test_a_request_that_is_given_up_still_waits_for_the_database(parts: Parts, run: Any) -> None:
    """A thread that hangs cannot be interrupted: it must count, or hanging ones pile up without a bound."""

    async def main() -> None:
        gate = threading.Event()
        asked = [
            asyncio.ensure_future(parts.pools.database.ask(gate.wait, 60)) for _ in range(parts.pools.database.threads)
        ]
        await asyncio.sleep(0.1)
        for one in asked:
            one.cancel()
        await asyncio.sleep(0.1)
        assert parts.pools.database._asked == parts.pools.database.threads
        gate.set()
        while parts.pools.database._asked:
            await asyncio.sleep(0.01)

    run(main())


def test_health_lists_its_faults_with_codes(parts: Parts, store: ToyStore, run: Any) -> None:
    status, health = run(told(parts, "/healthz"))
    assert (status, health["status"], health["faults"]) == (200, "ok", [])
    (store.root / POINTER).write_text("{")
    parts.engine.offer()
    status, health = run(told(parts, "/healthz"))
    [fault] = health["faults"]
    assert (status, health["status"], fault["code"]) == (200, "degraded", "champion_refused")
    assert fault["message"] == "the champion of the store was refused; the one before answers"
    [reason] = parts.office.info().faults
    assert "JSONDecodeError" in reason or str(store.root) in reason


def test_strangers_are_told_that_the_log_is_down_and_neither_where_it_is_nor_why(open_parts: Any, run: Any) -> None:
    parts = open_parts(url="postgresql://nobody@127.0.0.1:1/nothing", retry_seconds=0.1)
    while parts.log.state().status != "down":
        parts.log.flush(0.05)
    _, health = run(told(parts, "/healthz"))
    assert [fault["code"] for fault in health["faults"]] == ["log_down"]
    assert set(health["log"]) == {"state", "backlog", "backlog_bytes", "not_logged"}
    assert "127.0.0.1" not in json.dumps(health)
    _, info = run(told(parts, "/info"))
    assert "127.0.0.1" in info["log"]["last_error"]
    assert "127.0.0.1" in info["faults"][0]


@pytest.mark.parametrize("runtime", [None, SimpleNamespace(engine=SimpleNamespace(seat=None))])
def test_without_a_model_the_process_lives_and_is_not_ready(runtime: Any, run: Any) -> None:
    status, health = run(told(runtime, "/healthz"))
    assert (status, health["status"], [fault["code"] for fault in health["faults"]]) == (503, "down", ["no_model"])
    assert [run(told(runtime, path))[0] for path in ("/livez", "/readyz")] == [200, 503]


@pytest.mark.parametrize(
    ("path", "query", "status", "field"),
    [
        ("/act_report", "since=%00", 400, "since"),
        ("/act_report", "since=soon-and-secret", 422, "since"),
        ("/act_report", "since=0001-01-01T00:00%2B14:00", 422, "since"),
        ("/act_report", "since=9999-12-31T23:59-14:00", 422, "since"),
        ("/act_report", "since=9999-12-31T23:59Z", 200, None),
        ("/act_report", "sinse=2026-01-01", 400, "sinse"),
        ("/act_report", "since=a&since=b", 400, "since"),
        ("/info", "since=a", 400, "since"),
        ("/readyz", "probe=1", 200, None),
    ],
)
def test_a_wrong_query_is_refused_with_its_name_and_without_its_value(
    parts: Parts, run: Any, path: str, query: str, status: int, field: str | None
) -> None:
    found, said = run(told(parts, path, query=query))
    assert (found, said.get("error", {}).get("field")) == (status, field)
    assert "secret" not in json.dumps(said)


@pytest.mark.parametrize(
    ("path", "method", "allowed"),
    [("/healthz", "POST", "GET, HEAD"), ("/info", "DELETE", "GET, HEAD, POST"), ("/readyz", "OPTIONS", "GET, HEAD")],
)
def test_another_method_is_405_with_those_there_are(
    parts: Parts, run: Any, path: str, method: str, allowed: str
) -> None:
    start, body = run(page(parts, path, method))
    assert (start["status"], dict(start["headers"])[b"allow"]) == (405, allowed.encode())
    assert json.loads(body["body"])["error"]["code"] == "method_not_allowed"


def test_head_has_the_length_of_get(parts: Parts, run: Any) -> None:
    lengths = [dict(run(page(parts, "/readyz", method))[0]["headers"])[b"content-length"] for method in ("GET", "HEAD")]
    assert lengths[0] == lengths[1] != b"0"
