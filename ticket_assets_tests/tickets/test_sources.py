"""Source files: which are found, which are refused, and that what is read is what is written in them."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd
import pytest

from ticket_assets.tickets.sources import SourceError, fingerprint, scan, source_files

Rows = list[tuple[object, ...]]


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def rows(*files: Path) -> Rows:
    with duckdb.connect() as engine:
        return engine.execute(f"SELECT * FROM {scan(files)}").fetchall()


def test_a_path_or_a_glob_names_files_in_the_order_of_their_names(tmp_path: Path) -> None:
    b, a = write(tmp_path / "b.csv", "x\n"), write(tmp_path / "a.CSV", "x\n")
    (tmp_path / "c.csv").mkdir()
    assert source_files(b) == (b,)
    assert source_files(tmp_path / "*.[cC][sS][vV]") == (a, b)
    assert source_files(tmp_path / "**" / "b.*") == (b,)


def test_a_name_with_the_brackets_of_a_glob_is_a_name_first(tmp_path: Path) -> None:
    path = write(tmp_path / "tickets [1].csv", "body\nhello\n")
    assert source_files(path) == (path,)
    assert rows(path) == [("hello",)]


def test_no_file_is_refused_with_the_pattern(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no ticket file at .*none\.csv: set source.path"):
        source_files(tmp_path / "none.csv")


def test_mixed_formats_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", "x\n"), write(tmp_path / "b.jsonl", "{}\n")
    with pytest.raises(SourceError, match=r"several formats \['.csv', '.jsonl'\]: narrow the pattern"):
        source_files(tmp_path / "*")


def test_an_unknown_format_is_refused_by_name(tmp_path: Path) -> None:
    write(tmp_path / "a.xlsx", "x")
    with pytest.raises(SourceError, match=r"a.xlsx is none of .parquet, .csv, .jsonl"):
        source_files(tmp_path / "a.xlsx")


def test_the_fingerprint_is_of_the_content_in_order(tmp_path: Path) -> None:
    a, b, copy = (write(tmp_path / name, text) for name, text in (("a", "1"), ("b", "2"), ("c", "1")))
    assert fingerprint((a, b)) == fingerprint((copy, b)) != fingerprint((b, a))
    assert fingerprint((a,)) != fingerprint((b,))


def test_all_three_formats_are_read_with_quotes_in_the_path(tmp_path: Path) -> None:
    folder = tmp_path / 'it\'s "new"'
    expected: Rows = [("1", 'say "hi"\nthere, ok'), ("2", None)]
    csv = write(folder / "a.csv", 'id,body\n1,"say ""hi""\nthere, ok"\n2,\n')
    jsonl = write(folder / "a.jsonl", '{"id":1,"body":"say \\"hi\\"\\nthere, ok"}\n{"id":"2"}\n')
    parquet = folder / "a.parquet"
    pd.DataFrame({"id": ["1", "2"], "body": ['say "hi"\nthere, ok', None]}).to_parquet(parquet)
    for path in (csv, jsonl, parquet):
        assert rows(*source_files(path)) == expected


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_header_tells_what_parts_the_columns(tmp_path: Path, delimiter: str) -> None:
    path = write(tmp_path / "a.csv", f'"the,id;x"{delimiter}body\n1{delimiter}"a,b;c|d\te"\n')
    assert rows(path) == [("1", "a,b;c|d\te")]


def test_csv_files_that_are_parted_differently_are_refused(tmp_path: Path) -> None:
    """Read together, the second one would become a single column named like its header."""
    a, b = write(tmp_path / "a.csv", "id,body\n1,x\n"), write(tmp_path / "b.csv", "id;body\n1;x\n")
    with pytest.raises(SourceError, match=r"a.csv by ',', b.csv by ';'"):
        scan((a, b))


@pytest.mark.parametrize(
    "text",
    ["id,body\n1,a\n2,x,y,z\n", 'id,body\n1,"open\n2,x\n', "id,body\n1,a\n2\n", "a title\nid,body\n1,a\n"],
    ids=["too many values", "open quote", "too few values", "no header"],
)
def test_a_broken_csv_is_refused_and_never_read_in_part(tmp_path: Path, text: str) -> None:
    """Left to guess, DuckDB took the last line for the header and returned no row at all."""
    with pytest.raises(duckdb.Error, match=r"a\.csv"):
        rows(write(tmp_path / "a.csv", text))


def test_values_of_csv_and_json_stay_the_text_they_are(tmp_path: Path) -> None:
    """A guessed type changes with tomorrow's rows, and with it the hash of every row of today."""
    csv = write(tmp_path / "a.csv", "id,at,n\n007,2024-01-05T10:00:00Z,1.50\n")
    assert rows(csv) == [("007", "2024-01-05T10:00:00Z", "1.50")]
    line = '{"id":"007","at":"2024-01-05T10:00:00Z","t":"12:30","n":7,"b":true,"tags":["a"],"m":{"k":1},"o":null}\n'
    expected = ("007", "2024-01-05T10:00:00Z", "12:30", "7", "true", '["a"]', '{"k":1}', None)
    assert rows(write(tmp_path / "a.jsonl", line)) == [expected]
    assert rows(write(tmp_path / "a.jsonl", line + '{"id":"x","at":"soon","n":"many","m":{"z":[]}}\n'))[0] == expected


def test_files_are_joined_by_column_name_and_one_without_a_byte_adds_nothing(tmp_path: Path) -> None:
    for suffix, first, second in (
        ("csv", "id,body\n1,a\n", "body,extra\nb,c\n"),
        ("jsonl", '{"id":"1","body":"a"}\n', '{"body":"b","extra":"c"}\n'),
    ):
        files = [write(tmp_path / f"{n}.{suffix}", text) for n, text in enumerate((first, "", second))]
        assert rows(*files) == [("1", "a", None), (None, "b", "c")]
    assert rows(write(tmp_path / "only.csv", "")) == []
