"""What one per cent more tickets cost: the line up to features over real tickets, twice.

Here: running it and reading what its steps did and how long they took. Not here: the promise (pipeline/test_growth.py),
figures for people (benchmarks/growth.py).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd

from ticket_assets.tables import write_parquet
from ticket_assets_tests.line import PROFILE, Line

STEPS = tuple(
    dg.AssetKey(one)
    for one in (
        ["tickets", "raw"],
        ["tickets", "feedback"],
        ["tickets", "clean"],
        ["tickets", "quarantine"],
        ["features", "text"],
        ["features", "embeddings"],
    )
)
SETTINGS = f"""
profile = "{PROFILE}"
storage_root = "storage"
[profiles.{PROFILE}]
source.path = "tickets.parquet"
columns = {{ id = "ticket_id", body = "Document" }}
targets.topic_group.column = "Topic_group"
families.cut = 0.7
"""


@dataclass(frozen=True)
class Run:
    """One materialisation of all up to features.

    Attributes:
        seconds: per step, start of the process and of the run left out.
        told: metadata of tickets/raw, tickets/clean and features/embeddings.
    """

    seconds: dict[str, float]
    told: dict[str, Any]

    @property
    def total(self) -> float:
        return sum(self.seconds.values())


def begin(folder: Path, encoders: Path | None) -> Line:
    """A line for the real tickets; `encoders` saves exporting one."""
    folder.mkdir(parents=True, exist_ok=True)
    return Line.begin(folder, encoders, SETTINGS)


def materialise(line: Line, tickets: pd.DataFrame) -> Run:
    """Give the line these tickets and run it up to features."""
    write_parquet(line.source, tickets)
    with line.environment(), line.instance() as instance:
        result = line.execute(instance, list(STEPS), raise_on_error=True)
    seconds, told = {}, {}
    for event in result.all_events:
        if event.is_step_success:
            seconds[str(event.step_key)] = event.step_success_data.duration_ms / 1000
        if event.is_step_materialization:
            told |= {name: one.value for name, one in event.step_materialization_data.materialization.metadata.items()}
    return Run(seconds, told)
