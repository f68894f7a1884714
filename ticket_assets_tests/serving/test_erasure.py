"""All steps over a small desk: what other stores keep of a person goes too, and the proof finds what a step missed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from ticket_assets.models.registry import Registry
from ticket_assets.models.split import Holdout
from ticket_assets.models.trained_rows import keep_trained, was_trained_on
from ticket_assets.serving import erasure
from ticket_assets.serving.bundle import write_bundle
from ticket_assets.serving.erasure import STEPS, Plan, Site, carry_out, plan, prove, sweep
from ticket_assets.serving.prediction_log.engine import StoreDownError
from ticket_assets.serving.prediction_log.log import PredictionLog
from ticket_assets.serving.prediction_log.outcome import Logged
from ticket_assets.serving.prediction_log.records import Answer
from ticket_assets.serving.prediction_log.schema import store_of
from ticket_assets.serving.prediction_log.settings import PredictionLogSettings
from ticket_assets.serving.prediction_log.tables import predictions
from ticket_assets.serving.proof import search
from ticket_assets.state import plan_of_erasure
from ticket_assets.storage import ProfileFolders
from ticket_assets.tables import write_parquet
from ticket_assets.tickets.erasure import Selection
from ticket_assets.tickets.kept_texts import cleaned_texts
from ticket_assets.tickets.ledger import fitted_to_erased
from ticket_assets.tickets.quarantine import sample_rows, write_quarantine
from ticket_assets.tickets.snapshot import read_snapshot
from ticket_assets_tests.decoded import where
from ticket_assets_tests.serving.conftest import toy_fields, toy_model
from ticket_assets_tests.tickets.mending_desk import ALL_CLEAN, BROKEN, COLUMNS, HEADER, MENDED, TARGETS, Desk, changed

UNREADABLE = "4,zaphod beeblebrox of sector zz9,y,z"
WORDS = ("zaphod", "key lost")


@pytest.fixture
def site(tmp_path: Path, toy_database: str) -> Site:
    """A snapshot with a mended row, and what a run and people made of it."""
    folders = ProfileFolders(tmp_path / "root")
    desk = Desk(folders.root)
    folders.root.mkdir()
    desk.read(BROKEN.replace("4,x,y,z", UNREADABLE))
    folders.quarantine.parent.mkdir(parents=True)
    write_parquet(folders.quarantine, desk.curated().quarantine)
    folders.reports.mkdir()
    write_quarantine(folders.reports / "quarantine.csv", desk.curated().quarantine, desk.raw, TARGETS)
    lines = desk.exported()
    for told in ("a.csv", "out.csv"):
        (folders.root / told).unlink()
    desk.mend(changed(lines, *MENDED))
    (folders.root / "mended.csv").unlink()
    cleaned_texts(read_snapshot(desk.raw), COLUMNS, (), folders.kept)
    return Site(folders, COLUMNS, ("queue",), Registry(toy_database, f"ticket-assets-{tmp_path.name}"))


def test_a_mended_ticket_goes_from_snapshot_quarantine_kept_texts_and_tables_for_people(site: Site) -> None:
    root = site.folders.root
    assert {one.split("/")[0] for one in where(root, *WORDS)} == {"raw", "parquet", "reports", "kept"}
    found = plan(site, Selection(ids=("4",)))
    assert found is not None
    carry_out(site, found, lambda *_: None)
    assert where(root, *WORDS) == ["erasure.json"], "the plan alone still says it"
    assert [one for one in prove(site, found) if one.hits] == []
    assert where(root, *WORDS) == [] and not plan_of_erasure(root).exists()
    desk = Desk(root)
    assert desk.clean() == ALL_CLEAN[:3]
    kept = cleaned_texts(read_snapshot(desk.raw), COLUMNS, (), site.folders.kept)
    assert kept.made == len(kept.texts), "what was kept is made again"


@pytest.mark.parametrize("missed", ["raw batches", "kept results", "tables", "tables for people"])
def test_the_proof_finds_what_a_step_left(site: Site, missed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasure, "STEPS", tuple(one for one in STEPS if one[0] != missed))
    monkeypatch.setattr(erasure, "redact", lambda *_: False)
    found = plan(site, Selection(ids=("4",)))
    assert found is not None
    carry_out(site, found, lambda *_: None)
    assert any(one.hits for one in prove(site, found))
    assert plan_of_erasure(site.folders.root).exists()


def test_what_monitoring_copied_of_tickets_goes_and_what_it_judged_stays(site: Site) -> None:
    folder = site.folders.monitoring
    for path in (*(one / "x.parquet" for one in site.folders.monitoring_copies()), folder / "windows" / "w" / "s.json"):
        path.parent.mkdir(parents=True)
        path.write_text("zaphod beeblebrox of sector zz9" if path.suffix == ".parquet" else "{}")
    found = plan(site, Selection(ids=("4",)))
    assert found is not None
    carry_out(site, found, lambda *_: None)
    assert [one.name for one in folder.iterdir()] == ["windows"]


def test_answers_that_were_logged_and_those_that_wait_for_the_database_go_too(site: Site) -> None:
    folder = site.folders.service / "log"
    log = PredictionLogSettings(folder=folder, flush_seconds=60)
    site = replace(site, log=log)
    opened = PredictionLog.open(log)
    for name, body in (("4", "zaphod beeblebrox of sector zz9"), ("1", "the printer")):
        kept = Answer("http", "b", "1", {}, subject="", body=body, ticket_id=name)
        assert isinstance(opened.append(kept), Logged)
        assert opened.flush(30)
        opened.append(kept)
    found = plan(site, Selection(ids=("4",)))
    assert found is not None
    carry_out(site, found, lambda *_: None)
    assert [one for one in prove(site, found) if one.hits] == []
    assert where(site.folders.root, *WORDS) == []
    assert opened.close()
    with store_of(log) as engine, engine.connect() as connection:
        assert [row.ticket_id for row in connection.execute(select(predictions))] == ["1", "1"]


def test_a_log_whose_database_is_out_of_reach_stops_the_erasure_which_goes_on_later(site: Site) -> None:
    found = plan(site, Selection(ids=("4",)))
    assert found is not None
    log = PredictionLogSettings(folder=site.folders.service / "log", url="postgresql://nobody:secret@127.0.0.1:1/none")
    with pytest.raises(StoreDownError, match="the prediction log cannot be reached") as error:
        carry_out(replace(site, log=log), found, lambda *_: None)
    assert "secret" not in str(error.value)
    assert plan_of_erasure(site.folders.root).exists(), "nothing else runs on the profile before it is done"


def test_a_log_of_a_newer_version_stops_the_erasure_in_a_line(site: Site) -> None:
    """It was a SchemaError, which `make erase` does not know."""
    found = plan(site, Selection(ids=("4",)))
    assert found is not None
    log = PredictionLogSettings(folder=site.folders.service / "log")
    with store_of(log) as engine, engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreDownError, match="at schema 9999, this code knows up to"):
        carry_out(replace(site, log=log), found, lambda *_: None)


def test_a_ticket_that_only_the_service_ever_saw_is_erased_wherever_its_log_lies(site: Site, tmp_path: Path) -> None:
    """Nothing of it stands below the root, and the erasure said that there was nothing to do."""
    log = PredictionLogSettings(folder=tmp_path / "elsewhere")
    site = replace(site, log=log)
    opened = PredictionLog.open(log)
    assert isinstance(opened.append(Answer("http", "b", "1", {}, body="ford prefect", ticket_id="T-9")), Logged)
    assert opened.close()
    found = plan(site, Selection(ids=("T-9",)))
    assert found is not None
    assert any(one.hits for one in prove(site, found)), "not done, and the proof says so"
    carry_out(site, found, lambda *_: None)
    assert not any(one.hits for one in prove(site, found))
    assert plan(site, Selection(ids=("T-9",))) is None
    assert where(log.folder, "ford prefect") == []


def test_an_erasure_enters_the_data_that_bundles_were_fitted_to_with_the_ticket_and_not_for_a_held_out_one(
    site: Site,
) -> None:
    """The champion's weights were fitted to the ticket, and nothing that was kept said so."""
    folders = site.folders
    write_bundle(folders.bundles, [toy_model()], toy_fields() | {"data": {"tickets/clean": "v1"}}, "a card")
    keep_trained(folders.trained, "v1", ["1", "4"])
    Holdout("a rule", 42, ("2", "3"), 0.15).save(folders.split / "holdout.json")
    held_out, trained = (plan(site, Selection(ids=(one,))) for one in ("2", "4"))
    assert held_out is not None and (held_out.trained, held_out.fitted) == (False, ())
    assert trained is not None and (trained.trained, trained.fitted) == (True, ("v1",))
    trained.keep(folders)
    assert Plan.begun(folders) == trained, "one that goes on after it was broken off knows it too"
    path = plan_of_erasure(folders.root)
    earlier = {name: its for name, its in json.loads(path.read_text()).items() if name not in ("fitted", "trained")}
    path.write_text(json.dumps(earlier))
    begun = Plan.begun(folders)
    assert begun is not None and begun.fitted is None, "that of an earlier version does not tell: not that it is nobody"
    for one in (held_out, trained):
        carry_out(site, one, lambda *_: None)
        assert [its for its in prove(site, one) if its.hits] == []
        assert one.fitted is not None and fitted_to_erased(folders.records) == {*one.fitted}
    assert was_trained_on(folders.trained, "v1", ["4"]) is False
    assert was_trained_on(folders.trained, "v1", ["1"]) is True


