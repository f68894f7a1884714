"""What a large window costs: the bound is 60 seconds and 2 GiB for 5,000 rows against 5,000, with vectors."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from ticket_assets.monitoring.drift.detector import Detector
from ticket_assets.monitoring.sample import Reference, Sample
from ticket_assets.monitoring.verdict import Verdict
from ticket_assets.monitoring_settings import DriftRule
from ticket_assets_tests.monitoring.drift.toys import sample

ROWS, DIMENSIONS = 5000, 384
MOST_SECONDS, MOST_BYTES = 60, 2 * 1024**3
CODE = f"import json, {__name__} as cost; print(json.dumps(cost.fit_and_judge()))"


def as_long_as_tickets(seed: int, **odd: bool) -> Sample:
    """80 words a row and vectors as wide as the packaged encoder's."""
    rows = sample(ROWS, seed, words=80, told=1.0, **odd)  # type: ignore[arg-type]
    vectors = np.random.default_rng(seed).normal(size=(ROWS, DIMENSIONS)).astype(np.float32)
    object.__setattr__(rows, "vectors", vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    return rows


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_5000_rows_against_5000_take_less_than_a_minute_and_two_gibibytes() -> None:
    """In a process of its own: seconds are its own on one thread, memory is all that it ever held, libraries too."""
    command, root = [sys.executable, "-c", CODE], Path(__file__).parents[3]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["rows"] == told["reference_rows"] == ROWS
    assert told["verdict"] != Verdict.UNJUDGED
    assert told["vectors"], "the tests of embeddings were left out"
    assert 0 < told["seconds"] < MOST_SECONDS, told
    assert 0 < told["peak_bytes"] < MOST_BYTES, told
    print(f"{told['seconds']:.1f} s, {told['peak_bytes'] / 1024**2:.0f} MiB")


def fit_and_judge() -> dict[str, object]:
    """What the process of the test does: seconds are without the making of samples, the peak is with them."""
    reference = Reference("toy", as_long_as_tickets(1, answers=False), as_long_as_tickets(2))
    window = as_long_as_tickets(3)
    with threadpool_limits(1):
        begun = time.process_time()
        found = Detector.fit(reference, DriftRule(), 3).judge(window)
        took = time.process_time() - begun
    # Not getrusage: its peak is begun with that of the process that started this one.
    (peak,) = re.findall(r"^VmHWM:\s*(\d+) kB$", Path("/proc/self/status").read_text(encoding="ascii"), re.MULTILINE)
    return {
        "rows": found.rows,
        "reference_rows": found.reference_rows,
        "verdict": found.verdict,
        "vectors": any(one.kind == "embedding_drift" for one in found.findings),
        "seconds": took,
        "peak_bytes": int(peak) * 1024,
    }


def test_a_window_of_500_takes_less_than_two_seconds_once_the_reference_is_fitted() -> None:
    with threadpool_limits(1):
        fitted = Detector.fit(Reference("toy", as_long_as_tickets(1), as_long_as_tickets(2)), DriftRule(), 3)
        window = as_long_as_tickets(3).take(np.arange(500))
        begun = time.process_time()
        fitted.judge(window)
        took = time.process_time() - begun
    assert took < 2
    print(f"{took:.2f} s")
