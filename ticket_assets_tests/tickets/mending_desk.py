"""A source with broken rows, its snapshot, and people who mend them.

Here: what the tests of mending share. Not here: any test.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ticket_assets.profile import ColumnSettings, TargetSettings
from ticket_assets.tickets.curation import Curation, curate
from ticket_assets.tickets.mending import Mending, mend
from ticket_assets.tickets.quarantine import row_ids, write_quarantine
from ticket_assets.tickets.snapshot import Ingestion, ingest, read_snapshot
from ticket_assets.tickets.spreadsheet import read_table, write_table
from ticket_assets_tests.tickets.curations import adds_up
from ticket_assets_tests.tickets.test_sources import source_of, write

COLUMNS = ColumnSettings(id="id", subject=None, body="body")
TARGETS = {"queue": TargetSettings(column="queue", values={"it": "it", "hr": "hr"})}
HEADER = "id,body,queue\n"
BROKEN = HEADER + "1,printer,it\n2,,hr\n3,badge,?\n4,x,y,z\n"
Lines = list[dict[str, str | None]]


@dataclass
class Desk:
    folder: Path
    columns: ColumnSettings = COLUMNS
    hour: int = 0
    wanted: tuple[str, ...] = ("queue",)

    def read(self, text: str) -> int:
        """Read a source that says this; return how many rows are new."""
        write(self.folder / "a.csv", text)
        return self.read_file("a.csv")

    def read_file(self, name: str) -> int:
        return self.ingested(name).new_rows

    def ingested(self, name: str = "a.csv") -> Ingestion:
        self.hour += 1
        source = source_of(self.folder / name)
        return ingest(source, self.raw, self.columns, self.wanted, self.now, unreadable_share=1)

    @property
    def raw(self) -> Path:
        return self.folder / "raw"

    @property
    def now(self) -> datetime:
        return datetime(2024, 1, 5, tzinfo=UTC) + timedelta(hours=self.hour)

    def curated(self) -> Curation:
        result = curate(read_snapshot(self.raw), self.columns, TARGETS, ())
        assert adds_up(result)
        return result

    def clean(self) -> list[tuple[Any, ...]]:
        return list(self.curated().clean[["ticket_id", "text", "label_queue"]].itertuples(index=False, name=None))

    def reasons(self) -> list[str]:
        return list(self.curated().quarantine["reason"])

    def exported(self, name: str = "out.csv") -> Lines:
        """What people are given."""
        write_quarantine(self.folder / name, self.curated().quarantine, self.raw, TARGETS)
        return [dict(row.cells) for row in read_table(self.folder / name)]

    def mend(self, lines: Lines, name: str = "mended.csv", quarantined: list[str] | None = None) -> Mending:
        self.hour += 1
        write_table(self.folder / name, list(lines[0]), [list(line.values()) for line in lines])
        known = row_ids(self.curated().quarantine) if quarantined is None else quarantined
        return mend(self.folder / name, self.raw, self.columns, known, self.now)


def changed(lines: Lines, *values: dict[str, str | None]) -> Lines:
    return [{**line, **new} for line, new in zip(lines, values, strict=True)]


MENDED: list[dict[str, str | None]] = [
    {"body": "mouse"},
    {"queue": "hr"},
    {"id": "4", "body": "-key lost", "queue": "it"},
]
ALL_CLEAN = [("1", "printer", "it"), ("2", "mouse", "hr"), ("3", "badge", "hr"), ("4", "-key lost", "it")]
