"""CSV: dialects found out, and broken rows told by file, line and reason while all others are read."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticket_assets.tickets.sources.contract import LONGEST_ROW, SourceError
from ticket_assets.tickets.sources.dialect import detect_delimiter
from ticket_assets_tests.tickets.test_sources import faults, land, rows, source_of, write

GERMAN = "Nummer;Betreff;Beschreibung\n1;Drucker läuft nicht;Gerät prüfen, größer\n2;Müller;über\n"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_first_rows_tell_what_parts_the_columns(tmp_path: Path, delimiter: str) -> None:
    path = write(tmp_path / "a.csv", f'"the,id;x"{delimiter}body\n1{delimiter}"a,b;c|d\te"\n')
    assert rows(path) == [{"the,id;x": "1", "body": "a,b;c|d\te"}]


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("name, first;id\nDoe, J;1\nRoe, R;2\nPoe;3\n", ";"),
        ("id;note\n1;a, b, c\n2;d\n3;e, f\n", ";"),
        ("id,body\n", ","),
        ("body\nhello; you, there\n", ","),
        ('id,body\n1,"a;b\n;c;d"\n', ","),
        ("sep=|\nid,x|body\n1|a\n", "|"),
    ],
    ids=["commas in the header", "commas in the rows", "header alone", "one column", "quoted", "told for Excel"],
)
def test_a_delimiter_is_what_makes_rows_as_wide_as_the_header(text: str, delimiter: str) -> None:
    assert detect_delimiter(text) == delimiter


def test_the_hint_for_excel_is_no_header(tmp_path: Path) -> None:
    assert rows(write(tmp_path / "a.csv", "sep=|\nid|body\n1|a\n")) == [{"id": "1", "body": "a"}]


def test_files_of_one_source_may_be_parted_and_encoded_differently(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", "id,body\n1,läuft\n")
    write(tmp_path / "b.csv", "id;body\n2;läuft\n3;größer\n", "cp1252")
    assert [row["body"] for row in rows(tmp_path / "*.csv")] == ["läuft", "läuft", "größer"]
    assert land(source_of(tmp_path / "*.csv"), tmp_path / "landing").told == {
        "files": "2",
        "files read as CSV in utf-8, columns parted by ','": "1",
        "files read as CSV in cp1252, columns parted by ';'": "1",
    }


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-8", GERMAN),
        ("utf-8-sig", GERMAN),
        ("utf-16", GERMAN),
        ("utf-16-le", GERMAN),
        ("utf-16-be", GERMAN),
        ("utf-32", GERMAN),
        ("latin-1", GERMAN),
        ("cp1252", GERMAN.replace("größer", "5 € – „größer“")),
        ("cp850", GERMAN),
        ("latin-1", "id,body\n1,La contraseña no funciona ¿qué hago? Está bloqueada\n"),
        ("latin-1", "id,body\n1,L'imprimante ne marche pas déjà essayé\n"),
        ("cp1250", "id,body\n1,Proszę zresetować hasło\n2,żółć gęślą jaźń\n"),
        ("cp1251", "id,body\n1,Не работает принтер помогите пожалуйста\n"),
        ("koi8-r", "id,body\n1,Не работает принтер помогите пожалуйста\n"),
        ("cp932", "id,body\n1,プリンターが動きません。助けてください。\n"),
        ("gb18030", "id,body\n1,打印机无法工作 请帮助我\n"),
    ],
)
def test_the_encoding_is_found_out_and_no_letter_is_lost(tmp_path: Path, encoding: str, text: str) -> None:
    expected = rows(write(tmp_path / "expected" / "a.csv", text))
    assert rows(write(tmp_path / "a.csv", text, encoding)) == expected
    assert all("_unreadable" not in row for row in expected)


def test_an_encoding_and_a_delimiter_that_are_set_are_not_guessed(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "id,x;body\n1,ý;Příliš\n", "iso8859-2")
    assert rows(path, encoding="iso8859-2", delimiter=";") == [{"id,x": "1,ý", "body": "Příliš"}]


def test_a_file_that_begins_in_ascii_is_judged_by_its_end_too(tmp_path: Path) -> None:
    """A sample of the beginning said ASCII, and the first umlaut broke the file."""
    text = "id,body\n" + "".join(f"{n},plain words here\n" for n in range(20_000)) + "x,Müller läuft\n"
    assert rows(write(tmp_path / "a.csv", text, "latin-1"))[-1] == {"id": "x", "body": "Müller läuft"}


RAGGED = "3 values for 2 columns"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id,body\n1,a\n2,x,y\n3,b\n", [("a.csv", 3, "2,x,y", RAGGED)]),
        ("id,body\n1,a\n2\n3,b\n", [("a.csv", 3, "2", "1 value for 2 columns")]),
        ("id,body\n1,a\n2,x\x00y\n3,b\n", [("a.csv", 3, "2,x\x00y", "it holds a NUL byte")]),
        ('id,body\n1,a\n2,"open\n3,b\n', [("a.csv", 3, '2,"open', "a quote is opened and never closed")]),
        ('id,body\n1,a\n2,"x"y\n3,b\n', [("a.csv", 3, '2,"x"y', "it is not CSV: ',' expected after '\"'")]),
    ],
    ids=["too many values", "too few values", "NUL", "open quote", "text after a quote"],
)
def test_a_broken_row_is_told_and_the_rows_around_it_are_read(
    tmp_path: Path, text: str, expected: list[tuple[str, int, str, str]]
) -> None:
    """Left to guess, a library took the broken line for the end, the header or a part of its neighbour."""
    path = write(tmp_path / "a.csv", text)
    assert faults(path) == expected
    assert [row.get("id") for row in rows(path)] == ["1", None, "3"]


def test_an_open_quote_costs_its_own_line_alone_though_a_later_quote_closes_it(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'id,body\n1,"open\n2,a\n3,"b\nc"\n4,"d ""e"""\n5,f\n')
    assert faults(path) == [("a.csv", 2, '1,"open', "it is not CSV: ',' expected after '\"'")]
    assert [row["body"] for row in rows(path) if "body" in row] == ["a", "b\nc", 'd "e"', "f"]


