"""Corrections as the log tells them, and the table that they become.

Here: what tests of feedback share. Not here: any test.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pandas as pd

from ticket_assets.profile import Profile
from ticket_assets.source_settings import SourceSettings
from ticket_assets.tickets.feedback import feedback_table
from ticket_assets.tickets.ledger import Ledger
from ticket_assets.tickets.taxonomy import Taxonomy

START = datetime(2026, 3, 1, tzinfo=UTC)
_NUMBERS = count()


def profile(**sections: Any) -> Profile:
    wanted: dict[str, Any] = {
        "source": SourceSettings(path="tickets.parquet"),
        "columns": {"id": "id", "body": "body"},
        "targets": {"queue": {"column": "queue"}, "kind": {"column": "kind"}},
        "families": {"cut": 0.5, "largest_share": 0.99},
        "features": {"languages": ["en", "de"]},
    }
    return Profile(**{**wanted, **sections})


def correction(label: str, minute: float = 0, **changes: Any) -> dict[str, Any]:
    """One target of one correction, of an answer of its own unless it is named."""
    number = next(_NUMBERS)
    at = START + timedelta(minutes=minute)
    told = {
        **{"correction_id": f"f-{number}", "prediction_id": f"p-{number}", "target": "queue", "label": label},
        **{"predicted": "network", "at": at, "moment": int(at.timestamp() * 1e9), "key": "desk", "reviewer": "anna"},
        **{"bundle": "b-1", "model_version": "3", "predicted_at": START - timedelta(days=1), "transport": "http"},
        **{"ticket_id": None, "subject": "", "body": "the printer is on fire", "context": {}},
    }
    return told | changes


def table(
    *told: dict[str, Any],
    kept: Path,
    of: Profile | None = None,
    taxonomies: dict[str, Taxonomy] | None = None,
    ledger: Ledger | None = None,
) -> pd.DataFrame:
    return feedback_table(told, of or profile(), taxonomies or {}, ledger or Ledger(), kept)
