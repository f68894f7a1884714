"""The watched profile, in the environment of this process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ticket_assets_tests.monitoring.watched import Watched


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    """A profile without a log; tables and champion are a test's own to make."""
    made = Watched.begin(tmp_path)
    with made.environment():
        _ = made.watch.folders  # begins the root
        yield made
