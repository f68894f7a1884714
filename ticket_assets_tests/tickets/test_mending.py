"""Mended rows: they stand where the broken ones stood, whatever the source goes on saying, and no row is lost."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from ticket_assets.profile import ColumnSettings
from ticket_assets.tickets.curation import originals
from ticket_assets.tickets.mending import Mending
from ticket_assets.tickets.quarantine import row_ids, write_quarantine
from ticket_assets.tickets.snapshot import read_snapshot, version
from ticket_assets.tickets.spreadsheet import read_table
from ticket_assets_tests.tickets.mending_desk import ALL_CLEAN, BROKEN, COLUMNS, HEADER, MENDED, TARGETS, Desk, changed


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path)
    assert made.read(BROKEN) == 4
    return made


def test_people_get_the_rows_with_reason_place_and_the_source_s_columns(desk: Desk) -> None:
    empty, unknown, torn = desk.exported()
    assert list(empty) == ["_row", "_action", "_reason", "_why", "_file", "_line", "id", "body", "queue", "_text"]
    assert [one["_reason"] for one in (empty, unknown, torn)] == ["empty_text", "no_usable_label", "unreadable"]
    assert unknown["_why"] == "queue = '?' is no known label"
    assert (torn["_why"], torn["_file"], torn["_line"], torn["_text"], torn["id"]) == (
        *("4 values for 3 columns", "a.csv", "5"),
        *("4,x,y,z", None),
    )
    assert (empty["id"], empty["body"], empty["queue"]) == ("2", None, "hr")


@pytest.mark.parametrize("name", ["mended.csv", "mended.parquet"])
def test_mended_rows_are_clean_in_the_place_of_the_broken_ones_and_the_counts_add_up(desk: Desk, name: str) -> None:
    before = version(desk.raw)
    assert desk.mend(changed(desk.exported(), *MENDED), name) == Mending(3, 0, 0, 0, {"body": 2, "queue": 2, "id": 1})
    result = desk.curated()
    assert (result.read, len(result.clean), result.superseded, len(result.quarantine)) == (7, 4, 3, 0)
    assert result.mended == 3
    assert desk.clean() == ALL_CLEAN
    assert version(desk.raw) != before
    assert desk.reasons() == []


def test_a_mended_row_says_which_row_it_replaces_and_when(desk: Desk) -> None:
    hashes = row_ids(desk.curated().quarantine)
    desk.mend(changed(desk.exported(), *MENDED))
    rows = read_snapshot(desk.raw)
    assert list(rows["_mended_from"].dropna()) == hashes
    assert set(rows.loc[rows["_mended_from"].notna(), "_ingested_at"]) == {pd.Timestamp(desk.now)}
    assert rows["_row_hash"].is_unique
    assert rows.loc[rows["_mended_from"].notna(), "_unreadable"].isna().all()


def test_the_same_table_a_second_time_changes_nothing(desk: Desk) -> None:
    lines = changed(desk.exported(), *MENDED)
    desk.mend(lines)
    before = version(desk.raw)
    assert desk.mend(lines) == Mending(0, 0, 0, 3, {})
    assert version(desk.raw) == before


def test_rows_left_as_they_were_stay_in_quarantine_and_so_do_rows_that_are_not_in_the_table(desk: Desk) -> None:
    lines = changed(desk.exported(), MENDED[0], {}, {})
    assert desk.mend(lines[:2]) == Mending(1, 0, 0, 1, {"body": 1})
    assert desk.reasons() == ["no_usable_label", "unreadable"]


def test_a_source_that_still_says_the_broken_rows_brings_none_of_them_back(desk: Desk) -> None:
    desk.mend(changed(desk.exported(), *MENDED))
    assert desk.read(BROKEN) == 0
    assert desk.read(BROKEN + "5,scanner,it\n") == 1
    assert desk.clean() == [*ALL_CLEAN, ("5", "scanner", "it")]


def test_a_source_that_mends_its_row_itself_speaks_last(desk: Desk) -> None:
    desk.mend(changed(desk.exported(), *MENDED))
    assert desk.read(HEADER + "1,printer,it\n2,keyboard,it\n3,badge,hr\n4,key,it\n") == 3
    assert desk.clean() == [*ALL_CLEAN[:1], ("2", "keyboard", "it"), ("3", "badge", "hr"), ("4", "key", "it")]


def test_a_mending_that_comes_after_the_source_s_own_does_not_overrule_it(desk: Desk) -> None:
    """People mend yesterday's table while the source mends itself: the mending stands where the broken row stood."""
    lines, known = changed(desk.exported(), *MENDED), row_ids(desk.curated().quarantine)
    desk.read(HEADER + "1,printer,it\n2,keyboard,it\n3,badge,?\n4,x,y,z\n")
    desk.mend(lines, quarantined=known)
    assert desk.clean()[1] == ("2", "keyboard", "it")
    assert originals(read_snapshot(desk.raw), COLUMNS, ()).loc["2", "body"] == "keyboard"


