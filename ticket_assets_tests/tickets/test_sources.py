"""Files of tickets: which are found, which are refused, and that what is read is what is written in them."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from ticket_assets.source_settings import SourceSettings
from ticket_assets.tickets.sources.contract import Landed, Source, SourceError
from ticket_assets.tickets.sources.landing import Landing
from ticket_assets.tickets.sources.opening import open_source
from ticket_assets.tickets.sources.places import fingerprint, local_files

Rows = list[dict[str, Any]]


def write(path: Path, text: str | bytes, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = text if isinstance(text, bytes) else text.encode(encoding)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def source_of(path: Path | str, **settings: Any) -> Source:
    return open_source(SourceSettings(path=str(path), **settings), Path)


def land(source: Source, folder: Path, unreadable_share: float = 1.0) -> Landed:
    folder.mkdir(parents=True, exist_ok=True)
    landing = Landing(folder, unreadable_share)
    source.read(landing, None)
    return landing.close()


def rows_of(landed: Landed) -> Rows:
    """All rows in order, without the columns in which they have no value."""
    if not landed.tables:
        return []
    listed = ", ".join("'" + str(table).replace("'", "''") + "'" for table in landed.tables)
    with duckdb.connect() as engine:
        frame = engine.execute(f"SELECT * FROM read_parquet([{listed}], union_by_name = true)")
        names = [column[0] for column in frame.description]
        found = [dict(zip(names, row, strict=True)) for row in frame.fetchall()]
    return [{name: value for name, value in row.items() if value is not None} for row in found]


def rows(path: Path, **settings: Any) -> Rows:
    return rows_of(land(source_of(path, **settings), path.parent / ".landing"))


def faults(path: Path, **settings: Any) -> list[tuple[str, int, str, str]]:
    """What could not be read: file, line, text, fault."""
    found = [row for row in rows(path, **settings) if "_unreadable" in row]
    return [(row["_file"], row["_line"], row["_text"], row["_unreadable"]) for row in found]


def test_a_path_a_glob_or_a_folder_names_files_in_the_order_of_their_names(tmp_path: Path) -> None:
    b, a = write(tmp_path / "b.csv", "x\n"), write(tmp_path / "a.CSV", "x\n")
    (tmp_path / "c.csv").mkdir()
    deep = write(tmp_path / "c.csv" / "deep" / "d.csv", "x\n")
    assert local_files(b) == (b,)
    assert local_files(tmp_path / "*.[cC][sS][vV]") == (a, b)
    assert local_files(tmp_path / "**" / "b.*") == (b,)
    assert local_files(tmp_path) == (a, b, deep)


def test_what_tools_leave_in_a_folder_is_no_file_of_tickets(tmp_path: Path) -> None:
    part = write(tmp_path / "part-0.csv", "x\n")
    for name in ("_SUCCESS", ".part-0.csv.crc", "_temporary/part-1.csv", ".cache/part-2.csv"):
        write(tmp_path / name, "x\n")
    assert local_files(tmp_path) == (part,)


def test_a_name_with_the_brackets_of_a_glob_is_a_name_first(tmp_path: Path) -> None:
    path = write(tmp_path / "tickets [1].csv", "body\nhello\n")
    assert local_files(path) == (path,)
    assert rows(path) == [{"body": "hello"}]


def test_links_that_lead_in_circles_end_nothing_and_no_file_is_read_twice(tmp_path: Path) -> None:
    """Followed by a glob, a link to its own folder found each file once more at every depth."""
    path = write(tmp_path / "desk" / "a.csv", "x\n")
    for name in ("again", "and-again", "once-more"):  # of one alone the system tires; of several nobody sees the end
        (tmp_path / "desk" / name).symlink_to(tmp_path / "desk", target_is_directory=True)
    (tmp_path / "desk" / "back").symlink_to(tmp_path / "desk" / "forth")
    (tmp_path / "desk" / "forth").symlink_to(tmp_path / "desk" / "back")
    (tmp_path / "desk" / "b.csv").symlink_to(path)
    for pattern in ("desk", "desk/*", "desk/*/*.csv", "desk/**/*.csv", "desk/*/*/*.csv"):
        assert [file.resolve() for file in local_files(tmp_path / pattern)] == [path], pattern
    with pytest.raises(SourceError, match=r"no ticket file at .*back"):
        source_of(tmp_path / "desk" / "back").fingerprint()


def test_a_linked_folder_is_part_of_the_folder(tmp_path: Path) -> None:
    path = write(tmp_path / "elsewhere" / "a.csv", "x\n")
    (tmp_path / "desk").mkdir()
    (tmp_path / "desk" / "more").symlink_to(path.parent, target_is_directory=True)
    assert [file.resolve() for file in local_files(tmp_path / "desk")] == [path]


def test_no_file_is_refused_with_the_pattern(tmp_path: Path) -> None:
    for name in ("none.csv", "*.csv", ""):
        with pytest.raises(SourceError, match=r"no ticket file at .*: set source.path"):
            source_of(tmp_path / name).fingerprint()


def test_mixed_formats_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", "x\n"), write(tmp_path / "b.jsonl", "{}\n")
    with pytest.raises(SourceError, match=r"several formats \['.csv', '.jsonl'\]: narrow the pattern"):
        source_of(tmp_path / "*").fingerprint()


def test_an_unknown_format_is_refused_by_name(tmp_path: Path) -> None:
    write(tmp_path / "a.xlsx", "x")
    with pytest.raises(SourceError, match=r"a.xlsx is none of .parquet, .pq, .csv"):
        source_of(tmp_path / "a.xlsx").fingerprint()


def test_the_fingerprint_is_of_the_content_in_order(tmp_path: Path) -> None:
    a, b, copy = (write(tmp_path / name, text) for name, text in (("a", "1"), ("b", "2"), ("c", "1")))
    assert fingerprint((a, b)) == fingerprint((copy, b)) != fingerprint((b, a))
    assert fingerprint((a,)) != fingerprint((b,))


SAID = {
    ".csv": 'id,body\n1,"say ""hi""\nthere, ok"\n2,\n',
    ".jsonl": '{"id":1,"body":"say \\"hi\\"\\nthere, ok"}\n{"id":"2"}\n',
    ".json": '[{"id":1,"body":"say \\"hi\\"\\nthere, ok"},\n {"id":"2"}]\n',
}


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".jsonl", ".jsonl.gz", ".json", ".json.gz", ".parquet"])
def test_every_format_says_the_same_with_quotes_in_the_path(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / 'it\'s "new"' / f"a{suffix}"
    if suffix == ".parquet":
        path.parent.mkdir()
        pd.DataFrame({"id": ["1", "2"], "body": ['say "hi"\nthere, ok', None]}).to_parquet(path)
    else:
        write(path, SAID[suffix.removesuffix(".gz")])
    assert rows(path) == [{"id": "1", "body": 'say "hi"\nthere, ok'}, {"id": "2"}]


def test_parquet_is_read_as_a_file_a_folder_and_a_glob_with_its_types(tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    for number in (1, 2):
        pd.DataFrame({"id": [number], "tags": [["a", "b"]]}).to_parquet(folder / f"part-{number}.parquet")
    one, two = {"id": 1, "tags": ["a", "b"]}, {"id": 2, "tags": ["a", "b"]}
    assert rows(folder / "part-1.parquet") == [one]
    assert rows(folder) == rows(folder / "*.parquet") == rows(tmp_path / "**" / "part-*") == [one, two]


def test_files_are_joined_by_column_name_and_one_without_a_byte_adds_nothing(tmp_path: Path) -> None:
    for suffix, first, second in (
        ("csv", "id,body\n1,a\n", "body,extra\nb,c\n"),
        ("jsonl", '{"id":"1","body":"a"}\n', '{"body":"b","extra":"c"}\n'),
    ):
        for n, text in enumerate((first, "", second)):
            write(tmp_path / suffix / f"{n}.{suffix}", text)
        assert rows(tmp_path / suffix) == [{"id": "1", "body": "a"}, {"body": "b", "extra": "c"}]
    assert rows(write(tmp_path / "only.csv", "")) == []


def test_values_of_csv_and_json_stay_the_text_they_are(tmp_path: Path) -> None:
    """A guessed type changes with tomorrow's rows, and with it the hash of every row of today."""
    csv = write(tmp_path / "a.csv", "id,at,n\n007,2024-01-05T10:00:00Z,1.50\n")
    assert rows(csv) == [{"id": "007", "at": "2024-01-05T10:00:00Z", "n": "1.50"}]
    line = '{"id":"007","at":"2024-01-05T10:00:00Z","n":7,"x":2.5,"b":true,"tags":["a"],"m":{"k":1},"o":null}\n'
    expected = {"id": "007", "at": "2024-01-05T10:00:00Z", "n": "7", "x": "2.5", "b": "true", "tags": '["a"]'}
    assert rows(write(tmp_path / "a.jsonl", line)) == [{**expected, "m": '{"k":1}'}]
    more = '{"id":"x","at":"soon","n":"many","m":{"z":[]}}\n'
    assert rows(write(tmp_path / "a.jsonl", line + more))[0] == {**expected, "m": '{"k":1}'}


