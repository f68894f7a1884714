"""The end of a service: work whose clients are gone is waited for, and the log is closed whatever happens."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from ticket_assets.serving.access.capacity import Work
from ticket_assets.serving.access.refusal import Refusal
from ticket_assets.serving.endpoint import runtime as running
from ticket_assets.serving.endpoint.runtime import Runtime
from ticket_assets.serving.endpoint.settings import ServiceSettings
from ticket_assets_tests.serving.endpoint.conftest import ToyStore


@pytest.fixture
def runtime(store: ToyStore, tmp_path: Path) -> Runtime:
    store.crown(1)
    return Runtime(
        ServiceSettings.model_validate({"state": tmp_path / "state", "bundles": store.root, "encoders": store.root})
    )


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