def test_a_source_that_goes_back_to_the_broken_row_gets_its_mending_back(desk: Desk) -> None:
    desk.mend(changed(desk.exported(), *MENDED))
    desk.read(BROKEN.replace("2,,hr", "2,keyboard,it"))
    assert desk.clean()[1] == ("2", "keyboard", "it")
    assert desk.read(BROKEN) == 1
    assert sorted(desk.clean()) == ALL_CLEAN


def test_a_row_may_be_mended_again_and_the_last_mending_stands(desk: Desk) -> None:
    lines = changed(desk.exported(), *MENDED)
    desk.mend(lines)
    for body in ("mice", "mouse", "mice"):
        desk.mend(changed(lines[:1], {"body": body}))
        assert desk.clean()[1] == ("2", body, "hr")
    result = desk.curated()
    assert (result.read, result.superseded, result.mended) == (10, 6, 3)


def test_a_mending_that_mends_nothing_is_in_quarantine_itself_under_the_same_row(desk: Desk) -> None:
    first = desk.exported()
    desk.mend(changed(first, {"body": "<br>"}, {"queue": "!"}, {}))
    assert desk.reasons() == ["empty_text", "no_usable_label", "unreadable"]
    again = desk.exported()
    assert [one["_row"] for one in again] == [one["_row"] for one in first]
    assert (again[0]["body"], again[1]["queue"]) == ("<br>", "!")
    desk.mend(changed(again, *MENDED))
    assert desk.clean() == ALL_CLEAN


def test_two_people_with_the_same_table_do_not_undo_each_other(desk: Desk) -> None:
    lines, known = desk.exported(), row_ids(desk.curated().quarantine)
    desk.mend(changed(lines, MENDED[0], {}, {}), quarantined=known)
    assert desk.mend(changed(lines, {}, MENDED[1], MENDED[2]), quarantined=known).mended == 2
    assert desk.clean() == ALL_CLEAN


def test_rows_mended_since_the_last_run_are_not_given_out_again(desk: Desk) -> None:
    lines, table = desk.exported(), desk.curated().quarantine
    desk.mend(changed(lines, MENDED[0], {}, {}))
    written = write_quarantine(desk.folder / "again.csv", table, desk.raw, TARGETS)
    assert (written.rows, written.mended_since) == (2, 1)
    assert [row.cells["id"] for row in read_table(desk.folder / "again.csv")] == ["3", None]


def test_a_dropped_row_stays_in_quarantine_under_a_reason_of_its_own_and_keep_takes_it_back(desk: Desk) -> None:
    lines = changed(desk.exported(), {"_action": "drop"}, {}, {"_action": " Drop "})
    assert desk.mend(lines) == Mending(0, 2, 0, 1, {})
    assert desk.mend(lines) == Mending(0, 0, 0, 3, {})
    result = desk.curated()
    assert list(result.quarantine["reason"]) == ["dropped", "no_usable_label", "dropped"]
    assert (result.read, result.superseded, result.mended) == (6, 2, 0)
    assert result.quarantine["_text"].iloc[2] == "4,x,y,z", "never lost"
    assert desk.read(BROKEN) == 0
    assert desk.reasons() == ["dropped", "no_usable_label", "dropped"]
    kept = changed(desk.exported(), {"_action": "keep"}, {}, {})
    assert desk.mend(kept) == Mending(0, 0, 1, 2, {})
    assert desk.reasons() == ["empty_text", "no_usable_label", "dropped"]


def test_a_dropped_row_may_be_mended_after_all(desk: Desk) -> None:
    desk.mend(changed(desk.exported(), {"_action": "drop"}, {"_action": "drop"}, {"_action": "drop"}))
    desk.mend(changed(desk.exported(), *MENDED))
    assert desk.clean() == ALL_CLEAN


def test_without_ids_a_row_mended_by_the_source_in_the_same_words_is_folded(tmp_path: Path) -> None:
    desk = Desk(tmp_path, ColumnSettings(body="body"))
    desk.read("body,queue\nprinter,it\nbadge,?\n")
    desk.mend(changed(desk.exported(), {"queue": "hr"}))
    desk.read("body,queue\nprinter,it\nbadge,hr\n")
    result = desk.curated()
    assert (result.read, len(result.clean), result.superseded, result.folded) == (4, 2, 1, 1)
    assert result.disputed == 0


def test_what_clean_tickets_are_served_as_is_what_was_mended(desk: Desk) -> None:
    """The service's check asks with the originals: of a mended ticket it would have asked with the broken row."""
    desk.mend(changed(desk.exported(), *MENDED))
    asked = originals(read_snapshot(desk.raw), COLUMNS, ())
    assert asked.loc[["2", "4"], "body"].tolist() == ["mouse", "-key lost"]
