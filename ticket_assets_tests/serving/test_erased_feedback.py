"""An erasure takes a person's corrections too: from the log, from `tickets/feedback`, from all that is made of them."""

from pathlib import Path

import pandas as pd
import pytest

from ticket_assets.models.registry import Registry
from ticket_assets.models.seen_tickets import SeenTickets, names_of
from ticket_assets.models.trained_rows import keep_trained, recent_there, was_trained_on
from ticket_assets.serving.corrected import read_corrections
from ticket_assets.serving.erasure import Plan, Site, carry_out, plan, prove
from ticket_assets.serving.prediction_log.log import PredictionLog
from ticket_assets.serving.prediction_log.settings import PredictionLogSettings
from ticket_assets.storage import ProfileFolders
from ticket_assets.tables import write_parquet
from ticket_assets.tickets.clean_tickets import clean_tickets
from ticket_assets.tickets.erasure import Selection
from ticket_assets.tickets.feedback import feedback_table
from ticket_assets.tickets.ledger import read_ledger
from ticket_assets.tickets.snapshot import read_snapshot
from ticket_assets_tests.decoded import where
from ticket_assets_tests.serving.prediction_log.desk import PATIENCE, logged
from ticket_assets_tests.tickets.corrections import profile
from ticket_assets_tests.tickets.mending_desk import COLUMNS, HEADER, Desk

SOURCE = HEADER + "1,the printer smokes,it\n2,zaphod lost both heads,hr\n3,the badge reader blinks,hr\n"
ASKED = {
    "of the desk": ("2", "zaphod lost both heads"),
    "of the log alone": ("T-9", "trillian wants a tea"),
    "without an id": (None, "marvin has a brain the size of a planet"),
    "of the desk by its text": (None, "zaphod lost both heads"),
    "of another": ("T-5", "the lift is stuck"),
}


@pytest.fixture
def site(tmp_path: Path, toy_database: str, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A desk with a log full of corrections, and the tables that a run made of both."""
    monkeypatch.delenv("TICKET_ASSETS_CONFIG", raising=False)
    folders, desk = ProfileFolders(tmp_path / "root"), Desk(tmp_path / "root")
    folders.root.mkdir()
    desk.read(SOURCE)
    (folders.root / "a.csv").unlink()
    settings = PredictionLogSettings(folder=folders.service / "log")
    log = PredictionLog.open(settings)
    for ticket_id, body in ASKED.values():
        log.give_feedback(logged(log, ticket_id=ticket_id, subject="", body=body, context={}), {"queue": "network"})
    assert log.close(PATIENCE)
    site = Site(folders, COLUMNS, ("queue",), Registry(toy_database, f"ticket-assets-{tmp_path.name}"), settings)
    run(site)
    seen = SeenTickets(frozenset(names_of(["1", "2", "3", "T-5"])), frozenset(names_of(["T-9"])))
    seen.save(folders.split)
    keep_trained(folders.trained, "v1", ["1", "2", "T-5"], ["T-9"])
    return site


def run(site: Site) -> pd.DataFrame:
    """What the assets do."""
    folders, of = site.folders, profile(columns=COLUMNS.model_dump(), targets={"queue": {"column": "queue"}})
    told = (vars(one) for one in read_corrections(folders))
    feedback = feedback_table(told, of, {}, read_ledger(folders.records), folders.kept / "feedback")
    made = clean_tickets(read_snapshot(folders.raw), of, {}, folders.kept, feedback)
    for name, frame in (("feedback", feedback), ("clean", made.tickets)):
        (folders.parquet / "tickets").mkdir(parents=True, exist_ok=True)
        write_parquet(folders.parquet / "tickets" / f"{name}.parquet", frame)
    return made.tickets


def erased(site: Site, **wanted: tuple[str, ...]) -> Plan:
    found = plan(site, Selection(**wanted))  # type: ignore[arg-type]
    assert found is not None
    carry_out(site, found, lambda *_: None)
    assert [one for one in prove(site, found) if one.hits] == []
    return found


@pytest.mark.parametrize(
    ("wanted", "words", "left"),
    [
        ({"ids": ("2",)}, "zaphod", {"1", "3", "T-5", "T-9", "feedback"}),
        ({"ids": ("T-9",)}, "trillian", {"1", "2", "3", "T-5", "feedback"}),
        ({"matches": ("MARVIN",)}, "marvin", {"1", "2", "3", "T-5", "T-9"}),
        ({"matches": ("zaphod",)}, "zaphod", {"1", "3", "T-5", "T-9", "feedback"}),
    ],
    ids=["the desk's", "the log's", "without an id", "by what it says"],
)
def test_the_corrections_go_with_the_ticket_and_do_not_come_back(
    site: Site, wanted: dict[str, tuple[str, ...]], words: str, left: set[str]
) -> None:
    assert where(site.folders.root, words), "the test shows nothing"
    erased(site, **wanted)
    assert where(site.folders.root, words) == []
    again = run(site)
    assert {one.partition("-")[0] if one.startswith("feedback") else one for one in again["ticket_id"]} == left
    assert where(site.folders.root, words) == []


def test_a_ticket_of_the_log_alone_that_was_trained_on_is_told_of_as_such(site: Site) -> None:
    found = plan(site, Selection(ids=("T-5",)))
    assert found is not None and found.trained
    found.keep(site.folders)
    assert Plan.begun(site.folders) == found, "one that goes on after it was broken off knows the answers too"


def test_lists_of_who_was_seen_and_who_is_recent_lose_it_too(site: Site) -> None:
    erased(site, ids=("T-9",))
    seen = SeenTickets.load(site.folders.split)
    assert seen is not None and seen.recent == frozenset()
    assert recent_there(site.folders.trained, "v1") == frozenset()
    erased(site, ids=("T-5",))
    assert was_trained_on(site.folders.trained, "v1", ["T-5"]) is False


def test_a_correction_that_comes_from_another_log_later_is_left_out(site: Site) -> None:
    erased(site, ids=("T-9",), matches=("marvin",))
    assert site.log is not None
    log = PredictionLog.open(site.log)
    for ticket_id, body in (ASKED["of the log alone"], ASKED["without an id"]):
        log.give_feedback(logged(log, ticket_id=ticket_id, subject="", body=body, context={}), {"queue": "network"})
    assert log.close(PATIENCE)
    assert not {"T-9"} & {*run(site)["ticket_id"]} and len(run(site)) == 4
