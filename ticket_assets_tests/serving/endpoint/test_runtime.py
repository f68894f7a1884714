"""The end of a service: work whose clients are gone is waited for, and the log is closed whatever happens."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ticket_assets.serving.access.capacity import Work
from ticket_assets.serving.access.refusal import Refusal
from ticket_assets.serving.endpoint import runtime as running
from ticket_assets.serving.endpoint import watcher as watching
from ticket_assets.serving.endpoint.runtime import Runtime
from ticket_assets.serving.endpoint.settings import ServiceSettings
from ticket_assets.serving.endpoint.watcher import Watcher
from ticket_assets_tests.serving.endpoint.conftest import ToyStore


@pytest.fixture
def opened(store: ToyStore, tmp_path: Path) -> Callable[..., Runtime]:
    store.crown(1)
    given = {"state": tmp_path / "state", "bundles": store.root, "encoders": store.root}
    return lambda **more: Runtime(ServiceSettings.model_validate(given | more))


@pytest.fixture
def runtime(opened: Callable[..., Runtime]) -> Runtime:
    return opened()


def test_a_stop_waits_for_what_its_client_was_told_to_wait_for_no_more(runtime: Runtime, run: Any) -> None:
    async def main() -> None:
        gate, work, open_then = threading.Event(), Work(1, 0.05), []

        def writes_late() -> None:
            assert gate.wait(20)
            open_then.append(runtime.log._journal is not None and not runtime._stopped.is_set())

        with pytest.raises(Refusal, match="504"):
            await work.answer(asyncio.to_thread(writes_late))
        stopping = asyncio.ensure_future(runtime.stop(work))
        await asyncio.sleep(0.2)
        assert not stopping.done()
        gate.set()
        async with asyncio.timeout(20):
            await stopping
        assert open_then == [True]

    run(main())


def test_a_stop_waits_no_longer_than_its_grace(
    runtime: Runtime, run: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(running, "GRACE_SECONDS", 0.1)

    async def main() -> None:
        gate, work = threading.Event(), Work(1, 0.05)
        with pytest.raises(Refusal, match="504"):
            await work.answer(asyncio.to_thread(gate.wait, 30))
        async with asyncio.timeout(20):
            await runtime.stop(work)
        gate.set()

    run(main())
    assert "1 requests were still in work" in caplog.text


def test_the_log_is_closed_also_where_grpc_fails_to_stop(runtime: Runtime, run: Any) -> None:
    class Broken:
        async def stop(self) -> None:
            raise RuntimeError("gRPC")

    runtime.wire = Broken()  # type: ignore[assignment]
    with pytest.raises(RuntimeError, match="gRPC"):
        run(runtime.stop(Work(1, 1)))
    assert runtime._stopped.is_set()


@pytest.mark.parametrize("hanging", ["gauges", "watcher"])
def test_the_log_is_closed_though_a_thread_hangs(
    opened: Callable[..., Runtime], hanging: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One opens the table of similar tickets, one loads a bundle: on a disk that hangs neither comes back."""
    entered, gate = threading.Event(), threading.Event()

    def hang(*_: object) -> None:
        entered.set()
        gate.wait(60)

    monkeypatch.setattr(running, "GAUGE_SECONDS", 0.01)
    monkeypatch.setattr(running, "CLOSE_SECONDS", 0.3)
    runtime = opened(watch_seconds=0.1)
    monkeypatch.setattr(*((runtime._similar, "look", hang) if hanging == "gauges" else (Watcher, "look", hang)))
    assert entered.wait(20)
    closing = threading.Thread(target=runtime.close, daemon=True)
    closing.start()
    closing.join(20)
    is_closed = not closing.is_alive() and not runtime.log._drain._thread.is_alive()
    gate.set()
    assert is_closed
    assert f"{hanging} did not end" in caplog.text


def test_the_log_is_closed_whatever_fails_before(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime.pools.act, "close", broken(0))
    with pytest.raises(RuntimeError, match="broken"):
        runtime.close()
    assert not runtime.log._drain._thread.is_alive()


def test_one_failure_ends_neither_the_gauges_nor_the_watching(
    opened: Callable[..., Runtime], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(running, "GAUGE_SECONDS", 0.01)
    monkeypatch.setattr(watching, "RETRY_SECONDS", 0.01)
    runtime = opened(watch_seconds=0.1)
    looked, offered = threading.Event(), threading.Event()
    monkeypatch.setattr(runtime._similar, "look", broken(1, looked.set))
    monkeypatch.setattr(runtime.engine, "offer", broken(1, offered.set, runtime.engine.offer))
    assert runtime._watcher is not None
    runtime._watcher._seen = None
    assert looked.wait(20)
    assert offered.wait(20)
    runtime.close()
    assert caplog.text.count("RuntimeError: broken") == 2


def broken(times: int, then: Callable[[], None] | None = None, real: Callable[[], Any] = int) -> Callable[..., Any]:
    """What fails so many times, always where nothing follows, and does what it did again."""
    failed: list[None] = []

    def made(*_: object) -> Any:
        if then is None or len(failed) < times:
            failed.append(None)
            raise RuntimeError("broken")
        then()
        return real()

    return made


def test_numpy_uses_no_more_threads_than_the_settings_allow(opened: Callable[..., Runtime]) -> None:
    """Left alone each worker takes all cores for products of a tenth of a millisecond."""
    from threadpoolctl import threadpool_info, threadpool_limits

    def used() -> set[int]:
        return {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"}

    with threadpool_limits(limits=2):  # what was there before comes back at the end
        if used() != {2}:
            pytest.skip("this machine has one core, or numpy a library that cannot be bounded")
        for threads in (1, 2):
            opened(threads=threads).close()
            assert used() == {threads}
