"""Tables that cannot be taken back: each thing that is wrong is told by line, and nothing is written; types stay."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from ticket_assets.tickets.mending import Mending, MendingError, mend
from ticket_assets.tickets.snapshot import read_snapshot, version
from ticket_assets.tickets.sources.contract import SourceError
from ticket_assets_tests.tickets.mending_desk import BROKEN, HEADER, MENDED, Desk, Lines, changed
from ticket_assets_tests.tickets.test_sources import write


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path)
    assert made.read(BROKEN) == 4
    return made


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
        mend(desk.folder / "mended.csv", desk.raw, desk.columns, [])


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
        mend(desk.folder / "none.csv", desk.raw, desk.columns, [])
