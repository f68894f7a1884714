"""Readings of a small source into a snapshot.

Here: what the tests of the snapshot share. Not here: any test.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from ticket_assets.profile import ColumnSettings
from ticket_assets.tickets.snapshot import Ingestion, ingest, read_snapshot
from ticket_assets_tests.tickets.test_sources import source_of

DAY = datetime(2024, 1, 5, tzinfo=UTC)
COLUMNS = ColumnSettings(id="id", subject="subject", body="body")
LATER = datetime(2024, 1, 6, tzinfo=UTC)


def read(desk: Path, pattern: str = "*.csv", now: datetime = DAY, columns: ColumnSettings = COLUMNS) -> Ingestion:
    done = ingest(source_of(desk / pattern), desk / "it's raw", columns, now=now)
    return replace(done, told={})


def kept(desk: Path, *columns: str) -> list[tuple[object, ...]]:
    frame = read_snapshot(desk / "it's raw")
    return list(frame[list(columns)].itertuples(index=False, name=None))
