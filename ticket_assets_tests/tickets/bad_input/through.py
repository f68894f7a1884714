"""One kind of bad input and its way through the real line: read, stored, curated, numbered, written out again.

Here: what the tables of this folder are made of. Not here: any kind (the tables).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ticket_assets.profile import ColumnSettings, TargetSettings
from ticket_assets.source_settings import SourceSettings
from ticket_assets.tickets.curation import Curation, curate
from ticket_assets.tickets.families import number_families
from ticket_assets.tickets.language import detect_languages
from ticket_assets.tickets.quality import assess
from ticket_assets.tickets.quarantine import sample_rows, write_quarantine
from ticket_assets.tickets.schema import clean_columns, pandera_schema
from ticket_assets.tickets.snapshot import ingest, read_snapshot
from ticket_assets.tickets.sources import SourceError
from ticket_assets.tickets.sources.opening import open_source
from ticket_assets.tickets.spreadsheet import read_table
from ticket_assets_tests.tickets.curations import adds_up

NOW = datetime(2024, 3, 1, tzinfo=UTC)
COLUMNS = ColumnSettings(id="id", body="body", created_at="at")
TARGETS = {"queue": TargetSettings(column="queue")}
KNOWN = {"queue": TargetSettings(column="queue", values={"it": "it", "hr": "hr"})}
HEADER = "id,body,at,queue\n"
# Four rows that are well, so that one bad one is no majority.
WELL = "".join(
    f"w{n},the {thing} is broken,2024-01-0{n},it\n" for n, thing in enumerate(["door", "key", "lamp", "fan"], 1)
)
WELL_JSON = "".join(
    f'{{"id":"w{n}","body":"the {thing} is broken","at":"2024-01-0{n}","queue":"it"}}\n'
    for n, thing in enumerate(["door", "key", "lamp", "fan"], 1)
)
Files = Mapping[str, str | bytes] | Callable[[Path], None]


@dataclass(frozen=True)
class Refused:
    """The run ends with this message, and nothing is kept."""

    said: str


@dataclass(frozen=True)
class Sorted:
    """Every row ends in one place: so many clean, so many in quarantine by reason, and the rest as told."""

    clean: int
    quarantine: dict[str, int] = field(default_factory=dict)
    superseded: int = 0
    folded: int = 0
    holds: Callable[[Curation], bool] = lambda _: True


@dataclass(frozen=True)
class Kind:
    """A kind of bad input: its files (or what makes them), where the source is, what is to become of it."""

    name: str
    files: Files
    outcome: Refused | Sorted
    path: str = "a.csv"
    columns: ColumnSettings = COLUMNS
    targets: Mapping[str, TargetSettings] = field(default_factory=lambda: TARGETS)
    source: Mapping[str, Any] = field(default_factory=dict)


def csv(rows: str) -> dict[str, str | bytes]:
    """A CSV of the well rows and others."""
    return {"a.csv": HEADER + WELL + rows}


def lines(rows: str) -> dict[str, str | bytes]:
    """JSON lines of the well rows and others."""
    return {"a.jsonl": WELL_JSON + rows}


def table(**columns: list[Any]) -> Callable[[Path], None]:
    """A Parquet file of these columns, the others filled with what is well."""

    def make(folder: Path) -> None:
        size = len(next(iter(columns.values())))
        well = {"id": [f"p{n}" for n in range(size)], "body": [f"text {n}" for n in range(size)]}
        rest = {"at": ["2024-01-01"] * size, "queue": ["it"] * size}
        pd.DataFrame({**well, **rest, **columns}).to_parquet(folder / "a.parquet")

    return make


def cases(kinds: list[Kind]) -> pytest.MarkDecorator:
    """The table as parameters of one test."""
    assert len({one.name for one in kinds}) == len(kinds)
    return pytest.mark.parametrize("kind", kinds, ids=[one.name for one in kinds])


def send_through(kind: Kind, folder: Path) -> None:
    """Send it through the line, and hold what becomes of it against what should."""
    (folder / "in").mkdir()
    if callable(kind.files):
        kind.files(folder / "in")
    else:
        for name, data in kind.files.items():
            path = folder / "in" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass"))
    expected = kind.outcome
    if isinstance(expected, Refused):
        with pytest.raises(SourceError) as caught:
            run(kind, folder)
        assert re.search(expected.said, str(caught.value), re.DOTALL), str(caught.value)
        return
    result = run(kind, folder)
    reasons = {str(reason): int(count) for reason, count in result.quarantine["reason"].value_counts().items()}
    found = Sorted(len(result.clean), reasons, result.superseded, result.folded, expected.holds)
    assert found == expected
    assert expected.holds(result), result


def run(kind: Kind, folder: Path) -> Curation:
    """What the assets of the group do, from the source to the report and the table for people."""
    settings = SourceSettings(**{"path": str(folder / "in" / kind.path), **kind.source})
    source = open_source(settings, lambda path: Path(os.path.realpath(folder / path)))
    source.fingerprint()
    wanted = tuple(target.column for target in kind.targets.values())
    done = ingest(source, folder / "raw", kind.columns, wanted, NOW)
    result = curate(read_snapshot(folder / "raw"), kind.columns, dict(kind.targets), ())
    assert adds_up(result) and result.read == done.source_rows, "a row was lost"
    assert ingest(source, folder / "raw", kind.columns, wanted, NOW).new_rows == 0, "read again, nothing is new"
    tickets = result.clean
    tickets["language"] = detect_languages(list(tickets["text"]), ("en", "de"))
    tickets["family_id"] = number_families(list(tickets["text"]), list(tickets["ticket_id"]), 0.9).family_ids
    columns = clean_columns((), kind.targets)
    pandera_schema(columns).validate(tickets[[column.name for column in columns]])
    tickets.to_parquet(folder / "clean.parquet")
    result.quarantine.to_parquet(folder / "quarantine.parquet")
    stored = pd.read_parquet(folder / "quarantine.parquet")
    assert assess(folder / "raw", tickets, len(stored), kind.targets).read == result.read
    sample_rows(stored, kind.columns, kind.targets)
    written = write_quarantine(folder / "people.csv", stored, folder / "raw", kind.targets)
    assert len(read_table(folder / "people.csv")) == written.rows == len(stored)
    return result