def test_a_quote_inside_a_value_is_a_quote(tmp_path: Path) -> None:
    assert rows(write(tmp_path / "a.csv", 'id,body\n1,a 5" disk\n2,b\n'))[0] == {"id": "1", "body": 'a 5" disk'}


def test_bytes_that_are_no_text_are_told_with_the_line_that_holds_them(tmp_path: Path) -> None:
    data = "id,body\n1,läuft\n2,über\n".encode() + b'3,caf\xff\xfe\n4,"two\nlines \xc3"\n' + "5,größer\n".encode()
    path = write(tmp_path / "a.csv", data)
    said = "its bytes are no text in the encoding"
    assert faults(path) == [("a.csv", 4, r"3,caf\xff\xfe", said), ("a.csv", 5, '4,"two\nlines \\xc3"', said)]
    assert [row["body"] for row in rows(path) if "body" in row] == ["läuft", "über", "größer"]


def test_half_a_character_of_utf_16_is_told_too(tmp_path: Path) -> None:
    data = "id,body\n1,läuft\n".encode("utf-16") + "2,x".encode("utf-16-le") + b"\x00\xd8" + "\n".encode("utf-16-le")
    assert [fault[1] for fault in faults(write(tmp_path / "a.csv", data))] == [3]


def test_a_row_longer_than_any_ticket_is_told_and_not_kept_whole(tmp_path: Path) -> None:
    """A body of 50 MB, on one line and over many lines behind an open quote."""
    long = "x" * (LONGEST_ROW * 3)
    path = write(tmp_path / "a.csv", f"id,body\n1,a\n2,{long}\n3,b\n")
    [(_, line, text, fault)] = faults(path)
    assert (line, len(text), fault) == (3, 10_000, f"it is longer than {LONGEST_ROW} characters")
    assert [row["body"] for row in rows(path) if "body" in row] == ["a", "b"]
    many = write(tmp_path / "b.csv", 'id,body\n1,"a\n' + ("x" * 1000 + ",y\n") * (LONGEST_ROW // 1000))
    assert faults(many) == [("b.csv", 2, '1,"a', f"it is longer than {LONGEST_ROW} characters")]


def test_a_value_of_more_than_the_library_s_own_bound_is_a_value(tmp_path: Path) -> None:
    assert len(rows(write(tmp_path / "a.csv", f"id,body\n1,{'x' * 200_000}\n"))[0]["body"]) == 200_000


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_is_one_and_blank_lines_are_no_rows(tmp_path: Path, end: str) -> None:
    path = write(tmp_path / "a.csv", end.join(["", "id,body", "1,a", "", '2,"b', 'c"', "", "x", "3,d"]))
    assert [row.get("id") for row in rows(path)] == ["1", "2", None, "3"]
    assert [fault[1] for fault in faults(path)] == [8]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id,body,id\n1,a,b\n", r"a\.csv, line 1: the header names column 'id' twice: rename one"),
        (",,\n1,a,b\n", r"a\.csv, line 1: there is no header: put the names of the columns into the first line"),
        ('id,"body\n1,a\n', r"a\.csv, line 1: the header cannot be read: a quote is opened and never closed"),
        ("id,Body,body\n1,a,b\n", r"a\.csv, line 2: column 'body' and 'Body' differ by case alone: rename one"),
        ("id,body,_text\n1,a,b\n", r"a\.csv, line 2: column '_text' has a name that the snapshot needs: rename it"),
    ],
)
def test_a_header_that_names_no_columns_is_refused_by_file_and_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        rows(write(tmp_path / "a.csv", text))


def test_a_column_without_a_name_is_called_by_its_place(tmp_path: Path) -> None:
    """As a table that was saved with its row numbers has one, and one with a delimiter after the last value."""
    path = write(tmp_path / "a.csv", ", id ,body,\n0,1,a,\n")
    assert rows(path) == [{"column0": "0", "id": "1", "body": "a"}]


def test_a_source_most_of_whose_rows_cannot_be_read_is_refused_with_the_first_of_them(tmp_path: Path) -> None:
    """Read with a wrong delimiter, every row is ragged: that is no matter of quarantine."""
    path = write(tmp_path / "a.csv", "a title\nid,body\n1,a\n2,b\n")
    said = r"3 of 3 rows cannot be read, the first one: a\.csv, line 2: 2 values for 1 columns: mend the file, set"
    with pytest.raises(SourceError, match=said):
        land(source_of(path), tmp_path / "landing", unreadable_share=0.5)


def test_a_formula_is_text_like_any_other(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "id,body\n1,=HYPERLINK(1)\n2,@SUM(A1)\n3,+1\n4,-1\n")
    assert [row["body"] for row in rows(path)] == ["=HYPERLINK(1)", "@SUM(A1)", "+1", "-1"]


@settings(max_examples=150, deadline=None)
@given(body=st.binary(max_size=200))
def test_whatever_the_bytes_are_every_row_is_read_or_told(
    body: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = write(tmp_path_factory.mktemp("any") / "a.csv", b"id,body\n1,l\xc3\xa4uft\n2,\xc3\xbcber\n" + body)
    try:
        found = rows(path)
    except SourceError as error:
        assert "a.csv" in str(error)  # no encoding fits, or one in which the header is none
    else:
        assert len(found) >= 2
        assert all(("_unreadable" in row) != ("id" in row or "body" in row) or not row for row in found)
