"""Bad files: each ends in an error that names it and what to do, and leaves nothing behind."""

from __future__ import annotations

import gzip
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from ticket_assets.profile import ColumnSettings
from ticket_assets.source_settings import SourceSettings
from ticket_assets.tickets.sources import SourceError
from ticket_assets.tickets.sources.landing import Landing
from ticket_assets.tickets.sources.opening import open_source
from ticket_assets_tests.tickets.bad_input.through import (
    HEADER,
    WELL,
    Kind,
    Refused,
    Sorted,
    cases,
    run,
    send_through,
    table,
)

BOMB = gzip.compress(HEADER.encode() + b"1,x,,it\n" * 12_000_000, compresslevel=1)
PACKED = gzip.compress("".join(f"{n},text {n * n},,it\n" for n in range(20_000)).encode())


def parquet(name: str = "a.parquet", **columns: object) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        pd.DataFrame({"id": ["1"], "body": ["a"], "at": [None], "queue": ["it"], **columns}).to_parquet(folder / name)

    return make


def cut_off(folder: Path) -> None:
    table(body=["text"] * 500)(folder)
    whole = (folder / "a.parquet").read_bytes()
    (folder / "a.parquet").write_bytes(whole[: len(whole) // 2])


def damaged(folder: Path) -> None:
    """Its footer is whole, its pages are not."""
    pd.DataFrame({"id": [f"{n}" for n in range(5000)], "body": [f"text {n * 7919}" for n in range(5000)]}).to_parquet(
        folder / "a.parquet"
    )
    whole = bytearray((folder / "a.parquet").read_bytes())
    whole[100:3000] = b"\xff" * 2900
    (folder / "a.parquet").write_bytes(bytes(whole))


def two_parts(**second: object) -> Callable[[Path], None]:
    """A second part with other columns or types than the first."""

    def make(folder: Path) -> None:
        parquet("1.parquet")(folder)
        pd.DataFrame({"id": ["2"], "body": ["b"], "queue": ["hr"], **second}).to_parquet(folder / "2.parquet")

    return make


def circle(folder: Path) -> None:
    (folder / "desk").mkdir()
    (folder / "desk" / "a.csv").write_text(HEADER + WELL)
    (folder / "desk" / "again").symlink_to(folder / "desk", target_is_directory=True)


def loop(folder: Path) -> None:
    (folder / "a.csv").symlink_to(folder / "b.csv")
    (folder / "b.csv").symlink_to(folder / "a.csv")


FILES = [
    Kind("no file", {}, Refused(r"no ticket file at .*a\.csv: set source\.path")),
    Kind("an empty file", {"a.csv": ""}, Refused("a.csv holds no row")),
    Kind("a header alone", {"a.csv": HEADER}, Refused("a.csv holds no row")),
    Kind("line ends alone", {"a.csv": "\n\n\n"}, Refused("a.csv holds no row")),
    Kind("an empty JSON array", {"a.json": "[]"}, Refused("a.json holds no row"), "a.json"),
    Kind("no column with texts", {"a.csv": "id,text,at,queue\n1,a,,it\n"}, Refused("columns.body = 'body' is not in")),
    Kind("no column with labels", {"a.csv": "id,body,at\n1,a,\n"}, Refused("targets.queue.column = 'queue' is not")),
    Kind("no column with the ids", {"a.csv": "body,at,queue\na,,it\n"}, Refused("columns.id = 'id' is not in")),
    Kind("a folder of several formats", {"a.csv": HEADER + WELL, "b.jsonl": "{}"}, Refused("several formats"), ""),
    Kind("a format that is not read", {"a.xlsx": b"PK"}, Refused("a.xlsx is none of .parquet"), "a.xlsx"),
    Kind("an empty folder", {"deep/.keep": ""}, Refused(r"no ticket file at .*deep"), "deep"),
    Kind("a folder with the name of a file", {"a.csv/b.csv": HEADER + WELL}, Sorted(4)),
    Kind("a path with .. in it", {"a.csv": HEADER + WELL}, Sorted(4), "../in/a.csv"),
    Kind("a path above the root", {}, Refused("no ticket file at"), "../../../../../../../../../../none.csv"),
    Kind("a link in a circle", loop, Refused(r"no ticket file at .*a\.csv")),
    Kind("a folder linked into itself", circle, Sorted(4), "desk"),
    Kind("a gzip file cut off", {"a.csv.gz": PACKED[:-2000]}, Refused("no whole gzip file"), "a.csv.gz"),
    Kind("no gzip file", {"a.csv.gz": HEADER + WELL}, Refused("no whole gzip file"), "a.csv.gz"),
    Kind("a gzip bomb", {"a.csv.gz": BOMB}, Refused("unpacks to far more"), "a.csv.gz", source={"unpacked_mb": 65}),
    Kind("no Parquet file", {"a.parquet": b"nonsense"}, Refused(r"cannot read .*a\.parquet"), "a.parquet"),
    Kind("a Parquet file cut off", cut_off, Refused(r"cannot read .*a\.parquet"), "a.parquet"),
    Kind("a Parquet file damaged inside", damaged, Refused(r"cannot read .*a\.parquet"), "a.parquet"),
    Kind("an empty Parquet file", {"a.parquet": b""}, Refused("a.parquet holds no row"), "a.parquet"),
    Kind("Parquet without a row", table(id=[]), Refused("a.parquet holds no row"), "a.parquet"),
    Kind("a later part without a column", two_parts(), Sorted(2), ""),
    Kind("a later part with one column more", two_parts(more=["x"]), Sorted(2), ""),
    Kind("a later part with another type", two_parts(id=[7]), Sorted(2), ""),
    Kind("a later part with lists for texts", two_parts(body=[["b", "c"]]), Refused("cannot read"), ""),
    Kind("Parquet with a column of ours", parquet(_row_hash=["x"]), Refused("'_row_hash', a name"), "a.parquet"),
    Kind("Parquet that tells of faults", parquet(_unreadable=["x"]), Refused("'_unreadable' has a name"), "a.parquet"),
    Kind("Parquet columns apart by case", parquet(Body=["b"]), Refused("differ by case alone"), "a.parquet"),
    Kind("an encoding that is wrong, set", {"a.csv": "id,body,at,queue\n1,läuft,,it\n"}, Refused("cannot be read"),
         source={"encoding": "utf-16"}),
    Kind("bytes that are no text at all", {"a.csv": bytes(range(256)) * 40}, Refused("a.csv")),
]  # fmt: skip


@cases(FILES)
def test_a_bad_file_is_refused_by_name_or_read_for_what_it_is(kind: Kind, tmp_path: Path) -> None:
    send_through(kind, tmp_path)
    if isinstance(kind.outcome, Refused):
        kept = [path.name for path in (tmp_path / "raw").glob("*")]
        assert len(kept) == ("targets" in kind.outcome.said or "columns.id" in kind.outcome.said), kept


def test_a_file_that_one_may_not_read_is_named() -> None:
    """Root may read all, so root looks as nobody; in a folder that nobody may enter, unlike those of the tests."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        folder.chmod(0o755)
        (folder / "a.csv").write_text(HEADER + WELL)
        (folder / "a.csv").chmod(0)
        source = open_source(SourceSettings(path=str(folder / "a.csv")), Path)
        is_root = os.geteuid() == 0
        if is_root:
            os.seteuid(65534)
        try:
            with pytest.raises(SourceError, match=r"a\.csv"):
                source.fingerprint()
        finally:
            if is_root:
                os.seteuid(0)


def test_a_file_that_vanishes_between_the_look_and_the_reading_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "a.csv"
    path.write_text(HEADER + WELL)
    monkeypatch.setattr(Landing, "__init__", lambda self, *given: (path.unlink(), real(self, *given))[1])
    with pytest.raises(SourceError, match=r"no ticket file at .*a\.csv"):
        run(Kind("vanishing", {}, Refused("")), tmp_path)


def test_a_part_that_vanishes_while_the_others_are_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ended in the system's own error, which the command prints as a crash."""
    for name in ("a.csv", "b.csv"):
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_text(HEADER + WELL)

    def add(self: Landing, rows: object) -> None:
        (tmp_path / "in" / "b.csv").unlink()
        taken(self, rows)  # type: ignore[arg-type]

    monkeypatch.setattr(Landing, "add", add)
    with pytest.raises(SourceError, match=r"b\.csv"):
        run(Kind("vanishing", {}, Refused(""), path=""), tmp_path)
    assert not list((tmp_path / "raw").glob("*"))


def test_a_dotted_name_into_a_text_that_is_no_document_is_no_value(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_text("id,fields\n1,no JSON\n")
    kind = Kind("dotted", {}, Sorted(0, {"empty_text": 1}), columns=ColumnSettings(body="fields.text"), targets={})
    assert list(run(kind, tmp_path).quarantine["reason"]) == ["empty_text"]


real, taken = Landing.__init__, Landing.add
