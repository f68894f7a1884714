"""What a large window costs: the bound is 60 seconds and 2 GiB for 5,000 rows against 5,000, with vectors."""

import time
import tracemalloc

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from ticket_assets.monitoring.drift.detector import Detector
from ticket_assets.monitoring.sample import Reference, Sample
from ticket_assets.monitoring.verdict import Verdict
from ticket_assets.monitoring_settings import DriftRule
from ticket_assets_tests.monitoring.drift.toys import sample

ROWS, DIMENSIONS = 5000, 384


def as_long_as_tickets(seed: int, **odd: bool) -> Sample:
    """80 words a row and vectors as wide as the packaged encoder's."""
    rows = sample(ROWS, seed, words=80, told=1.0, **odd)  # type: ignore[arg-type]
    vectors = np.random.default_rng(seed).normal(size=(ROWS, DIMENSIONS)).astype(np.float32)
    object.__setattr__(rows, "vectors", vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    return rows


@pytest.mark.slow
def test_5000_rows_against_5000_take_less_than_a_minute_and_two_gibibytes() -> None:
    """Seconds are this process's own on one thread: another's work must not fail the test. Samples are not counted."""
    reference = Reference("toy", as_long_as_tickets(1, answers=False), as_long_as_tickets(2))
    window = as_long_as_tickets(3)
    with threadpool_limits(1):
        begun = time.process_time()
        found = Detector.fit(reference, DriftRule(), 3).judge(window)
        took = time.process_time() - begun
    assert found.rows == found.reference_rows == ROWS and found.verdict is not Verdict.UNJUDGED
    assert took < 60
    tracemalloc.start()
    try:
        Detector.fit(reference, DriftRule(), 3).judge(window)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2 * 1024**3
    print(f"{took:.1f} s, {peak / 1024**2:.0f} MiB")


def test_a_window_of_500_takes_less_than_two_seconds_once_the_reference_is_fitted() -> None:
    with threadpool_limits(1):
        fitted = Detector.fit(Reference("toy", as_long_as_tickets(1), as_long_as_tickets(2)), DriftRule(), 3)
        window = as_long_as_tickets(3).take(np.arange(500))
        begun = time.process_time()
        fitted.judge(window)
        took = time.process_time() - begun
    assert took < 2
    print(f"{took:.2f} s")
