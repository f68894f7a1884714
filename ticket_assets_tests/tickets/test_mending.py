"""Mended rows: they stand where the broken ones stood, whatever the source goes on saying, and no row is lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ticket_assets.profile import ColumnSettings, TargetSettings
from ticket_assets.tickets.curation import Curation, curate, originals
from ticket_assets.tickets.mending import Mending, MendingError, mend
from ticket_assets.tickets.quarantine import row_ids, write_quarantine
from ticket_assets.tickets.snapshot import ingest, read_snapshot, version
from ticket_assets.tickets.sources.contract import SourceError
from ticket_assets.tickets.spreadsheet import read_table, write_table
from ticket_assets_tests.tickets.test_sources import source_of, write

COLUMNS = ColumnSettings(id="id", subject=None, body="body")
TARGETS = {"queue": TargetSettings(column="queue", values={"it": "it", "hr": "hr"})}
HEADER = "id,body,queue\n"
BROKEN = HEADER + "1,printer,it\n2,,hr\n3,badge,?\n4,x,y,z\n"
Lines = list[dict[str, str | None]]


@dataclass
class Desk:
    folder: Path
    columns: ColumnSettings = COLUMNS
    hour: int = 0

    def read(self, text: str) -> int:
        """Read a source that says this; return how many rows are new."""
        write(self.folder / "a.csv", text)
        return self.read_file("a.csv")

    def read_file(self, name: str) -> int:
        self.hour += 1
        source = source_of(self.folder / name)
        return ingest(source, self.raw, self.columns, ("queue",), self.now, unreadable_share=1).new_rows

    @property
    def raw(self) -> Path:
        return self.folder / "raw"

    @property
    def now(self) -> datetime:
        return datetime(2024, 1, 5, tzinfo=UTC) + timedelta(hours=self.hour)

    def curated(self) -> Curation:
        result = curate(read_snapshot(self.raw), self.columns, TARGETS, ())
        assert result.adds_up
        return result

    def clean(self) -> list[tuple[Any, ...]]:
        return list(self.curated().clean[["ticket_id", "text", "label_queue"]].itertuples(index=False, name=None))

    def reasons(self) -> list[str]:
        return list(self.curated().quarantine["reason"])

    def exported(self, name: str = "out.csv") -> Lines:
        """What people are given."""
        write_quarantine(self.folder / name, self.curated().quarantine, self.raw, TARGETS)
        return [dict(row.cells) for row in read_table(self.folder / name)]

    def mend(self, lines: Lines, name: str = "mended.csv", quarantined: list[str] | None = None) -> Mending:
        self.hour += 1
        write_table(self.folder / name, list(lines[0]), [list(line.values()) for line in lines])
        known = row_ids(self.curated().quarantine) if quarantined is None else quarantined
        return mend(self.folder / name, self.raw, known, self.now)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path)
    assert made.read(BROKEN) == 4
    return made


def changed(lines: Lines, *values: dict[str, str | None]) -> Lines:
    return [{**line, **new} for line, new in zip(lines, values, strict=True)]


MENDED: list[dict[str, str | None]] = [
    {"body": "mouse"},
    {"queue": "hr"},
    {"id": "4", "body": "-key lost", "queue": "it"},
]
ALL_CLEAN = [("1", "printer", "it"), ("2", "mouse", "hr"), ("3", "badge", "hr"), ("4", "-key lost", "it")]


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


Edit = Callable[[Lines], Lines]


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda lines: [{**lines[0], "_row": "no such"}], r"line 2: _row = 'no such' is not in the quarantine: take"),
        (lambda lines: [{**lines[0], "_row": None}], "line 2: _row is empty"),
        (lambda lines: [lines[0], lines[0]], r"line 3: _row = '\w+' stands on line 2 too: keep one of them"),
        (
            lambda lines: [{**lines[0], "_action": "delete"}],
            "line 2: _action = 'delete': leave it empty, or write drop",
        ),
        (lambda lines: [{**lines[0], "extra": "x"}], r"column 'extra' is none of the source's \(id, body, queue\)"),
        (lambda lines: [{"id": "2", "body": "x"}], "has no column _row, which tells the rows"),
    ],
    ids=["unknown row", "no row", "twice", "unknown action", "unknown column", "no row column"],
)
def test_a_wrong_table_is_refused_by_line_and_nothing_is_mended(desk: Desk, edit: Edit, said: str) -> None:
    before = version(desk.raw)
    with pytest.raises(MendingError, match=said):
        desk.mend(edit(changed(desk.exported(), *MENDED)))
    assert version(desk.raw) == before


def test_a_clean_row_is_no_row_to_mend(desk: Desk) -> None:
    clean = read_snapshot(desk.raw)["_row_hash"].iloc[0]
    with pytest.raises(MendingError, match="is not in the quarantine"):
        desk.mend([{**desk.exported()[0], "_row": clean}])


def test_all_that_is_wrong_is_told_at_once_up_to_a_bound(desk: Desk) -> None:
    lines: Lines = [{**desk.exported()[0], "_row": f"r{n}"} for n in range(25)]
    with pytest.raises(MendingError) as caught:
        desk.mend(lines)
    told = str(caught.value).splitlines()
    assert (len(told), told[-1]) == (21, "and 5 more")


def test_an_empty_table_is_refused(desk: Desk) -> None:
    write(desk.folder / "mended.csv", "_row,id\n")
    with pytest.raises(MendingError, match=r"mended\.csv holds no row"):
        mend(desk.folder / "mended.csv", desk.raw, [])


def test_columns_that_people_took_out_stay_as_they_are(desk: Desk) -> None:
    lines: Lines = [{"_row": line["_row"], "body": "mouse"} for line in desk.exported()[:1]]
    assert desk.mend(lines).mended == 1
    assert desk.clean()[1] == ("2", "mouse", "hr")


def test_line_ends_and_blanks_that_a_spreadsheet_changes_make_no_mending(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.read(HEADER + '1," a\r\nb ",?\r\n')
    lines = desk.exported()
    assert desk.mend(changed(lines, {"body": "a\nb"})) == Mending(0, 0, 0, 1, {})


TYPED = {
    "id": [7, 8],
    "body": [None, None],
    "queue": ["it", "it"],
    "open": [True, None],
    "at": [pd.Timestamp("2024-01-05 10:00", tz="UTC"), pd.NaT],
    "tags": [["a"], None],
}


def test_values_of_a_typed_source_keep_their_types_when_rows_are_mended(tmp_path: Path) -> None:
    """As text beside them, the batch would have made text of a whole column: True became "true", another label."""
    desk = Desk(tmp_path)
    pd.DataFrame(TYPED).astype({"open": "boolean"}).to_parquet(tmp_path / "a.parquet")
    desk.read_file("a.parquet")
    types = read_snapshot(desk.raw).dtypes.drop("_ingested_at")
    lines = desk.exported()
    assert [line["at"] for line in lines] == ["2024-01-05 10:00:00+00", None]
    new: list[dict[str, str | None]] = [{"body": "mouse"}, {"body": "key", "id": "9", "open": "false", "tags": '["b"]'}]
    desk.mend(changed(lines, *new))
    rows = read_snapshot(desk.raw)
    assert rows.dtypes[types.index].to_dict() == types.to_dict()
    assert rows["id"].tolist() == [7, 8, 7, 9]
    assert rows["open"].tolist()[2:] == [True, False]
    assert [None if one is None else list(one) for one in rows["tags"]] == [["a"], None, ["a"], ["b"]]
    assert rows["at"].iloc[2] == rows["at"].iloc[0]


def test_a_value_that_does_not_fit_its_column_is_told_by_line(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    pd.DataFrame(TYPED).astype({"open": "boolean"}).to_parquet(tmp_path / "a.parquet")
    desk.read_file("a.parquet")
    with pytest.raises(MendingError) as caught:
        desk.mend(changed(desk.exported(), {"id": "seven"}, {"at": "soon", "tags": "b"}))
    assert [line.partition(", its")[0].partition(", and")[0] for line in str(caught.value).splitlines()] == [
        "mended.csv, line 2: id is BIGINT",
        "mended.csv, line 3: at is TIMESTAMPTZ_NS",
        "mended.csv, line 3: tags is VARCHAR[]",
    ]


def test_a_table_that_is_not_there_is_named(desk: Desk) -> None:
    with pytest.raises(SourceError, match="is no file"):
        mend(desk.folder / "none.csv", desk.raw, [])
