"""Corrections on their way from a service's log through the assets, really run."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from sqlalchemy import text

from ticket_assets.automation import checks
from ticket_assets.automation.feedback import observe_corrections
from ticket_assets.automation.staleness import due_assets, next_run
from ticket_assets.definitions import build_defs
from ticket_assets.resources.desk import Desk
from ticket_assets.serving.corrected import corrections_fingerprint, read_corrections
from ticket_assets.serving.endpoint.settings import log_of
from ticket_assets.serving.prediction_log.clock import Clock
from ticket_assets.serving.prediction_log.engine import StoreDownError
from ticket_assets.serving.prediction_log.log import PredictionLog
from ticket_assets.serving.prediction_log.schema import store_of
from ticket_assets.serving.prediction_log.settings import PredictionLogSettings
from ticket_assets_tests.line import PROFILE, Line
from ticket_assets_tests.serving.prediction_log.desk import PATIENCE, logged

FED = {"tickets/feedback"}
HALVES = {"tickets/clean", "tickets/quarantine"}


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Line]:
    line = Line.begin(tmp_path)
    with line.environment():
        yield line


def run(line: Line) -> set[str]:
    """All that is due of the group, one run after the other."""
    defs, made = build_defs(line.settings()), set()
    with line.instance() as instance:
        observe_corrections(line.folders, instance)
        while chosen := [
            key for key in next_run(defs, due_assets(defs, instance).values()) if key.path[0] == "tickets"
        ]:
            assert line.execute(instance, chosen).success
            made |= {key.to_user_string() for key in chosen}
    return made


def corrected(line: Line, ticket_id: str, label: str, later: int = 0, **said: Any) -> None:
    """What a service does that answers a ticket and is told better."""
    clock = Clock(wall=lambda: time.time_ns() + later * 10**9)
    log = PredictionLog.open(PredictionLogSettings(folder=line.folders.service / "log"), clock)
    told = logged(log, ticket_id=ticket_id, **said)
    log.give_feedback(told, {"queue": label}, reviewer="anna")
    assert log.close(PATIENCE)


def metadata(line: Line, name: str) -> dict[str, dg.MetadataValue]:
    with line.instance() as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey(["tickets", name]))
    assert event and event.asset_materialization
    return dict(event.asset_materialization.metadata)


def test_a_correction_is_due_once_reaches_the_tickets_and_the_counts_add_up(fresh: Line) -> None:
    run(fresh)
    before = fresh.table("tickets", "clean")
    assert "source" not in before and run(fresh) == set()
    known = before["ticket_id"].iloc[0]
    corrected(fresh, known, "hardware")
    corrected(fresh, "T-NEW", "network", body="the badge reader at gate nine blinks")
    assert run(fresh) == {*FED, *HALVES, "tickets/quality"}
    clean = fresh.table("tickets", "clean").set_index("ticket_id")
    assert clean.loc[known, "label_queue"] == "hardware" and clean.loc[known, "source"] == "corrected"
    assert clean.loc["T-NEW", "source"] == "feedback" and "badge reader" in clean.loc["T-NEW", "text"]
    assert len(clean) == len(before) + 1
    assert metadata(fresh, "clean")["feedback_new"].value == 1
    assert metadata(fresh, "feedback")["by reviewer"].value == {"anna": 2}
    assert run(fresh) == set(), "nothing is new"
    tables = {name: fresh.table("tickets", name) for name in ("clean", "quarantine", "feedback")}
    result = checks.counts_add_up(Desk(profile=PROFILE), **tables)
    assert isinstance(result, dg.AssetCheckResult) and result.passed
    lost = tables | {"clean": tables["clean"].query("ticket_id != 'T-NEW'")}
    result = checks.counts_add_up(Desk(profile=PROFILE), **lost)
    assert isinstance(result, dg.AssetCheckResult) and not result.passed, "a row by feedback can be lost too"


def test_disputes_are_a_table_in_the_metadata(fresh: Line) -> None:
    for later, label in enumerate(("network", "hardware")):
        corrected(fresh, "T-1", label, 60 * later)
    run(fresh)
    told = metadata(fresh, "feedback")
    assert told["disputed"].value == 1
    [row] = told["disputes"].records  # type: ignore[attr-defined]
    assert row.data["ticket"] == "T-1" and row.data["holds"] == "hardware"


def test_an_original_ticket_of_the_log_can_be_asked_again(fresh: Line) -> None:
    """Whoever is to answer a recent ticket of the log needs its words and its context."""
    corrected(fresh, "T-NEW", "network", subject="Gate nine", body="the badge reader blinks", context={"channel": "x"})
    run(fresh)
    assert log_of(fresh.folders) is not None
    ticket = Desk(profile=PROFILE).original_tickets()["T-NEW"]
    assert (ticket.subject, ticket.body) == ("Gate nine", "the badge reader blinks")
    assert ticket.context == {"channel": "x", "product": None}


def test_a_log_of_a_newer_version_is_named_and_not_taken_for_one_without_corrections(fresh: Line) -> None:
    """It was a traceback of `make run`, which asks for corrections first."""
    corrected(fresh, "T-1", "network")
    settings = log_of(fresh.folders)
    assert settings is not None
    with store_of(settings) as engine, engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for ask in (read_corrections, corrections_fingerprint):
        with pytest.raises(StoreDownError, match="is at schema 9999, this code knows up to"):
            ask(fresh.folders)
