"""Rows to curate, and where they went.

Here: what the tests of curation share. Not here: any test.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pandas as pd

from ticket_assets.profile import ColumnSettings, TargetSettings
from ticket_assets.tickets.curation import Curation, curate

COLUMNS = ColumnSettings(id="id", subject="subject", body="body", created_at="at")
QUEUE = {"queue": TargetSettings(column="queue")}
BOTH = {**QUEUE, "priority": TargetSettings(column="priority", values={"1": "low", "high": "high"})}


def snapshot(*rows: dict[str, Any]) -> pd.DataFrame:
    defaults = {
        "id": None,
        "subject": None,
        "body": "hello",
        "at": None,
        "queue": "q",
        "priority": "1",
        "channel": None,
    }
    frame = pd.DataFrame([{**defaults, **row} for row in rows], columns=[*defaults])
    frame["_ingested_at"] = pd.Timestamp(datetime(2024, 1, 5, tzinfo=UTC))
    return frame


def curated(*rows: dict[str, Any], targets: dict[str, TargetSettings] = BOTH, **columns: Any) -> Curation:
    return curate(snapshot(*rows), COLUMNS.model_copy(update=columns), targets, ("channel",))


def adds_up(result: Curation) -> bool:
    """Whether no row was lost and none counted twice."""
    return result.read == len(result.clean) + result.superseded + result.folded + len(result.quarantine)


def places(result: Curation) -> tuple[int, int, int, int]:
    assert adds_up(result)
    return len(result.clean), result.superseded, result.folded, len(result.quarantine)
