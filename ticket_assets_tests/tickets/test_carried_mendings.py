"""Mended rows whose source row comes again with other columns: the mending goes with it, or it is told that not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ticket_assets.profile import ColumnSettings
from ticket_assets.tickets.batches import CARRIED_BATCH, batches
from ticket_assets.tickets.erasure import Selection, erase_rows, select
from ticket_assets.tickets.mending import Mending
from ticket_assets.tickets.quarantine import row_ids
from ticket_assets.tickets.snapshot import read_snapshot
from ticket_assets_tests.tickets.mending_desk import ALL_CLEAN, BROKEN, COLUMNS, MENDED, Desk, changed
from ticket_assets_tests.tickets.test_sources import write

WIDER = "id,body,queue,region\n1,printer,it,EU\n2,,hr,EU\n3,badge,?,US\n4,x,y,z,u,v\n"
LABELS = {"queue": "?", "more": {"region": "EU"}}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path)
    assert made.read(BROKEN) == 4
    made.mend(changed(made.exported(), *MENDED))
    return made


def test_a_column_that_the_source_gets_later_takes_no_mending_away(desk: Desk) -> None:
    """Every row then has another hash: each mended row came back broken, as a later version of its ticket."""
    write(desk.folder / "a.csv", WIDER)
    assert (desk.ingested().mendings_carried, desk.ingested().mendings_carried) == (2, 0)
    assert desk.clean() == ALL_CLEAN
    assert desk.reasons() == ["unreadable"], "another text, of a row that nobody can read, is another row"
    assert desk.curated().overruled == ()
    regions = read_snapshot(desk.raw).query("_mended_from.notna()").set_index("id")["region"].dropna()
    assert dict(regions) == {"2": "EU", "3": "US"}, "what the source says besides is kept"


def test_a_dotted_column_that_is_reached_later_takes_no_mending_away(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    rows: list[dict[str, Any]] = [{"id": "1", "body": "badge", **LABELS}, {"id": "2", "body": "printer", **LABELS}]
    write(tmp_path / "a.jsonl", "".join(json.dumps(one) + "\n" for one in rows))
    desk.read_file("a.jsonl")
    desk.mend(changed(desk.exported(), {"queue": "hr"}, {"_action": "drop"}))
    desk.wanted = ("queue", "more.region")
    done = desk.ingested("a.jsonl")
    assert (done.new_rows, done.mendings_carried) == (2, 2)
    assert desk.clean() == [("1", "badge", "hr")]
    assert desk.reasons() == ["dropped"]
    assert desk.ingested("a.jsonl").new_rows == 0


def test_a_column_that_the_source_no_longer_has_takes_no_mending_away(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.read(WIDER)
    desk.mend(changed(desk.exported(), *MENDED))
    write(tmp_path / "a.csv", BROKEN)
    assert desk.ingested().mendings_carried == 2
    assert desk.clean() == ALL_CLEAN
    write(tmp_path / "a.csv", WIDER)
    desk.ingested()
    assert sorted(desk.clean()) == ALL_CLEAN
    assert desk.curated().overruled == ()


def test_a_mending_of_a_mending_goes_on_as_the_last_one_says(desk: Desk) -> None:
    desk.mend([{"_row": _root(desk, "2"), "_action": None, "id": "2", "body": "mice", "queue": "hr"}], quarantined=[])
    write(desk.folder / "a.csv", WIDER)
    assert desk.ingested().mendings_carried == 2
    assert desk.clean()[1] == ("2", "mice", "hr")


def test_without_ids_a_row_that_comes_wider_is_mended_and_not_back_in_quarantine(tmp_path: Path) -> None:
    desk = Desk(tmp_path, ColumnSettings(body="body"))
    desk.read("body,queue\nprinter,it\nbadge,?\n")
    desk.mend(changed(desk.exported(), {"queue": "hr", "body": "badge lost"}))
    write(tmp_path / "a.csv", "body,queue,region\nprinter,it,EU\nbadge,?,EU\n")
    assert desk.ingested().mendings_carried == 1
    assert [row[1:] for row in desk.clean()] == [("printer", "it"), ("badge lost", "hr")]
    assert desk.reasons() == []


def test_rows_without_id_and_text_are_nobody_s_and_take_no_other_row_s_mending(tmp_path: Path) -> None:
    desk = Desk(tmp_path, ColumnSettings(body="body"))
    desk.read("body,queue\nprinter,it\n,hr\n")
    desk.mend(changed(desk.exported(), {"body": "mouse"}))
    write(tmp_path / "a.csv", "body,queue,region\nprinter,it,EU\n,hr,EU\n")
    assert desk.ingested().mendings_carried == 0
    assert [row[1] for row in desk.clean()] == ["printer", "mouse"]
    assert desk.reasons() == ["empty_text"], "the new row stands in quarantine, where it can be mended"


@pytest.mark.parametrize(
    ("row", "why"),
    [("2,keyboard,hr,EU", "text"), ("2,,it,EU", "label"), ("3,badge,hr,US", "mended column"), ("3,key,?,US", "text")],
)
def test_a_source_that_says_something_else_speaks_last_and_the_overruled_mending_is_told(
    desk: Desk, row: str, why: str
) -> None:
    write(desk.folder / "a.csv", f"id,body,queue,region\n{row}\n")
    assert desk.ingested().mendings_carried == 0, why
    assert desk.curated().overruled == (_root(desk, row[0]),)
    assert desk.curated().mended == 2


def test_a_mending_that_comes_after_the_source_spoke_again_is_told_at_once(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.read(BROKEN)
    lines, known = desk.exported(), row_ids(desk.curated().quarantine)
    desk.read(BROKEN.replace("2,,hr", "2,keyboard,it"))
    done = desk.mend(changed(lines, *MENDED), quarantined=known)
    assert done == Mending(3, 0, 0, 0, {"body": 2, "queue": 2, "id": 1}, overruled=1)


def test_a_reading_that_is_killed_between_rows_and_mendings_loses_none(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(desk.folder / "a.csv", WIDER)
    before = len(batches(desk.raw))

    moved = Path.replace

    def killed(self: Path, target: Path) -> Path:
        if target.name.startswith(CARRIED_BATCH):
            return moved(self, target)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Path, "replace", killed)
        desk.ingested()
    assert len(batches(desk.raw)) == before + 1, "the mendings stand before their rows"
    assert desk.clean() == ALL_CLEAN
    desk.ingested()
    assert desk.clean() == ALL_CLEAN
    assert desk.curated().overruled == ()
    assert len(batches(desk.raw)) == before + 2


def test_whoever_is_erased_goes_with_the_mendings_that_were_carried(desk: Desk) -> None:
    write(desk.folder / "a.csv", WIDER)
    desk.ingested()
    erased = select(desk.raw, COLUMNS, Selection(ids=("2",)))
    assert erase_rows(desk.raw, COLUMNS, erased) == 4  # two of the source, two mendings
    assert "2" not in set(read_snapshot(desk.raw)["id"])


def _root(desk: Desk, ticket: str) -> str:
    rows = read_snapshot(desk.raw)
    mended = rows[rows["_mended_from"].notna() & (rows["id"] == ticket)]
    return str(mended["_mended_from"].iloc[0])
