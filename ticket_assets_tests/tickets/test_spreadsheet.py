"""Tables for people: no cell is run as a formula, and every cell is told back."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticket_assets.tickets.sources.contract import SourceError
from ticket_assets.tickets.spreadsheet import read_table, safe_cell, said_by, write_table
from ticket_assets_tests.tickets.test_sources import write

FORMULAS = ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1+1", "＝1", "'=1", "''@x"]


@pytest.mark.parametrize("text", FORMULAS)
def test_what_a_spreadsheet_would_run_gets_an_apostrophe_that_is_taken_back(text: str) -> None:
    assert safe_cell(text) == f"'{text}"
    assert said_by(safe_cell(text)) == text


@pytest.mark.parametrize("text", ["'tis broken", "a=1", "1-2", "mail@x.com", "'"])
def test_any_other_text_stays_as_it_is(text: str) -> None:
    assert safe_cell(text) == said_by(text) == text


@given(st.text(alphabet="'=+-@\t\r\n ax", max_size=8) | st.text())
def test_every_text_is_told_back_and_none_is_run(text: str) -> None:
    cell = safe_cell(text)
    assert (said_by(cell) or "") == text.replace("\x00", "␀")
    assert not (cell or "").lstrip(" ").startswith(tuple("=+-@\t\r\n＝＋－＠"))


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_a_table_is_read_as_it_was_written(tmp_path: Path, name: str) -> None:
    rows = [["1", "=1+1", 'say "hi",\nthere'], ["2", None, "läuft 😀 مرحبا"], ["3", "a;b;c", "x\x00y"]]
    write_table(tmp_path / "deep" / name, ["id", "-x", "body"], rows)
    found = [list(row.cells.values()) for row in read_table(tmp_path / "deep" / name)]
    assert found == [["1", "'=1+1", 'say "hi",\nthere'], ["2", None, "läuft 😀 مرحبا"], ["3", "a;b;c", "x␀y"]]
    assert list(read_table(tmp_path / "deep" / name)[0].cells) == ["id", "-x", "body"]


def test_a_csv_is_marked_as_utf_8_for_spreadsheets_and_its_header_is_safe_too(tmp_path: Path) -> None:
    write_table(tmp_path / "a.csv", ["id", "=cmd()"], [])
    assert (tmp_path / "a.csv").read_bytes().startswith(b"\xef\xbb\xbfid,'=cmd()")


def test_a_spreadsheet_s_own_way_to_save_is_read(tmp_path: Path) -> None:
    """A German one parts by semicolons, in cp1252, and leaves empty lines."""
    path = write(tmp_path / "a.csv", 'id;body\r\n1;"läuft\nnicht"\r\n;\r\n2;\r\n', "cp1252")
    assert [(row.line, row.cells) for row in read_table(path)] == [
        (2, {"id": "1", "body": "läuft\nnicht"}),
        (5, {"id": "2", "body": None}),
    ]


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.csv", b"id,body\n1,a,b\n2,x\n3\n", r"a\.csv, line 2: 3 values for 2 columns\na\.csv, line 4: 1 value for"),
        ("a.csv", "id,body\n1,läuft\n2,über\n".encode() + b"3,caf\xff\n", r"a\.csv, line 4: its bytes are no text"),
        ("a.parquet", b"nonsense", r"a\.parquet is no Parquet file: "),
        ("a.xlsx", b"PK", r"a\.xlsx ends in neither of \.csv, \.parquet"),
    ],
)
def test_a_file_that_is_no_such_table_is_refused_by_line(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        read_table(write(tmp_path / name, data))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none\.csv is no file: name the edited table"):
        read_table(tmp_path / "none.csv")


def test_a_parquet_table_of_other_types_is_refused_by_column(tmp_path: Path) -> None:
    pd.DataFrame({"id": ["1"], "n": [7]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(SourceError, match=r"a\.parquet: column 'n' holds no text"):
        read_table(tmp_path / "a.parquet")


def test_a_table_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "before")

    def rows() -> object:
        yield ["1"]
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_table(path, ["id"], rows())  # type: ignore[arg-type]
    assert path.read_text() == "before"
    with path.open("w") as stream:
        csv.writer(stream).writerow(["id"])
    assert [one.name for one in tmp_path.iterdir()] == ["a.csv"]
