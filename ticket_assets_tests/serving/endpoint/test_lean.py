"""What BentoML leaves of a request: nothing, with what is taken out of its service."""

import gc
import json
import os
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import pytest

from ticket_assets.serving.bundle import TriageBundle
from ticket_assets.serving.endpoint.engine import PROBES
from ticket_assets_tests.serving.endpoint.conftest import ToyStore
from ticket_assets_tests.serving.endpoint.server import PROJECT

TOY = "ticket_assets_tests.serving.endpoint.lean_toy"
TRACING = """
services:
  toy:
    tracing: {sample_rate: 0.5}
"""


def said(*arguments: str, **variables: str) -> str:
    """What another Python says."""
    environment = {**os.environ, **variables}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def seen() -> Any:
    return json.loads(said("-m", TOY))


def test_a_request_leaves_no_timer_behind(seen: Any) -> None:
    assert seen["timers"]["lean"] == 0


def test_without_us_bentoml_leaves_one_per_request(seen: Any) -> None:
    # The day this fails BentoML has mended it, and lean.py can lose its half.
    assert seen["timers"]["BentoML's own"] == seen["requests"]


def test_spans_that_nobody_keeps_are_not_made(seen: Any) -> None:
    assert seen["traced"] == {"lean": False, "BentoML's own": True}


def test_traces_that_an_operator_wants_are_made(tmp_path: Path) -> None:
    (tmp_path / "bentoml.yaml").write_text(TRACING)
    seen = json.loads(said("-m", TOY, BENTOML_CONFIG=str(tmp_path / "bentoml.yaml")))
    assert seen["traced"]["lean"]
    assert seen["timers"]["lean"] == 0


def test_our_service_is_served_without_both() -> None:
    names = said("-c", "import service; print([one.cls.__name__ for one in service.SERVICE.to_asgi().user_middleware])")
    assert "RequestLog" in names
    assert "TimeoutMiddleware" not in names
    assert "OpenTelemetryMiddleware" not in names


def test_a_bundle_is_freed_by_counting_alone(store: ToyStore) -> None:
    # What is frozen is never looked at again: a bundle in a cycle would stay when the next one takes its seat.
    champion = store.crown(1)
    bundle = TriageBundle.load(store.root / champion.bundle, store.root)
    bundle.predict(PROBES, reasons=1)
    gone = weakref.ref(bundle), weakref.ref(bundle._models[0])
    gc.disable()
    try:
        del bundle
        assert [one() for one in gone] == [None, None]
    finally:
        gc.enable()


HEAP = """
import sys
from pathlib import Path
from ticket_assets.serving.endpoint.lean import give_back_memory

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

dropped = [bytes(50_000) for _ in range(2000)]
kept = [bytes(50_000) for _ in range(5)]  # stands above what is dropped, so that the heap cannot shrink by itself
del dropped
before = resident()
give_back_memory()
print(before - resident())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the C library of Linux")
def test_memory_that_was_dropped_below_what_is_used_is_given_back() -> None:
    assert int(said("-c", HEAP)) > 50_000_000