@pytest.mark.parametrize(
    "broken",
    [b"no gzip at all", gzip.compress(b"".join(b"%d,hello\n" % n for n in range(5000)))[:-2000]],
    ids=["another format", "cut off"],
)
def test_a_broken_gzip_file_is_named(tmp_path: Path, broken: bytes) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(broken)
    with pytest.raises(SourceError, match=r"a\.csv\.gz is no whole gzip file .*: pack it again"):
        rows(path)


@pytest.mark.parametrize("packed_as", ["a.csv.gz", "a.jsonl.gz", "a.json.gz"])
def test_a_gzip_file_that_unpacks_past_its_bound_is_refused(tmp_path: Path, packed_as: str) -> None:
    path = write(tmp_path / packed_as, b"[" + b"x" * (2 * 1024 * 1024))
    with pytest.raises(SourceError, match=rf"{packed_as} unpacks to far more than it should.*source\.unpacked_mb"):
        rows(path, unpacked_mb=1)


def test_a_gzip_bomb_is_refused_by_its_ratio_long_before_the_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ticket_assets.tickets.sources.opened.PACKED_FLOOR", 1024 * 1024)
    bomb = write(tmp_path / "bomb.csv.gz", b"id,body\n" + b"1,x\n" * 2_000_000)
    with pytest.raises(SourceError, match=r"bomb\.csv\.gz unpacks to far more"):
        rows(bomb)
    honest = write(tmp_path / "a.csv.gz", "id,body\n" + "".join(f"{n},text {n * n}\n" for n in range(90_000)))
    assert len(rows(honest)) == 90_000
