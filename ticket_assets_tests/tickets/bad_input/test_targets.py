"""Targets that nothing can be learnt from: what the whole line, really run, does with them."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest

from ticket_assets.automation.source import observe_source
from ticket_assets.tables import write_parquet
from ticket_assets_tests.line import Line

pytestmark = pytest.mark.slow

BEFORE = ["tickets/raw", "tickets/feedback", "tickets/clean", "tickets/quarantine", "tickets/quality", "features/text"]
UP_TO_SEARCH = [*BEFORE, "features/embeddings", "models/split", "models/search_priority"]


@pytest.fixture
def fresh(tmp_path: Path, encoder_root: Path) -> Iterator[Line]:
    line = Line.begin(tmp_path, encoder_root)
    with line.environment():
        yield line


def warnings_of(line: Line, target: str) -> dict[str, str]:
    """Label to warning in the report on the tickets' quality."""
    with line.instance() as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey(["tickets", "quality"]))
    assert event is not None and event.asset_materialization is not None
    shown = event.asset_materialization.metadata[f"labels of {target}"]
    assert isinstance(shown, dg.TableMetadataValue)
    return {str(row.data["label"]): str(row.data["warning"]) for row in shown.records}


def test_a_target_of_one_class_is_warned_of_and_ends_its_search_with_what_to_look_at(fresh: Line) -> None:
    write_parquet(fresh.source, pd.read_parquet(fresh.source).assign(priority="high"))
    with fresh.instance() as instance:
        observe_source(fresh.settings(), instance)
        done = fresh.execute(instance, [dg.AssetKey.from_user_string(name) for name in UP_TO_SEARCH])
    failures = {one.step_key: one.event_specific_data.error for one in done.all_events if one.is_step_failure}
    assert list(failures) == ["models__search_priority"]
    said = failures["models__search_priority"].to_string()
    assert "a target needs tickets of two classes at least: look at its column and value mapping" in said
    assert warnings_of(fresh, "priority") == {"high": "the only class: there is nothing to tell apart"}


def test_classes_of_one_ticket_are_warned_of_and_the_line_goes_through(fresh: Line) -> None:
    """One stands in the training rows, one in the hold-out, which training never saw: its ticket counts as an error."""
    tickets = pd.read_parquet(fresh.source)
    usable = tickets[(tickets["body"].str.len() > 20) & tickets["priority"].notna()].sort_values("created_at").index
    tickets.loc[usable[0], "priority"], tickets.loc[usable[-1], "priority"] = "first", "last"
    write_parquet(fresh.source, tickets)
    made = fresh.bring_up_to_date()
    assert "serving/bento" in made
    told = warnings_of(fresh, "priority")
    assert told["first"] == told["last"] == "fewer than 20"