def test_what_killed_processes_left_is_swept_in_every_store(site: Site) -> None:
    root = site.folders.root
    left = [
        *(root / "bentoml" / ".building-1" / "bentos", root / "encoders" / ".partial-2"),
        *(root / "bundles" / ".draft.3.tmp" / "tone", root / "lancedb" / ".new-4", root / ".raw.5.tmp"),
    ]
    for folder in left:
        folder.mkdir(parents=True)
        (folder / "text").write_text("zaphod beeblebrox")
    (root / "kept" / ".cleaned.parquet.6.tmp").write_text("zaphod beeblebrox")
    assert sweep(root) == 6
    assert not any("zaphod" in path.read_text() for path in root.rglob("text"))
    assert (root / "kept" / "cleaned.parquet").exists()


def test_choices_of_an_encoder_are_searched_like_all_else(site: Site) -> None:
    """They hold ids, rates and cosines; were one to hold a text, it would be found."""
    found = plan(site, Selection(ids=("4",)))
    assert found is not None
    path = site.folders.encoder_choices / "a.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"measured": [{"encoder_id": "onnx-1", "tickets_per_second": 4.0}]}))
    before = {one.path: one.hits for one in search(site.folders.root, found.traces, "id")}
    path.write_text(json.dumps({"measured": UNREADABLE}))
    after = {one.path: one.hits for one in search(site.folders.root, found.traces, "id")}
    assert before[path] == 0 and after[path] > 0


