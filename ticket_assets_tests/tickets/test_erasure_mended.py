"""A mended row and the row that it replaces are one person's: whichever is chosen, both are erased."""

from __future__ import annotations

from pathlib import Path

import pytest

from ticket_assets.models.erasure import erase_from_tables
from ticket_assets.storage import ProfileFolders
from ticket_assets.tables import write_parquet
from ticket_assets.tickets.batches import batches, mended_batches
from ticket_assets.tickets.erasure import Erased, Selection, erase_rows, said_by, select
from ticket_assets.tickets.ledger import enter, read_ledger
from ticket_assets.tickets.quarantine import erase_from_exports
from ticket_assets.tickets.snapshot import ingest
from ticket_assets.tickets.spreadsheet import read_table, write_table
from ticket_assets_tests.decoded import where
from ticket_assets_tests.tickets.mending_desk import ALL_CLEAN, BROKEN, COLUMNS, HEADER, MENDED, Desk, changed
from ticket_assets_tests.tickets.test_sources import source_of

FOURTH = "4,zaphod,y,z"  # one value too many: unreadable, so without an id


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Three broken rows, all mended; the last was unreadable and is ticket 4 now."""
    made = Desk(tmp_path)
    made.read(BROKEN.replace("4,x,y,z", FOURTH))
    made.mend(changed(made.exported(), *MENDED))
    assert made.clean() == ALL_CLEAN
    return made


def erase(desk: Desk, wanted: Selection) -> Erased:
    found = select(desk.raw, COLUMNS, wanted)
    enter(desk.folder, "one", "2024-01-07", found.tickets, found.contents)
    erase_rows(desk.raw, COLUMNS, found)
    return found


@pytest.mark.parametrize(
    "wanted", [Selection(ids=("4",)), Selection(matches=("zaphod",)), Selection(matches=("key lost",))]
)
def test_chosen_by_the_mended_row_or_by_the_unreadable_one_both_go_and_the_counts_add_up(
    desk: Desk, wanted: Selection
) -> None:
    found = erase(desk, wanted)
    assert found.tickets == {"4"} and len(found.rows) == 2
    assert where(desk.raw, "zaphod", "key lost") == []
    assert desk.clean() == ALL_CLEAN[:3] and desk.curated().mended == 2
    assert len(mended_batches(desk.raw)) == 1 and len(batches(desk.raw)) == 2
    again = ingest(source_of(desk.folder / "a.csv"), desk.raw, COLUMNS, ledger=read_ledger(desk.folder))
    assert (again.new_rows, again.erased_rows_skipped) == (0, 1)
    assert erase_rows(desk.raw, COLUMNS, found) == 0


def test_what_the_unreadable_row_said_is_told_so_that_it_is_looked_for_everywhere(desk: Desk) -> None:
    found = select(desk.raw, COLUMNS, Selection(ids=("4",)))
    told = [value for rows in said_by(desk.raw, COLUMNS, found, stays=False) for value in rows]
    assert FOURTH in told and "-key lost" in told
    assert not {*found.rows} & {*told}


def test_all_mendings_of_a_row_go_and_a_stranger_whose_id_one_of_them_named_stays(desk: Desk) -> None:
    """Mended to the stranger's id by mistake, and then again to the right one."""
    desk.read(BROKEN.replace("4,x,y,z", FOURTH) + "5,,it\n")
    (line,) = desk.exported()
    desk.mend([{**line, "id": "1", "body": "of ford"}])
    desk.mend([{**line, "id": "5", "body": "of ford prefect"}])
    found = erase(desk, Selection(ids=("5",)))
    assert found.tickets == {"5"} and len(found.rows) == 3
    assert where(desk.raw, "of ford") == []
    assert desk.clean() == ALL_CLEAN


def test_the_quarantined_row_goes_from_the_table_that_is_handed_on(tmp_path: Path) -> None:
    folders = ProfileFolders(tmp_path)
    desk = Desk(tmp_path)
    desk.read(BROKEN.replace("4,x,y,z", FOURTH))
    folders.quarantine.parent.mkdir(parents=True)
    write_parquet(folders.quarantine, desk.curated().quarantine)
    desk.mend(changed(desk.exported(), *MENDED))
    found = select(desk.raw, COLUMNS, Selection(ids=("4",)))
    assert erase_from_tables(folders.parquet, found) == 1
    assert where(folders.parquet, "zaphod") == []


def test_a_mending_whose_row_was_word_for_word_an_erased_one_stays_and_the_counts_add_up(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.read(HEADER + "1,printer,it\n,,it\n,,it\n")
    desk.mend(changed(desk.exported(), {"id": "7", "body": "mine"}, {"id": "8", "body": "theirs"}))
    erase(desk, Selection(ids=("7",)))
    assert desk.clean() == [("1", "printer", "it"), ("8", "theirs", "it")]
    source = HEADER + "1,printer,it\n8,later,it\n"
    (desk.folder / "a.csv").write_text(source)
    ledger = read_ledger(desk.folder)
    ingest(source_of(desk.folder / "a.csv"), desk.raw, COLUMNS, ("queue",), desk.now, ledger=ledger)
    assert desk.clean() == [("1", "printer", "it"), ("8", "later", "it")], "what the source says later is later"


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_rows_go_from_tables_for_people_whatever_they_changed_there(tmp_path: Path, ending: str) -> None:
    desk, reports = Desk(tmp_path), tmp_path / "reports"
    desk.read(BROKEN.replace("4,x,y,z", FOURTH))
    lines = changed(desk.exported(), {}, {"body": "=badge"}, {"id": "4", "body": "-key lost"})
    reports.mkdir()
    table = reports / f"quarantine.{ending}"
    write_table(table, list(lines[0]), [list(line.values()) for line in lines])
    found = select(desk.raw, COLUMNS, Selection(matches=("zaphod",)))
    assert erase_from_exports(reports, found.rows) == 1
    assert where(reports, "zaphod", "key lost") == []
    assert [dict(row.cells)["body"] for row in read_table(table)] == [None, "'=badge"]
    assert erase_from_exports(reports, found.rows) == 0


def test_a_table_for_people_that_can_no_longer_be_read_stays(tmp_path: Path) -> None:
    (tmp_path / "quarantine.csv").write_text("_row,body\n1,a,b,c\n")
    (tmp_path / "other.parquet").write_bytes(b"no Parquet")
    assert erase_from_exports(tmp_path, {"1"}) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.parquet", "quarantine.csv"]
