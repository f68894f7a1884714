"""A source of two tickets."""

from __future__ import annotations

from pathlib import Path

import pytest

from ticket_assets_tests.tickets.test_sources import write


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    write(tmp_path / "a.csv", "id,body\n1,hello\n2,bye\n")
    return tmp_path