def test_a_sampled_row_goes_from_what_people_were_shown_though_its_lines_were_joined_there(
    tmp_path: Path, toy_database: str
) -> None:
    """Piece by piece the source's text stands nowhere in it: its lines are short, and an address is masked."""
    folders, desk = ProfileFolders(tmp_path), Desk(tmp_path)
    body = "Hello,\nzaphod here,\ntwo heads and\nthree arms,\nwrite to z@b.example\nor ring me\nat the bar"
    desk.read(HEADER + f'1,printer,it\n2,"{body}",?\n3,"a@b.example",it\n4,z@b.example,?\n')
    folders.reports.mkdir()
    samples = folders.reports / "samples.json"
    samples.write_text(
        json.dumps([*sample_rows(desk.curated().quarantine, COLUMNS, TARGETS), {"says": "[email_address]"}])
    )
    (tmp_path / "a.csv").unlink()
    assert "zaphod here, two heads and three" in samples.read_text()
    site = Site(folders, COLUMNS, ("queue",), Registry(toy_database, f"ticket-assets-{tmp_path.name}"))
    found = plan(site, Selection(ids=("2", "4")))
    assert found is not None
    carry_out(site, found, lambda *_: None)
    assert [one for one in prove(site, found) if one.hits] == []
    assert where(tmp_path, "zaphod", "three arms", "ring me") == []
    assert json.loads(samples.read_text())[-1] == {"says": "[email_address]"}
